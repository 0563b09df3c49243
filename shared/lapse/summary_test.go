package lapse

import (
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/inbox"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// The tests' night ends at 22:30, a thousand seconds after the start.
const dawn = 1000

// quiet is quiet hours of every day.
func quiet(from, to string, edits ...func(*presence.Quiet)) *presence.Quiet {
	q := &presence.Quiet{
		TimeZone: "UTC", Weekdays: []presence.Weekday{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, From: from, To: to, Summary: true,
	}
	for _, edit := range edits {
		edit(q)
	}
	return q
}

// night has bob's phone and tablet, his quiet hours, and that they held something
// back since the start.
func (w *world) night(q *presence.Quiet) {
	w.Helper()
	w.register("bob", "phone", device.Android)
	w.register("bob", "tablet", device.IPadOS)
	w.hours(q)
	if err := w.registry.Hold(w.Context(), "bob", presence.Held{Since: start.UnixMilli(), Until: at(dawn)}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) hours(q *presence.Quiet) {
	w.Helper()
	change := presence.SettingsChange{Quiet: presence.Change[*presence.Quiet]{Given: true, Value: q}}
	if _, err := w.registry.ChangeSettings(w.Context(), "bob", change); err != nil {
		w.Fatal(err)
	}
}

func (w *world) bob() *presence.User {
	w.Helper()
	u, err := w.registry.User(w.Context(), "bob")
	if err != nil {
		w.Fatal(err)
	}
	return u
}

// wantSummary checks the only batch there is: its words, and for how many devices.
func (w *world) wantSummary(title string, devices int) push.Batch {
	w.Helper()
	if len(w.batches) != 1 {
		w.Fatalf("batches %+v", w.batches)
	}
	b := w.batches[0]
	if b.Announcement.Kind != push.KindSummary || b.Announcement.Push.Title != title || len(b.Targets) != devices {
		w.Errorf("%q to %d devices, want %q to %d", b.Announcement.Push.Title, len(b.Targets), title, devices)
	}
	return b
}

func inGroup(m *inbox.Missed) {
	m.Message.ConversationType, m.Message.ConversationID = chat.Group, "g"
	m.Member = &group.Member{UserID: "bob"}
}

func TestSummary(t *testing.T) {
	insists := func(m *inbox.Missed) { m.Message.ForcePush, m.Message.IsMentionAll = true, true }
	for name, tc := range map[string]struct {
		hours  *presence.Quiet
		missed []inbox.Missed
		title  string // "": nothing is told
	}{
		"nothing left": {quiet("22:00", "22:30"), nil, ""},
		"one":          {quiet("22:00", "22:30"), []inbox.Missed{sent("a", 0)}, "1 unread message"},
		"of two people and a group": {quiet("22:00", "22:30"), []inbox.Missed{
			sent("a", 0), sent("b", 1), sent("c", 2, func(m *inbox.Missed) { m.Message.SenderUserID = "carol" }), sent("d", 3, inGroup), sent("e", 999),
		}, "5 unread messages"},
		"before and after them": {quiet("22:00", "22:30"), []inbox.Missed{sent("a", -1), sent("b", dawn), sent("c", 7)}, "1 unread message"},
		"read by now":           {quiet("22:00", "22:30"), []inbox.Missed{sent("a", 1, func(m *inbox.Missed) { m.Read = true })}, ""},
		"what wouldn't ring": {quiet("22:00", "22:30"), []inbox.Missed{
			sent("a", 1, func(m *inbox.Missed) { m.Message.Push = nil }),
			sent("b", 1, func(m *inbox.Missed) { m.Message.Push = &chat.PushConfig{Payload: "p", Silent: true} }),
			sent("c", 1, inGroup, func(m *inbox.Missed) { m.Member.Status = group.DoNotDisturb }),
			sent("d", 1, func(m *inbox.Missed) { m.Message.SenderUserID = "mallory" }), // whom bob blocks
		}, ""},
		"mentions that rang":         {quiet("22:00", "22:30", func(q *presence.Quiet) { q.MentionsBreakThrough = true }), []inbox.Missed{sent("a", 1, insists)}, ""},
		"mentions that were held":    {quiet("22:00", "22:30"), []inbox.Missed{sent("a", 1, insists)}, "1 unread message"},
		"no summary wanted any more": {quiet("22:00", "22:30", func(q *presence.Quiet) { q.Summary = false }), []inbox.Missed{sent("a", 1)}, ""},
		"no quiet hours any more":    {nil, []inbox.Missed{sent("a", 1)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.night(tc.hours)
			w.missed["bob"] = tc.missed
			if _, err := w.registry.AddToBlacklist(t.Context(), "bob", []string{"mallory"}); err != nil {
				t.Fatal(err)
			}
			w.now = at(dawn + 4)
			w.sweep(0) // a clock that is behind may have them go on
			w.now = at(dawn + 5)
			if n, err := w.Sweep(t.Context()); n != 1 || err != nil {
				t.Fatalf("swept %d, %v", n, err)
			}
			if tc.title != "" {
				w.wantSummary(tc.title, 2)
			} else if len(w.batches) > 0 {
				t.Errorf("told %+v", w.batches)
			}
			u := w.bob()
			if u.Held != nil || !u.SweepAt.IsZero() {
				t.Errorf("left %+v, swept at %v", u.Held, u.SweepAt)
			}
			if (u.Summary != nil) != (tc.title != "") || u.Summary != nil && (u.Summary.ID != w.batches[0].Announcement.ID || !maps.Equal(u.Summary.Left, w.batches[0].Announcement.Held.Last)) {
				t.Errorf("notes %+v of %+v", u.Summary, w.batches)
			}
			w.sweep(0, w.rung()...)
		})
	}
}

// Long after, unread is still unread: the summary has a time to live of its own.
func TestSummaryOfALongNight(t *testing.T) {
	w := newWorld(t)
	w.night(quiet("22:00", "22:30"))
	w.PushTTL = time.Minute
	w.missed["bob"] = []inbox.Missed{sent("a", 1), sent("b", 2, inGroup, func(m *inbox.Missed) { m.Message.OrderKey = 9 }), sent("c", 3, inGroup)}
	w.now = at(dawn + 5)
	if _, err := w.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := w.wantSummary("3 unread messages", 2).Announcement
	if a.ExpiresAt != at(dawn+60).UnixMilli() || a.CreatedAt != at(dawn).UnixMilli() || len(a.Held.Last) != 2 || a.Seq != 0 || a.SenderUserID != "" {
		t.Errorf("announces %+v, counting %+v", a, a.Held)
	}
}

// Who has more than a hundred is told so, and no more of them are looked at.
func TestSummaryOfMany(t *testing.T) {
	for unread, want := range map[int]string{99: "99 unread messages", 100: "99+ unread messages", 500: "99+ unread messages"} {
		w := newWorld(t)
		w.night(quiet("22:00", "22:30"))
		for n := range unread {
			w.missed["bob"] = append(w.missed["bob"], sent(fmt.Sprint("m", n), n%900))
		}
		w.now = at(dawn + 5)
		if _, err := w.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.wantSummary(want, 2)
		if w.taken > 100 {
			t.Errorf("looked at %d", w.taken)
		}
	}
}

// A device that is online has the messages; the others are told.
func TestSummaryToWhoIsAway(t *testing.T) {
	w := newWorld(t)
	w.night(quiet("22:00", "22:30"))
	w.online("bob", "tab", dawn, at(dawn).UnixMilli())
	w.missed["bob"] = []inbox.Missed{sent("a", 1)}
	w.now = at(dawn + 5)
	if _, err := w.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wantSummary("1 unread message", 2)
}

// It is made again with the same ID, whatever it counts by then, until it is settled.
func TestSummaryTwice(t *testing.T) {
	w := newWorld(t)
	w.night(quiet("22:00", "22:30"))
	w.missed["bob"] = []inbox.Missed{sent("a", 1), sent("b", 2)}
	w.now = at(dawn + 5)
	w.settle = errors.New("dies before it settles")
	for n := range 2 {
		if _, err := w.Sweep(t.Context()); !errors.Is(err, w.settle) {
			t.Fatal(err)
		}
		w.missed["bob"] = w.missed["bob"][:2-n]
	}
	if len(w.batches) != 2 || w.batches[0].ID != w.batches[1].ID {
		t.Errorf("batches %+v", w.batches)
	}
	w.settle, w.batches = nil, nil
	w.fail["bob"] = errors.New("no inbox")
	if _, err := w.Sweep(t.Context()); !errors.Is(err, w.fail["bob"]) || w.bob().Held == nil {
		t.Errorf("without an inbox: %v, left %+v", err, w.bob().Held)
	}
	delete(w.fail, "bob")
	w.failAt = 1
	if _, err := w.Sweep(t.Context()); err == nil || w.bob().Held == nil {
		t.Errorf("without a topic: %v, left %+v", err, w.bob().Held)
	}
	w.failAt = 0
	if _, err := w.Sweep(t.Context()); err != nil || w.bob().Held != nil {
		t.Errorf("settled: %v, left %+v", err, w.bob().Held)
	}
}

// Hours that were made longer meanwhile, or that follow at once, are waited for.
func TestSummaryWaitsForQuietHours(t *testing.T) {
	w := newWorld(t)
	w.night(quiet("22:00", "22:45"))
	w.missed["bob"] = []inbox.Missed{sent("a", 1), sent("b", dawn+1)}
	w.now = at(dawn + 5)
	w.sweep(1)
	if h := w.bob().Held; h == nil || h.Since != start.UnixMilli() || !h.Until.Equal(at(dawn+900)) {
		t.Fatalf("holds %+v", h)
	}
	w.sweep(0)
	w.now = at(dawn + 905)
	if _, err := w.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wantSummary("2 unread messages", 2)
}

// What a device missed while it seemed to be online is held back in quiet hours as
// everything is: it is noted, once, and the sweep is repeated where that fails.
func TestLapseInQuietHours(t *testing.T) {
	w := newWorld(t)
	w.online("bob", "tab", 0, 0)
	w.hours(quiet("22:00", "22:30"))
	w.missed["bob"] = []inbox.Missed{sent("m", 10), sent("n", 20)}
	w.now = at(65)
	w.holding = errors.New("presence is down")
	if _, err := w.Sweep(t.Context()); !errors.Is(err, w.holding) {
		t.Fatal(err)
	}
	w.holding = nil
	w.sweep(1)
	if h := w.bob().Held; h == nil || !h.Until.Equal(at(dawn)) {
		t.Fatalf("holds %+v", h)
	}
	w.now = at(dawn + 5)
	if _, err := w.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wantSummary("2 unread messages", 1)
}
