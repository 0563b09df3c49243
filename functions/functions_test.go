package functions

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/dispatch"
	"github.com/doorbell-push/doorbell/shared/fanout"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/store"
)

const (
	registerBody = `{"token":"T","platform":"web","deviceID":"d"}`
	revokeBody   = `{"messageID":"` + bobsMessage + `","conversationID":"bob","conversationType":0,"config":{}}`
	editBody     = `{"messageID":"` + bobsMessage + `","conversationID":"bob","conversationType":0,"message":{"type":1,"message":"bye"}}`
	bobsMessage  = "hayv5vtfxxs3cw3i5ihtmr6lqa" // of the form that messages have
	sendBody     = `{"message":{"type":1,"message":"hi"},"toConversationID":"bob","conversationType":0,"config":{"priority":3,"pushConfig":{"title":"t","content":"c"}},"localMessageID":"l1"}`
)

func devices(t *testing.T, db *store.Memory, user string) []device.Device {
	t.Helper()
	users, err := db.Users(t.Context(), []string{user})
	if err != nil {
		t.Fatal(err)
	}
	return users[user].Sorted()
}

func TestRegisterAndUnregister(t *testing.T) {
	db := onMemory(t)
	resp := call("alice", "POST", "/register", registerBody)
	got, _ := answer(t, resp)
	pushID := device.PushID("alice", "d")
	if want := map[string]any{"pushID": pushID, "receiptToken": receiptToken(pushID)}; resp.StatusCode != 200 || !reflect.DeepEqual(got, want) {
		t.Errorf("register: %d %v", resp.StatusCode, got)
	}
	if d := devices(t, db, "alice"); len(d) != 1 || d[0].Target.Value != "T" || d[0].Platform != device.Web || !d[0].Popup {
		t.Errorf("registered %+v", d)
	}
	call("alice", "POST", "/register", strings.Replace(registerBody, `"d"`, `"d2"`, 1))
	third, _ := answer(t, call("alice", "POST", "/register", `{"fid":"F","platform":3,"deviceID":"d3","popup":false}`))
	if dropped, _ := third["droppedPushIDs"].([]any); len(dropped) != 0 {
		t.Errorf("the token moved from d to d2, so there was room, but %v were dropped", dropped)
	}
	fourth, _ := answer(t, call("alice", "POST", "/register", `{"token":"T4","platform":"ios","deviceID":"d4"}`))
	if dropped, _ := fourth["droppedPushIDs"].([]any); len(dropped) != 1 {
		t.Errorf("the third device of two allowed dropped %v", dropped)
	}
	for _, url := range []string{"/register?deviceID=d4", "/register?deviceID=d4", "/register?deviceID=never"} {
		if resp := call("alice", "DELETE", url, ""); resp.StatusCode != 200 {
			t.Errorf("DELETE %s: %d", url, resp.StatusCode)
		}
	}
	if left := devices(t, db, "alice"); len(left) != 1 || left[0].DeviceID == "d4" {
		t.Errorf("left %+v", left)
	}
}

