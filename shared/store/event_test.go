package store

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/genproto/googleapis/type/latlng"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
)

// stored is a message with no field at its zero value.
var stored = chat.Message{
	MessageID: "q6xkqkqp3v5jzrqfkq3pmuzxpe", LocalMessageID: "l", Type: chat.Custom, Message: "hi 👋", SubType: 3, ExtendedData: "x",
	SenderUserID: "alice", ConversationID: "bob", ConversationType: chat.Group, Timestamp: 1_700_000_000_123, OrderKey: 1 << 53,
	MentionedUserIDs: []string{"a", "b"}, IsMentionAll: true, Priority: chat.High,
	Push: &chat.PushConfig{Title: "t", Content: "c", Payload: "p", ResourcesID: "r", ThreadID: "th", EnableBadge: true, BadgeIncrement: 2},
	DeviceFilter: &device.Sealed{
		Only:   &device.Selector{Platforms: []device.Platform{device.Web}, PushIDs: []string{"p"}, DeviceIDs: []string{"d"}},
		Except: &device.Selector{Platforms: []device.Platform{device.Android}, PushIDs: []string{"q"}, DeviceIDs: []string{"e"}},
	}, CollapseID: "c", Traceparent: "tp", System: true,
	RevokeTimestamp: 8, OperatedUserID: "op", RevokeStatus: chat.GroupOwnerRevoke, RevokeExtendedData: "rx", OriginalMessageType: chat.Text,
	EditorUserID: "ed", EditedTime: 9, ChangedAt: 10,
	ForcePush: true, Fanout: &chat.Fanout{Chunks: 2, Members: 300}, ExpireAt: time.UnixMicro(1_700_000_000_123_456).UTC(),
}

const storedName = "projects/demo/databases/(default)/documents/conversations/c/messages/q6xkqkqp3v5jzrqfkq3pmuzxpe"

// value is v as Firestore stores it; structs by their firestore tags' names,
// which are the JSON ones.
func value(v any) *firestorepb.Value {
	switch v := reflect.ValueOf(v); {
	case v.Type() == reflect.TypeFor[time.Time]():
		return &firestorepb.Value{ValueType: &firestorepb.Value_TimestampValue{TimestampValue: timestamppb.New(v.Interface().(time.Time))}}
	case v.Kind() == reflect.Pointer && v.IsNil():
		return &firestorepb.Value{ValueType: &firestorepb.Value_NullValue{NullValue: structpb.NullValue_NULL_VALUE}}
	case v.Kind() == reflect.Pointer:
		return value(v.Elem().Interface())
	case v.Kind() == reflect.Struct:
		return &firestorepb.Value{ValueType: &firestorepb.Value_MapValue{MapValue: &firestorepb.MapValue{Fields: fields(v.Interface())}}}
	case v.Kind() == reflect.Map:
		all := &firestorepb.MapValue{Fields: map[string]*firestorepb.Value{}}
		for _, key := range v.MapKeys() {
			all.Fields[key.String()] = value(v.MapIndex(key).Interface())
		}
		return &firestorepb.Value{ValueType: &firestorepb.Value_MapValue{MapValue: all}}
	case v.Kind() == reflect.Slice:
		list := &firestorepb.ArrayValue{}
		for i := range v.Len() {
			list.Values = append(list.Values, value(v.Index(i).Interface()))
		}
		return &firestorepb.Value{ValueType: &firestorepb.Value_ArrayValue{ArrayValue: list}}
	case v.Kind() == reflect.Bool:
		return &firestorepb.Value{ValueType: &firestorepb.Value_BooleanValue{BooleanValue: v.Bool()}}
	case v.CanInt():
		return &firestorepb.Value{ValueType: &firestorepb.Value_IntegerValue{IntegerValue: v.Int()}}
	default:
		return &firestorepb.Value{ValueType: &firestorepb.Value_StringValue{StringValue: v.String()}}
	}
}

func fields(v any) map[string]*firestorepb.Value {
	out := map[string]*firestorepb.Value{}
	for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
		name, _, _ := strings.Cut(f.Tag.Get("firestore"), ",")
		out[name] = value(reflect.ValueOf(v).FieldByIndex(f.Index).Interface())
	}
	return out
}

