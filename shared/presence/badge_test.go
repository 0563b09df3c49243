package presence_test

import (
	"errors"
	"testing"

	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
)

func TestCheckBadge(t *testing.T) {
	n := func(n int) *int { return &n }
	for _, tc := range []struct {
		badge   *int
		message string // empty: it is taken
	}{
		{n(0), ""},
		{n(presence.MaxBadge), ""},
		{nil, "is required: 0 to 9999"},
		{n(-1), "is -1: 0 to 9999"},
		{n(presence.MaxBadge + 1), "is 10000: 0 to 9999"},
	} {
		var e *fault.Error
		err := presence.CheckBadge(tc.badge)
		if tc.message == "" {
			if err != nil {
				t.Errorf("%d: %v", *tc.badge, err)
			}
			continue
		}
		if !errors.As(err, &e) || e.Field != "badge" || e.Message != tc.message || e.Status != fault.InvalidArgument {
			t.Errorf("want %q, got %v", tc.message, err)
		}
	}
}

// The last number stands, a repeat writes nothing, and devices are left alone.
func TestSetBadge(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "phone", "T1")
	w.register("bob", "phone", "T2")
	for _, n := range []int{3, 3, 0, 7} {
		if err := w.reg.SetBadge(t.Context(), "alice", n); err != nil || w.user("alice").Badge != n {
			t.Errorf("set %d: %d, %v", n, w.user("alice").Badge, err)
		}
	}
	if len(w.devices("alice")) != 1 || w.user("bob").Badge != 0 {
		t.Errorf("alice has %+v, bob's number is %d", w.devices("alice"), w.user("bob").Badge)
	}
	w.reg.Store = &flaky{Memory: w.db, failAt: 1} // the write, which a repeat doesn't come to
	if err := w.reg.SetBadge(t.Context(), "alice", 7); err != nil {
		t.Errorf("a repeat writes: %v", err)
	}
	if err := w.reg.SetBadge(t.Context(), "alice", 8); !errors.Is(err, errDown) {
		t.Errorf("a change doesn't write: %v", err)
	}
}
