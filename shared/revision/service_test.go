package revision_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/revision"
	"github.com/doorbell-push/doorbell/shared/store"
)

var sentAt = time.UnixMilli(1_700_000_000_000)

// world is a store in which alice has written to bob, and in the group "g" of
// olga, who owns it, adam and ada, who are admins, alice and bob; and the service
// on it a minute later.
type world struct {
	*testing.T
	db  *store.Memory
	now time.Time
	s   *revision.Service
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, db: &store.Memory{}, now: sentAt}
	clock := func() time.Time { return w.now }
	w.s = &revision.Service{
		Store: w.db, Now: clock, MaxText: 2048, RevokeWithin: 2 * time.Minute, EditWithin: time.Hour,
		CheckPush: func(m chat.Message) error {
			if strings.Contains(m.Push.Payload, "too long") {
				return fault.Invalid("config.pushConfig.payload", "is too long")
			}
			return nil
		},
	}
	groups := &group.Service{Store: w.db, Now: clock, MaxMembers: 10}
	_, err := groups.Create(t.Context(), "olga", &group.CreateRequest{GroupInfo: &group.BaseInfo{GroupID: "g", GroupName: "n"}, UserIDs: []string{"adam", "ada", "alice", "bob"}})
	for _, admin := range []string{"adam", "ada"} {
		_, promoted := groups.SetRole(t.Context(), "olga", &group.RoleRequest{GroupID: "g", ForUserID: admin, Role: group.Admin})
		err = errors.Join(err, promoted)
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// send stores a message and lets a minute pass.
func (w *world) send(from, to string, kind chat.ConversationType, p *chat.PushConfig) chat.Message {
	w.Helper()
	config := &chat.SendConfig{Priority: chat.Medium}
	if p != nil {
		config.PushConfig = &chat.PushConfigInput{PushConfig: *p}
	}
	sender := &chat.Sender{Store: w.db, Now: func() time.Time { return sentAt }, MaxText: 2048, Retention: time.Hour, CheckPush: func(chat.Message) error { return nil }}
	m, err := sender.Send(w.Context(), from, &chat.SendRequest{
		Message:          &chat.Content{Type: chat.Text, Message: "hello", ExtendedData: "x", MentionedUserIDs: []string{"bob"}, IsMentionAll: true},
		ToConversationID: to, ConversationType: &kind, LocalMessageID: from + to, Config: config,
	})
	if err != nil {
		w.Fatal(err)
	}
	w.now = sentAt.Add(time.Minute)
	return m
}

func (w *world) block(who, whom string) {
	w.Helper()
	reg := &presence.Registry{Store: w.db, Now: w.s.Now, MaxDevices: 2}
	if _, err := reg.AddToBlacklist(w.Context(), who, []string{whom}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) stored(m chat.Message) chat.Message {
	w.Helper()
	got, err := w.db.Message(w.Context(), m.CID(), m.MessageID)
	if err != nil || got == nil {
		w.Fatal(got, err)
	}
	return *got
}

func revoke(m chat.Message, conversationID string, edits ...func(*revision.RevokeRequest)) *revision.RevokeRequest {
	r := &revision.RevokeRequest{MessageID: m.MessageID, ConversationID: conversationID, ConversationType: &m.ConversationType}
	for _, edit := range edits {
		edit(r)
	}
	return r
}

func edit(m chat.Message, conversationID string, edits ...func(*revision.EditRequest)) *revision.EditRequest {
	r := &revision.EditRequest{
		MessageID: m.MessageID, ConversationID: conversationID, ConversationType: &m.ConversationType,
		Message: &chat.Content{Type: chat.Text, Message: "goodbye"},
	}
	for _, change := range edits {
		change(r)
	}
	return r
}

var asks = &chat.PushConfig{Title: "Alice", Content: "hello", Payload: "p"}

func TestRevoke(t *testing.T) {
	w := newWorld(t)
	m := w.send("alice", "bob", chat.Peer, asks)
	words := func(r *revision.RevokeRequest) {
		r.Config = revision.RevokeConfig{RevokeExtendedData: "why", PushConfig: &chat.PushConfigInput{PushConfig: chat.PushConfig{Title: "Alice", Content: "took it back"}}}
	}
	answer, err := w.s.Revoke(w.Context(), "alice", revoke(m, "bob", words))
	if err != nil {
		t.Fatal(err)
	}
	want := m
	want.Type, want.OriginalMessageType, want.OperatedUserID, want.RevokeExtendedData = chat.Revoke, chat.Text, "alice", "why"
	want.Message, want.ExtendedData, want.MentionedUserIDs, want.IsMentionAll = "", "", nil, false
	want.RevokeTimestamp, want.ChangedAt = w.now.UnixMilli(), w.now.UnixMilli()
	want.Push = &chat.PushConfig{Title: "Alice", Content: "took it back"}
	got := w.stored(m)
	got.Traceparent, want.Traceparent = "", ""
	if !reflect.DeepEqual(got, want) {
		t.Errorf("stored\n%+v, want\n%+v", got, want)
	}
	if answer.Message.MessageID != m.MessageID || !answer.Message.Revoked() || answer.Message.ConversationID != "bob" {
		t.Errorf("answered %+v", answer)
	}
	// Again, later: the same, and nothing is written.
	w.now = w.now.Add(time.Hour)
	again, err := w.s.Revoke(w.Context(), "alice", revoke(m, "bob"))
	if err != nil || !reflect.DeepEqual(again, answer) {
		t.Errorf("again: %+v, %v\nfirst %+v", again, err, answer)
	}
	c, _, err := w.db.ReadGroup(w.Context(), m.CID(), nil)
	if err != nil || c.ChangedAt != want.ChangedAt || c.LastSeq != 1 {
		t.Errorf("the conversation is %+v, %v", c, err)
	}
}

// A message that rang nobody tells nobody that it was revoked.
func TestRevokeWithoutPush(t *testing.T) {
	w := newWorld(t)
	m := w.send("alice", "bob", chat.Peer, nil)
	words := func(r *revision.RevokeRequest) {
		r.Config.PushConfig = &chat.PushConfigInput{PushConfig: chat.PushConfig{Title: "Alice", Content: "took it back"}}
	}
	if _, err := w.s.Revoke(w.Context(), "alice", revoke(m, "bob", words)); err != nil || w.stored(m).Push != nil {
		t.Errorf("stored %+v, %v", w.stored(m), err)
	}
}

func TestWhoMayRevoke(t *testing.T) {
	for _, tc := range []struct {
		sender, caller string
		code           fault.Code // 0: may
		status         chat.RevokeStatus
	}{
		{"alice", "alice", 0, chat.SelfRevoke},
		{"alice", "olga", 0, chat.GroupOwnerRevoke},
		{"alice", "adam", 0, chat.GroupAdminRevoke},
		{"alice", "bob", fault.GroupNoAuthority, 0},
		{"adam", "olga", 0, chat.GroupOwnerRevoke},
		{"adam", "ada", fault.GroupNoAuthority, 0},
		{"adam", "bob", fault.GroupNoAuthority, 0},
		{"olga", "adam", fault.GroupNoAuthority, 0},
		{"olga", "olga", 0, chat.SelfRevoke},
		{"alice", "mallory", fault.GroupUserIsNotInTheGroup, 0},
	} {
		w := newWorld(t)
		m := w.send(tc.sender, "g", chat.Group, asks)
		_, err := w.s.Revoke(w.Context(), tc.caller, revoke(m, "g"))
		if code(err) != tc.code || w.stored(m).Revoked() != (tc.code == 0) || (tc.code == 0 && w.stored(m).RevokeStatus != tc.status) {
			t.Errorf("%s's by %s: %v, %+v", tc.sender, tc.caller, err, w.stored(m))
		}
	}
	// What somebody sent who has left since.
	w := newWorld(t)
	m := w.send("alice", "g", chat.Group, asks)
	groups := &group.Service{Store: w.db, Now: w.s.Now, MaxMembers: 10}
	if _, err := groups.Leave(w.Context(), "alice", &group.Request{GroupID: "g"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.s.Revoke(w.Context(), "alice", revoke(m, "g")); code(err) != fault.GroupUserIsNotInTheGroup {
		t.Errorf("who has left may revoke: %v", err)
	}
	if _, err := w.s.Revoke(w.Context(), "adam", revoke(m, "g")); err != nil {
		t.Errorf("an admin may not: %v", err)
	}
}

func code(err error) fault.Code {
	if err == nil {
		return 0
	}
	return fault.From(err).Code
}

func TestEdit(t *testing.T) {
	w := newWorld(t)
	m := w.send("alice", "bob", chat.Peer, asks)
	answer, err := w.s.Edit(w.Context(), "alice", edit(m, "bob", func(r *revision.EditRequest) { r.Message.MentionedUserIDs = []string{"c"} }))
	if err != nil {
		t.Fatal(err)
	}
	want := m
	want.Message, want.ExtendedData, want.MentionedUserIDs, want.IsMentionAll = "goodbye", "", []string{"c"}, false
	want.EditorUserID, want.EditedTime, want.ChangedAt = "alice", w.now.UnixMilli(), w.now.UnixMilli()
	want.Push = &chat.PushConfig{Title: "Alice", Content: "goodbye", Payload: "p"} // it was the text
	got := w.stored(m)
	got.Traceparent, want.Traceparent = "", ""
	if !reflect.DeepEqual(got, want) || answer.Message.Message.Message != "goodbye" {
		t.Errorf("stored\n%+v, want\n%+v; answered %+v", got, want, answer)
	}
	// The same again changes nothing; another is later, though the clock stands still.
	if _, err := w.s.Edit(w.Context(), "alice", edit(m, "bob", func(r *revision.EditRequest) { r.Message.MentionedUserIDs = []string{"c"} })); err != nil || w.stored(m).ChangedAt != want.ChangedAt {
		t.Errorf("again: %+v, %v", w.stored(m), err)
	}
	if _, err := w.s.Edit(w.Context(), "alice", edit(m, "bob")); err != nil || w.stored(m).ChangedAt != want.ChangedAt+1 {
		t.Errorf("another: %+v, %v", w.stored(m), err)
	}
}

func TestEditedPush(t *testing.T) {
	voip := func() *chat.VoIPConfig { return &chat.VoIPConfig{HandleType: chat.GenericHandle, HandleValue: "a"} }
	given := func(p chat.PushConfig) func(*revision.EditRequest) {
		return func(r *revision.EditRequest) { r.Config.PushConfig = &chat.PushConfigInput{PushConfig: p} }
	}
	for name, tc := range map[string]struct {
		push  *chat.PushConfig
		edit  func(*revision.EditRequest)
		want  *chat.PushConfig
		field string
	}{
		"none":              {nil, given(*asks), nil, ""},
		"words of its own":  {&chat.PushConfig{Title: "t", Content: "news"}, func(*revision.EditRequest) {}, &chat.PushConfig{Title: "t", Content: "news"}, ""},
		"other words":       {&chat.PushConfig{Title: "t", Content: "news"}, given(chat.PushConfig{Title: "t", Content: "more"}), &chat.PushConfig{Title: "t", Content: "more"}, ""},
		"silent":            {&chat.PushConfig{Silent: true, Payload: "p"}, given(chat.PushConfig{Silent: true, Payload: "q"}), &chat.PushConfig{Silent: true, Payload: "q"}, ""},
		"silent, and stays": {&chat.PushConfig{Silent: true, VoIP: voip()}, given(chat.PushConfig{Silent: true, VoIP: voip()}), &chat.PushConfig{Silent: true, VoIP: voip()}, ""},
		"silent no more":    {&chat.PushConfig{Silent: true}, given(*asks), &chat.PushConfig{Silent: true}, "config.pushConfig.silent"},
		"too long":          {asks, given(chat.PushConfig{Title: "t", Content: "c", Payload: "too long"}), asks, "config.pushConfig.payload"},
		"unfit for a push":  {asks, func(r *revision.EditRequest) { r.Message.Message = "a\x01" }, asks, "message.message"},
	} {
		w := newWorld(t)
		m := w.send("alice", "bob", chat.Peer, tc.push)
		_, err := w.s.Edit(w.Context(), "alice", edit(m, "bob", tc.edit))
		if got := w.stored(m); !reflect.DeepEqual(got.Push, tc.want) || (err != nil) != (tc.field != "") || (err != nil && fault.From(err).Field != tc.field) {
			t.Errorf("%s: %+v, %v; want %+v", name, got.Push, err, tc.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	room := chat.Room
	for name, tc := range map[string]struct {
		caller string
		edit   func(*revision.EditRequest)
		code   fault.Code
		field  string
	}{
		"no ID":             {"alice", func(r *revision.EditRequest) { r.MessageID = "" }, fault.ParamsInvalid, "messageID"},
		"a path":            {"alice", func(r *revision.EditRequest) { r.MessageID = "../x" }, fault.ParamsInvalid, "messageID"},
		"no type":           {"alice", func(r *revision.EditRequest) { r.ConversationType = nil }, fault.ParamsInvalid, "conversationType"},
		"a room":            {"alice", func(r *revision.EditRequest) { r.ConversationType = &room }, fault.ParamsInvalid, "conversationType"},
		"nobody":            {"alice", func(r *revision.EditRequest) { r.ConversationID = "" }, fault.ParamsInvalid, "conversationID"},
		"oneself":           {"alice", func(r *revision.EditRequest) { r.ConversationID = "alice" }, fault.ParamsInvalid, "conversationID"},
		"another's":         {"bob", func(r *revision.EditRequest) { r.ConversationID = "alice" }, fault.EditNoAuthority, ""},
		"not there":         {"alice", func(r *revision.EditRequest) { r.ConversationID = "carol" }, fault.TargetDoesNotExist, ""},
		"of strangers":      {"mallory", func(*revision.EditRequest) {}, fault.TargetDoesNotExist, ""},
		"by who is blocked": {"alice", func(*revision.EditRequest) {}, fault.SenderInBlacklist, ""},
		"too late":          {"alice", func(*revision.EditRequest) {}, fault.ExceedsEditTime, ""},
		"of what is gone":   {"alice", func(*revision.EditRequest) {}, fault.HasBeenRevoked, ""},
		"no message":        {"alice", func(r *revision.EditRequest) { r.Message = nil }, fault.ParamsInvalid, "message"},
		"a command":         {"alice", func(r *revision.EditRequest) { r.Message.Type = chat.Command }, fault.ParamsInvalid, "message.type"},
		"another type":      {"alice", func(r *revision.EditRequest) { r.Message.Type = chat.Custom }, fault.ParamsInvalid, "message.type"},
		"no text":           {"alice", func(r *revision.EditRequest) { r.Message.Message = "" }, fault.ParamsInvalid, "message.message"},
		"half a push":       {"alice", func(r *revision.EditRequest) { r.Config.PushConfig = &chat.PushConfigInput{} }, fault.ParamsInvalid, "config.pushConfig.title"},
	} {
		w := newWorld(t)
		m := w.send("alice", "bob", chat.Peer, asks)
		switch name {
		case "by who is blocked":
			w.block("bob", "alice")
		case "too late":
			w.now = sentAt.Add(time.Hour + time.Millisecond)
		case "of what is gone":
			if _, err := w.s.Revoke(t.Context(), "alice", revoke(m, "bob")); err != nil {
				t.Fatal(err)
			}
		}
		before := w.stored(m)
		r := edit(m, "bob", tc.edit)
		_, err := w.s.Edit(t.Context(), tc.caller, r)
		if e := fault.From(err); err == nil || e.Code != tc.code || e.Field != tc.field || e.Message == "" {
			t.Errorf("%s: %v; want %d at %q", name, err, tc.code, tc.field)
		}
		if after := w.stored(m); !reflect.DeepEqual(after, before) {
			t.Errorf("%s changed it to %+v", name, after)
		}
	}
}

// Who is blocked takes back what they sent, and says nothing by it.
func TestRevokeByWhoIsBlocked(t *testing.T) {
	for name, words := range map[string]func(*revision.RevokeRequest){
		"a push":        func(r *revision.RevokeRequest) { r.Config.PushConfig = &chat.PushConfigInput{PushConfig: *asks} },
		"extended data": func(r *revision.RevokeRequest) { r.Config.RevokeExtendedData = "x" },
	} {
		w := newWorld(t)
		m := w.send("alice", "bob", chat.Peer, asks)
		w.block("bob", "alice")
		before := w.stored(m)
		_, err := w.s.Revoke(t.Context(), "alice", revoke(m, "bob", words))
		if err == nil || fault.From(err).Code != fault.SenderInBlacklist {
			t.Errorf("with %s: %v", name, err)
		}
		if after := w.stored(m); !reflect.DeepEqual(after, before) {
			t.Errorf("with %s: changed to %+v", name, after)
		}
		if _, err := w.s.Revoke(t.Context(), "alice", revoke(m, "bob")); err != nil || !w.stored(m).Revoked() {
			t.Errorf("without %s: %v", name, err)
		}

		w = newWorld(t)
		m = w.send("alice", "bob", chat.Peer, asks)
		first, err := w.s.Revoke(t.Context(), "alice", revoke(m, "bob", words))
		if err != nil {
			t.Fatal(err)
		}
		w.block("bob", "alice")
		if again, err := w.s.Revoke(t.Context(), "alice", revoke(m, "bob", words)); err != nil || !reflect.DeepEqual(again, first) {
			t.Errorf("with %s, repeated: %+v, %v", name, again, err)
		}
	}
}

func TestRevokeRefusals(t *testing.T) {
	w := newWorld(t)
	m := w.send("alice", "bob", chat.Peer, asks)
	try := func(caller, with string, edits ...func(*revision.RevokeRequest)) string {
		_, err := w.s.Revoke(t.Context(), caller, revoke(m, with, edits...))
		if err == nil {
			return "revoked"
		}
		return fmt.Sprint(fault.From(err).Code, fault.From(err).Field)
	}
	for name, tc := range map[string]struct{ got, want string }{
		"the receiver":    {try("bob", "alice"), "6000201"},
		"a stranger":      {try("mallory", "alice"), "6000204"},
		"no ID":           {try("alice", "bob", func(r *revision.RevokeRequest) { r.MessageID = "x" }), "6000001messageID"},
		"too long a word": {try("alice", "bob", func(r *revision.RevokeRequest) { r.Config.RevokeExtendedData = strings.Repeat("x", 1025) }), "6000001config.revokeExtendedData"},
		"half a push":     {try("alice", "bob", func(r *revision.RevokeRequest) { r.Config.PushConfig = &chat.PushConfigInput{} }), "6000001config.pushConfig.title"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %s, want %s", name, tc.got, tc.want)
		}
	}
	w.now = sentAt.Add(2*time.Minute + time.Millisecond)
	if got := try("alice", "bob"); got != "6000278" {
		t.Errorf("too late: %s", got)
	}
	w.now = sentAt.Add(2 * time.Minute)
	if got := try("alice", "bob"); got != "revoked" {
		t.Errorf("in the last moment: %s", got)
	}
	// Another who may is told.
	g := w.send("alice", "g", chat.Group, asks)
	if _, err := w.s.Revoke(t.Context(), "olga", revoke(g, "g")); err != nil {
		t.Error(err)
	}
	if _, err := w.s.Revoke(t.Context(), "alice", revoke(g, "g")); code(err) != fault.HasBeenRevoked {
		t.Errorf("by another: %v", err)
	}
}
