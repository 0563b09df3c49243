package inbox_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fanout"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/inbox"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/store"
)

var (
	ctx   = context.Background()
	began = time.UnixMilli(1_700_000_000_000)
)

// world is people who write to each other through instances whose clocks
// differ, on a store in memory. Before each of a page's reads something may
// happen: that is when pages go wrong.
type world struct {
	*testing.T
	*store.Memory
	now     time.Time       // the true one
	clocks  []time.Duration // how far each instance's is ahead
	at      int             // the instance that is at work
	groups  *group.Service
	inbox   *inbox.Service
	sent    int
	waiting []waiting // messages on their way into the store

	turn   sync.Mutex // a page reads in parallel
	happen func()
	reads  int // of messages, as Firestore bills them
}

// waiting is a message whose sender has looked at the clock, but not yet stored it.
type waiting struct {
	m      chat.Message
	stored time.Time
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, Memory: &store.Memory{}, now: began, clocks: []time.Duration{0}}
	w.groups = &group.Service{Store: w.Memory, Now: w.clock, MaxMembers: 1000}
	w.inbox = &inbox.Service{Store: w, Presence: w.Memory, Reads: &fanout.Reader{Positions: &presence.Registry{Store: w.Memory, Now: w.clock}}, Now: w.clock}
	return w
}

func (w *world) clock() time.Time { return w.now.Add(w.clocks[w.at]) }

// look is called before the store is read.
func (w *world) look() {
	if w.happen != nil {
		w.turn.Lock()
		defer w.turn.Unlock()
		w.happen()
	}
}

func (w *world) Peers(ctx context.Context, userID string, since int64) ([]chat.Conversation, error) {
	w.look()
	return w.Memory.Peers(ctx, userID, since)
}

func (w *world) Memberships(ctx context.Context, userID, after string, limit int) ([]group.Member, error) {
	w.look()
	return w.Memory.Memberships(ctx, userID, after, limit)
}

func (w *world) Groups(ctx context.Context, cids []string) (map[string]chat.Conversation, error) {
	w.look()
	return w.Memory.Groups(ctx, cids)
}

func (w *world) MessagesAfter(ctx context.Context, cid string, seq int64, limit int) ([]chat.Message, error) {
	w.look()
	return w.bill(w.Memory.MessagesAfter(ctx, cid, seq, limit))
}

func (w *world) MessagesSince(ctx context.Context, cid string, since int64, limit int) ([]chat.Message, error) {
	w.look()
	return w.bill(w.Memory.MessagesSince(ctx, cid, since, limit))
}

// bill counts what a query costs.
func (w *world) bill(found []chat.Message, err error) ([]chat.Message, error) {
	w.turn.Lock()
	defer w.turn.Unlock()
	w.reads += max(1, len(found))
	return found, err
}

// message is one from a person, as an instance with its clock makes it.
func (w *world) message(from, to string, t chat.ConversationType, clock time.Time) chat.Message {
	w.sent++
	return chat.Message{
		MessageID: fmt.Sprintf("m%05d", w.sent), Type: chat.Text, Message: "hi", SenderUserID: from, ConversationID: to, ConversationType: t,
		Timestamp: clock.UnixMilli(), Priority: chat.Low, Push: &chat.PushConfig{Title: "secret"},
	}
}

// send stores a message at once.
func (w *world) send(from, to string, t chat.ConversationType) chat.Message {
	w.Helper()
	m, err := w.AddMessage(ctx, w.message(from, to, t, w.clock()))
	if err != nil {
		w.Fatal(err)
	}
	return m
}

// settle stores what is due by now. A message to a group its sender has left
// is lost, which is right.
func (w *world) settle() {
	slices.SortStableFunc(w.waiting, func(a, b waiting) int { return cmp.Compare(a.stored.UnixNano(), b.stored.UnixNano()) })
	for len(w.waiting) > 0 && !w.waiting[0].stored.After(w.now) {
		_, _ = w.AddMessage(ctx, w.waiting[0].m)
		w.waiting = w.waiting[1:]
	}
}

func (w *world) group(id, owner string, others ...string) {
	w.Helper()
	r := &group.CreateRequest{GroupInfo: &group.BaseInfo{GroupID: id, GroupName: "name of " + id}, UserIDs: others}
	if _, err := w.groups.Create(ctx, owner, r); err != nil {
		w.Fatal(err)
	}
}

func (w *world) sync(user, cursor string, count int) inbox.SyncAnswer {
	w.Helper()
	a, err := w.inbox.Sync(ctx, user, &inbox.SyncRequest{Cursor: cursor, Count: &count})
	if err != nil {
		w.Fatal(err)
	}
	return a
}

// client is a device that pages.
type client struct {
	cursor string
	got    []inbox.Item
}

func (c *client) take(a inbox.SyncAnswer) {
	c.cursor, c.got = a.Cursor, append(c.got, a.MessageList...)
}

// byConversation is the OrderKeys the client got, in the order it got them in.
func (c *client) byConversation() map[string][]int64 {
	out := map[string][]int64{}
	for _, m := range c.got {
		key := fmt.Sprint(m.ConversationType, m.ConversationID)
		out[key] = append(out[key], m.OrderKey)
	}
	return out
}

// want checks that the client has all from the OrderKey after first on, each
// once, in order.
func (c *client) want(t *testing.T, conversation string, first, last int64) {
	t.Helper()
	var all []int64
	for seq := first + 1; seq <= last; seq++ {
		all = append(all, seq)
	}
	if got := c.byConversation()[conversation]; !slices.Equal(got, all) {
		t.Errorf("of conversation %s: got %v, want %d to %d", conversation, got, first+1, last)
	}
}

// pick is one of the values.
func pick[T any](r *rand.Rand, values []T) T { return values[r.IntN(len(values))] }
