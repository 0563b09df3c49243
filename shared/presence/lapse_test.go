package presence_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// at is a time that many seconds after start.
func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

// beat is a heartbeat of alice's device that many seconds after start.
func (w *world) beat(seconds int, deviceID string, state device.State, acked int64) {
	w.Helper()
	w.now = at(seconds)
	if !w.heartbeat("alice", presence.Beat{PushID: device.PushID("alice", deviceID), State: state, AckedUpTo: acked}) {
		w.Errorf("%s is unknown", deviceID)
	}
}

func TestAckedUpTo(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "phone", "T1")
	now := at(1).UnixMilli()
	for _, step := range []struct{ given, want int64 }{{0, 0}, {5, 5}, {0, 5}, {4, 5}, {now, now}, {now + 1, now}, {1 << 62, now}} {
		w.beat(1, "phone", device.Online, step.given)
		if got := w.devices("alice")["phone"].AckedUpTo; got != step.want {
			t.Errorf("given %d: %d, want %d", step.given, got, step.want)
		}
	}
	w.register("alice", "phone", "T2")
	if got := w.devices("alice")["phone"].AckedUpTo; got != now {
		t.Errorf("registering again left %d", got)
	}
}

// The lease is a minute.
func TestOnlineSince(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "phone", "T1")
	for _, step := range []struct {
		at    int
		state device.State
		want  time.Time
	}{
		{0, device.Background, time.Time{}},
		{10, device.Online, at(10)},
		{20, device.Online, at(10)},
		{90, device.Online, at(10)}, // the lease had lapsed and nobody had looked: what it missed stays to be rung
		{100, device.Offline, time.Time{}},
		{110, device.Online, at(110)},
		{120, device.Background, time.Time{}},
		{130, device.Online, at(130)},
	} {
		w.beat(step.at, "phone", step.state, 0)
		if got := w.devices("alice")["phone"].OnlineSince; !got.Equal(step.want) {
			t.Errorf("at %d: online since %v, want %v", step.at, got, step.want)
		}
	}
	w.register("alice", "phone", "T2")
	if got := w.devices("alice")["phone"].OnlineSince; !got.Equal(at(130)) {
		t.Errorf("registering again left %v", got)
	}

	// A device without a target misses no push, so there is nothing to keep.
	w.now = at(0)
	w.heartbeat("alice", presence.Beat{PushID: device.PushID("alice", "pc"), DeviceID: "pc", Platform: device.MacOS, State: device.Online})
	w.beat(90, "pc", device.Online, 0)
	if got := w.devices("alice")["pc"].OnlineSince; !got.Equal(at(90)) {
		t.Errorf("without a target: online since %v", got)
	}
	w.now = at(95)
	w.register("alice", "pc", "T3")
	if got := w.devices("alice")["pc"].OnlineSince; !got.Equal(at(95)) {
		t.Errorf("got a target: online since %v", got)
	}
}

func TestSweepAt(t *testing.T) {
	w := newWorld(t)
	for i, step := range []struct {
		do   func()
		want time.Time
	}{
		{func() { w.register("alice", "phone", "T1") }, time.Time{}},
		{func() { w.beat(0, "phone", device.Online, 0) }, at(60)},
		{func() { w.register("alice", "tab", "T2"); w.beat(10, "tab", device.Online, 0) }, at(60)},
		{func() { w.beat(20, "phone", device.Online, 0) }, at(70)},
		{func() { w.beat(30, "tab", device.Background, 0) }, at(80)},
		{func() { w.beat(40, "tab", device.Online, 0) }, at(80)},
		{func() { w.beat(50, "phone", device.Offline, 0) }, at(100)},
		{func() {
			w.heartbeat("alice", presence.Beat{PushID: device.PushID("alice", "pc"), DeviceID: "pc", Platform: device.Linux, State: device.Online})
		}, at(100)},
		{func() { _, _ = w.reg.RemoveTarget(t.Context(), "alice", device.PushID("alice", "tab"), token("T2")) }, time.Time{}},
		{func() { w.register("alice", "tab", "T4") }, at(100)},
		{func() { w.markRead("alice", "c", 1) }, at(100)},
		{func() { w.register("bob", "tab", "T4") }, time.Time{}}, // the tab changes hands
	} {
		step.do()
		if got := w.user("alice").SweepAt; !got.Equal(step.want) {
			t.Errorf("step %d: sweep at %v, want %v", i, got, step.want)
		}
	}
}

