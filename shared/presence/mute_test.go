package presence_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
)

func (w *world) mute(user, cid string, m *presence.Mute) {
	w.Helper()
	if err := w.reg.SetPeer(w.Context(), user, cid, m, ""); err != nil {
		w.Fatal(err)
	}
}

func TestSetMute(t *testing.T) {
	w := newWorld(t)
	until := func(d time.Duration) *presence.Mute { return &presence.Mute{MutedUntil: start.Add(d).UnixMilli()} }
	for i, step := range []struct {
		mute  *presence.Mute
		muted bool
	}{
		{nil, false}, {&presence.Mute{}, true}, {&presence.Mute{}, true}, {until(time.Second), true}, {nil, false}, {nil, false},
		{until(time.Millisecond), true}, {until(0), false}, {until(-time.Hour), false},
	} {
		w.mute("alice", "c", step.mute)
		got, ok := w.user("alice").Muted("c", start)
		if ok != step.muted || (ok && got != *step.mute) {
			t.Errorf("step %d: got %+v, %t", i, got, ok)
		}
		if _, ok := w.user("alice").Muted("other", start); ok {
			t.Errorf("step %d muted another conversation", i)
		}
	}
	w.mute("alice", "c", until(time.Second))
	if _, ok := w.user("alice").Muted("c", start.Add(time.Second)); ok {
		t.Error("the mute doesn't end")
	}
	// What changes nothing writes nothing.
	w.mute("bob", "c", nil)
	w.mute("bob", "c", until(0))
	if w.user("bob") != nil {
		t.Error("unmuting made a user")
	}
}

func TestTooManyMutes(t *testing.T) {
	w := newWorld(t)
	cid := func(i int) string { return fmt.Sprintf("c%04d", i) }
	for i := range presence.MaxMutes - 1 {
		w.mute("alice", cid(i), &presence.Mute{})
	}
	w.mute("alice", "brief", &presence.Mute{MutedUntil: start.UnixMilli() + 1})
	var e *fault.Error
	if err := w.reg.SetPeer(t.Context(), "alice", "more", &presence.Mute{}, ""); !errors.As(err, &e) || e.Code != fault.ConversationCommon || e.Status != fault.FailedPrecondition {
		t.Errorf("one more: %v", err)
	}
	if got := w.user("alice"); len(got.Mutes) != presence.MaxMutes {
		t.Errorf("%d are muted", len(got.Mutes))
	}
	// One that is muted already needs no room, and one that is over makes some.
	w.mute("alice", cid(0), &presence.Mute{MutedUntil: start.Add(time.Hour).UnixMilli()})
	w.now = start.Add(time.Second)
	w.mute("alice", "more", &presence.Mute{})
	if _, ok := w.user("alice").Mutes["brief"]; ok || len(w.user("alice").Mutes) != presence.MaxMutes {
		t.Errorf("%d are muted, the one that is over: %t", len(w.user("alice").Mutes), ok)
	}
}

func TestPeerLevel(t *testing.T) {
	w := newWorld(t)
	set := func(cid string, m *presence.Mute, l presence.Level) error {
		return w.reg.SetPeer(t.Context(), "alice", cid, m, l)
	}
	for i, step := range []struct {
		mute  *presence.Mute
		level presence.Level
	}{
		{nil, mentions}, {nil, mentions}, {&presence.Mute{}, mentions}, {&presence.Mute{}, none}, {nil, all}, {&presence.Mute{}, ""}, {nil, ""},
	} {
		if err := set("c", step.mute, step.level); err != nil {
			t.Fatal(err)
		}
		_, muted := w.user("alice").Muted("c", start)
		if got := w.user("alice").PeerLevel("c"); got != step.level || muted != (step.mute != nil) || w.user("alice").PeerLevel("other") != "" {
			t.Errorf("step %d: level %q, muted %t", i, got, muted)
		}
	}
	for i := range presence.MaxMutes {
		if err := set(fmt.Sprint(i), nil, none); err != nil {
			t.Fatal(err)
		}
	}
	var e *fault.Error
	if err := set("more", &presence.Mute{}, none); !errors.As(err, &e) || e.Code != fault.ConversationCommon {
		t.Errorf("one more: %v", err)
	}
	if _, muted := w.user("alice").Muted("more", start); muted || len(w.user("alice").Levels) != presence.MaxMutes {
		t.Errorf("one more left %d levels, muted %t", len(w.user("alice").Levels), muted)
	}
	if err := set("1", nil, all); err != nil {
		t.Errorf("another level for one who has one: %v", err)
	}
	var nobody *presence.User
	if nobody.PeerLevel("c") != "" {
		t.Error("nobody has a level")
	}
}