// event is a DocumentEventData: the document as field 1, with what else an
// event may hold around it.
func event(t testing.TB, doc *firestorepb.Document) []byte {
	t.Helper()
	body, err := proto.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	var b []byte
	b = protowire.AppendTag(b, 3, protowire.BytesType) // update_mask
	b = protowire.AppendBytes(b, []byte{10, 1, 'x'})
	b = protowire.AppendTag(b, 99, protowire.VarintType) // a field of tomorrow
	b = protowire.AppendVarint(b, 7)
	b = protowire.AppendTag(b, valueField, protowire.BytesType)
	return protowire.AppendBytes(b, body)
}

func document(edits ...func(*firestorepb.Document)) *firestorepb.Document {
	d := &firestorepb.Document{Name: storedName, Fields: fields(stored)}
	for _, edit := range edits {
		edit(d)
	}
	return d
}

func TestMessageCreated(t *testing.T) {
	for _, f := range reflect.VisibleFields(reflect.TypeOf(stored)) {
		if reflect.ValueOf(stored).FieldByIndex(f.Index).IsZero() {
			t.Errorf("field %s isn't tested", f.Name)
		}
	}
	if got, err := MessageCreated(event(t, document())); err != nil || !reflect.DeepEqual(got, stored) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, stored)
	}
}

func TestMessageCreatedWithLess(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*firestorepb.Document)
		want func(*chat.Message)
	}{
		"no push":         {func(d *firestorepb.Document) { delete(d.Fields, "push") }, func(m *chat.Message) { m.Push = nil }},
		"push null":       {func(d *firestorepb.Document) { d.Fields["push"] = value((*chat.PushConfig)(nil)) }, func(m *chat.Message) { m.Push = nil }},
		"no mentions":     {func(d *firestorepb.Document) { delete(d.Fields, "mentionedUserIDs") }, func(m *chat.Message) { m.MentionedUserIDs = nil }},
		"empty mentions":  {func(d *firestorepb.Document) { d.Fields["mentionedUserIDs"] = value([]string{}) }, func(m *chat.Message) { m.MentionedUserIDs = []string{} }},
		"no expiry":       {func(d *firestorepb.Document) { delete(d.Fields, "expireAt") }, func(m *chat.Message) { m.ExpireAt = time.Time{} }},
		"an unknown one":  {func(d *firestorepb.Document) { d.Fields["tomorrow"] = value("x") }, func(*chat.Message) {}},
		"other documents": {func(d *firestorepb.Document) { d.Fields["geo"] = geo }, func(*chat.Message) {}},
	} {
		want := stored
		tc.want(&want)
		if got, err := MessageCreated(event(t, document(tc.edit))); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

var geo = &firestorepb.Value{ValueType: &firestorepb.Value_GeoPointValue{GeoPointValue: &latlng.LatLng{Latitude: 1}}}

func TestMessageCreatedRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":            {nil, "no document in the event"},
		"a deletion":         {protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), nil), "no document in the event"},
		"a number for it":    {protowire.AppendVarint(protowire.AppendTag(nil, valueField, protowire.VarintType), 1), "no document in the event"},
		"cut in a tag":       {[]byte{0x80}, "unexpected EOF"},
		"cut in the value":   {[]byte{valueField<<3 | 2, 5, 1}, "unexpected EOF"},
		"cut in another":     {[]byte{2<<3 | 2, 5, 1}, "unexpected EOF"},
		"an empty document":  {event(t, &firestorepb.Document{}), `document "" is not a message`},
		"no ID":              {event(t, document(func(d *firestorepb.Document) { delete(d.Fields, "messageID") })), `document "` + storedName + `" is not a message`},
		"no ID anywhere":     {event(t, &firestorepb.Document{Name: "c/messages/"}), `document "c/messages/" is not a message`},
		"another's ID":       {event(t, document(func(d *firestorepb.Document) { d.Fields["messageID"] = value("x") })), `document "` + storedName + `" is not a message`},
		"another collection": {event(t, document(func(d *firestorepb.Document) { d.Name = "c/calls/" + stored.MessageID })), `document "c/calls/` + stored.MessageID + `" is not a message`},
		"another type":       {event(t, document(func(d *firestorepb.Document) { d.Fields["timestamp"] = value("soon") })), "json: cannot unmarshal string into Go struct field Message.timestamp of type int64"},
	} {
		if m, err := MessageCreated(tc.data); err == nil || err.Error() != "decode message event: "+tc.want {
			t.Errorf("%s: got %+v, %v; want %s", name, m, err, tc.want)
		}
	}
}