// Each a request to a function, as a user with one device "d", and its answer.
func TestRequests(t *testing.T) {
	own, others := device.PushID("alice", "d"), device.PushID("bob", "d")
	long := strings.Repeat("x", 129)
	send := func(old, new string) string { return strings.Replace(sendBody, old, new, 1) }
	for _, tc := range []struct {
		method, url, body string
		status            int
		code              fault.Code
		field             string
	}{
		{"POST", "/register", registerBody, 200, 0, ""},
		{"POST", "/register", `{"platform":"web","deviceID":"d"}`, 400, fault.ParamsInvalid, "token"},
		{"POST", "/register", `{"token":"T","fid":"F","platform":"web","deviceID":"d"}`, 400, fault.ParamsInvalid, "fid"},
		{"POST", "/register", `{"token":"T","platform":"windows","deviceID":"d"}`, 400, fault.ParamsInvalid, "platform"},
		{"POST", "/register", `{"token":"T","platform":"nokia","deviceID":"d"}`, 400, fault.ParamsInvalid, "platform"},
		{"POST", "/register", `{"token":"T","platform":"web","deviceID":"d","userID":"bob"}`, 400, fault.ParamsInvalid, "userID"},
		{"DELETE", "/register?pushID=" + own, "", 200, 0, ""},
		{"DELETE", "/register?pushID=" + others, "", 403, fault.PushIDInvalid, ""},
		{"DELETE", "/register?pushID=nobodys", "", 403, fault.PushIDInvalid, ""},
		{"DELETE", "/register?pushID=" + long, "", 400, fault.ParamsInvalid, "pushID"},
		{"DELETE", "/register?deviceID=" + long, "", 400, fault.ParamsInvalid, "deviceID"},
		{"DELETE", "/register", "", 400, fault.ParamsInvalid, "deviceID"},
		{"DELETE", "/register?deviceID=d&pushID=%zz", "", 400, fault.ParamsInvalid, ""},
		{"DELETE", "/register", `{"pushID":"` + own + `"}`, 400, fault.ParamsInvalid, "deviceID"},
		{"DELETE", "/register?pushID=" + own + "&deviceID=d", "", 400, fault.ParamsInvalid, "deviceID"},
		{"DELETE", "/register?deviceID=d&deviceID=e", "", 400, fault.ParamsInvalid, "deviceID"},
		{"DELETE", "/register?token=T", "", 400, fault.ParamsInvalid, "token"},

		{"POST", "/presence", `{"pushID":"` + own + `","state":"online"}`, 200, 0, ""},
		{"POST", "/presence", `{"deviceID":"d","state":"background"}`, 200, 0, ""},
		{"POST", "/presence", `{"deviceID":"d","state":"offline"}`, 200, 0, ""},
		{"POST", "/presence", `{"deviceID":"d","state":"logout"}`, 200, 0, ""},
		{"POST", "/presence", `{"deviceID":"new","platform":"linux","state":"online"}`, 200, 0, ""},
		{"POST", "/presence", `{"deviceID":"never","state":"logout"}`, 200, 0, ""},
		{"POST", "/presence", `{"deviceID":"new","state":"online"}`, 404, fault.PushIDInvalid, ""},
		{"POST", "/presence", `{"pushID":"` + others + `","state":"online"}`, 403, fault.PushIDInvalid, ""},
		{"POST", "/presence", `{"pushID":"` + others + `","platform":"web","state":"online"}`, 403, fault.PushIDInvalid, ""},
		{"POST", "/presence", `{"pushID":"` + others + `","state":"logout"}`, 403, fault.PushIDInvalid, ""},
		{"POST", "/presence", `{"state":"online"}`, 400, fault.ParamsInvalid, "deviceID"},
		{"POST", "/presence", `{"pushID":"a","deviceID":"d","state":"online"}`, 400, fault.ParamsInvalid, "deviceID"},
		{"POST", "/presence", `{"deviceID":"d"}`, 400, fault.ParamsInvalid, "state"},
		{"POST", "/presence", `{"deviceID":"d","state":"Online"}`, 400, fault.ParamsInvalid, "state"},
		{"POST", "/presence", `{"deviceID":"d","state":"` + strings.Repeat("é", 100) + `"}`, 400, fault.ParamsInvalid, "state"},
		{"POST", "/presence", `{"deviceID":"d","state":1}`, 400, fault.ParamsInvalid, "state"},
		{"POST", "/presence", `{"deviceID":"d","state":"online","ackedUpTo":1700000000000}`, 200, 0, ""},
		{"POST", "/presence", `{"deviceID":"d","state":"online","ackedUpTo":9223372036854775807}`, 200, 0, ""},
		{"POST", "/presence", `{"deviceID":"d","state":"online","ackedUpTo":-1}`, 400, fault.ParamsInvalid, "ackedUpTo"},
		{"POST", "/presence", `{"deviceID":"d","state":"online","ackedUpTo":"1"}`, 400, fault.ParamsInvalid, "ackedUpTo"},
		{"POST", "/presence", `x`, 400, fault.ParamsInvalid, ""},

		{"POST", "/send", sendBody, 200, 0, ""},
		{"POST", "/send", send(`"bob"`, `"alice"`), 400, fault.ParamsInvalid, "toConversationID"},
		{"POST", "/send", send(`"conversationType":0`, `"conversationType":7`), 400, fault.ParamsInvalid, "conversationType"},
		{"POST", "/send", send(`"conversationType":0`, `"conversationType":2`), 404, fault.GroupDoesNotExist, ""},
		{"POST", "/send", send(`"title":"t",`, ``), 400, fault.ParamsInvalid, "config.pushConfig.title"},
		{"POST", "/send", send(`,"content":"c"`, ``), 400, fault.ParamsInvalid, "config.pushConfig.content"},
		{"POST", "/send", send(`"c"`, `"c","payload":"`+strings.Repeat("x", 4000)+`"`), 400, fault.ParamsInvalid, "config.pushConfig.payload"},
		{"POST", "/send", send(`"hi"`, `"`+strings.Repeat("x", 2049)+`"`), 400, fault.ParamsInvalid, "message.message"},
		{"POST", "/send", send(`"l1"`, `"l1","extra":1`), 400, fault.ParamsInvalid, "extra"},
		{"POST", "/send", ``, 400, fault.ParamsInvalid, ""},
		{"POST", "/send", `null`, 400, fault.ParamsInvalid, "conversationType"},

		{"POST", "/message-revoke", revokeBody, 404, fault.TargetDoesNotExist, ""},
		{"POST", "/message-revoke", strings.Replace(revokeBody, bobsMessage, "m", 1), 400, fault.ParamsInvalid, "messageID"},
		{"POST", "/message-revoke", strings.Replace(revokeBody, `{}`, `{"revokeExtendedData":1}`, 1), 400, fault.ParamsInvalid, "config.revokeExtendedData"},
		{"POST", "/message-revoke", `{}`, 400, fault.ParamsInvalid, "messageID"},
		{"POST", "/message-edit", editBody, 404, fault.TargetDoesNotExist, ""},
		{"POST", "/message-edit", strings.Replace(editBody, `"type":1`, `"type":2`, 1), 400, fault.ParamsInvalid, "message.type"},
		{"POST", "/message-edit", strings.Replace(editBody, `"bye"`, `null`, 1), 400, fault.ParamsInvalid, "message.message"},
		{"POST", "/message-edit", `null`, 400, fault.ParamsInvalid, "messageID"},
	} {
		onMemory(t)
		call("alice", "POST", "/register", registerBody)
		call("bob", "POST", "/register", `{"token":"B","platform":"web","deviceID":"d"}`)
		resp := call("alice", tc.method, tc.url, tc.body)
		if _, e := answer(t, resp); resp.StatusCode != tc.status || e.Code != tc.code || e.Field != tc.field {
			t.Errorf("%s %s %.80s: %d %+v; want %d, code %d, field %q", tc.method, tc.url, tc.body, resp.StatusCode, e, tc.status, tc.code, tc.field)
		}
	}
}

