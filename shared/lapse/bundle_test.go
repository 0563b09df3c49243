package lapse

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/inbox"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// bundling has bob's phone and tablet and, of his conversation with alice, a burst
// with something to tell, whose window ends at a second.
func bundlingWorld(t *testing.T, until int) *world {
	w := newWorld(t)
	w.Bursts = w.registry
	w.register("bob", "phone", device.Android)
	w.register("bob", "tablet", device.IPadOS)
	seconds := 60
	w.Rules.Defaults = presence.Settings{BundleSeconds: &seconds}
	w.hold(presence.Burst{Tag: "m0", Since: start.UnixMilli(), Until: at(until), Held: true})
	return w
}

func (w *world) hold(b presence.Burst) {
	w.Helper()
	if err := w.registry.Bundle(w.Context(), "bob", withAlice, b); err != nil {
		w.Fatal(err)
	}
}

var withAlice = chat.CID(chat.Peer, "alice", "bob")

func (w *world) burst() presence.Burst {
	w.Helper()
	users, err := w.db.Users(w.Context(), []string{"bob"})
	if err != nil {
		w.Fatal(err)
	}
	return users["bob"].Bursts[withAlice]
}

// message is of alice's to bob.
func aliceSent(seq int64, seconds int, edits ...func(*inbox.Missed)) inbox.Missed {
	m := inbox.Missed{Message: chat.Message{
		MessageID: fmt.Sprint("m", seq), SenderUserID: "alice", ConversationID: "bob", ConversationType: chat.Peer, OrderKey: seq,
		Timestamp: at(seconds).UnixMilli(), Priority: chat.Medium, Push: &chat.PushConfig{Title: "Alice", Content: fmt.Sprint("hello ", seq)},
	}}
	for _, edit := range edits {
		edit(&m)
	}
	return m
}