func TestLapsed(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"away", "idle", "lapsed", "online"} {
		w.register("alice", id, "T"+id)
	}
	w.heartbeat("alice", presence.Beat{PushID: device.PushID("alice", "pc"), DeviceID: "pc", Platform: device.Linux, State: device.Online})
	w.beat(0, "away", device.Offline, 0)
	w.beat(0, "idle", device.Background, 0)
	w.beat(0, "lapsed", device.Online, 0)
	w.beat(30, "online", device.Online, 0)
	for seconds, want := range map[int]string{59: "", 60: "lapsed ", 89: "lapsed ", 90: "lapsed online "} {
		got := ""
		ids := map[string]bool{}
		for _, d := range w.user("alice").Lapsed(at(seconds)) {
			ids[d.DeviceID] = true
		}
		for _, id := range []string{"away", "idle", "lapsed", "online", "pc"} {
			if ids[id] {
				got += id + " "
			}
		}
		if got != want {
			t.Errorf("after %d s: %q, want %q", seconds, got, want)
		}
	}
	if w.user("nobody").Lapsed(at(1000)) != nil {
		t.Error("nobody has a lapsed device")
	}
}

func TestSettleLapsed(t *testing.T) {
	for name, tc := range map[string]struct {
		meanwhile func(*world)
		want      int
		state     device.State
	}{
		"":                            {func(*world) {}, 1, device.Offline},
		"it came back":                {func(w *world) { w.beat(61, "phone", device.Online, 0) }, 0, device.Online},
		"it came back as it had been": {func(w *world) { w.beat(0, "phone", device.Online, 0); w.now = at(60) }, 1, device.Offline},
		"it went to the background":   {func(w *world) { w.beat(61, "phone", device.Background, 0); w.now = at(75) }, 1, device.Background},
		"it said that it was offline": {func(w *world) { w.beat(61, "phone", device.Offline, 0); w.now = at(75) }, 1, device.Offline},
		"it left just now":            {func(w *world) { w.beat(61, "phone", device.Offline, 0) }, 0, device.Offline},
		"it came back and left": {func(w *world) {
			w.beat(61, "phone", device.Online, 0)
			w.beat(62, "phone", device.Offline, 0)
		}, 0, device.Offline},
		"its target died": {func(w *world) {
			_, _ = w.reg.RemoveTarget(w.Context(), "alice", device.PushID("alice", "phone"), token("T1"))
		}, 0, device.Online},
		"it registered another target": {func(w *world) { w.register("alice", "phone", "T9") }, 1, device.Offline},
		"it was settled already": {func(w *world) {
			if n, err := w.reg.SettleLapsed(w.Context(), "alice", w.user("alice").Lapsed(w.now)); n != 1 || err != nil {
				w.Errorf("settled %d, %v", n, err)
			}
		}, 0, device.Offline},
		"our clock is behind": {func(w *world) { w.now = at(59) }, 0, device.Online},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.register("alice", "phone", "T1")
			w.register("alice", "tab", "T2")
			w.beat(0, "phone", device.Online, 7)
			w.beat(20, "tab", device.Online, 0)
			w.now = at(60)
			lapsed := w.user("alice").Lapsed(w.now)
			if len(lapsed) != 1 || lapsed[0].DeviceID != "phone" {
				t.Fatalf("lapsed %+v", lapsed)
			}
			tc.meanwhile(w)
			n, err := w.reg.SettleLapsed(t.Context(), "alice", lapsed)
			d := w.devices("alice")["phone"]
			if n != tc.want || err != nil || d.State != tc.state {
				t.Errorf("settled %d, %v: %+v", n, err, d)
			}
			if tc.want == 1 && (d.LeaseUntil.IsZero() != (d.State == device.Offline) || !d.LeftAt.IsZero() || !d.OnlineSince.IsZero() || d.AckedUpTo != 7 || d.Target.IsZero() || !w.user("alice").SweepAt.Equal(at(80))) {
				t.Errorf("settled as %+v, swept next at %v", d, w.user("alice").SweepAt)
			}
			if tab := w.devices("alice")["tab"]; tab.State != device.Online || !tab.LeaseUntil.Equal(at(80)) {
				t.Errorf("the other device is %+v", tab)
			}
		})
	}
	w := newWorld(t)
	if n, err := w.reg.SettleLapsed(t.Context(), "nobody", []device.Device{{PushID: "p"}}); n != 0 || err != nil || w.user("nobody") != nil {
		t.Errorf("settled %d of nobody's, %v", n, err)
	}
}

