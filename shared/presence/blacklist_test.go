package presence_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/doorbell-push/doorbell/shared/presence"
)

func (w *world) block(user string, others ...string) (full []string) {
	w.Helper()
	full, err := w.reg.AddToBlacklist(w.Context(), user, others)
	if err != nil {
		w.Fatal(err)
	}
	return full
}

func (w *world) unblock(user string, others ...string) {
	w.Helper()
	if err := w.reg.RemoveFromBlacklist(w.Context(), user, others); err != nil {
		w.Fatal(err)
	}
}

// blacklist is a user's whole list, read in pages of count.
func (w *world) blacklist(user string, count int) (all []string) {
	w.Helper()
	for next := int64(0); ; {
		ids, after, err := w.reg.Blacklist(w.Context(), user, next, count)
		if err != nil || len(ids) > count {
			w.Fatalf("a page of %q, %v", ids, err)
		}
		all = append(all, ids...)
		if after == 0 {
			return all
		}
		if after <= next {
			w.Fatalf("the page behind %d goes on at %d", next, after)
		}
		next = after
	}
}

func TestBlacklist(t *testing.T) {
	w := newWorld(t)
	if len(w.block("alice", "bob", "dave", "bob")) != 0 || len(w.block("alice", "carol", "bob")) != 0 {
		t.Error("there was no room")
	}
	w.register("alice", "phone", "T1") // other changes leave it
	for range 2 {
		w.unblock("alice", "dave", "nobody")
	}
	w.block("alice", "dave")
	for count := 1; count < 5; count++ {
		if got := w.blacklist("alice", count); !slices.Equal(got, []string{"bob", "carol", "dave"}) {
			t.Errorf("in pages of %d: %q", count, got)
		}
	}
	for other, want := range map[string]bool{"bob": true, "carol": true, "dave": true, "erin": false, "alice": false, "": false} {
		if got, err := w.reg.InBlacklist(t.Context(), "alice", other); got != want || err != nil {
			t.Errorf("%q is in the list: %t, %v", other, got, err)
		}
		if got := w.user("alice").Blocks(other); got != want {
			t.Errorf("%q is blocked: %t", other, got)
		}
		// It is alice's list, not theirs.
		if got, err := w.reg.InBlacklist(t.Context(), other, "alice"); got || err != nil {
			t.Errorf("alice is in the list of %q: %t, %v", other, got, err)
		}
	}
	// Who has no document has no list, and doesn't get one by asking.
	w.unblock("bob", "alice")
	if got := w.blacklist("bob", 3); got != nil || w.user("bob") != nil || w.user("bob").Blocks("alice") {
		t.Errorf("bob has %q, %+v", got, w.user("bob"))
	}
}

// Pages hold together while the list changes.
func TestBlacklistChangesBetweenPages(t *testing.T) {
	w := newWorld(t)
	w.block("alice", "a", "b", "c", "d")
	first, next, err := w.reg.Blacklist(t.Context(), "alice", 0, 2)
	if err != nil || !slices.Equal(first, []string{"a", "b"}) {
		t.Fatalf("%q, %v", first, err)
	}
	w.unblock("alice", "a", "b", "c")
	w.block("alice", "e")
	if second, after, err := w.reg.Blacklist(t.Context(), "alice", next, 2); err != nil || after != 0 || !slices.Equal(second, []string{"d", "e"}) {
		t.Errorf("%q, %d, %v", second, after, err)
	}
}

func TestBlacklistIsBounded(t *testing.T) {
	w := newWorld(t)
	id := func(i int) string { return fmt.Sprintf("u%04d", i) }
	for i := range presence.MaxBlacklist - 1 {
		w.block("alice", id(i))
	}
	if full := w.block("alice", id(0), "last", "more", "evenmore", "last"); !slices.Equal(full, []string{"more", "evenmore"}) {
		t.Errorf("no room for %q", full)
	}
	if n := len(w.user("alice").Blacklist); n != presence.MaxBlacklist {
		t.Errorf("%d are blocked", n)
	}
	w.unblock("alice", id(5))
	if full := w.block("alice", "more"); full != nil || !w.user("alice").Blocks("more") {
		t.Errorf("no room for %q", full)
	}
}
