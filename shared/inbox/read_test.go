package inbox_test

import (
	"context"
	"errors"
	"testing"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/inbox"
	"github.com/doorbell-push/doorbell/shared/push"
)

func TestUnreadCounts(t *testing.T) {
	w := talk(t)
	unread := func(user, id string) int64 {
		t.Helper()
		list, err := w.inbox.List(ctx, user, &inbox.ListRequest{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list.ConversationList {
			if c.ConversationID == id {
				return c.UnreadMessageCount
			}
		}
		return -1
	}
	for _, step := range []struct {
		do             func()
		user, id       string
		before, unread int64
	}{
		{func() { w.send("me", "ann", peer) }, "me", "ann", 2, 3},                                       // had not read: their own counts until they do
		{func() { w.inbox.Read(ctx, "me", &inbox.ReadRequest{"ann", &peer, 2}) }, "me", "ann", 3, 1},    // theirs
		{func() { w.inbox.Read(ctx, "me", &inbox.ReadRequest{"ann", &peer, 0}) }, "me", "ann", 1, 0},    //
		{func() { w.send("me", "ann", peer) }, "me", "ann", 0, 0},                                       // had read all: it doesn't
		{func() {}, "ann", "me", 2, 2},                                                                  // both of mine, not her own
		{func() { w.send("ann", "me", peer) }, "me", "ann", 0, 1},                                       //
		{func() { w.inbox.Read(ctx, "me", &inbox.ReadRequest{"g", &inGroup, 0}) }, "me", "g", 3, 0},     //
		{func() { w.send("me", "g", inGroup); w.send("me", "g", inGroup) }, "me", "g", 0, 0},            //
		{func() { w.send("bob", "g", inGroup); w.send("me", "g", inGroup) }, "me", "g", 0, 2},           // bob's, and one's own behind it
		{func() { w.inbox.Read(ctx, "me", &inbox.ReadRequest{"g", &inGroup, 6}) }, "me", "g", 2, 1},     //
		{func() { w.groups.Leave(ctx, "me", &group.Request{GroupID: "g"}) }, "me", "g", 1, -1},          //
		{func() { w.groups.Join(ctx, "me", &group.Request{GroupID: "g"}) }, "me", "g", -1, 0},           // what was before isn't for them
		{func() { w.groups.Dismiss(ctx, "ann", &group.Request{GroupID: "g"}) }, "me", "g", 0, -1},       //
		{func() { w.inbox.Read(ctx, "bob", &inbox.ReadRequest{"me", &peer, 9999}) }, "bob", "me", 0, 0}, //
	} {
		if got := unread(step.user, step.id); got != step.before {
			t.Errorf("%+v: %d unread before", step, got)
		}
		step.do()
		if got := unread(step.user, step.id); got != step.unread {
			t.Errorf("%+v: %d unread", step, got)
		}
	}
}

func TestRead(t *testing.T) {
	w := talk(t)
	for _, step := range []struct {
		seq, unread, told int64
	}{{1, 1, 1}, {0, 0, 2}, {1, 0, 2}, {1, 0, 2}, {999, 0, 2}} { // it only moves forward, and not beyond the end
		got, err := w.inbox.Read(ctx, "me", &inbox.ReadRequest{"ann", &peer, step.seq})
		if want := (inbox.ReadAnswer{"ann", peer, step.unread}); err != nil || got != want {
			t.Errorf("up to %d: %+v, %v; want %+v", step.seq, got, err, want)
		}
		users, err := w.Users(ctx, []string{"me"})
		if err != nil || users["me"].ReadSeq(chat.CID(peer, "me", "ann")) != step.told {
			t.Errorf("up to %d: the plan knows %+v, %v", step.seq, users["me"], err)
		}
	}
	if got, err := w.inbox.Read(ctx, "me", &inbox.ReadRequest{"g", &inGroup, 1}); err != nil || got != (inbox.ReadAnswer{"g", inGroup, 2}) {
		t.Errorf("of a group: %+v, %v", got, err)
	}
}

// failing is a Reads that fails the first time.
type failing struct {
	inbox.Reads
	failed *bool
}

func (f failing) MarkRead(ctx context.Context, r push.Reading) error {
	if !*f.failed {
		*f.failed = true
		return errors.New("died")
	}
	return f.Reads.MarkRead(ctx, r)
}

// It dies between its two writes, and a repeat does the second.
func TestReadHeals(t *testing.T) {
	w, failed := talk(t), false
	w.inbox.Reads = failing{w.inbox.Reads, &failed}
	r := &inbox.ReadRequest{"ann", &peer, 0}
	if _, err := w.inbox.Read(ctx, "me", r); err == nil {
		t.Fatal("succeeded")
	}
	got, err := w.inbox.Read(ctx, "me", r)
	users, _ := w.Users(ctx, []string{"me"})
	if err != nil || got.UnreadMessageCount != 0 || users["me"].ReadSeq(chat.CID(peer, "me", "ann")) != 2 {
		t.Errorf("%+v, %v; the plan knows %+v", got, err, users["me"])
	}
}
