package inbox_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/inbox"
)

// missed is the first limit of what user missed.
func (w *world) missed(user string, since, until int64, limit int) (out []inbox.Missed, more bool, err error) {
	more, err = w.inbox.Missed(ctx, user, since, until, func(m inbox.Missed) (bool, error) {
		out = append(out, m)
		return len(out) < limit, nil
	})
	return out, more, err
}

// Many more than are merged at once, in more conversations than that: all come,
// in order, and what can't be dealt with ends it.
func TestMissedGoesOn(t *testing.T) {
	w := newWorld(t)
	const conversations, each = 70, 5
	for i := range conversations * each {
		w.now = w.now.Add(time.Second)
		w.send(fmt.Sprint("p", i%conversations), "me", peer)
	}
	until := w.now.UnixMilli()
	got, more, err := w.missed("me", began.UnixMilli(), until, 10_000)
	if len(got) != conversations*each || more || err != nil {
		t.Errorf("%d, %t, %v", len(got), more, err)
	}
	for i, m := range got {
		if m.Message.SenderUserID != fmt.Sprint("p", i%conversations) || m.Message.OrderKey != int64(i/conversations+1) {
			t.Fatalf("at %d: %+v", i, m.Message)
		}
	}
	for _, n := range []int{1, 49, 50, 51, 349} {
		if got, more, err := w.missed("me", began.UnixMilli(), until, n); len(got) != n || !more || err != nil {
			t.Errorf("the first %d: %d, %t, %v", n, len(got), more, err)
		}
	}
	down, calls := errors.New("down"), 0
	_, err = w.inbox.Missed(ctx, "me", began.UnixMilli(), until, func(inbox.Missed) (bool, error) {
		calls++
		return true, down
	})
	if !errors.Is(err, down) || calls != 1 {
		t.Errorf("took %d, %v", calls, err)
	}
}

func TestMissed(t *testing.T) {
	w := talk(t)
	w.inbox.Read(ctx, "me", &inbox.ReadRequest{"ann", &peer, 1})
	ms := began.UnixMilli()
	for name, tc := range map[string]struct {
		since, until int64
		limit        int
		want         string
		more         bool
	}{
		"all":               {0, ms + 60_000, 10, "ann:1:read bob:1 g:1 ann:2 g:3", false}, // not one's own, nor the room's
		"since and until":   {ms + 2000, ms + 4000, 10, "g:1 ann:2", false},
		"the first":         {0, ms + 60_000, 4, "ann:1:read bob:1 g:1 ann:2", true},
		"as many as are":    {0, ms + 60_000, 5, "ann:1:read bob:1 g:1 ann:2 g:3", false},
		"one, behind mine":  {ms + 4000, ms + 60_000, 1, "g:3", false},
		"nothing in there":  {ms + 4001, ms + 7999, 10, "", false},
		"nothing any more":  {ms + 8000, ms + 60_000, 10, "", false},
		"an empty interval": {ms + 5000, ms + 1000, 10, "", false},
	} {
		got, more, err := w.missed("me", tc.since, tc.until, tc.limit)
		var out []string
		for _, m := range got {
			line := fmt.Sprintf("%s:%d", m.Message.For("me").ConversationID, m.Message.OrderKey)
			if m.Read {
				line += ":read"
			}
			if out = append(out, line); (m.Member != nil) != (m.Message.ConversationType == inGroup) || m.Message.Push == nil {
				t.Errorf("%s: %+v", name, m)
			}
		}
		if err != nil || strings.Join(out, " ") != tc.want || more != tc.more {
			t.Errorf("%s: %q, %t, %v; want %q, %t", name, out, more, err, tc.want, tc.more)
		}
	}
}

// Many of one's own messages lie between, in more conversations than are wanted.
func TestMissedAmongOnesOwn(t *testing.T) {
	w := newWorld(t)
	for i := range 30 {
		w.now = w.now.Add(time.Second)
		w.send("me", fmt.Sprint("p", i%6), peer)
		if i%10 == 9 {
			w.send(fmt.Sprint("p", i%6), "me", peer)
		}
	}
	for limit := 1; limit <= 3; limit++ {
		got, more, err := w.missed("me", began.UnixMilli(), w.now.Add(time.Hour).UnixMilli(), limit)
		var from []string
		for _, m := range got {
			from = append(from, m.Message.SenderUserID)
		}
		if want := []string{"p3", "p1", "p5"}[:limit]; err != nil || !slices.Equal(from, want) || more != (limit < 3) {
			t.Errorf("%d: %v, %t, %v", limit, from, more, err)
		}
	}
}