// Where there is more to look at than in one go, it is noted how far that came.
func TestLookedUpTo(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "phone", "T1")
	w.register("alice", "tab", "T2")
	w.beat(0, "phone", device.Online, 7)
	w.beat(0, "tab", device.Online, 0)
	w.now = at(60)
	lapsed := w.user("alice").Lapsed(w.now)
	w.beat(60, "tab", device.Online, 0) // it comes back meanwhile
	for _, step := range []struct{ given, want int64 }{{at(30).UnixMilli(), at(30).UnixMilli()}, {at(20).UnixMilli(), at(30).UnixMilli()}} {
		if err := w.reg.LookedUpTo(t.Context(), "alice", lapsed, step.given); err != nil {
			t.Fatal(err)
		}
		d := w.devices("alice")["phone"]
		if d.LookedUpTo != step.want || d.MissedSince() != step.want || d.State != device.Online || !w.user("alice").SweepAt.Equal(at(60)) {
			t.Errorf("looked at up to %d: %+v", step.given, d)
		}
	}
	if d := w.devices("alice")["tab"]; d.LookedUpTo != 0 {
		t.Errorf("the other device is %+v", d)
	}
	w.register("alice", "phone", "T3")
	if d := w.devices("alice")["phone"]; d.LookedUpTo == 0 {
		t.Errorf("registering again left %+v", d)
	}
}

// The lease is a minute, and a heartbeat overdue after 45 s. A device that says
// what it has, or may have slept, is looked after when it leaves.
func TestLeaving(t *testing.T) {
	for name, tc := range map[string]struct {
		beats func(*world)
		since int64 // s, from when on messages are looked for
		until int   // s; 0: nothing is looked for
	}{
		"in time, without a word of what it has": {func(w *world) {
			w.beat(40, "phone", device.Online, 0)
			w.beat(80, "phone", device.Background, 0)
		}, 0, 0},
		"late, without a word of what it has": {func(w *world) {
			w.beat(40, "phone", device.Online, 0)
			w.beat(90, "phone", device.Background, 0)
		}, 35, 90},
		"after its lease": {func(w *world) { w.beat(400, "phone", device.Offline, 0) }, -60, 60},
		"in time, with a word of what it has": {func(w *world) {
			w.beat(40, "phone", device.Online, at(20).UnixMilli())
			w.beat(80, "phone", device.Background, 0)
		}, 20, 80},
		"in time, with everything": {func(w *world) { w.beat(30, "phone", device.Background, at(30).UnixMilli()) }, 0, 0},
		"and leaving again":        {func(w *world) { w.beat(50, "phone", device.Background, 0); w.beat(300, "phone", device.Offline, 0) }, -60, 50},
		"and having it after all": {func(w *world) {
			w.beat(50, "phone", device.Background, 0)
			w.beat(55, "phone", device.Background, at(45).UnixMilli())
		}, 45, 50},
		"and coming back": {func(w *world) { w.beat(50, "phone", device.Background, 0); w.beat(55, "phone", device.Online, 0) }, 50, 115},
		"and coming back, with a word of what it has": {func(w *world) {
			w.beat(50, "phone", device.Background, 1)
			w.beat(55, "phone", device.Online, 0)
		}, -60, 115},
		"and registering another target": {func(w *world) { w.beat(50, "phone", device.Background, 0); w.register("alice", "phone", "T2") }, -60, 50},
		"and logging out": {func(w *world) {
			w.beat(50, "phone", device.Background, 0)
			if _, err := w.reg.Unregister(w.Context(), "alice", device.PushID("alice", "phone")); err != nil {
				w.Error(err)
			}
		}, 0, 0},
		"without a target": {func(w *world) {
			if _, err := w.reg.RemoveTarget(w.Context(), "alice", device.PushID("alice", "phone"), token("T1")); err != nil {
				w.Error(err)
			}
			w.beat(50, "phone", device.Background, 0)
		}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.register("alice", "phone", "T1")
			w.beat(0, "phone", device.Online, 0)
			tc.beats(w)
			var want, look time.Time
			d := w.devices("alice")["phone"]
			if tc.until != 0 {
				want, look = at(tc.until), at(tc.until)
				if d.State != device.Online {
					look = at(tc.until + 15)
				}
			}
			if u := w.user("alice"); !u.SweepAt.Equal(look) || !d.HeldUntil().Equal(want) {
				t.Fatalf("looked after at %v, want %v: %+v", u.SweepAt, want, d)
			}
			if got := d.MissedSince(); tc.until != 0 && got != at(int(tc.since)).UnixMilli() {
				t.Errorf("from %v on, want %v", time.UnixMilli(got).Sub(start), tc.since)
			}
		})
	}
}

