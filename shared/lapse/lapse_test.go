package lapse

import (
	"context"
	"crypto/rand"
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
	holding  error
	taken    int // of what was missed
	batches  []push.Batch
	failAt   int // the batch that can't be published, counting from 1
	registry *presence.Registry
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, db: &store.Memory{}, now: start, missed: map[string][]inbox.Missed{}, fail: map[string]error{}}
	clock := func() time.Time { return w.now }
	w.registry = &presence.Registry{Store: w.db, Now: clock, Lease: time.Minute, MaxDevices: 25}
	w.Sweeper = &Sweeper{Lapses: w.db, Leases: w, Inbox: w, Calls: w.db, Ledger: w.db, Publisher: w, Now: clock, PushTTL: time.Hour}
	return w
}

func (w *world) Missed(_ context.Context, userID string, since, until int64, take func(inbox.Missed) (bool, error)) (bool, error) {
	w.mu.Lock()
	w.asked = append(w.asked, fmt.Sprint(userID, " ", since-start.UnixMilli(), " ", until-start.UnixMilli()))
	missed, err := w.missed[userID], w.fail[userID]
	w.mu.Unlock()
	if err != nil {
		return false, err
	}
	missed = slices.DeleteFunc(slices.Clone(missed), func(m inbox.Missed) bool { return m.Message.Timestamp <= since || m.Message.Timestamp > until })
	for i, m := range missed {
		w.taken++
		if goOn, err := take(m); err != nil || !goOn {
			return i < len(missed)-1, err
		}
	}
	return false, nil
}

func (w *world) LookedUpTo(ctx context.Context, userID string, lapsed []device.Device, timestamp int64) error {
	return w.registry.LookedUpTo(ctx, userID, lapsed, timestamp)
}

func (w *world) Hold(ctx context.Context, userID string, h presence.Held) error {
	if w.holding != nil {
		return w.holding
	}
	return w.registry.Hold(ctx, userID, h)
}

func (w *world) SettleHeld(ctx context.Context, userID string, h presence.Held, told *presence.Summary) error {
	if w.settle != nil {
		return w.settle
	}
	return w.registry.SettleHeld(ctx, userID, h, told)
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
	pushID := w.register(user, deviceID, device.Web)
	w.beat(user, deviceID, device.Online, seconds, acked)
	return pushID
}

func (w *world) register(user, deviceID string, p device.Platform) (pushID string) {
	w.Helper()
	out, err := w.registry.Register(w.Context(), user, device.Device{
		DeviceID: deviceID, Platform: p, Popup: true, Target: device.Target{Kind: device.KindToken, Value: user + deviceID},
	})
	if err != nil {
		w.Fatal(err)
	}
	return out.PushID
}

// beat is a heartbeat of a device that many seconds after the start.
func (w *world) beat(user, deviceID string, s device.State, seconds int, acked int64) {
	w.Helper()
	before := w.now
	w.now = at(seconds)
	beat := presence.Beat{PushID: device.PushID(user, deviceID), DeviceID: deviceID, Platform: device.Linux, State: s, AckedUpTo: acked}
	if _, err := w.registry.Heartbeat(w.Context(), user, beat); err != nil {
		w.Fatal(err)
	}
	w.now = before
}

