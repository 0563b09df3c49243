package store

import (
	"reflect"
	"testing"
	"time"

	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
)

// storedCall is a call with no field at its zero value.
var storedCall = call.Call{
	CallID: "c1", Caller: "alice", Mode: call.Advanced, State: call.Ended, CreateTime: 1, Timeout: 90, ExtendedData: "x", AcceptTime: 2, EndTime: 3, EndedBy: "bob",
	Users:  map[string]call.User{"bob": {State: call.Rejected, ExtendedData: "y", Inviter: "alice", Gen: 1, ExpiresAt: 4, At: 5, AnsweredBy: "p", Push: "1", EndPush: "2"}},
	Pushes: map[string]chat.PushConfig{"1": {Title: "t", Content: "c"}, "2": {Title: "u", Content: "d"}}, Rev: 6, Traceparent: "tp",
	Members: []string{"alice", "bob"}, Ringing: []string{"bob"}, DueAt: 7, DueShard: 2, ExpireAt: time.UnixMicro(1_700_000_000_123_456).UTC(),
}

func callDocument(c call.Call) *firestorepb.Document {
	return &firestorepb.Document{Name: "projects/demo/databases/(default)/documents/calls/" + call.ID(c.CallID), Fields: fields(c)}
}

// change is the event of a change; nil is no document.
func change(t testing.TB, before, after *firestorepb.Document) []byte {
	t.Helper()
	var b []byte
	for field, doc := range map[protowire.Number]*firestorepb.Document{valueField: after, oldValueField: before} {
		if doc == nil {
			continue
		}
		body, err := proto.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		b = protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), body)
	}
	return b
}

func TestCallWritten(t *testing.T) {
	for _, f := range reflect.VisibleFields(reflect.TypeOf(storedCall)) {
		if reflect.ValueOf(storedCall).FieldByIndex(f.Index).IsZero() {
			t.Errorf("field %s isn't tested", f.Name)
		}
	}
	older := storedCall
	older.Rev, older.State = 5, call.Started
	for name, tc := range map[string]struct{ before, after *call.Call }{
		"created": {nil, &storedCall}, "updated": {&older, &storedCall}, "deleted": {&storedCall, nil},
	} {
		var docs [2]*firestorepb.Document
		for i, c := range []*call.Call{tc.before, tc.after} {
			if c != nil {
				docs[i] = callDocument(*c)
			}
		}
		before, after, err := CallWritten(change(t, docs[0], docs[1]))
		if err != nil || !reflect.DeepEqual(before, tc.before) || !reflect.DeepEqual(after, tc.after) {
			t.Errorf("%s: got %+v, %+v, %v", name, before, after, err)
		}
	}
}

func TestCallWrittenRefuses(t *testing.T) {
	good, other := callDocument(storedCall), callDocument(storedCall)
	other.Name += "x"
	bad := callDocument(storedCall)
	bad.Fields["rev"] = value("soon")
	for name, data := range map[string][]byte{
		"nothing":         nil,
		"another's ID":    change(t, nil, other),
		"another before":  change(t, other, good),
		"no ID":           change(t, nil, &firestorepb.Document{Name: "x/calls/"}),
		"another type":    change(t, nil, bad),
		"cut in the call": {valueField<<3 | 2, 5, 1},
	} {
		if before, after, err := CallWritten(data); err == nil || before != nil || after != nil {
			t.Errorf("%s: got %+v, %+v, %v", name, before, after, err)
		}
	}
}

func FuzzCallWritten(f *testing.F) {
	f.Add(change(f, nil, callDocument(storedCall)))
	f.Add(change(f, callDocument(storedCall), callDocument(storedCall)))
	f.Fuzz(func(t *testing.T, data []byte) {
		before, after, err := CallWritten(data)
		if err == nil && before == nil && after == nil {
			t.Fatal("accepted nothing")
		}
		for _, c := range []*call.Call{before, after} {
			if c != nil && (err != nil || c.CallID == "") {
				t.Fatalf("got %+v, %v", c, err)
			}
		}
	})
}
