package functions

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"testing"
	"time"

	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	calling "github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/dispatch"
	"github.com/doorbell-push/doorbell/shared/fanout"
	"github.com/doorbell-push/doorbell/shared/fcm"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/queue"
	"github.com/doorbell-push/doorbell/shared/store"
)

// fuzzed is the event functions on a store in memory, where bob and carol each
// have an Android phone, and are in alice's group "g".
type fuzzed struct {
	taken
	db    *store.Memory
	tasks []fanout.Task
	fcm   *standin.Server
	asked int // of FCM
}

func (z *fuzzed) PublishTask(_ context.Context, t fanout.Task) error {
	z.tasks = append(z.tasks, t)
	return nil
}

func (z *fuzzed) PublishSweep(context.Context, calling.Due) error             { return nil }
func (z *fuzzed) PublishDead(_ context.Context, _ push.Batch, _ string) error { return nil }

// Send has the stand-in judge what FCM is asked for.
func (z *fuzzed) Send(_ context.Context, body []byte) (string, error) {
	z.asked++
	answer := httptest.NewRecorder()
	z.fcm.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/v1/projects/demo/messages:send", bytes.NewReader(body)))
	if answer.Code != http.StatusOK {
		return "", fcm.NewError(answer.Code, answer.Header(), answer.Body.Bytes())
	}
	return "name", nil
}

func newFuzzed(t *testing.T) *fuzzed {
	t.Helper()
	z := &fuzzed{db: &store.Memory{}, fcm: standin.New(standin.Options{Project: "demo"})}
	now := func() time.Time { return clock }
	r := &presence.Registry{Store: z.db, Now: now, Lease: time.Minute, MaxDevices: 2}
	for _, user := range []string{"bob", "carol"} {
		d, err := z.fcm.NewDevice(standin.Device{Token: standin.TokenFor(user)})
		if err != nil {
			t.Fatal(err)
		}
		phone := device.Device{DeviceID: "d", Platform: device.Android, Popup: true, Target: device.Target{Kind: device.KindToken, Value: d.Token}}
		if _, err := r.Register(t.Context(), user, phone); err != nil {
			t.Fatal(err)
		}
	}
	g := &group.Service{Store: z.db, Now: now, MaxMembers: 10}
	if _, err := g.Create(t.Context(), "alice", &group.CreateRequest{
		GroupInfo: &group.BaseInfo{GroupID: "g", GroupName: "n"}, UserIDs: []string{"bob", "carol"},
	}); err != nil {
		t.Fatal(err)
	}
	replace(t, &fan, &fanout.Fanout{
		Presence: z.db, Roster: z.db, Rings: z.db, Marks: z.db, Publisher: z, Tasks: z, Sweeps: z, Now: now, PushTTL: time.Hour, Threshold: 2,
	}, nil)
	replace(t, &dispatcher, &dispatch.Dispatcher{
		Ledger: z.db, Sender: z, Bindings: z.db, Calls: z.db, Messages: z.db, Members: z.db, DeadLetters: z, Now: now, Retention: time.Hour, MaxAttempts: 1, Concurrency: 10,
	}, nil)
	return z
}

// deliver is an event to a function, twice: what it published then can be read
// by who is to handle it, and is the same both times.
func (z *fuzzed) deliver(t *testing.T, function string, data []byte) error {
	t.Helper()
	err := Events[function](t.Context(), eventWith(t, data))
	first := z.batches
	z.batches = nil
	if again := Events[function](t.Context(), eventWith(t, data)); (err == nil) != (again == nil) || len(z.batches) != len(first) {
		t.Errorf("the first time: %v, %d batches; the second time: %v, %d", err, len(first), again, len(z.batches))
	}
	for i, b := range z.batches {
		if !reflect.DeepEqual(b, first[i]) {
			t.Errorf("published %+v, and then %+v", first[i], b)
		}
		if got, err := queue.Decode(envelopeOf(t, b)); err != nil || got.ID != b.ID {
			t.Errorf("published %+v, which can't be read: %v", b, err)
		}
		for _, target := range b.Targets {
			if target.UserID == b.Announcement.SenderUserID || target.Value != standin.TokenFor(target.UserID) {
				t.Errorf("rings %+v for %q", target, b.Announcement.SenderUserID)
			}
		}
	}
	for _, task := range z.tasks {
		if _, err := queue.DecodeTask(envelopeOf(t, task)); err != nil {
			t.Errorf("published %+v, which can't be read: %v", task, err)
		}
	}
	return err
}

