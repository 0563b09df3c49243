package content

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/resource"
	"github.com/doorbell-push/doorbell/shared/revision"
	"github.com/doorbell-push/doorbell/shared/store"
)

var start = time.UnixMilli(1_700_000_000_000)

// world is alice, bob whose phone and tab are told IDs only, and carol.
type world struct {
	*testing.T
	db    *store.Memory
	clock time.Time
	reads int
	*Service
}

func (w *world) now() time.Time { return w.clock }

// counting counts what Firestore would be asked to read.
type counting struct {
	*store.Memory
	reads *int
}

func (c counting) Users(ctx context.Context, ids []string) (map[string]*presence.User, error) {
	*c.reads += len(ids)
	return c.Memory.Users(ctx, ids)
}

func (c counting) Message(ctx context.Context, cid, id string) (*chat.Message, error) {
	*c.reads++
	return c.Memory.Message(ctx, cid, id)
}

func (c counting) Call(ctx context.Context, id string) (*call.Call, error) {
	*c.reads++
	return c.Memory.Call(ctx, id)
}

func (c counting) ReadGroup(ctx context.Context, cid string, ids []string) (*chat.Conversation, map[string]group.Member, error) {
	*c.reads += 1 + len(ids)
	return c.Memory.ReadGroup(ctx, cid, ids)
}

// uncleared is a store in which the members of a dismissed group are still to be removed.
type uncleared struct{ *store.Memory }

func (uncleared) ClearGroup(context.Context, string, int) (more bool, err error) { return false, nil }

// known is the resources that there are.
type known map[string]*resource.Resource

func (k known) Find(_ context.Context, id string) (*resource.Resource, error) { return k[id], nil }

