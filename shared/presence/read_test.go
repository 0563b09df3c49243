package presence_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/presence"
)

// user is what the store has of a user.
func (w *world) user(id string) *presence.User {
	w.Helper()
	users, err := w.db.Users(w.Context(), []string{id})
	if err != nil {
		w.Fatal(err)
	}
	return users[id]
}

func (w *world) markRead(user, cid string, seq int64) {
	w.Helper()
	if err := w.reg.MarkRead(w.Context(), user, cid, seq, nil); err != nil {
		w.Fatal(err)
	}
}

func TestMarkReadOnlyGrows(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "phone", "T1")
	for _, step := range []struct {
		cid       string
		seq, want int64
	}{{"c", 5, 5}, {"c", 5, 5}, {"c", 4, 5}, {"c", 0, 5}, {"c", -1, 5}, {"c", 6, 6}, {"other", 0, 0}, {"other", 1, 1}} {
		w.markRead("alice", step.cid, step.seq)
		if got := w.user("alice").ReadSeq(step.cid); got != step.want {
			t.Errorf("%+v: read up to %d", step, got)
		}
	}
	if got := w.user("alice"); len(got.Devices) != 1 || got.ReadSeq("c") != 6 || len(got.Reads) != 2 {
		t.Errorf("got %+v", got)
	}
	if w.user("bob").ReadSeq("c") != 0 {
		t.Error("nobody has read something")
	}
	// Who reads before they register: the position is there when they do.
	w.markRead("bob", "c", 0)
	if w.user("bob") != nil {
		t.Error("having read nothing made a user")
	}
	w.markRead("bob", "c", 3)
	w.register("bob", "phone", "T2")
	if got := w.user("bob").ReadSeq("c"); got != 3 {
		t.Errorf("read up to %d", got)
	}
}

// Before the position moves, and only then, somebody is told, and may refuse.
func TestMarkReadMoves(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "phone", "T1")
	w.markRead("alice", "c", 5)
	full := errors.New("full")
	for _, step := range []struct {
		seq    int64
		err    error
		called int
		want   int64
	}{{5, full, 0, 5}, {4, full, 0, 5}, {7, full, 1, 5}, {7, nil, 1, 7}, {7, nil, 0, 7}} {
		called := 0
		err := w.reg.MarkRead(t.Context(), "alice", "c", step.seq, func(u *presence.User) func() error {
			called++
			if u.UserID != "alice" || u.ReadSeq("c") != 5 || len(u.Devices) != 1 {
				t.Errorf("told of %+v", u)
			}
			return func() error {
				if w.user("alice").ReadSeq("c") != 5 {
					t.Error("it had moved before")
				}
				return step.err
			}
		})
		if errors.Is(err, full) != (step.called > 0 && step.err != nil) || called != step.called || w.user("alice").ReadSeq("c") != step.want {
			t.Errorf("%+v: called %d times, %v, read up to %d", step, called, err, w.user("alice").ReadSeq("c"))
		}
	}
	// There is nothing to do first.
	nothing := func(*presence.User) func() error { return nil }
	if err := w.reg.MarkRead(t.Context(), "alice", "c", 8, nothing); err != nil || w.user("alice").ReadSeq("c") != 8 {
		t.Errorf("%v, read up to %d", err, w.user("alice").ReadSeq("c"))
	}
}

// The conversations read longest ago make room, whatever their positions.
func TestMarkReadKeepsTheLast(t *testing.T) {
	w := newWorld(t)
	cid := func(i int) string { return fmt.Sprintf("c%02d", i) }
	for i := range presence.MaxReads {
		w.now = start.Add(time.Duration(i) * time.Second)
		w.markRead("alice", cid(i), int64(1000-i))
	}
	w.now = start.Add(time.Minute)
	w.markRead("alice", cid(0), 2000)
	// The clock of another instance is behind: the new one stays all the same.
	w.now = start.Add(-time.Hour)
	w.markRead("alice", "new", 1)
	got := w.user("alice")
	if len(got.Reads) != presence.MaxReads || got.ReadSeq(cid(0)) != 2000 || got.ReadSeq(cid(1)) != 0 || got.ReadSeq("new") != 1 {
		t.Errorf("left %+v", got.Reads)
	}
	// Several read at one time make room in a fixed order.
	w = newWorld(t)
	for i := range presence.MaxReads + 2 {
		w.markRead("alice", cid(i), 1)
	}
	if got := w.user("alice"); got.ReadSeq(cid(0)) != 0 || got.ReadSeq(cid(1)) != 0 || got.ReadSeq(cid(2)) != 1 {
		t.Errorf("left %+v", got.Reads)
	}
}
