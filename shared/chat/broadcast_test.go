package chat_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/store"
)

// failing is a store that fails for some receivers.
type failing struct {
	store.Memory
	mu    sync.Mutex
	fails map[string]error
	added int
	most  int // users read at once
}

func (s *failing) AddMessage(ctx context.Context, m chat.Message) (chat.Message, error) {
	s.mu.Lock()
	err := s.fails[m.ConversationID]
	s.added++
	s.mu.Unlock()
	if err != nil {
		return m, err
	}
	return s.Memory.AddMessage(ctx, m)
}

func (s *failing) Users(ctx context.Context, ids []string) (map[string]*presence.User, error) {
	s.mu.Lock()
	s.most = max(s.most, len(ids))
	s.mu.Unlock()
	return s.Memory.Users(ctx, ids)
}

func broadcaster(db chat.Store) *chat.Sender {
	return &chat.Sender{
		Store: db, Now: func() time.Time { return time.UnixMilli(1_700_000_000_000) }, MaxText: 100, Retention: time.Hour,
		CheckPush: func(chat.Message) error { return nil },
	}
}

func broadcast(to ...string) *chat.BroadcastRequest {
	return &chat.BroadcastRequest{
		Message: &chat.Content{Type: chat.Text, Message: "hi"}, ToUserIDs: to, LocalMessageID: "l", Config: &chat.SendConfig{
			Priority: chat.Medium, PushConfig: &chat.PushConfigInput{PushConfig: chat.PushConfig{Title: "t", Content: "c"}},
		},
	}
}

// Each of many has a message of their own, whatever becomes of the others'; asked
// again, the rest get theirs and nobody another.
func TestBroadcast(t *testing.T) {
	down := errors.New("down")
	db := &failing{fails: map[string]error{"u7": down, "u9": fault.New(fault.PermissionDenied, fault.MessageCommon, "no")}}
	blocker := presence.Registry{Store: &db.Memory, Now: time.Now}
	if _, err := blocker.AddToBlacklist(t.Context(), "u8", []string{"system"}); err != nil {
		t.Fatal(err)
	}
	var to []string
	for i := range chat.MaxReceivers {
		to = append(to, fmt.Sprint("u", i))
	}
	s := broadcaster(db)
	out, err := s.Broadcast(t.Context(), "system", broadcast(to...))
	if err != nil {
		t.Fatal(err)
	}
	want := []chat.NotSent{{UserID: "u7", Reason: fault.ServerError}, {UserID: "u8", Reason: fault.SenderInBlacklist}, {UserID: "u9", Reason: fault.MessageCommon}}
	if !reflect.DeepEqual(out.ErrorUserList, want) || len(out.MessageList) != chat.MaxReceivers-3 {
		t.Errorf("%d sent, not to %+v", len(out.MessageList), out.ErrorUserList)
	}
	if db.most > presence.MaxHeld || db.added != chat.MaxReceivers-1 {
		t.Errorf("%d users read at once, %d messages stored", db.most, db.added)
	}
	ids := map[string]bool{}
	for i, m := range out.MessageList[:7] {
		if m.ConversationID != to[i] || m.ConversationType != chat.Peer || m.OrderKey != 1 || m.Timestamp == 0 {
			t.Errorf("%+v", m)
		}
		ids[m.MessageID] = true
	}
	if len(ids) != 7 {
		t.Errorf("message IDs %v", ids)
	}

	delete(db.fails, "u7")
	again, err := s.Broadcast(t.Context(), "system", broadcast(to...))
	if err != nil || len(again.MessageList) != chat.MaxReceivers-2 || !reflect.DeepEqual(again.MessageList[:7], out.MessageList[:7]) || again.MessageList[7].ConversationID != "u7" {
		t.Errorf("again: %d, %+v, %v", len(again.MessageList), again.ErrorUserList, err)
	}
	other := broadcast("u1")
	other.LocalMessageID = "another"
	if out, err := s.Broadcast(t.Context(), "system", other); err != nil || len(out.MessageList) != 1 || out.MessageList[0].OrderKey != 2 {
		t.Errorf("the next message to u1 is %+v, %v", out, err)
	}
}

// A failure that meets everybody is one of the request, so that it is retried.
func TestBroadcastFails(t *testing.T) {
	down, gone := errors.New("down"), fault.New(fault.PermissionDenied, fault.MessageCommon, "no")
	for name, tc := range map[string]struct {
		fails map[string]error
		want  error
		left  int // in the list
	}{
		"all by our fault":     {map[string]error{"a": down, "b": down}, down, 0},
		"one by ours":          {map[string]error{"a": down}, nil, 1},
		"all by theirs":        {map[string]error{"a": gone, "b": gone}, nil, 2},
		"ours, and by theirs":  {map[string]error{"a": down, "b": gone}, down, 0},
		"theirs, and by ours":  {map[string]error{"a": gone, "b": down}, down, 0},
		"nobody has a failure": {nil, nil, 0},
	} {
		out, err := broadcaster(&failing{fails: tc.fails}).Broadcast(t.Context(), "system", broadcast("a", "b"))
		if !errors.Is(err, tc.want) || len(out.ErrorUserList) != tc.left {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
		var own *fault.Error
		if tc.want == down && errors.As(err, &own) {
			t.Errorf("%s: the backend is told that it is at fault: %v", name, err)
		}
	}
	group := broadcast()
	group.ToGroupID = "g"
	if out, err := broadcaster(&failing{}).Broadcast(t.Context(), "system", group); fault.From(err).Code != fault.GroupDoesNotExist {
		t.Errorf("to no group: %+v, %v", out, err)
	}
	many := make([]string, chat.MaxReceivers+1)
	if _, err := broadcaster(&failing{}).Broadcast(t.Context(), "system", broadcast(many...)); fault.From(err).Field != "toUserIDs" {
		t.Errorf("to too many: %v", err)
	}
}