// realEvent is what the Firestore emulator sent for a message that
// Firestore.AddMessage had stored.
func realEvent(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/message_created.pb")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMessageCreatedRealEvent(t *testing.T) {
	want := stored
	want.ConversationType, want.OrderKey, want.Fanout = chat.Peer, 1, nil
	want.DeviceFilter, want.CollapseID, want.Traceparent, want.System = nil, "", "", false // which there was not yet
	want.RevokeTimestamp, want.OperatedUserID, want.RevokeStatus, want.RevokeExtendedData, want.OriginalMessageType = 0, "", 0, "", 0
	want.EditorUserID, want.EditedTime, want.ChangedAt = "", 0, 0
	if got, err := MessageCreated(realEvent(t)); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

func TestMessageChanged(t *testing.T) {
	after := stored
	after.Type, after.Message = chat.Revoke, ""
	b, a := document(), document(func(d *firestorepb.Document) { d.Fields = fields(after) })
	if before, got, err := MessageChanged(change(t, b, a)); err != nil || !reflect.DeepEqual(before, stored) || !reflect.DeepEqual(got, after) {
		t.Errorf("got %+v, %+v, %v", before, got, err)
	}
	for name, data := range map[string][]byte{
		"nothing": nil, "created": change(t, nil, a), "deleted": change(t, b, nil), "cut off": change(t, b, a)[:20],
	} {
		if before, got, err := MessageChanged(data); err == nil {
			t.Errorf("%s: got %+v, %+v", name, before, got)
		}
	}
}

// Every kind of value Firestore has, though a message has not all of them.
func TestPlain(t *testing.T) {
	for _, tc := range []struct {
		v    *firestorepb.Value
		want any
	}{
		{value(true), true},
		{value(int64(-1 << 63)), int64(-1 << 63)},
		{value("s"), "s"},
		{value(time.Unix(0, 1).UTC()), "1970-01-01T00:00:00.000000001Z"},
		{value([]string{"a"}), []any{"a"}},
		{value(struct {
			A string `firestore:"a"`
		}{"x"}), map[string]any{"a": "x"}},
		{value((*chat.PushConfig)(nil)), nil},
		{&firestorepb.Value{ValueType: &firestorepb.Value_DoubleValue{DoubleValue: 1.5}}, 1.5},
		{&firestorepb.Value{ValueType: &firestorepb.Value_BytesValue{BytesValue: []byte{1}}}, []byte{1}},
		{&firestorepb.Value{ValueType: &firestorepb.Value_ReferenceValue{ReferenceValue: "r"}}, "r"},
		{geo, nil},
		{nil, nil},
	} {
		if got := plain(tc.v); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%v became %#v, want %#v", tc.v, got, tc.want)
		}
	}
}

func FuzzMessageCreated(f *testing.F) {
	f.Add(realEvent(f))
	f.Add(event(f, document()))
	f.Add(event(f, document(func(d *firestorepb.Document) {
		d.Fields["nan"] = &firestorepb.Value{ValueType: &firestorepb.Value_DoubleValue{DoubleValue: math.NaN()}}
	})))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := MessageCreated(data)
		if err != nil {
			return
		}
		if m.MessageID == "" {
			t.Fatalf("accepted %+v", m)
		}
		// What was understood is understood again when it is stored.
		doc := &firestorepb.Document{Name: "x/messages/" + m.MessageID, Fields: fields(m)}
		again, err := MessageCreated(event(t, doc))
		// As JSON, where a list that is empty and one that isn't there are the same.
		if got, want := asJSON(normal(again)), asJSON(normal(m)); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("got  %s, %v\nwant %s", got, err, want)
		}
	})
}

// normal is m without what makes no difference.
func normal(m chat.Message) chat.Message {
	if len(m.MentionedUserIDs) == 0 {
		m.MentionedUserIDs = nil
	}
	m.ExpireAt = m.ExpireAt.UTC()
	return m
}

func asJSON(v any) []byte { b, _ := json.Marshal(v); return b }