// A wrong content type and too large a body, for each function with a body.
func TestBodies(t *testing.T) {
	onMemory(t)
	for function, table := range clientFunctions {
		if resp := call("alice", "POST", somePath(function, table), `{}`, header("Content-Type", "text/plain")); resp.StatusCode != 415 {
			t.Errorf("%s: text/plain is %d", function, resp.StatusCode)
		}
		if resp := call("alice", "POST", somePath(function, table), strings.Repeat(" ", maxBodyBytes+1)); resp.StatusCode != 413 {
			t.Errorf("%s: a large body is %d", function, resp.StatusCode)
		}
	}
}

func TestPresenceAnswer(t *testing.T) {
	db := onMemory(t)
	call("alice", "POST", "/register", registerBody)
	for _, state := range []string{"online", "background", "offline", "logout"} {
		got, _ := answer(t, call("alice", "POST", "/presence", `{"deviceID":"d","state":"`+state+`"}`))
		if want := map[string]any{"leaseSeconds": 120.0, "serverTime": float64(clock.UnixMilli())}; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v", state, got)
		}
	}
	call("alice", "POST", "/register", registerBody)
	call("alice", "POST", "/presence", `{"deviceID":"d","state":"online","ackedUpTo":5}`)
	if d := devices(t, db, "alice")[0]; d.AckedUpTo != 5 || !d.OnlineSince.Equal(clock) {
		t.Errorf("acknowledged: %+v", d)
	}
	call("alice", "POST", "/presence", `{"deviceID":"d","state":"logout"}`)
	if d := devices(t, db, "alice"); len(d) != 0 {
		t.Errorf("logout left %+v", d)
	}
}