func envelopeOf(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := json.Marshal(map[string]any{"message": map[string]any{"data": data}})
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

// firestoreEvent is the data of an event on documents: before may be nil.
func firestoreEvent(t testing.TB, name string, after, before map[string]any) (out []byte) {
	t.Helper()
	for field, values := range map[protowire.Number]map[string]any{1: after, 2: before} {
		if values == nil {
			continue
		}
		body, err := proto.Marshal(&firestorepb.Document{Name: "x/" + name, Fields: firestoreValue(values).GetMapValue().GetFields()})
		if err != nil {
			t.Fatal(err)
		}
		out = protowire.AppendBytes(protowire.AppendTag(out, field, protowire.BytesType), body)
	}
	return out
}

func firestoreValue(v any) *firestorepb.Value {
	switch v := v.(type) {
	case map[string]any:
		m := &firestorepb.MapValue{Fields: map[string]*firestorepb.Value{}}
		for k, e := range v {
			m.Fields[k] = firestoreValue(e)
		}
		return &firestorepb.Value{ValueType: &firestorepb.Value_MapValue{MapValue: m}}
	case []any:
		a := &firestorepb.ArrayValue{}
		for _, e := range v {
			a.Values = append(a.Values, firestoreValue(e))
		}
		return &firestorepb.Value{ValueType: &firestorepb.Value_ArrayValue{ArrayValue: a}}
	case int:
		return &firestorepb.Value{ValueType: &firestorepb.Value_IntegerValue{IntegerValue: int64(v)}}
	case bool:
		return &firestorepb.Value{ValueType: &firestorepb.Value_BooleanValue{BooleanValue: v}}
	}
	return &firestorepb.Value{ValueType: &firestorepb.Value_StringValue{StringValue: v.(string)}}
}

// What comes from Firestore never panics, and is published so that dispatch can
// read it, to devices of those it is for.
func FuzzOnMessage(f *testing.F) {
	real, err := os.ReadFile("../shared/store/testdata/message_created.pb")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(real)
	ms := int(clock.UnixMilli()) + 1 // after all have joined
	text := map[string]any{"title": "t", "content": "c"}
	for _, m := range []map[string]any{
		{"conversationID": "bob", "conversationType": 0, "push": text},
		{"conversationID": "g", "conversationType": 2, "push": text, "fanout": map[string]any{"chunks": 1, "members": 2}, "isMentionAll": true},
		{"conversationID": "g", "conversationType": 2, "push": text, "fanout": map[string]any{"chunks": 1, "members": 3}, "priority": 3},
		{"conversationID": "r", "conversationType": 1},
	} {
		m["messageID"], m["senderUserID"], m["timestamp"] = "m", "alice", ms
		f.Add(firestoreEvent(f, "messages/m", m, nil))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := store.MessageCreated(data); err == nil && m.Fanout != nil && m.Fanout.Chunks > 100 {
			return // some minutes' work; send wrote how many there are
		}
		_ = newFuzzed(t).deliver(t, "on-message", data)
	})
}

