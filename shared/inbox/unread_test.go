package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/inbox"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
)

func (w *world) unread(u *presence.User) (n int, known bool) {
	w.Helper()
	n, known, err := w.inbox.Unread(ctx, u, plan.Rules{})
	if err != nil {
		w.Fatal(err)
	}
	return n, known
}

func (w *world) wantUnread(when string, want int) {
	w.Helper()
	me := &presence.User{UserID: "me"}
	if users, err := w.Users(ctx, []string{"me"}); err != nil {
		w.Fatal(err)
	} else if users["me"] != nil {
		me = users["me"]
	}
	if n, known := w.unread(me); n != want || !known {
		w.Errorf("%s: %d (%t), want %d", when, n, known, want)
	}
}

func (w *world) read(conversation string, t chat.ConversationType) {
	w.Helper()
	if _, err := w.inbox.Read(ctx, "me", &inbox.ReadRequest{ConversationID: conversation, ConversationType: &t}); err != nil {
		w.Fatal(err)
	}
}

// What isn't read counts until it is, unless it is muted, blocked or dismissed.
func TestUnread(t *testing.T) {
	w := talk(t) // to me: two of ann, one of bob, and in the group one of ann, mine, one of bob
	reg := &presence.Registry{Store: w.Memory, Now: w.clock}
	w.wantUnread("all", 6)
	if n, known := w.unread(&presence.User{UserID: "stranger"}); n != 0 || !known {
		t.Errorf("of nobody: %d, %t", n, known)
	}
	w.read("ann", peer)
	w.wantUnread("read ann's", 4)
	w.send("ann", "me", peer)
	w.wantUnread("ann writes again", 5)

	set := func(to group.Status) {
		t.Helper()
		r := &group.StatusRequest{Status: to, ConversationID: "g", ConversationType: &inGroup}
		if _, err := w.groups.SetStatus(ctx, "me", r); err != nil {
			t.Fatal(err)
		}
	}
	set(group.DoNotDisturb)
	w.wantUnread("the group muted", 2)
	set(group.Notify)
	w.wantUnread("and no more", 5)

	until := w.now.Add(time.Hour)
	if err := reg.SetPeer(ctx, "me", chat.CID(chat.Peer, "me", "bob"), &presence.Mute{MutedUntil: until.UnixMilli()}, ""); err != nil {
		t.Fatal(err)
	}
	w.wantUnread("bob muted", 4)
	w.now = until
	w.wantUnread("the mute is over", 5)
	if _, err := reg.AddToBlacklist(ctx, "me", []string{"bob"}); err != nil {
		t.Fatal(err)
	}
	w.wantUnread("bob blocked", 4)

	if _, err := w.groups.Dismiss(ctx, "ann", &group.Request{GroupID: "g"}); err != nil {
		t.Fatal(err)
	}
	w.wantUnread("the group is no more", 1)
	w.read("ann", peer)
	w.wantUnread("all read", 0)
}

// A group counts from when one joined.
func TestUnreadSinceJoined(t *testing.T) {
	w := newWorld(t)
	w.group("g", "ann", "bob")
	w.send("ann", "g", inGroup)
	if _, err := w.groups.Join(ctx, "me", &group.Request{GroupID: "g"}); err != nil {
		t.Fatal(err)
	}
	w.wantUnread("just joined", 0)
	w.send("ann", "g", inGroup)
	w.wantUnread("after that", 1)
}

// The number and what is looked at have bounds: the latest peers, all groups or none.
func TestUnreadIsBounded(t *testing.T) {
	w := newWorld(t)
	for i := range inbox.MaxCounted + 5 {
		w.now = w.now.Add(time.Second)
		w.send(fmt.Sprint("p", i), "me", peer)
	}
	w.wantUnread("more peers than are looked at", inbox.MaxCounted)
	w.now = w.now.Add(time.Second)
	for range 2 {
		w.send("p0", "me", peer) // one of those that weren't
	}
	w.wantUnread("of the latest", inbox.MaxCounted+2)
	for i := range inbox.MaxCounted {
		w.group(fmt.Sprint("g", i), "ann", "me")
	}
	w.send("ann", "g7", inGroup)
	w.wantUnread("as many groups as are looked at", inbox.MaxCounted+3)
	w.group("more", "ann", "me")
	if n, known := w.unread(&presence.User{UserID: "me"}); n != 0 || known {
		t.Errorf("one group more: %d, %t", n, known)
	}

	many := newWorld(t)
	for range presence.MaxBadge + 1 {
		many.now = many.now.Add(time.Millisecond)
		many.send("ann", "me", peer)
	}
	many.wantUnread("more than an icon says", presence.MaxBadge)
}

// broken is a store of which one kind of read fails.
type broken struct {
	inbox.Store
	peers, memberships, groups error
}

func (b broken) LatestPeers(ctx context.Context, userID string, after *inbox.Place, limit int) ([]chat.Conversation, error) {
	if b.peers != nil {
		return nil, b.peers
	}
	return b.Store.LatestPeers(ctx, userID, after, limit)
}

func (b broken) Memberships(ctx context.Context, userID, after string, limit int) ([]group.Member, error) {
	if b.memberships != nil {
		return nil, b.memberships
	}
	return b.Store.Memberships(ctx, userID, after, limit)
}

func (b broken) Groups(ctx context.Context, cids []string) (map[string]chat.Conversation, error) {
	if b.groups != nil {
		return nil, b.groups
	}
	return b.Store.Groups(ctx, cids)
}

// A part that can't be read makes no smaller number.
func TestUnreadFails(t *testing.T) {
	w, down := talk(t), errors.New("down")
	for name, b := range map[string]broken{"peers": {peers: down}, "memberships": {memberships: down}, "groups": {groups: down}} {
		b.Store = w.Memory
		w.inbox.Store = b
		if n, known, err := w.inbox.Unread(ctx, &presence.User{UserID: "me"}, plan.Rules{}); !errors.Is(err, down) || known || n != 0 {
			t.Errorf("%s: %d, %t, %v", name, n, known, err)
		}
	}
}
