package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/resource"
	"github.com/doorbell-push/doorbell/shared/store"
	"github.com/doorbell-push/doorbell/shared/tracing"
)

var now = time.UnixMilli(1_700_000_000_123)

func newSender(s chat.Store) *chat.Sender {
	return &chat.Sender{
		Store: s, Now: func() time.Time { return now }, MaxText: 100, Retention: time.Hour,
		CheckPush: func(chat.Message) error { return nil },
	}
}

// request is a message to someone with a push.
func request(to, localID string) *chat.SendRequest {
	peer := chat.Peer
	return &chat.SendRequest{
		Message: &chat.Content{Type: chat.Text, Message: "hi"}, ToConversationID: to, ConversationType: &peer, LocalMessageID: localID,
		Config: &chat.SendConfig{Priority: chat.High, PushConfig: &chat.PushConfigInput{PushConfig: chat.PushConfig{Title: "t", Content: "c"}}},
	}
}

func TestSendStoresEveryField(t *testing.T) {
	r := request("bob", "l1")
	r.Message = &chat.Content{Type: chat.Custom, Message: "hi", SubType: 3, ExtendedData: "x", MentionedUserIDs: []string{"bob"}, IsMentionAll: true}
	r.Config.IsNotifyMentionedUsers = true
	r.Config.DeviceFilter, r.Config.CollapseID = &device.Filter{Only: &device.Selector{Platforms: []device.Platform{device.Web}}}, "score"
	r.Config.PushConfig.ExtendedData = "older name"
	ctx := tracing.Continue(t.Context(), "")
	got, err := newSender(&store.Memory{}).Send(ctx, "alice", r)
	if err != nil {
		t.Fatal(err)
	}
	want := chat.Message{
		Traceparent: tracing.Traceparent(ctx),
		MessageID:   got.MessageID, LocalMessageID: "l1", Type: chat.Custom, Message: "hi", SubType: 3, ExtendedData: "x",
		SenderUserID: "alice", ConversationID: "bob", ConversationType: chat.Peer,
		Timestamp: now.UnixMilli(), OrderKey: 1, MentionedUserIDs: []string{"bob"}, IsMentionAll: true,
		Priority: chat.High, Push: &chat.PushConfig{Title: "t", Content: "c", Payload: "older name"},
		ForcePush: true, DeviceFilter: r.Config.DeviceFilter.Seal(), CollapseID: "score", ExpireAt: now.Add(time.Hour),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	// Nothing above may be left at its zero value, or this test misses a field.
	for i, v := 0, reflect.ValueOf(want); i < v.NumField(); i++ {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() && name != "ConversationType" && name != "Fanout" && name != "System" && !later[name] {
			t.Errorf("field %s isn't tested", name)
		}
	}
}

// later is the fields that a message gets when it is changed.
var later = map[string]bool{
	"RevokeTimestamp": true, "OperatedUserID": true, "RevokeStatus": true, "RevokeExtendedData": true, "OriginalMessageType": true,
	"EditorUserID": true, "EditedTime": true, "ChangedAt": true,
}

func TestSendIsIdempotent(t *testing.T) {
	var db store.Memory
	first, err := newSender(&db).Send(t.Context(), "alice", request("bob", "l1"))
	if err != nil {
		t.Fatal(err)
	}
	later := newSender(&db)
	later.Now = func() time.Time { return now.Add(time.Hour) }
	again := request("bob", "l1")
	again.Message.Message = "other words"
	if got, err := later.Send(t.Context(), "alice", again); err != nil || !reflect.DeepEqual(got, first) {
		t.Errorf("the retry got %+v, %v; want the first message", got, err)
	}
	for _, other := range []struct{ sender, to, local string }{{"alice", "bob", "l2"}, {"bob", "alice", "l1"}, {"alice", "carol", "l1"}} {
		m, err := newSender(&db).Send(t.Context(), other.sender, request(other.to, other.local))
		if err != nil || m.MessageID == first.MessageID {
			t.Errorf("%v: is the same message (%v)", other, err)
		}
	}
}

// Both sides write to one conversation at once, every message twice.
func TestOrderKeysAreGapless(t *testing.T) {
	const each = 50
	s := newSender(&store.Memory{})
	var mu sync.Mutex
	byID := map[string]int64{}
	var wg sync.WaitGroup
	for i := range 4 * each {
		wg.Go(func() {
			from, to := "alice", "bob"
			if i%2 == 1 {
				from, to = to, from
			}
			m, err := s.Send(context.Background(), from, request(to, fmt.Sprint(i/4)))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if key, ok := byID[m.MessageID]; ok && key != m.OrderKey {
				t.Errorf("message %s has order keys %d and %d", m.MessageID, key, m.OrderKey)
			}
			byID[m.MessageID] = m.OrderKey
		})
	}
	wg.Wait()
	var keys []int64
	for _, key := range byID {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for i, key := range keys {
		if key != int64(i+1) {
			t.Fatalf("order keys %v have a gap or a repeat", keys)
		}
	}
	if len(keys) != 2*each {
		t.Errorf("%d messages, want %d", len(keys), 2*each)
	}
}

func TestSendRefusesBeforeStoring(t *testing.T) {
	tooLong := fault.Invalid("config.pushConfig.payload", "is too long")
	s := newSender(nil) // a nil Store panics when it is used
	s.CheckPush = func(m chat.Message) error {
		if m.Push.Title != "t" || m.MessageID == "" {
			t.Errorf("CheckPush got %+v", m)
		}
		return tooLong
	}
	if _, err := s.Send(t.Context(), "alice", request("bob", "l1")); fault.From(err) != tooLong {
		t.Errorf("got %v", err)
	}
	if _, err := s.Send(t.Context(), "alice", request("alice", "l1")); fault.From(err).Field != "toConversationID" {
		t.Errorf("got %v", err)
	}
}

// Who has blocked the sender gets nothing from them; the other way goes on.
func TestSendToWhoBlocks(t *testing.T) {
	var db store.Memory
	block := func(others map[string]int64) {
		err := db.Change(t.Context(), func(tx presence.Tx) error { return tx.PutUser(&presence.User{UserID: "bob", Blacklist: others}) })
		if err != nil {
			t.Fatal(err)
		}
	}
	s := newSender(&db)
	if _, err := s.Send(t.Context(), "alice", request("bob", "before")); err != nil {
		t.Fatal(err)
	}
	block(map[string]int64{"alice": 1})
	for _, localID := range []string{"after", "before"} {
		_, err := s.Send(t.Context(), "alice", request("bob", localID))
		if e := fault.From(err); e.Status != fault.PermissionDenied || e.Code != fault.SenderInBlacklist || e.Field != "" {
			t.Errorf("%s: %v", localID, err)
		}
	}
	room, roomType := request("bob", "r"), chat.Room
	room.ConversationType, room.Config.PushConfig = &roomType, nil
	for who, r := range map[string]*chat.SendRequest{"carol": request("bob", "1"), "bob": request("alice", "1"), "alice": room} {
		if _, err := s.Send(t.Context(), who, r); err != nil {
			t.Errorf("%s: %v", who, err)
		}
	}
	block(nil)
	m, err := s.Send(t.Context(), "alice", request("bob", "again"))
	if err != nil || m.OrderKey != 3 { // what was refused took no number
		t.Errorf("unblocked: %+v, %v", m, err)
	}
}

// unreadable is a store that can't tell who blocks whom.
type unreadable struct{ *store.Memory }

func (unreadable) Users(context.Context, []string) (map[string]*presence.User, error) {
	return nil, errors.New("store is down")
}

func TestSendNeedsTheBlacklist(t *testing.T) {
	db := unreadable{&store.Memory{}}
	if m, err := newSender(db).Send(t.Context(), "alice", request("bob", "1")); err == nil {
		t.Errorf("sent %+v", m)
	}
	if m, err := newSender(db.Memory).Send(t.Context(), "alice", request("bob", "2")); err != nil || m.OrderKey != 1 {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestSendWithoutPush(t *testing.T) {
	s := newSender(&store.Memory{})
	s.CheckPush = func(chat.Message) error { return errors.New("asked about a message without a push") }
	r := request("bob", "l1")
	r.Config.PushConfig = nil
	if m, err := s.Send(t.Context(), "alice", r); err != nil || m.Push != nil {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestCID(t *testing.T) {
	if chat.CID(chat.Peer, "alice", "bob") != chat.CID(chat.Peer, "bob", "alice") {
		t.Error("a peer conversation depends on who asks")
	}
	if chat.CID(chat.Room, "alice", "r") != chat.CID(chat.Room, "bob", "r") || chat.CID(chat.Group, "alice", "g") != chat.CID(chat.Group, "bob", "g") {
		t.Error("a room or group depends on who asks")
	}
	ids := map[string]bool{}
	for _, id := range []string{
		chat.CID(chat.Peer, "alice", "bob"), chat.CID(chat.Peer, "alice", "carol"), chat.CID(chat.Peer, "a", "licebob"),
		chat.CID(chat.Room, "alice", "bob"), chat.CID(chat.Group, "alice", "bob"), chat.CID(chat.Group, "alice", "carol"),
	} {
		if ids[id] {
			t.Errorf("two conversations are %s", id)
		}
		ids[id] = true
	}
}

// What a sender gets back has ZIM's fields, and none of how it is delivered.
func TestSentJSON(t *testing.T) {
	m := chat.Message{
		MessageID: "m", LocalMessageID: "l", Type: chat.Text, Message: "hi", SenderUserID: "alice", ConversationID: "bob",
		Timestamp: 5, OrderKey: 7, Priority: chat.High, Push: &chat.PushConfig{Title: "t"}, ForcePush: true, ExpireAt: now,
		DeviceFilter: &device.Sealed{}, CollapseID: "c",
		Fanout: &chat.Fanout{Chunks: 1, Members: 2},
	}
	const want = `{"messageID":"m","localMessageID":"l","type":1,"message":"hi","senderUserID":"alice","conversationID":"bob","conversationType":0,"timestamp":5,"orderKey":7,"messageSeq":7,"direction":0,"sentStatus":1}`
	if got, err := json.Marshal(m.Sent()); err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

// A message that skips its push is stored as one without any.
func TestSkipPush(t *testing.T) {
	r := request("bob", "l1")
	r.Config.SkipPush = true
	s := newSender(&store.Memory{})
	s.CheckPush = func(chat.Message) error { return errors.New("checked") }
	got, err := s.Send(t.Context(), "alice", r)
	if err != nil || got.Push != nil || got.Message != "hi" {
		t.Errorf("got %+v, %v", got, err)
	}
	// What it would have been is checked all the same.
	r.Config.PushConfig.Title = ""
	if _, err := s.Send(t.Context(), "alice", r); err == nil {
		t.Error("a push without a title is taken")
	}
}

// known is resources, or none where they can't be had.
type known map[string]*resource.Resource

func (k known) Find(_ context.Context, id string) (*resource.Resource, error) {
	if k == nil {
		return nil, errors.New("down")
	}
	return k[id], nil
}

// A push is silent where its resource is, whatever it has to show; nothing else of
// a resource is settled when it is sent.
func TestSilentResource(t *testing.T) {
	all := known{"silent": {Silent: true}, "loud": {TTL: 60}}
	for id, silent := range map[string]bool{"silent": true, "loud": false, "unknown": false, "": false} {
		s := newSender(&store.Memory{})
		s.Resources = all
		r := request("bob", "l1")
		r.Config.PushConfig.PushConfig = chat.PushConfig{Title: "t", Content: "c", Payload: "p", ResourcesID: id, EnableBadge: true, BadgeIncrement: 2}
		m, err := s.Send(t.Context(), "alice", r)
		want := r.Config.PushConfig.PushConfig
		if silent {
			want = chat.PushConfig{Silent: true, Payload: "p", ResourcesID: id, EnableBadge: true, BadgeIncrement: 2}
		}
		if err != nil || *m.Push != want {
			t.Errorf("with %q: %+v, %v", id, m.Push, err)
		}
	}
	s := newSender(&store.Memory{})
	s.Resources = known(nil)
	if m, err := s.Send(t.Context(), "alice", request("bob", "l1")); err != nil || m.Push.Silent {
		t.Errorf("who names none waits for none: %+v, %v", m.Push, err)
	}
	r := request("bob", "l2")
	r.Config.PushConfig.ResourcesID = "silent"
	if _, err := s.Send(t.Context(), "alice", r); err == nil {
		t.Error("sent without knowing whether it is silent")
	}
}
