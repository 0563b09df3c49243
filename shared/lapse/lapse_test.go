package lapse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/inbox"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/store"
)

var start = time.UnixMilli(1_700_000_000_000)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

// world is a sweeper with memory for presence and ledger, and everything else
// as the test wants it.
type world struct {
	*testing.T
	*Sweeper
	mu       sync.Mutex // users are swept at the same time
	db       *store.Memory
	now      time.Time
	missed   map[string][]inbox.Missed // by user
	asked    []string
	fail     map[string]error // of Missed, by user
	settle   error
	batches  []push.Batch
	failAt   int // the batch that can't be published, counting from 1
	registry *presence.Registry
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, db: &store.Memory{}, now: start, missed: map[string][]inbox.Missed{}, fail: map[string]error{}}
	clock := func() time.Time { return w.now }
	w.registry = &presence.Registry{Store: w.db, Now: clock, Lease: time.Minute, MaxDevices: 25}
	w.Sweeper = &Sweeper{Lapses: w.db, Leases: w, Inbox: w, Ledger: w.db, Publisher: w, Now: clock, PushTTL: time.Hour}
	return w
}

func (w *world) Missed(_ context.Context, userID string, since, until int64, limit int) ([]inbox.Missed, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, fmt.Sprint(userID, " ", since-start.UnixMilli(), " ", until-start.UnixMilli(), " ", limit))
	return w.missed[userID], false, w.fail[userID]
}

func (w *world) SettleLapsed(ctx context.Context, userID string, lapsed []device.Device) (int, error) {
	if w.settle != nil {
		return 0, w.settle
	}
	return w.registry.SettleLapsed(ctx, userID, lapsed)
}

func (w *world) Publish(_ context.Context, b push.Batch) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.batches)+1 == w.failAt {
		return errors.New("topic is down")
	}
	w.batches = append(w.batches, b)
	return nil
}

// online registers a device of user's and has it say at a time that it is online.
func (w *world) online(user, deviceID string, seconds int, acked int64) string {
	w.Helper()
	before := w.now
	w.now = at(seconds)
	out, err := w.registry.Register(w.Context(), user, device.Device{
		DeviceID: deviceID, Platform: device.Web, Popup: true, Target: device.Target{Kind: device.KindToken, Value: user + deviceID},
	})
	if err != nil {
		w.Fatal(err)
	}
	if _, err := w.registry.Heartbeat(w.Context(), user, presence.Beat{PushID: out.PushID, State: device.Online, AckedUpTo: acked}); err != nil {
		w.Fatal(err)
	}
	w.now = before
	return out.PushID
}

// sent is a message to bob that many seconds after the start.
func sent(id string, seconds int, edits ...func(*inbox.Missed)) inbox.Missed {
	m := inbox.Missed{Message: chat.Message{
		MessageID: id, SenderUserID: "alice", ConversationID: "bob", Timestamp: at(seconds).UnixMilli(), OrderKey: 1,
		Push: &chat.PushConfig{Title: "t", Content: "c"},
	}}
	for _, edit := range edits {
		edit(&m)
	}
	return m
}

func (w *world) rung() (out []string) {
	for _, b := range w.batches {
		for _, t := range b.Targets {
			out = append(out, b.Announcement.ID+" "+t.Value)
		}
	}
	return out
}

func (w *world) sweep(users int, rung ...string) {
	w.Helper()
	n, err := w.Sweep(w.Context())
	if err != nil || n != users {
		w.Errorf("swept %d users, %v; want %d", n, err, users)
	}
	if got := w.rung(); !slices.Equal(got, rung) {
		w.Errorf("rang %q, want %q", got, rung)
	}
}

func TestSweep(t *testing.T) {
	w := newWorld(t)
	w.online("bob", "tab", 100, at(80).UnixMilli())
	w.online("bob", "other", 140, 0)
	w.online("carol", "tab", 100, 0)
	w.missed["bob"] = []inbox.Missed{
		sent("acked", 80), sent("missed", 81), sent("at the end", 165), sent("known to be away", 166),
		sent("no push", 120, func(m *inbox.Missed) { m.Message.Push = nil }),
		sent("read", 120, func(m *inbox.Missed) { m.Read = true }),
		sent("muted", 120, func(m *inbox.Missed) {
			m.Message.ConversationType, m.Message.ConversationID = chat.Group, "g"
			m.Member = &group.Member{UserID: "bob", Status: group.DoNotDisturb}
		}),
		sent("mentioned", 120, func(m *inbox.Missed) {
			m.Message.ConversationType, m.Message.ConversationID = chat.Group, "g"
			m.Message.ForcePush, m.Message.MentionedUserIDs = true, []string{"bob"}
			m.Member = &group.Member{UserID: "bob", Status: group.DoNotDisturb}
		}),
	}
	w.now = at(164)
	w.sweep(0)
	w.now = at(165)
	w.sweep(2, "missed bobtab", "at the end bobtab", "mentioned bobtab")
	slices.Sort(w.asked)
	if want := []string{"bob 80000 165000 50", "carol 40000 165000 50"}; !slices.Equal(w.asked, want) {
		t.Errorf("asked %q, want %q", w.asked, want)
	}
	w.sweep(0, w.rung()...) // all is settled
}

// A device that was rung already isn't again, and what is published twice is
// the same batch.
func TestSweepTwice(t *testing.T) {
	w := newWorld(t)
	pushID := w.online("bob", "tab", 0, 0)
	w.missed["bob"] = []inbox.Missed{sent("m", 10), sent("n", 20)}
	w.now = at(65)
	w.settle = errors.New("dies before it settles")
	for range 2 {
		if _, err := w.Sweep(t.Context()); !errors.Is(err, w.settle) {
			t.Fatal(err)
		}
	}
	if len(w.batches) != 4 || w.batches[0].ID != w.batches[2].ID || w.batches[0].ID == w.batches[1].ID {
		t.Errorf("batches %+v", w.batches)
	}
	w.batches, w.settle = nil, nil
	e := delivery.Entry{ID: "e", SubjectID: "m", Attempt: 1}
	if _, err := w.db.Begin(t.Context(), e, nil, w.now); err != nil {
		t.Fatal(err)
	}
	e.Lease, e.Done, e.Outcomes = 1, true, map[string]delivery.Outcome{pushID: {UserID: "bob", Status: delivery.Sent}}
	if err := w.db.Finish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	w.sweep(1, "n bobtab")
}

// One user's failure keeps no other from being rung, and is tried again.
func TestSweepFails(t *testing.T) {
	w := newWorld(t)
	for i := range 250 {
		w.online(fmt.Sprint("user", i), "tab", 0, 0)
	}
	w.online("bob", "tab", 0, 0)
	w.missed["bob"] = []inbox.Missed{sent("m", 10)}
	w.now = at(65)
	down := errors.New("down")
	w.fail["bob"] = down
	n, err := w.Sweep(t.Context())
	if n != 250 || !errors.Is(err, down) {
		t.Errorf("swept %d, %v", n, err)
	}
	delete(w.fail, "bob")
	w.failAt = 1
	if n, err := w.Sweep(t.Context()); n != 0 || err == nil {
		t.Errorf("swept %d, %v", n, err)
	}
	w.failAt = 0
	w.sweep(1, "m bobtab")
}