// Who keeps pushes from others by the user's rule is looked after although it
// can't be rung itself; nothing is that was before the rule.
func TestRuleIsSweptFor(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "phone", "T1")
	pc := presence.Beat{PushID: device.PushID("alice", "pc"), DeviceID: "pc", Platform: device.Linux, State: device.Online}
	w.heartbeat("alice", pc)
	rule := func(online, silent device.Platform) {
		t.Helper()
		if _, err := w.reg.SetRule(t.Context(), "alice", presence.PushRule{OnlinePlatforms: platforms{online}, NotToReceiveOfflinePushPlatforms: platforms{silent}}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, sweepAt, since time.Time) {
		t.Helper()
		if u := w.user("alice"); !u.SweepAt.Equal(sweepAt) || !w.devices("alice")["pc"].OnlineSince.Equal(since) {
			t.Errorf("%s: swept at %v, %+v", what, u.SweepAt, w.devices("alice")["pc"])
		}
	}
	want("without a rule", time.Time{}, at(0))
	w.now = at(10)
	rule(device.Web, device.Android)
	want("with a rule about others", time.Time{}, at(0))
	rule(device.Linux, device.Android)
	want("with a rule", at(60), at(10))
	w.now = at(20)
	rule(device.Linux, device.IPhoneOS)
	want("with another rule", at(60), at(10))
	w.beat(30, "pc", device.Online, 0)
	want("after a heartbeat", at(90), at(10))
	lapsed := w.user("alice").Lapsed(at(90))
	w.now = at(90)
	if n, err := w.reg.SettleLapsed(t.Context(), "alice", lapsed); n != 1 || err != nil || len(lapsed) != 1 {
		t.Errorf("settled %d of %+v, %v", n, lapsed, err)
	}
	want("settled", time.Time{}, time.Time{})

	w.beat(100, "pc", device.Online, 0)
	rule(device.Web, device.Android)
	w.now = at(1000)
	rule(device.Linux, device.Android)
	want("with a rule long after it was there", time.Time{}, time.Time{})
}

func TestShard(t *testing.T) {
	var counts [presence.Shards]int
	for i := range 8000 {
		id := fmt.Sprintf("user%d", i)
		s := presence.Shard(id)
		if s != presence.Shard(id) {
			t.Fatalf("%s is in two shards", id)
		}
		counts[s]++
	}
	for s, n := range counts {
		if n < 800 || n > 1200 {
			t.Errorf("shard %d has %d of 8000 users", s, n)
		}
	}
}
