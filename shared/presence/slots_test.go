package presence_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorbell-push/doorbell/shared/presence"
)

// A lone one has all slots, one beside others what is left; who wants few doesn't
// wait for who wants many, and who is too many waits.
func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s presence.Slots
		take := func(want, most int) (free func()) {
			t.Helper()
			got, free, err := s.Take(t.Context(), want)
			if err != nil || got != most {
				t.Errorf("%d are wanted: %d, %v; want %d", want, got, err, most)
			}
			return free
		}
		free := take(500, presence.MaxHeld)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := s.Take(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("more than there are: %v", err)
		}
		free()
		frees := []func(){take(40, 40), take(500, 16)}
		for range presence.MaxHeld - 56 {
			frees = append(frees, take(1, 1))
		}
		for _, free := range frees {
			free()
		}
		take(presence.MaxHeld, presence.MaxHeld)()
	})
}

// Each sees everyone once, in parts; what fails ends it and leaves nothing taken.
func TestSlotsEach(t *testing.T) {
	var s presence.Slots
	var ids []string
	for i := range 150 {
		ids = append(ids, fmt.Sprintf("u%03d", i))
	}
	var seen []string
	var parts []int
	broken := errors.New("broken")
	read := func(_ context.Context, ids []string) (map[string]*presence.User, error) {
		if len(parts) == 4 {
			return nil, broken
		}
		return map[string]*presence.User{ids[0]: {Badge: len(ids)}}, nil
	}
	do := func(ids []string, users map[string]*presence.User) {
		seen, parts = append(seen, ids...), append(parts, users[ids[0]].Badge)
	}
	if err := s.Each(t.Context(), ids, read, do); err != nil || !reflect.DeepEqual(seen, ids) || !reflect.DeepEqual(parts, []int{64, 64, 22}) {
		t.Errorf("%v: parts of %d", err, parts)
	}
	if err := s.Each(t.Context(), ids, read, do); !errors.Is(err, broken) || len(parts) != 4 {
		t.Errorf("%v after %d", err, parts)
	}
	if most, _, err := s.Take(t.Context(), presence.MaxHeld); err != nil || most != presence.MaxHeld {
		t.Errorf("%d are left, %v", most, err)
	}
}
