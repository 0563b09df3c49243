package inbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/inbox"
)

var peer, room, inGroup = chat.Peer, chat.Room, chat.Group

// talk is a world in which ann, bob and me have written to each other, in pairs
// and in the group g. It takes a second per message.
func talk(t *testing.T) *world {
	w := newWorld(t)
	w.group("g", "ann", "bob", "me")
	for _, m := range []struct {
		from, to string
		kind     chat.ConversationType
	}{{"ann", "me", peer}, {"bob", "me", peer}, {"ann", "g", inGroup}, {"ann", "me", peer}, {"me", "g", inGroup}, {"ann", "bob", peer}, {"bob", "r", room}, {"bob", "g", inGroup}} {
		w.now = w.now.Add(time.Second)
		w.send(m.from, m.to, m.kind)
	}
	return w
}

// Who isn't in a conversation gets nothing of it, and doesn't learn whether it
// is there.
func TestOthersConversations(t *testing.T) {
	w := talk(t)
	w.group("theirs", "ann", "bob")
	w.send("ann", "theirs", inGroup)
	w.groups.Leave(ctx, "bob", &group.Request{GroupID: "g"})
	w.group("gone", "ann", "me")
	w.send("ann", "gone", inGroup)
	w.groups.Dismiss(ctx, "ann", &group.Request{GroupID: "gone"})

	texts := map[string]bool{}
	for _, tc := range []struct {
		user, id string
		kind     *chat.ConversationType
	}{
		{"me", "theirs", &inGroup}, {"me", "unknown", &inGroup}, {"bob", "g", &inGroup}, {"me", "gone", &inGroup},
		{"me", "stranger", &peer}, {"eve", "ann", &peer}, {"me", "g", &peer}, {"me", "ann", &inGroup},
	} {
		_, readErr := w.inbox.Read(ctx, tc.user, &inbox.ReadRequest{tc.id, tc.kind, 0})
		_, historyErr := w.inbox.History(ctx, tc.user, &inbox.HistoryRequest{ConversationID: tc.id, ConversationType: tc.kind})
		for _, err := range []error{readErr, historyErr} {
			e := fault.From(err)
			if texts[e.Message] = true; e.Status != fault.NotFound || e.Code != fault.ConversationDoesNotExist {
				t.Errorf("%+v: %v", tc, err)
			}
		}
	}
	if len(texts) != 1 {
		t.Errorf("they are told apart by %v", texts)
	}
	for user, want := range map[string]string{"eve": "[]", "bob": "[ann:1 theirs:1]"} {
		if got := fmt.Sprint(lines(w.sync(user, "", 500).MessageList)); got != want {
			t.Errorf("%s gets %s, want %s", user, got, want)
		}
	}
	// A cursor of another's says nothing of their conversations.
	if _, err := w.inbox.Sync(ctx, "eve", &inbox.SyncRequest{Cursor: w.sync("me", "", 2).Cursor}); fault.From(err).Field != "cursor" {
		t.Errorf("another's cursor: %v", err)
	}
}

func TestBadRequests(t *testing.T) {
	w := talk(t)
	number := func(n int) *int { return &n }
	do := map[string]func() error{
		"count":      func() error { _, err := w.inbox.Sync(ctx, "me", &inbox.SyncRequest{Count: number(0)}); return err },
		"count ":     func() error { _, err := w.inbox.Sync(ctx, "me", &inbox.SyncRequest{Count: number(501)}); return err },
		"cursor":     func() error { _, err := w.inbox.Sync(ctx, "me", &inbox.SyncRequest{Cursor: "x"}); return err },
		"messageSeq": func() error { _, err := w.inbox.Read(ctx, "me", &inbox.ReadRequest{"ann", &peer, -1}); return err },
		"conversationType": func() error {
			_, err := w.inbox.Read(ctx, "me", &inbox.ReadRequest{"ann", nil, 0})
			return err
		},
		"conversationType ": func() error {
			_, err := w.inbox.History(ctx, "me", &inbox.HistoryRequest{ConversationID: "r", ConversationType: &room})
			return err
		},
		"conversationID": func() error { _, err := w.inbox.Read(ctx, "me", &inbox.ReadRequest{"me", &peer, 0}); return err },
		"conversationID ": func() error {
			_, err := w.inbox.Read(ctx, "me", &inbox.ReadRequest{"a/b", &inGroup, 0})
			return err
		},
		"nextMessageSeq": func() error {
			_, err := w.inbox.History(ctx, "me", &inbox.HistoryRequest{ConversationID: "ann", ConversationType: &peer, NextMessageSeq: -1})
			return err
		},
		"count  ": func() error {
			_, err := w.inbox.History(ctx, "me", &inbox.HistoryRequest{ConversationID: "ann", ConversationType: &peer, Count: number(101)})
			return err
		},
		"count   ":    func() error { _, err := w.inbox.List(ctx, "me", &inbox.ListRequest{Count: number(-1)}); return err },
		"onlineSince": func() error { _, err := w.inbox.Sync(ctx, "me", &inbox.SyncRequest{OnlineSince: -1}); return err },
	}
	for i, flag := range []string{"x", "-", "1-", "1-x", "01-" + chat.CID(peer, "a", "b"), "1-" + chat.CID(peer, "a", "b") + "x"} {
		do["nextFlag"+strings.Repeat(" ", i)] = func() error {
			_, err := w.inbox.List(ctx, "me", &inbox.ListRequest{NextFlag: flag})
			return err
		}
	}
	for field, try := range do {
		if e := fault.From(try()); e.Status != fault.InvalidArgument || e.Field != strings.TrimSpace(field) {
			t.Errorf("%s: %+v", field, e)
		}
	}
}
