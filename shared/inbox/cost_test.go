package inbox_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/inbox"
)

// What a run costs in reads of messages, as Firestore bills them: bounds that
// merge documents, and what it is in fact.
func TestReadsOfARun(t *testing.T) {
	for _, tc := range []struct {
		conversations, each, count int
		reads                      int // of messages, at most
	}{
		{1, 1000, 100, 1000},
		{10, 100, 100, 1500},
		{100, 10, 100, 1900},
		{200, 5, 100, 2800},
		{200, 5, 500, 1500},
	} {
		w, c := newWorld(t), &client{}
		for range tc.each {
			for i := range tc.conversations {
				w.now = w.now.Add(time.Second)
				w.send(fmt.Sprint("p", i), "me", peer)
			}
		}
		w.reads = 0
		pages, worst := 0, 0
		for more := true; more; pages++ {
			before := w.reads
			a := w.sync("me", c.cursor, tc.count)
			c.take(a)
			worst, more = max(worst, w.reads-before), a.HasMore
		}
		for i := range tc.conversations {
			c.want(t, fmt.Sprint("0p", i), 0, int64(tc.each))
		}
		if bound := tc.conversations + 2*tc.count; w.reads > tc.reads || worst > bound {
			t.Errorf("%+v: %d reads, %d for a page; at most %d and %d", tc, w.reads, worst, tc.reads, bound)
		}
		t.Logf("%d conversations with %d messages each, %d a page: %d pages, %d reads, at most %d for one", tc.conversations, tc.each, tc.count, pages, w.reads, worst)
	}
}

// A page of one stream reads what it shows, and nothing that others have.
func TestReadsOfASteadyState(t *testing.T) {
	w, c := newWorld(t), &client{}
	for i := range 50 {
		w.send(fmt.Sprint("p", i), "me", peer)
	}
	for w.now = w.now.Add(time.Hour); ; {
		a := w.sync("me", c.cursor, inbox.MaxCount)
		if c.take(a); !a.HasMore {
			break
		}
	}
	w.reads = 0
	c.take(w.sync("me", c.cursor, 100))
	if w.reads != 0 {
		t.Errorf("nothing new costs %d reads of messages", w.reads)
	}
	for range 3 {
		w.send("p7", "me", peer)
	}
	if c.take(w.sync("me", c.cursor, 100)); w.reads != 3 {
		t.Errorf("three new messages cost %d reads of them", w.reads)
	}
}
