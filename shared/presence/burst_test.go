package presence_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/store"
)

// A burst begins, has something to tell, is told of, and is over; whatever is
// repeated or comes late neither loses anything nor moves it.
func TestBursts(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "phone", "T1")
	w.beat(0, "phone", device.Online, 0) // looked at 60 s later
	const held, telling = 1, 2
	burst := func(tag string, until int, state int) presence.Burst {
		return presence.Burst{Tag: tag, Since: 7, Until: at(until), Held: state&held > 0, Telling: state&telling > 0}
	}
	bundle := func(b presence.Burst) func() error {
		return func() error { return w.reg.Bundle(t.Context(), "alice", "c", b) }
	}
	var last map[string]presence.Burst
	tell := func(due, until, want int) func() error {
		return func() error {
			got, err := w.reg.TellBursts(t.Context(), "alice", at(due), at(until).Add(123))
			if len(got) != want {
				t.Errorf("telling of %v, want %d", got, want)
			}
			if len(got) > 0 {
				last = got
			}
			return err
		}
	}
	told := func(seq int64) func() error {
		return func() error { return w.reg.ToldBursts(t.Context(), "alice", last, map[string]int64{"c": seq}) }
	}
	for i, step := range []struct {
		now   int
		do    func() error
		want  presence.Burst
		sweep int
	}{
		{0, bundle(burst("m1", 20, 0)), burst("m1", 20, 0), 60},
		{1, bundle(burst("m1", 20, 0)), burst("m1", 20, 0), 60},
		{2, bundle(burst("m1", 20, held)), burst("m1", 20, held), 20},
		{3, bundle(burst("m1", 20, held)), burst("m1", 20, held), 20},
		{3, bundle(burst("m3", 23, 0)), burst("m1", 20, held), 20}, // what is to be told of stays
		{19, tell(19, 39, 0), burst("m1", 20, held), 20},
		{25, tell(20, 45, 1), burst("m1", 45, telling), 45},
		{25, tell(20, 45, 0), burst("m1", 45, telling), 45},
		{26, bundle(burst("m1", 20, held)), burst("m1", 45, held|telling), 45}, // was planned before
		{27, told(5), presence.Burst{Tag: "m1", Since: 7, Until: at(45), Held: true, Told: 5}, 45},
		{27, told(5), presence.Burst{Tag: "m1", Since: 7, Until: at(45), Held: true, Told: 5}, 45},
		{50, tell(45, 70, 1), presence.Burst{Tag: "m1", Since: 7, Until: at(70), Telling: true, Told: 5}, 60},
		{80, tell(75, 95, 1), presence.Burst{Tag: "m1", Since: 7, Until: at(95), Telling: true, Told: 5}, 60}, // who told died
		{81, told(9), presence.Burst{Tag: "m1", Since: 7, Until: at(95), Told: 9}, 60},
		{82, bundle(burst("m9", 102, 0)), burst("m9", 102, 0), 60},        // whoever read is rung again
		{103, bundle(burst("m9", 102, held)), burst("m9", 102, held), 60}, // was planned in time, and noted late
		{103, bundle(burst("m10", 130, held)), burst("m9", 102, held), 60},
	} {
		w.now = at(step.now)
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		u := w.user("alice")
		if got := u.Bursts["c"]; !got.Until.Equal(step.want.Until) || fmt.Sprint(got.Tag, got.Since, got.Held, got.Telling, got.Told) != fmt.Sprint(step.want.Tag, step.want.Since, step.want.Held, step.want.Telling, step.want.Told) {
			t.Errorf("step %d: %+v, want %+v", i, got, step.want)
		}
		if !u.SweepAt.Equal(at(step.sweep)) {
			t.Errorf("step %d: swept at %v, want %v", i, u.SweepAt, at(step.sweep))
		}
	}
	fails := func(do func() error) {
		t.Helper()
		w.reg.Store = changeless{w.db}
		if err := do(); !errors.Is(err, errDown) {
			t.Errorf("got %v", err)
		}
		w.reg.Store = w.db
	}
	fails(func() error { return w.reg.Bundle(t.Context(), "alice", "other", burst("m", 200, 0)) })
	fails(tell(500, 600, 0))
	if err := tell(500, 600, 1)(); err != nil {
		t.Fatal(err)
	}
	fails(told(9))
}

// changeless is a store that takes no change.
type changeless struct{ *store.Memory }

func (changeless) Change(context.Context, func(presence.Tx) error) error { return errDown }

// A user has so many bursts at a time; what is to be told of finds room, and what is
// over makes it.
func TestBurstsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "phone", "T1")
	bundle := func(n, until int, held bool) {
		t.Helper()
		if err := w.reg.Bundle(t.Context(), "alice", fmt.Sprint("c", n), presence.Burst{Tag: "m", Until: at(until), Held: held}); err != nil {
			t.Fatal(err)
		}
	}
	w.now = at(0)
	for n := range presence.MaxBursts + 5 {
		bundle(n, 10, false)
	}
	if n := len(w.user("alice").Bursts); n != presence.MaxBursts || w.user("alice").MayBurst(at(0)) {
		t.Errorf("%d bursts", n)
	}
	bundle(1000, 10, true)
	if n := len(w.user("alice").Bursts); n != presence.MaxBursts+1 {
		t.Errorf("%d bursts, with one to tell of", n)
	}
	w.now = at(11)
	bundle(1001, 20, false)
	if n := len(w.user("alice").Bursts); n != 2 || !w.user("alice").MayBurst(at(11)) {
		t.Errorf("%d bursts when the others are over", n)
	}
	var nobody *presence.User
	if _, on := nobody.Burst("c", at(0)); on || nobody.MayBurst(at(0)) {
		t.Error("nobody has a burst")
	}
}

func TestBundleWindow(t *testing.T) {
	seconds := func(n int) *int { return &n }
	for _, tc := range []struct {
		own, operators *int
		want           time.Duration
	}{
		{nil, nil, 0}, {seconds(60), nil, time.Minute}, {nil, seconds(30), 30 * time.Second}, {seconds(0), seconds(30), 0}, {seconds(20), seconds(30), 20 * time.Second},
	} {
		s := presence.Settings{BundleSeconds: tc.own}.Over(presence.Settings{BundleSeconds: tc.operators})
		if got := s.BundleWindow(); got != tc.want || s.Check() != nil {
			t.Errorf("%+v: %v, %v", tc, got, s.Check())
		}
	}
	for _, n := range []int{-1, 1, presence.MinBundle - 1, presence.MaxBundle + 1} {
		if err := (presence.Settings{BundleSeconds: &n}).Check(); err == nil {
			t.Errorf("%d seconds are taken", n)
		}
	}
}
