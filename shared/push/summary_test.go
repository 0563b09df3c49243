package push

import (
	"testing"
	"time"
)

func TestOfHeld(t *testing.T) {
	for _, tc := range []struct {
		count int
		more  bool
		want  string
	}{{1, false, "1 unread message"}, {2, false, "2 unread messages"}, {99, false, "99 unread messages"}, {99, true, "99+ unread messages"}, {1, true, "1+ unread messages"}} {
		if got := OfHeld("bob", tc.count, tc.more, nil, sentAt, time.Hour).Push.Title; got != tc.want {
			t.Errorf("%d, more: %t: %q", tc.count, tc.more, got)
		}
	}
	// One of a user and a time, whatever it counts; the next one replaces it at FCM.
	one, other := OfHeld("bob", 1, false, nil, sentAt, time.Hour), OfHeld("bob", 2, true, nil, sentAt, time.Hour)
	next, carols := OfHeld("bob", 1, false, nil, sentAt.Add(time.Hour), time.Hour), OfHeld("carol", 1, false, nil, sentAt, time.Hour)
	if one.ID != other.ID || one.ID == next.ID || one.ID == carols.ID || one.CID != next.CID || one.CID == carols.CID {
		t.Errorf("IDs %q, %q, %q, %q", one.ID, other.ID, next.ID, carols.ID)
	}
}