// outcome is what the ledger says became of a subject's push to a device, of a
// batch made that many seconds after the start.
func (w *world) outcome(kind push.Kind, subjectID, pushID string, seconds int, status delivery.Status) {
	w.Helper()
	e := delivery.Entry{ID: rand.Text(), Kind: string(kind), SubjectID: subjectID, Attempt: 1, CreatedAt: at(seconds)}
	if _, err := w.db.Begin(w.Context(), e, nil, at(seconds)); err != nil {
		w.Fatal(err)
	}
	e.Lease, e.Done, e.Outcomes = 1, true, map[string]delivery.Outcome{pushID: {UserID: "bob", Status: status}}
	if err := w.db.Finish(w.Context(), e); err != nil {
		w.Fatal(err)
	}
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
			what := b.Announcement.ID
			if b.Announcement.Kind != push.KindMessage {
				what = fmt.Sprint(b.Announcement.Kind, b.Announcement.CallEnd, " ", b.Announcement.ConversationID, t.Gen)
			}
			out = append(out, what+" "+t.Value)
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
	if want := []string{"bob 80000 165000", "carol 40000 165000"}; !slices.Equal(w.asked, want) {
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
	w.outcome(push.KindMessage, "m", pushID, 0, delivery.Sent)
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

// More users than are listed at once, one of whom stays to be dealt with.
func TestSweepPages(t *testing.T) {
	w := newWorld(t)
	users := 0
	for i := 0; users < 250; i++ { // of one shard
		if user := fmt.Sprint("user", i); presence.Shard(user) == presence.Shard("bob") {
			w.online(user, "tab", 0, 0)
			users++
		}
	}
	w.online("bob", "tab", 0, 0)
	w.ring("c", "bob", 30, 90)
	w.now = at(65)
	w.sweep(251, "call c1 bobtab")
	w.sweep(1, "call c1 bobtab", "call c1 bobtab") // the same batch, of which the ledger knows nothing
}

// A busy group that the user muted doesn't keep a message behind it from ringing,
// and neither does a sweep end early nor the next begin again.
func TestSweepPassesOverWhatDoesNotRing(t *testing.T) {
	w := newWorld(t)
	w.online("bob", "tab", 0, 1)
	muted := func(m *inbox.Missed) {
		m.Message.ConversationType, m.Message.ConversationID = chat.Group, "g"
		m.Member = &group.Member{UserID: "bob", Status: group.DoNotDisturb}
	}
	for i := range 1500 {
		w.missed["bob"] = append(w.missed["bob"], sent(fmt.Sprint("muted", i), 0, muted, func(m *inbox.Missed) { m.Message.Timestamp += int64(i) }))
	}
	w.missed["bob"] = append(w.missed["bob"], sent("peer", 50))
	w.now = at(65)
	w.sweep(1)
	if w.taken != 1000 {
		t.Errorf("looked at %d messages in one sweep", w.taken)
	}
	w.sweep(1, "peer bobtab")
	if w.taken > 1502 {
		t.Errorf("looked at %d messages", w.taken)
	}
	w.sweep(0, "peer bobtab")
}

// Who is rung for fifty messages comes and finds the rest. A sweep that repeats
// one that died after them adds none.
func TestSweepRingsForFifty(t *testing.T) {
	w := newWorld(t)
	pushID := w.online("bob", "tab", 0, 1)
	for i := range 60 {
		w.missed["bob"] = append(w.missed["bob"], sent(fmt.Sprint("m", i), 0, func(m *inbox.Missed) { m.Message.Timestamp += int64(i) }))
	}
	w.now, w.settle = at(65), errors.New("dies before it settles")
	if _, err := w.Sweep(t.Context()); !errors.Is(err, w.settle) || len(w.batches) != 50 {
		t.Fatalf("%d batches, %v", len(w.batches), err)
	}
	for _, b := range w.batches {
		w.outcome(push.KindMessage, b.Announcement.ID, pushID, 65, delivery.Sent)
	}
	w.batches, w.settle = nil, nil
	w.sweep(1)
	w.sweep(0)
}

// A device that never says what it has is rung for what came after its last word
// only: else for all that it showed.
func TestSweepBelievesAHeartbeat(t *testing.T) {
	w := newWorld(t)
	w.online("bob", "says", 0, 1)
	w.online("bob", "mute", 0, 0)
	w.beat("bob", "says", device.Online, 40, 1)
	w.beat("bob", "mute", device.Online, 40, 0)
	w.missed["bob"] = []inbox.Missed{sent("before", 34), sent("about when", 36), sent("after", 60)}
	w.now = at(105)
	w.sweep(1, "before bobsays", "about when bobsays", "about when bobmute", "after bobsays", "after bobmute")
}

// A device that leaves after it may have slept, or without some message, is rung
// for what it missed until then; one that is back before the sweep is not.
func TestSweepWhoLeft(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"slept", "awake", "deaf", "hears", "back"} {
		w.register("bob", id, device.Web)
	}
	w.beat("bob", "slept", device.Online, 0, 0)
	w.beat("bob", "slept", device.Background, 50, 0) // a heartbeat was overdue
	w.beat("bob", "awake", device.Online, 10, 0)
	w.beat("bob", "awake", device.Background, 50, 0)
	w.beat("bob", "deaf", device.Online, 10, at(5).UnixMilli())
	w.beat("bob", "deaf", device.Offline, 50, at(5).UnixMilli())
	w.beat("bob", "hears", device.Online, 10, at(5).UnixMilli())
	w.beat("bob", "hears", device.Offline, 50, at(20).UnixMilli())
	w.beat("bob", "back", device.Online, 10, at(5).UnixMilli())
	w.beat("bob", "back", device.Background, 50, 0)
	w.beat("bob", "back", device.Online, 52, 0)
	w.missed["bob"] = []inbox.Missed{sent("m", 20), sent("known to be away", 56)}
	w.now = at(69)
	w.sweep(0)
	w.now = at(70)
	w.sweep(1, "m bobslept", "m bobdeaf")
	w.sweep(0, "m bobslept", "m bobdeaf")
}

// A tab that died kept the phone from ringing by the user's rule: the phone rings
// for what the tab didn't get, also where the tab itself can't be rung.
func TestSweepRingsWhomTheRuleSilenced(t *testing.T) {
	rule := presence.PushRule{OnlinePlatforms: []device.Platform{device.Web, device.Linux}, NotToReceiveOfflinePushPlatforms: []device.Platform{device.Android}}
	for name, tc := range map[string]struct {
		edit func(w *world, phone string)
		rung []string
	}{
		"":                               {func(*world, string) {}, []string{"m bobtab", "m bobphone"}},
		"and the tab can't be rung":      {func(w *world, _ string) { w.removeTarget("bob", "tab") }, []string{"m bobphone"}},
		"and has the message":            {func(w *world, _ string) { w.beat("bob", "tab", device.Online, 0, at(-10).UnixMilli()) }, nil},
		"and said so when it left":       {func(w *world, _ string) { w.beat("bob", "tab", device.Offline, 20, at(-10).UnixMilli()) }, nil},
		"and left without":               {func(w *world, _ string) { w.beat("bob", "tab", device.Offline, 20, 1) }, []string{"m bobtab", "m bobphone"}},
		"and the phone was told already": {func(w *world, phone string) { w.outcome(push.KindMessage, "m", phone, 11, delivery.Sent) }, []string{"m bobtab"}},
		"and the phone was online since": {func(w *world, _ string) {
			w.beat("bob", "phone", device.Online, 30, 0)
			w.beat("bob", "phone", device.Offline, 40, 0)
		}, []string{"m bobtab"}},
		"and the phone is online":          {func(w *world, _ string) { w.beat("bob", "phone", device.Online, 60, 0) }, []string{"m bobtab"}},
		"and something else silences it":   {func(w *world, _ string) { w.beat("bob", "pc", device.Online, 60, 0) }, []string{"m bobtab"}},
		"and the rule is another":          {func(w *world, _ string) { w.rule("bob", presence.PushRule{}) }, []string{"m bobtab"}},
		"and what silences it lapsed, too": {func(w *world, _ string) { w.beat("bob", "pc", device.Online, 0, 0) }, []string{"m bobtab", "m bobphone"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			phone := w.register("bob", "phone", device.Android)
			w.rule("bob", rule)
			w.online("bob", "tab", 0, 0)
			tc.edit(w, phone)
			w.missed["bob"] = []inbox.Missed{sent("m", -10), sent("known to be away", 66)}
			w.now = at(65)
			if _, err := w.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := w.rung()
			slices.Sort(got)
			slices.Sort(tc.rung)
			if !slices.Equal(got, tc.rung) {
				t.Errorf("rang %q, want %q", got, tc.rung)
			}
			w.sweep(0, w.rung()...)
		})
	}
}

func (w *world) rule(user string, rule presence.PushRule) {
	w.Helper()
	if _, err := w.registry.SetRule(w.Context(), user, rule); err != nil {
		w.Fatal(err)
	}
}

func (w *world) removeTarget(user, deviceID string) {
	w.Helper()
	target := device.Target{Kind: device.KindToken, Value: user + deviceID}
	if removed, err := w.registry.RemoveTarget(w.Context(), user, device.PushID(user, deviceID), target); !removed || err != nil {
		w.Fatal(removed, err)
	}
}

// While a message's push is being sent, the ledger doesn't say to whom: it is
// looked at again when it does, and what came before it is done with.
func TestSweepWaitsForAPush(t *testing.T) {
	w := newWorld(t)
	tab := w.online("bob", "tab", 0, 1)
	w.missed["bob"] = []inbox.Missed{sent("first", 10), sent("m", 20), sent("n", 30)}
	e := delivery.Entry{ID: "e", Kind: string(push.KindMessage), SubjectID: "m", Attempt: 1, CreatedAt: at(60), LeaseUntil: at(90)}
	if _, err := w.db.Begin(t.Context(), e, nil, at(60)); err != nil {
		t.Fatal(err)
	}
	w.now = at(65)
	w.sweep(1, "first bobtab")
	w.taken = 0
	w.sweep(1, "first bobtab")
	if w.taken != 1 {
		t.Errorf("looked at %d messages again", w.taken)
	}
	e.Lease, e.Done, e.Outcomes = 1, true, map[string]delivery.Outcome{tab: {UserID: "bob", Status: delivery.Sent}}
	if err := w.db.Finish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	w.sweep(1, "first bobtab", "n bobtab")
	w.sweep(0, "first bobtab", "n bobtab")
}
