package presence_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
)

func (w *world) removeStale(limit, want int) {
	w.Helper()
	if n, err := w.reg.RemoveStale(context.Background(), limit); n != want || err != nil {
		w.Errorf("after %v: %d removed, %v; want %d", w.now.Sub(start), n, err, want)
	}
}

// changes is how many transactions a store runs.
type changes struct {
	presence.Store
	n int
}

func (c *changes) Change(ctx context.Context, f func(presence.Tx) error) error {
	c.n++
	return c.Store.Change(ctx, f)
}

// A target is forgotten when its device hasn't been heard of for 270 days, and
// no day earlier; its device and its user stay.
func TestStaleTargetIsForgotten(t *testing.T) {
	w := newWorld(t)
	pushID := w.register("alice", "phone", "T1").PushID
	for _, after := range []time.Duration{0, time.Hour, presence.StaleAfter - time.Minute} {
		w.now = start.Add(after)
		w.removeStale(10, 0)
	}
	w.wantOwner("T1", "alice phone")
	w.now = start.Add(presence.StaleAfter + 24*time.Hour) // by the day
	w.removeStale(10, 1)
	w.wantOwner("T1", "")
	if d, ok := w.user("alice").Device(pushID); !ok || !d.Target.IsZero() || d.DeviceID != "phone" {
		t.Errorf("the device is %+v, %t", d, ok)
	}
	w.removeStale(10, 0)
	// Registered again it rings again.
	w.register("alice", "phone", "T1")
	w.removeStale(10, 0)
	w.wantOwner("T1", "alice phone")
}

// Both a registration and a heartbeat tell that the device is there. A target
// found fresh isn't looked at again before its time.
func TestFreshTargetStays(t *testing.T) {
	for name, hear := range map[string]func(w *world, pushID string){
		"registered again": func(w *world, _ string) { w.register("alice", "phone", "T1") },
		"heartbeat": func(w *world, pushID string) {
			w.heartbeat("alice", presence.Beat{PushID: pushID, State: device.Offline})
		},
	} {
		w := newWorld(t)
		pushID := w.register("alice", "phone", "T1").PushID
		w.now = start.Add(200 * 24 * time.Hour)
		hear(w, pushID)
		counted := &changes{Store: w.db}
		w.reg.Store = counted
		for day := 200; day < 470; day++ {
			w.now = start.Add(time.Duration(day) * 24 * time.Hour)
			w.removeStale(10, 0)
			w.wantOwner("T1", "alice phone")
		}
		if counted.n > 1 {
			t.Errorf("%s: looked at %d times", name, counted.n)
		}
		w.now = start.Add(471 * 24 * time.Hour)
		w.removeStale(10, 1)
	}
}

// A sweep's work is bounded, and the rest is the next one's.
func TestStaleTargetsInSteps(t *testing.T) {
	w := newWorld(t)
	for i := range 25 {
		w.register(fmt.Sprint("user", i), "phone", fmt.Sprint("T", i))
	}
	w.now = start.Add(presence.StaleAfter + 48*time.Hour)
	for _, want := range []int{10, 10, 5, 0} {
		w.removeStale(10, want)
	}
}

// While it looks, the token moves to another device, or its owner is nobody's.
func TestStaleTargetThatMoved(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "phone", "T1")
	w.now = start.Add(presence.StaleAfter + 48*time.Hour)
	w.reg.Store = &before{Store: w.db, do: func() {
		w.reg.Store = w.db
		w.register("bob", "phone", "T1")
	}}
	w.removeStale(10, 0)
	w.wantOwner("T1", "bob phone")

	orphan := token("T2").Hash()
	err := w.db.Change(t.Context(), func(tx presence.Tx) error {
		return tx.PutOwner(orphan, presence.Owner{UserID: "carol", PushID: "p", At: start, Day: presence.Day(start)})
	})
	if err != nil {
		t.Fatal(err)
	}
	w.removeStale(10, 0)
	if found, err := w.db.StaleOwners(t.Context(), presence.Day(w.now), 10); err != nil || len(found) != 1 {
		t.Errorf("left %v, %v; want bob's", found, err)
	}
}

// before does something between the search and the first transaction.
type before struct {
	presence.Store
	do func()
}

func (b *before) Change(ctx context.Context, f func(presence.Tx) error) error {
	if b.do != nil {
		do := b.do
		b.do = nil
		do()
	}
	return b.Store.Change(ctx, f)
}

// One that fails keeps none of the others.
func TestStaleTargetFails(t *testing.T) {
	w := newWorld(t)
	for i := range 3 {
		w.register(fmt.Sprint("user", i), "phone", fmt.Sprint("T", i))
	}
	w.now = start.Add(presence.StaleAfter + 48*time.Hour)
	f := &flaky{Memory: w.db, failAt: 0}
	w.reg.Store = f
	if n, err := w.reg.RemoveStale(t.Context(), 10); n != 2 || !errors.Is(err, errDown) {
		t.Errorf("%d removed, %v", n, err)
	}
	w.reg.Store = w.db
	w.removeStale(10, 1)
	w.reg.Store = unlistable{w.db}
	if _, err := w.reg.RemoveStale(t.Context(), 10); !errors.Is(err, errDown) {
		t.Errorf("got %v", err)
	}
}

type unlistable struct{ presence.Store }

func (unlistable) StaleOwners(context.Context, int64, int) (map[string]presence.Owner, error) {
	return nil, errDown
}

func TestDay(t *testing.T) {
	for at, want := range map[string]int64{
		"1970-01-01T00:00:00Z": 0, "1970-01-01T23:59:59Z": 0, "1970-01-02T00:00:00Z": 1,
		"2026-07-01T00:30:00+02:00": 20634, "2026-07-01T02:00:00+02:00": 20635,
	} {
		parsed, err := time.Parse(time.RFC3339, at)
		if got := presence.Day(parsed); err != nil || got != want {
			t.Errorf("%s: day %d, %v; want %d", at, got, err, want)
		}
	}
}