func TestBundles(t *testing.T) {
	read := func(m *inbox.Missed) { m.Read = true }
	for name, tc := range map[string]struct {
		missed []inbox.Missed
		told   int64
		text   string // "": nothing is told
		last   string
	}{
		"all":              {[]inbox.Missed{aliceSent(1, 0), aliceSent(2, 3), aliceSent(3, 9)}, 0, "3 new messages", "m3"},
		"some are read":    {[]inbox.Missed{aliceSent(1, 0, read), aliceSent(2, 3), aliceSent(3, 9)}, 0, "2 new messages", "m3"},
		"one is left":      {[]inbox.Missed{aliceSent(1, 0, read), aliceSent(2, 3, read), aliceSent(3, 9)}, 0, "hello 3", "m3"},
		"all are read":     {[]inbox.Missed{aliceSent(1, 0, read), aliceSent(2, 3, read)}, 0, "", ""},
		"from before":      {[]inbox.Missed{aliceSent(1, -1), aliceSent(2, 3), aliceSent(3, 9)}, 0, "2 new messages", "m3"},
		"after the window": {[]inbox.Missed{aliceSent(1, 3), aliceSent(2, 63)}, 0, "2 new messages", "m2"},
		"nothing new":      {[]inbox.Missed{aliceSent(1, 0), aliceSent(2, 3)}, 2, "", ""},
		"one new":          {[]inbox.Missed{aliceSent(1, 0), aliceSent(2, 3), aliceSent(3, 9)}, 2, "3 new messages", "m3"},
		"of others":        {[]inbox.Missed{aliceSent(1, 0), aliceSent(2, 3, func(m *inbox.Missed) { m.Message.SenderUserID = "carol" })}, 0, "hello 1", "m1"},
		"without a push":   {[]inbox.Missed{aliceSent(1, 0), aliceSent(2, 3, func(m *inbox.Missed) { m.Message.Push = nil })}, 0, "hello 1", "m1"},
		"silent":           {[]inbox.Missed{aliceSent(1, 0), aliceSent(2, 3, func(m *inbox.Missed) { m.Message.Push = &chat.PushConfig{Silent: true} })}, 0, "hello 1", "m1"},
		"what rings no more": {[]inbox.Missed{aliceSent(1, 0, func(m *inbox.Missed) {
			m.Message.DeviceFilter = (&device.Filter{Only: &device.Selector{PushIDs: []string{"x"}}}).Seal()
		})}, 0, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := bundlingWorld(t, 60)
			w.missed["bob"] = tc.missed
			if tc.told > 0 {
				err := w.db.Change(t.Context(), func(tx presence.Tx) error {
					u, err := tx.User("bob")
					b := u.Bursts[withAlice]
					b.Told = tc.told
					u.Bursts[withAlice] = b
					return errors.Join(err, tx.PutUser(u))
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			w.now = at(64)
			if n, err := w.Sweep(t.Context()); n != 0 || err != nil || len(w.batches) != 0 {
				t.Fatalf("swept %d too early, %v", n, err)
			}
			w.now = at(65)
			if n, err := w.Sweep(t.Context()); n != 1 || err != nil {
				t.Fatalf("swept %d, %v", n, err)
			}
			if tc.text == "" {
				if len(w.batches) != 0 {
					t.Errorf("told %+v", w.batches)
				}
			} else if len(w.batches) != 1 {
				t.Errorf("told %+v", w.batches)
			} else if a := w.batches[0].Announcement; a.Push.Content != tc.text || a.Push.Title != "Alice" || a.ID != tc.last || a.Tag() != "m0" || a.Kind != push.KindMessage || len(w.batches[0].Targets) != 2 {
				t.Errorf("told %+v, %d devices", a, len(w.batches[0].Targets))
			}
			// Its next window has begun, and nothing is due in it.
			if b := w.burst(); b.Pending() || !b.Until.Equal(at(125)) || b.Tag != "m0" {
				t.Errorf("the burst is %+v", b)
			}
			w.now = at(200)
			if n, err := w.Sweep(t.Context()); n != 0 || err != nil {
				t.Errorf("swept again: %d, %v", n, err)
			}
		})
	}
}

// The next window has its own push, in place of the first one, and of the same
// message there is one batch whatever dies in between.
func TestBundlesGoOn(t *testing.T) {
	w := bundlingWorld(t, 60)
	w.missed["bob"] = []inbox.Missed{aliceSent(1, 0), aliceSent(2, 3)}
	w.now = at(65)
	w.failAt = 1
	if _, err := w.Sweep(t.Context()); err == nil {
		t.Error("nothing failed")
	}
	if b := w.burst(); !b.Telling {
		t.Errorf("not told, and the burst is %+v", b)
	}
	w.failAt = 0
	w.hold(presence.Burst{Tag: "m0", Since: start.UnixMilli(), Until: at(60), Held: true}) // planned before that
	w.now = at(131)
	if _, err := w.Sweep(t.Context()); err != nil || len(w.batches) != 1 {
		t.Fatalf("told %+v, %v", w.batches, err)
	}
	first := w.batches[0]
	if b := w.burst(); b.Told != 2 || b.Pending() {
		t.Errorf("told, and the burst is %+v", b)
	}
	w.hold(presence.Burst{Tag: "m0", Since: start.UnixMilli(), Until: at(191), Held: true})
	w.missed["bob"] = append(w.missed["bob"], aliceSent(3, 150))
	w.now = at(200)
	if _, err := w.Sweep(t.Context()); err != nil || len(w.batches) != 2 {
		t.Fatalf("told %+v, %v", w.batches, err)
	}
	second := w.batches[1]
	if second.ID == first.ID || second.Announcement.Tag() != first.Announcement.Tag() || second.Announcement.Push.Content != "3 new messages" {
		t.Errorf("%+v\nthen %+v", first, second)
	}
}

// What is told of a group goes by the membership as it is then; and who wants nothing
// bundled any more is told of what there is, and has no other window.
func TestBundlesOfAGroup(t *testing.T) {
	w := bundlingWorld(t, 60)
	muted := aliceSent(1, 3, inGroupOf(group.DoNotDisturb))
	w.missed["bob"] = []inbox.Missed{muted, aliceSent(2, 4)}
	if err := w.registry.Bundle(t.Context(), "bob", muted.Message.CID(), presence.Burst{Tag: "g0", Until: at(60), Held: true}); err != nil {
		t.Fatal(err)
	}
	w.Rules.Defaults = presence.Settings{}
	w.now = at(66)
	if n, err := w.Sweep(t.Context()); n != 1 || err != nil || len(w.batches) != 1 || w.batches[0].Announcement.ID != "m2" {
		t.Errorf("swept %d, told %+v, %v", n, w.batches, err)
	}
	if b := w.burst(); b.Pending() || b.Until.After(at(66)) {
		t.Errorf("the burst is %+v", b)
	}
}

func inGroupOf(s group.Status) func(*inbox.Missed) {
	return func(m *inbox.Missed) {
		m.Message.ConversationType, m.Message.ConversationID = chat.Group, "g"
		m.Member = &group.Member{UserID: "bob", Status: s}
	}
}

// Of a very busy conversation it counts so many, and says that there are more.
func TestBundleOfMany(t *testing.T) {
	w := bundlingWorld(t, 60)
	for i := range mostCounted + 5 {
		w.missed["bob"] = append(w.missed["bob"], aliceSent(int64(i+1), 1))
	}
	w.now = at(66)
	if _, err := w.Sweep(t.Context()); err != nil || len(w.batches) != 1 || w.batches[0].Announcement.Push.Content != "99+ new messages" || w.batches[0].Announcement.Seq != mostCounted+5 {
		t.Errorf("told %+v, %v", w.batches, err)
	}
	for what, fails := range map[string]func(w *world){
		"the inbox":  func(w *world) { w.fail["bob"] = errors.New("down") },
		"a topic":    func(w *world) { w.failAt = 1 },
		"the bursts": func(w *world) { w.Bursts = failing{} },
	} {
		w := bundlingWorld(t, 60)
		w.missed["bob"] = []inbox.Missed{aliceSent(1, 0)}
		fails(w)
		w.now = at(66)
		if _, err := w.Sweep(t.Context()); err == nil || w.burst().Told != 0 {
			t.Errorf("without %s: %v", what, err)
		}
	}
}

// failing is bursts that can't be reached.
type failing struct{ Bursts }

func (failing) TellBursts(_ context.Context, _ string, _, _ time.Time) (map[string]presence.Burst, error) {
	return nil, errors.New("down")
}
