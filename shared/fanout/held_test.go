package fanout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// holds is what is noted with users.
type holds struct {
	mu    sync.Mutex
	err   error
	users []string
}

func (h *holds) Hold(_ context.Context, userID string, _ presence.Held) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.users = append(h.users, userID)
	return h.err
}

// quiet is u with quiet hours at the tests' time, 22:13 on a Tuesday.
func quiet(summary bool, u *presence.User) *presence.User {
	u.Settings.Quiet = &presence.Quiet{TimeZone: "UTC", Weekdays: []presence.Weekday{"tue"}, From: "22:00", To: "07:00", Summary: summary}
	return u
}

func TestHeldBackIsNoted(t *testing.T) {
	held := &presence.Held{Since: now.Add(-time.Hour).UnixMilli(), Until: time.Date(2023, 11, 15, 7, 0, 0, 0, time.UTC)}
	noted := quiet(true, bob(2))
	noted.Held = held
	for name, tc := range map[string]struct {
		bob  *presence.User
		want []string
	}{
		"the first":      {quiet(true, bob(2)), []string{"bob"}},
		"another":        {noted, nil},
		"no summary":     {quiet(false, bob(2)), nil},
		"no quiet hours": {bob(2), nil},
		"no device":      {quiet(true, bob(0)), nil},
	} {
		b, h := newBench(t, tc.bob), &holds{}
		b.f.Holds, b.f.Skips = h, nil
		if err := b.f.Message(t.Context(), message()); err != nil || !slices.Equal(h.users, tc.want) || len(b.presence.reads) != 1 {
			t.Errorf("%s: noted with %q, %v", name, h.users, err)
		}
	}
	b, h := newBench(t, quiet(true, bob(1))), &holds{err: errors.New("presence is down")}
	b.f.Holds = h
	if err := b.f.Message(t.Context(), message()); !errors.Is(err, h.err) {
		t.Errorf("not noted: %v", err)
	}
	h.err = nil // and the event is delivered again
	if err := b.f.Message(t.Context(), message()); err != nil || len(h.users) != 2 {
		t.Errorf("again: %v, %q", err, h.users)
	}
}

// Of a group, everybody who has quiet hours is noted with, and only they.
func TestHeldBackInAGroup(t *testing.T) {
	b, h := newBench(t), &holds{}
	b.f.Holds = h
	s := &stream{f: b.f, m: message(), a: push.OfMessage(message(), time.Hour), tally: tallyOf(message(), "0")}
	var want []string
	for i := range 40 {
		u := bob(1)
		u.UserID = fmt.Sprintf("u%02d", i)
		if i%2 == 0 {
			quiet(true, u)
			want = append(want, u.UserID)
		}
		b.presence.users[u.UserID] = u
		to := receiver(s.m, u.UserID)
		to.Presence = u
		for _, d := range b.f.Rules.Decide(s.a, to, now) {
			s.tally.add(d, now)
		}
	}
	for range 2 { // what was noted isn't again
		if err := b.f.record(t.Context(), &s.tally, "skips", "m", "0"); err != nil {
			t.Fatal(err)
		}
	}
	if slices.Sort(h.users); !slices.Equal(h.users, want) {
		t.Errorf("noted with %q, want %q", h.users, want)
	}
}