func TestSendAnswer(t *testing.T) {
	onMemory(t)
	first, _ := answer(t, call("alice", "POST", "/send", sendBody))
	m, _ := first["message"].(map[string]any)
	for field, want := range map[string]any{
		"localMessageID": "l1", "senderUserID": "alice", "conversationID": "bob", "conversationType": 0.0, "orderKey": 1.0,
		"sentStatus": 1.0, "timestamp": float64(clock.UnixMilli()), "type": 1.0, "message": "hi",
	} {
		if m[field] != want {
			t.Errorf("%s is %v, want %v", field, m[field], want)
		}
	}
	if again, _ := answer(t, call("alice", "POST", "/send", sendBody)); !reflect.DeepEqual(again, first) {
		t.Errorf("the retry got %v, the first %v", again, first)
	}
}

// taken keeps published batches.
type taken struct {
	batches []push.Batch
	err     error
}

func (p *taken) Publish(_ context.Context, b push.Batch) error {
	p.batches = append(p.batches, b)
	return p.err
}

func eventWith(t *testing.T, data []byte) event.Event {
	t.Helper()
	e := event.New()
	e.SetID("1")
	if err := e.SetData("application/octet-stream", data); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestOnMessage(t *testing.T) {
	real, err := os.ReadFile("../shared/store/testdata/message_created.pb")
	if err != nil {
		t.Fatal(err)
	}
	db, topic := onMemory(t), &taken{}
	call("bob", "POST", "/register", registerBody)
	replace(t, &fan, &fanout.Fanout{Presence: db, Publisher: topic, Now: func() time.Time { return clock }, PushTTL: time.Hour}, nil)
	if err := Events["on-message"](t.Context(), eventWith(t, real)); err != nil {
		t.Error(err)
	}
	if len(topic.batches) != 1 || len(topic.batches[0].Targets) != 1 || topic.batches[0].Targets[0].Value != "T" {
		t.Errorf("published %+v", topic.batches)
	}
	// It never will decode: not again.
	if err := Events["on-message"](t.Context(), eventWith(t, []byte("x"))); err != nil {
		t.Errorf("an event that holds no message asks for redelivery: %v", err)
	}
	topic.err = errors.New("topic is down")
	if err := Events["on-message"](t.Context(), eventWith(t, real)); !errors.Is(err, topic.err) {
		t.Errorf("got %v", err)
	}
	replace(t, &fan, nil, topic.err)
	if err := Events["on-message"](t.Context(), eventWith(t, real)); !errors.Is(err, topic.err) {
		t.Errorf("got %v", err)
	}
}

func TestOnMessageChange(t *testing.T) {
	db, topic := onMemory(t), &taken{}
	call("bob", "POST", "/register", registerBody)
	replace(t, &fan, &fanout.Fanout{
		Presence: db, Rings: db, Marks: db, Publisher: topic, Now: func() time.Time { return clock }, PushTTL: time.Hour, MaxDevices: 2,
	}, nil)
	pushID := device.PushID("bob", "d")
	e := delivery.Entry{ID: push.BatchID(push.KindMessage, "m", "", 0), Kind: "message", SubjectID: "m"}
	e, err := db.Begin(t.Context(), e, []string{pushID}, clock)
	if err != nil {
		t.Fatal(err)
	}
	e.Done, e.Outcomes = true, map[string]delivery.Outcome{pushID: {UserID: "bob", Status: delivery.Sent}}
	if err := db.Finish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	before := map[string]any{"messageID": "m", "senderUserID": "alice", "conversationID": "bob", "type": 1, "timestamp": int(clock.UnixMilli()), "push": map[string]any{"title": "t", "content": "c"}}
	after := map[string]any{"messageID": "m", "senderUserID": "alice", "conversationID": "bob", "type": 31, "timestamp": int(clock.UnixMilli()), "changedAt": 5}
	change := eventWith(t, firestoreEvent(t, "messages/m", after, before))
	if err := Events["on-message-change"](t.Context(), change); err != nil {
		t.Error(err)
	}
	if len(topic.batches) != 1 || topic.batches[0].Announcement.Kind != push.KindRevoke || topic.batches[0].Targets[0].Value != "T" {
		t.Errorf("published %+v", topic.batches)
	}
	if err := Events["on-message-change"](t.Context(), eventWith(t, []byte("x"))); err != nil {
		t.Errorf("an event that holds no message asks for redelivery: %v", err)
	}
	topic.err = errors.New("topic is down")
	if err := Events["on-message-change"](t.Context(), change); !errors.Is(err, topic.err) {
		t.Errorf("got %v", err)
	}
	replace(t, &fan, nil, topic.err)
	if err := Events["on-message-change"](t.Context(), change); !errors.Is(err, topic.err) {
		t.Errorf("got %v", err)
	}
}

// sent is a dispatch.Sender that takes everything.
type sent []string

func (s *sent) Send(_ context.Context, body []byte) (string, error) {
	*s = append(*s, string(body))
	return "name", nil
}

func TestDispatch(t *testing.T) {
	db, fcm := onMemory(t), &sent{}
	call("bob", "POST", "/register", registerBody)
	replace(t, &dispatcher, &dispatch.Dispatcher{Ledger: db, Sender: fcm, Bindings: db, Now: func() time.Time { return clock }, MaxAttempts: 1}, nil)
	m := chat.Message{MessageID: "m", SenderUserID: "alice", ConversationID: "bob", Timestamp: clock.UnixMilli(), Push: &chat.PushConfig{Title: "t", Content: "c"}}
	target := push.Target{UserID: "bob", PushID: device.PushID("bob", "d"), Platform: device.Web, Kind: device.KindToken, Value: "T"}
	batch := push.Batches(push.OfMessage(m, time.Hour), "", []push.Target{target}, clock)[0]
	data, err := json.Marshal(batch)
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := json.Marshal(map[string]any{"message": map[string]any{"data": data}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := Events["dispatch"](t.Context(), eventWith(t, envelope)); err != nil {
			t.Error(err)
		}
	}
	if len(*fcm) != 1 {
		t.Errorf("sent %d times", len(*fcm))
	}
	// Pub/Sub is to move it to the dead letters, by and by.
	if err := Events["dispatch"](t.Context(), eventWith(t, []byte(`{}`))); err == nil {
		t.Error("a message that holds no batch is taken for done")
	}
	down := errors.New("configuration")
	replace(t, &dispatcher, nil, down)
	if err := Events["dispatch"](t.Context(), eventWith(t, envelope)); !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
}