func setUp(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, db: &store.Memory{}, clock: start}
	styled, err := resource.Decode([]byte(`{"texts":[{"locale":"en","title":"From {sender}"},{"locale":"de","title":"Von {sender}"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	w.Service = &Service{
		Store: counting{w.db, &w.reads}, Now: w.now, PushTTL: time.Hour, Resources: known{"styled": styled},
		Rules: plan.Rules{Defaults: presence.Settings{Privacy: device.PrivacyID}},
	}
	w.register("bob", "phone", device.IPhoneOS, "de-AT")
	w.register("bob", "tab", device.Web, "fr")
	w.register("carol", "tab", device.Web, "")
	groups := &group.Service{Store: w.db, Now: w.now, MaxMembers: 10}
	if _, err := groups.Create(t.Context(), "alice", &group.CreateRequest{GroupInfo: &group.BaseInfo{GroupID: "team", GroupName: "Team"}, UserIDs: []string{"bob"}}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) registry() *presence.Registry {
	return &presence.Registry{Store: w.db, Now: w.now, Lease: time.Minute, MaxDevices: 10}
}

func (w *world) register(user, id string, p device.Platform, locale string) {
	w.Helper()
	d := device.Device{DeviceID: id, Platform: p, Target: device.Target{Kind: device.KindToken, Value: user + id}, Popup: true, Locale: locale}
	if _, err := w.registry().Register(w.Context(), user, d); err != nil {
		w.Fatal(err)
	}
}

func (w *world) send(to string, of chat.ConversationType, p *chat.PushConfig) chat.Message {
	w.Helper()
	config := &chat.SendConfig{Priority: chat.Medium}
	if p != nil {
		config.PushConfig = &chat.PushConfigInput{PushConfig: *p}
	}
	s := &chat.Sender{Store: w.db, Now: w.now, MaxText: 2048, Retention: time.Hour, CheckPush: func(chat.Message) error { return nil }}
	m, err := s.Send(w.Context(), "alice", &chat.SendRequest{
		Message: &chat.Content{Type: chat.Text, Message: "Hello"}, ToConversationID: to, ConversationType: &of, LocalMessageID: "1", Config: config,
	})
	if err != nil {
		w.Fatal(err)
	}
	return m
}

func (w *world) revisions() *revision.Service {
	return &revision.Service{
		Store: w.db, Now: w.now, MaxText: 2048, RevokeWithin: time.Hour, EditWithin: time.Hour, CheckPush: func(chat.Message) error { return nil },
	}
}

// asked is what the device asks after a push of m, as its data has it.
func asked(m chat.Message, user string) *Request {
	r := &Request{UserID: user, Kind: push.KindMessage, ID: m.MessageID, ConversationID: m.ConversationID, ConversationType: m.ConversationType}
	if m.ConversationType == chat.Peer {
		r.ConversationID = m.SenderUserID
	}
	return r
}

var words = chat.PushConfig{Title: "Alice", Content: "Hello", Payload: `{"page":1}`}

// The device is told what its push would have said, in its language, and what the
// app gets beside it; it costs what is said.
func TestFetch(t *testing.T) {
	styled, silent, voip := words, words, words
	styled.ResourcesID, silent.Silent, voip.VoIP = "styled", true, &chat.VoIPConfig{HandleType: 1, HandleValue: "alice"}
	silent.Title, silent.Content = "", ""
	for name, tc := range map[string]struct {
		of     chat.ConversationType
		push   chat.PushConfig
		device string
		shows  *push.Preview
		reads  int
	}{
		"one to one":       {chat.Peer, words, "tab", &push.Preview{Title: "Alice", Body: "Hello"}, 2},
		"group":            {chat.Group, words, "tab", &push.Preview{Title: "Alice", Body: "Hello"}, 4},
		"in its language":  {chat.Peer, styled, "phone", &push.Preview{Title: "Von Alice", Body: "Hello"}, 2},
		"or the first one": {chat.Peer, styled, "tab", &push.Preview{Title: "From Alice", Body: "Hello"}, 2},
		"shows nothing":    {chat.Peer, silent, "tab", nil, 2},
		"to an iPhone":     {chat.Peer, voip, "phone", &push.Preview{Title: "Alice", Body: "Hello"}, 2},
		"VoIP elsewhere":   {chat.Peer, voip, "tab", &push.Preview{Title: "Alice", Body: "Hello"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := setUp(t)
			to := "bob"
			if tc.of == chat.Group {
				to = "team"
			}
			m := w.send(to, tc.of, &tc.push)
			w.reads = 0
			got, err := w.Fetch(t.Context(), device.PushID("bob", tc.device), asked(m, "bob"))
			if err != nil {
				t.Fatal(err)
			}
			want := &Content{Notification: tc.shows, SenderUserID: "alice", Payload: tc.push.Payload, ResourcesID: tc.push.ResourcesID}
			if tc.device == "phone" {
				want.VoIPConfig = tc.push.VoIP
			}
			if !reflect.DeepEqual(got, want) || w.reads != tc.reads {
				t.Errorf("%+v with %d reads, want %+v with %d", got, w.reads, want, tc.reads)
			}
		})
	}
}

// Nobody is told what isn't theirs, what is over, or what their push says itself.
func TestFetchRefuses(t *testing.T) {
	phone := device.PushID("bob", "phone")
	for name, tc := range map[string]struct {
		of    chat.ConversationType
		after func(w *world, m chat.Message, r *Request, pushID *string)
		code  fault.Code
	}{
		"another's device": {chat.Peer, func(_ *world, _ chat.Message, _ *Request, pushID *string) { *pushID = device.PushID("carol", "tab") }, fault.PushIDInvalid},
		"another's message": {chat.Peer, func(_ *world, _ chat.Message, r *Request, pushID *string) {
			r.UserID, *pushID = "carol", device.PushID("carol", "tab")
		}, fault.TargetDoesNotExist},
		"as the sender's": {chat.Peer, func(_ *world, _ chat.Message, r *Request, _ *string) { r.UserID = "alice" }, fault.PushIDInvalid},
		"unregistered": {chat.Peer, func(w *world, _ chat.Message, _ *Request, _ *string) {
			if ok, err := w.registry().Unregister(w.Context(), "bob", phone); err != nil || !ok {
				w.Fatal(ok, err)
			}
		}, fault.PushIDInvalid},
		"told more by now": {chat.Peer, func(w *world, _ chat.Message, _ *Request, _ *string) {
			w.Rules.Defaults.Privacy = device.PrivacyGeneric
		}, fault.ParamsInvalid},
		"ran out": {chat.Peer, func(w *world, _ chat.Message, _ *Request, _ *string) { w.clock = start.Add(time.Hour) }, fault.TargetDoesNotExist},
		"revoked": {chat.Peer, func(w *world, m chat.Message, _ *Request, _ *string) {
			if _, err := w.revisions().Revoke(w.Context(), "alice", &revision.RevokeRequest{MessageID: m.MessageID, ConversationID: "bob", ConversationType: &m.ConversationType}); err != nil {
				w.Fatal(err)
			}
		}, fault.TargetDoesNotExist},
		"blocked": {chat.Peer, func(w *world, _ chat.Message, _ *Request, _ *string) {
			if _, err := w.registry().AddToBlacklist(w.Context(), "bob", []string{"alice"}); err != nil {
				w.Fatal(err)
			}
		}, fault.TargetDoesNotExist},
		"left the group": {chat.Group, func(w *world, _ chat.Message, _ *Request, _ *string) {
			if _, err := (&group.Service{Store: w.db, Now: w.now, MaxMembers: 10}).Leave(w.Context(), "bob", &group.Request{GroupID: "team"}); err != nil {
				w.Fatal(err)
			}
		}, fault.GroupUserIsNotInTheGroup},
		"dismissed, and bob's membership not removed yet": {chat.Group, func(w *world, _ chat.Message, _ *Request, _ *string) {
			groups := &group.Service{Store: uncleared{w.db}, Now: w.now, MaxMembers: 10}
			if _, err := groups.Dismiss(w.Context(), "alice", &group.Request{GroupID: "team"}); err != nil {
				w.Fatal(err)
			}
		}, fault.GroupUserIsNotInTheGroup},
		"joined later": {chat.Group, func(w *world, _ chat.Message, _ *Request, _ *string) {
			groups := &group.Service{Store: w.db, Now: w.now, MaxMembers: 10}
			if _, err := groups.Leave(w.Context(), "bob", &group.Request{GroupID: "team"}); err != nil {
				w.Fatal(err)
			}
			if _, err := groups.Invite(w.Context(), "alice", &group.UsersRequest{GroupID: "team", UserIDs: []string{"bob"}}); err != nil {
				w.Fatal(err)
			}
		}, fault.TargetDoesNotExist},
		"never in the group": {chat.Group, func(_ *world, _ chat.Message, r *Request, pushID *string) {
			r.UserID, *pushID = "carol", device.PushID("carol", "tab")
		}, fault.GroupUserIsNotInTheGroup},
	} {
		t.Run(name, func(t *testing.T) {
			w := setUp(t)
			to := "bob"
			if tc.of == chat.Group {
				to = "team"
			}
			m := w.send(to, tc.of, &words)
			r, pushID := asked(m, "bob"), phone
			if _, err := w.Fetch(t.Context(), pushID, r); err != nil {
				t.Fatalf("before: %v", err)
			}
			tc.after(w, m, r, &pushID)
			var f *fault.Error
			if got, err := w.Fetch(t.Context(), pushID, r); !errors.As(err, &f) || f.Code != tc.code {
				t.Errorf("%+v, %v; want code %d", got, err, tc.code)
			}
		})
	}
	w := setUp(t)
	m := w.send("bob", chat.Peer, nil)
	var f *fault.Error
	if got, err := w.Fetch(t.Context(), phone, asked(m, "bob")); !errors.As(err, &f) || f.Code != fault.TargetDoesNotExist {
		t.Errorf("a message without a push: %+v, %v", got, err)
	}
}

// What was edited is told as it is now.
func TestFetchEdited(t *testing.T) {
	w := setUp(t)
	m := w.send("bob", chat.Peer, &words)
	if _, err := w.revisions().Edit(t.Context(), "alice", &revision.EditRequest{
		MessageID: m.MessageID, ConversationID: "bob", ConversationType: &m.ConversationType, Message: &chat.Content{Type: chat.Text, Message: "Bye"},
	}); err != nil {
		t.Fatal(err)
	}
	r := asked(m, "bob")
	for _, kind := range []push.Kind{push.KindMessage, push.KindEdit} {
		r.Kind = kind
		if got, err := w.Fetch(t.Context(), device.PushID("bob", "tab"), r); err != nil || got.Notification == nil || got.Notification.Body != "Bye" {
			t.Errorf("%s: %+v, %v", kind, got, err)
		}
	}
}

// A ring is told while it rings, and to who is rung.
func TestFetchCall(t *testing.T) {
	w := setUp(t)
	calls := &call.Service{Store: w.db, Presence: w.db, Now: w.now, MaxInvitees: 9, Retention: time.Hour, CheckPush: func(call.Call, string, chat.PushConfig) error { return nil }}
	var request call.InviteRequest
	if err := json.Unmarshal([]byte(`{"callID":"c","invitees":["bob"],"config":{"timeout":30,"pushConfig":{"title":"Alice","content":"is calling","payload":"p"}}}`), &request); err != nil {
		t.Fatal(err)
	}
	invitation, err := request.Invitation("alice")
	if err != nil {
		t.Fatal(err)
	}
	answer, err := calls.Invite(t.Context(), invitation)
	if err != nil {
		t.Fatal(err)
	}
	r := &Request{UserID: "bob", Kind: push.KindCall, ID: call.ID(answer.CallID), CallID: answer.CallID}
	w.reads = 0
	got, err := w.Fetch(t.Context(), device.PushID("bob", "tab"), r)
	want := &Content{Notification: &push.Preview{Title: "Alice", Body: "is calling"}, SenderUserID: "alice", Payload: "p"}
	if err != nil || !reflect.DeepEqual(got, want) || w.reads != 2 {
		t.Errorf("%+v, %v with %d reads", got, err, w.reads)
	}
	other := *r
	other.UserID = "carol"
	var f *fault.Error
	if got, err := w.Fetch(t.Context(), device.PushID("carol", "tab"), &other); !errors.As(err, &f) || f.Code != fault.TargetDoesNotExist {
		t.Errorf("carol: %+v, %v", got, err)
	}
	w.clock = start.Add(31 * time.Second)
	if got, err := w.Fetch(t.Context(), device.PushID("bob", "tab"), r); !errors.As(err, &f) || f.Code != fault.TargetDoesNotExist {
		t.Errorf("after it rang: %+v, %v", got, err)
	}
}

func TestCheck(t *testing.T) {
	id := call.ID("c")
	valid := Request{UserID: "bob", Kind: push.KindMessage, ID: id, ConversationID: "alice"}
	edit := func(f func(*Request)) Request { r := valid; f(&r); return r }
	for field, r := range map[string]Request{
		"":                 valid,
		"userID":           edit(func(r *Request) { r.UserID = "" }),
		"id":               edit(func(r *Request) { r.ID = "x" }),
		"kind":             edit(func(r *Request) { r.Kind = push.KindSummary }),
		"conversationID":   edit(func(r *Request) { r.ConversationID = "" }),
		"conversationType": edit(func(r *Request) { r.ConversationType = chat.Room }),
		"callID":           edit(func(r *Request) { r.Kind, r.CallID = push.KindCall, "d" }),
	} {
		err := r.Check()
		var f *fault.Error
		if field == "" && err != nil || field != "" && (!errors.As(err, &f) || f.Field != field) {
			t.Errorf("%q: %v", field, err)
		}
	}
}