func FuzzOnMessageChange(f *testing.F) {
	text := map[string]any{"title": "t", "content": "c"}
	document := func(kind, changedAt int, content string) map[string]any {
		return map[string]any{
			"messageID": "m", "senderUserID": "alice", "conversationID": "bob", "conversationType": 0, "type": kind, "timestamp": int(clock.UnixMilli()),
			"changedAt": changedAt, "push": map[string]any{"title": "t", "content": content},
		}
	}
	f.Add(firestoreEvent(f, "messages/m", document(31, 5, "gone"), document(1, 0, "c")))
	f.Add(firestoreEvent(f, "messages/m", document(1, 5, "d"), document(1, 0, "c")))
	f.Add(firestoreEvent(f, "messages/m", map[string]any{"messageID": "m", "type": 31}, map[string]any{
		"messageID": "m", "conversationID": "g", "conversationType": 2, "push": text, "fanout": map[string]any{"chunks": 1, "members": 3},
	}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, m, err := store.MessageChanged(data); err == nil && m.Fanout != nil && m.Fanout.Chunks > 100 {
			return
		}
		z := newFuzzed(t)
		pushID := device.PushID("bob", "d")
		e, err := z.db.Begin(t.Context(), delivery.Entry{ID: "b", Kind: "message", SubjectID: "m"}, nil, clock)
		if err != nil {
			t.Fatal(err)
		}
		e.Done, e.Outcomes = true, map[string]delivery.Outcome{pushID: {UserID: "bob", Status: delivery.Sent}}
		if err := z.db.Finish(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		_ = z.deliver(t, "on-message-change", data)
	})
}

func FuzzOnCall(f *testing.F) {
	soon := int(clock.Add(time.Minute).UnixMilli())
	user := func(state calling.UserState) map[string]any {
		return map[string]any{"state": int(state), "inviter": "alice", "push": "1", "gen": 1, "expiresAt": soon}
	}
	document := func(state calling.UserState, ringing ...any) map[string]any {
		return map[string]any{
			"callID": "c", "caller": "alice", "state": 1, "rev": 1 + int(state), "pushes": map[string]any{"1": map[string]any{"title": "t", "content": "c"}}, "ringing": ringing,
			"users": map[string]any{"alice": user(calling.Accepted), "bob": user(state), "carol": user(calling.Inviting)},
		}
	}
	name := "calls/" + calling.ID("c")
	f.Add(firestoreEvent(f, name, document(calling.Inviting, "bob", "carol"), nil))
	f.Add(firestoreEvent(f, name, document(calling.Accepted, "carol"), document(calling.Inviting, "bob", "carol")))
	f.Add(firestoreEvent(f, name, nil, document(calling.Inviting)))
	f.Fuzz(func(t *testing.T, data []byte) { _ = newFuzzed(t).deliver(t, "on-call", data) })
}

func FuzzFanOutEvent(f *testing.F) {
	m := chat.Message{
		MessageID: "m", SenderUserID: "alice", ConversationID: "g", ConversationType: chat.Group, Timestamp: clock.UnixMilli(),
		Push: &chat.PushConfig{Title: "t", Content: "c"}, Fanout: &chat.Fanout{Chunks: 1, Members: 3},
	}
	f.Add(envelopeOf(f, fanout.Task{ID: "t", Message: m, Chunks: 1}))
	f.Add([]byte(`{"message":{"data":"e30="}}`))
	f.Fuzz(func(t *testing.T, data []byte) { _ = newFuzzed(t).deliver(t, "fan-out", data) })
}

// Whatever batch the queue has: it never panics, what FCM is asked for is a
// message FCM can read, and a batch that is done isn't sent again.
func FuzzDispatchEvent(f *testing.F) {
	m := chat.Message{MessageID: "m", SenderUserID: "alice", ConversationID: "bob", Timestamp: clock.UnixMilli(), Push: &chat.PushConfig{Title: "t", Content: "c", Payload: "p"}}
	target := push.Target{UserID: "bob", PushID: device.PushID("bob", "d"), Platform: device.Android, Kind: device.KindToken, Value: standin.TokenFor("bob")}
	f.Add(envelopeOf(f, push.Batches(push.OfMessage(m, time.Hour), "", []push.Target{target}, clock)[0]))
	c := calling.Call{
		CallID: "c", Caller: "alice", State: calling.Started, Pushes: map[string]chat.PushConfig{"1": *m.Push},
		Users: map[string]calling.User{"bob": {Gen: 1, Inviter: "alice", Push: "1", At: clock.UnixMilli()}},
	}
	f.Add(envelopeOf(f, push.Batches(push.OfCallEnd(c, push.Missed, "bob"), "", []push.Target{target}, clock)[0]))
	m.ConversationType, m.ConversationID = chat.Group, "g"
	f.Add(envelopeOf(f, push.Batches(push.OfMessage(m, time.Hour), "", []push.Target{target, target}, clock.Add(-time.Hour))[0]))
	f.Fuzz(func(t *testing.T, data []byte) {
		z := newFuzzed(t)
		err := Events["dispatch"](t.Context(), eventWith(t, data))
		if n := z.fcm.Stats().Errors[standin.BadPayload]; n > 0 {
			t.Errorf("FCM can't read %d messages", n)
		}
		asked := z.asked
		if err != nil {
			return
		}
		if err := Events["dispatch"](t.Context(), eventWith(t, data)); err != nil || z.asked != asked {
			t.Errorf("asked FCM %d times, and again %d times, %v", asked, z.asked-asked, err)
		}
	})
}
