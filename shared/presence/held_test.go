package presence_test

import (
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// What is held back is noted once and swept when the hours end; what isn't told of
// yet stays to be told of.
func TestHold(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "phone", "T1")
	w.beat(0, "phone", device.Online, 0) // looked at 60 s later
	held := func(since int64, until int) presence.Held { return presence.Held{Since: since, Until: at(until)} }
	hold := func(h presence.Held) func() error {
		return func() error { return w.reg.Hold(t.Context(), "alice", h) }
	}
	settle := func(h presence.Held) func() error {
		return func() error { return w.reg.SettleHeld(t.Context(), "alice", h, nil) }
	}
	for i, step := range []struct {
		do    func() error
		since int64 // 0: nothing is held
		until int
		sweep int
	}{
		{settle(held(1, 30)), 0, 0, 60},
		{hold(held(7, 500)), 7, 500, 60},
		{hold(held(7, 500)), 7, 500, 60},
		{hold(held(9, 500)), 7, 500, 60}, // says nothing new
		{hold(held(5, 500)), 5, 500, 60},
		{hold(held(8, 30)), 5, 30, 30}, // other hours
		{settle(held(8, 30)), 5, 30, 30},
		{settle(held(5, 31)), 5, 30, 30},
		{settle(held(5, 30)), 0, 0, 60},
		{settle(held(5, 30)), 0, 0, 60},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		u := w.user("alice")
		if (u.Held == nil) != (step.since == 0) || (u.Held != nil && (u.Held.Since != step.since || !u.Held.Until.Equal(at(step.until)))) || !u.SweepAt.Equal(at(step.sweep)) {
			t.Errorf("step %d: holds %+v, swept at %v", i, u.Held, u.SweepAt)
		}
		if u.Held != nil && (!u.Holds(*u.Held) || u.Holds(held(step.since-1, step.until)) || u.Holds(held(step.since, step.until+1))) {
			t.Errorf("step %d: %+v says that it says something else", i, u.Held)
		}
	}
	if err := hold(held(1, 30))(); err != nil {
		t.Fatal(err)
	}
	for _, do := range []func() error{hold(held(1, 30)), settle(held(2, 30))} {
		w.reg.Store = &flaky{Memory: w.db, failAt: 1} // the write, which what says nothing new doesn't come to
		if err := do(); err != nil {
			t.Errorf("a repeat writes: %v", err)
		}
	}
}

// Who does anything else meanwhile still holds it.
func TestHeldIsKept(t *testing.T) {
	w := newWorld(t)
	h := presence.Held{Since: 1, Until: start.Add(time.Hour)}
	if err := w.reg.Hold(t.Context(), "alice", h); err != nil {
		t.Fatal(err)
	}
	w.register("alice", "phone", "T1")
	w.markRead("alice", "c", 1)
	if u := w.user("alice"); u.Held == nil || !u.Holds(h) || !u.SweepAt.Equal(h.Until) {
		t.Errorf("left %+v, swept at %v", u.Held, u.SweepAt)
	}
}

// A summary that was told is known until all of it is read, and by which reading that
// is; what was read before it is noted isn't left, and another takes its place.
func TestSummaryIsRead(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "phone", "T1")
	tell := func(id string, left map[string]int64) {
		t.Helper()
		h := presence.Held{Since: 1, Until: start.Add(time.Hour)}
		if err := w.reg.Hold(t.Context(), "alice", h); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := w.reg.SettleHeld(t.Context(), "alice", h, &presence.Summary{ID: id, Left: left}); err != nil {
				t.Fatal(err)
			}
		}
	}
	// want is what is left, and which reading would end it.
	want := func(what, id string, left int, by map[string]int64) {
		t.Helper()
		u := w.user("alice")
		if (u.Summary == nil) != (id == "") || u.Summary != nil && (u.Summary.ID != id || len(u.Summary.Left) != left) {
			t.Errorf("%s: %+v", what, u.Summary)
		}
		for _, cid := range []string{"a", "b", "c"} {
			for seq := range int64(10) {
				ends := ""
				if last, ok := by[cid]; ok && seq >= last {
					ends = id
				}
				if got := u.ReadBy(cid, seq); got != ends {
					t.Errorf("%s: %s read up to %d ends %q, want %q", what, cid, seq, got, ends)
				}
			}
		}
	}
	want("none", "", 0, nil)
	w.markRead("alice", "c", 4)
	tell("s1", map[string]int64{"a": 5, "b": 2, "c": 4})
	want("one of three was read before", "s1", 2, nil)
	w.markRead("alice", "a", 4)
	want("not as far", "s1", 2, nil)
	w.markRead("alice", "b", 3)
	want("one more", "s1", 1, map[string]int64{"a": 5})
	tell("s2", map[string]int64{"a": 6, "b": 8})
	want("another", "s2", 2, nil)
	w.markRead("alice", "b", 8)
	w.markRead("alice", "a", 9)
	want("all of it", "", 0, nil)
	tell("s3", map[string]int64{"a": 7})
	want("read before it was noted", "", 0, nil)
	var nobody *presence.User
	if got := nobody.ReadBy("a", 9); got != "" {
		t.Errorf("nobody ends %q", got)
	}
}

func TestHasRead(t *testing.T) {
	u := &presence.User{Reads: map[string]presence.Read{"a": {Seq: 5}, "b": {Seq: 2}}}
	for _, tc := range []struct {
		u    *presence.User
		last map[string]int64
		want bool
	}{
		{u, map[string]int64{"a": 5}, true}, {u, map[string]int64{"a": 6}, false}, {u, map[string]int64{"a": 1, "b": 2}, true},
		{u, map[string]int64{"a": 1, "b": 3}, false}, {u, map[string]int64{"a": 1, "c": 1}, false}, {u, nil, false}, {nil, map[string]int64{"a": 1}, false},
	} {
		if got := tc.u.HasRead(tc.last); got != tc.want {
			t.Errorf("%v: %t", tc.last, got)
		}
	}
}
