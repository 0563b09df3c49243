package dispatch

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
)

// One device is sent too much: it is left in peace for as long as FCM asks, by
// every batch and by redeliveries in other processes; all others are pushed to
// meanwhile, in its own batch too, and the pace is what it was.
func TestQuotaOfOneDevice(t *testing.T) {
	for name, a := range map[string]answer{
		"FCM says for how long": quota.after("90"),
		"it doesn't":            quota,
		"it says of what":       said(429, "RESOURCE_EXHAUSTED", "…", usedUp("device"), code("QUOTA_EXCEEDED")),
	} {
		inBubble(t, func(b *bench) {
			b.d.Rate = 1000
			start, pause := time.Now(), time.Minute
			if a.retryAfter != "" {
				pause = 90 * time.Second
			}
			b.fcm.answer = func(token string, try int) answer {
				if token == "A" && try == 1 {
					return a
				}
				return ok
			}
			first, second := b.batch("m1", "A", "B", "C"), b.batch("m2", "A", "D")
			b.dispatch(first, true)
			b.dispatch(second, true)
			b.want(first, false, "A", "pending quota", "B", "sent", "C", "sent")
			b.want(second, false, "A", "pending quota", "D", "sent")
			b.wantRequests("A", 1, "B", 1, "C", 1, "D", 1)
			if time.Since(start) != 0 || b.d.gate.pace.credit < 900 {
				t.Errorf("%s: it took %v, the pace is %v", name, time.Since(start), b.d.gate.pace.credit)
			}
			if o := b.db.Deliveries()[second.ID].Outcomes[second.Targets[0].PushID]; o.Tries != 0 || !o.RetryAt.Equal(start.Add(pause)) {
				t.Errorf("%s: the second batch has %+v", name, o)
			}
			other := b.dispatcher()
			time.Sleep(pause - time.Second)
			if err := other.Dispatch(b.Context(), first); !errors.Is(err, delivery.ErrBusy) {
				t.Errorf("%s: a redelivery before the time is up got %v", name, err)
			}
			b.wantRequests("A", 1, "B", 1, "C", 1, "D", 1)
			time.Sleep(time.Second)
			if err := errors.Join(other.Dispatch(b.Context(), first), b.d.Dispatch(b.Context(), second)); err != nil {
				t.Error(err)
			}
			b.wantRequests("A", 3, "B", 1, "C", 1, "D", 1)
		})
	}
}

// Another target of its batch may be tried sooner: the lease doesn't wait for the
// device that must not be asked about, and who takes it over leaves that one out.
func TestQuotaOfOneDeviceHoldsNoOther(t *testing.T) {
	inBubble(t, func(b *bench) {
		works := false
		b.fcm.answer = func(token string, try int) answer {
			switch {
			case token == "A" && try == 1:
				return quota
			case token == "B" && !works:
				return broken
			}
			return ok
		}
		batch := b.batch("m", "A", "B")
		b.dispatch(batch, true)
		tried := len(b.fcm.of("B"))
		works = true
		if err := b.dispatcher().Dispatch(b.Context(), batch); err == nil {
			t.Error("no redelivery is asked for")
		}
		b.want(batch, false, "A", "pending quota", "B", "sent")
		b.wantRequests("A", 1, "B", tried+1)
		waitForLease(b, batch)
		b.dispatch(batch, false)
		b.wantRequests("A", 2, "B", tried+1)
	})
}

// The time is up within the run: it is used.
func TestQuotaOfOneDeviceWithinTheBudget(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.fcm.answer = func(token string, try int) answer {
			if try == 1 {
				return quota.after("9")
			}
			return ok
		}
		first, second, start := b.batch("m1", "A"), b.batch("m2", "A"), time.Now()
		done := make(chan error, 1)
		go func() { done <- b.d.Dispatch(b.Context(), first) }()
		time.Sleep(time.Second)
		b.dispatch(second, false)
		if err := <-done; err != nil {
			t.Error(err)
		}
		b.wantRequests("A", 3)
		for _, r := range b.fcm.of("A")[1:] {
			if at := r.at.Sub(start); at != 9*time.Second {
				t.Errorf("asked again after %v", at)
			}
		}
	})
}

// Many devices get 429s of which FCM doesn't say whose quota it is: when they are
// a crowd, all hold; few devices that are sent too much hold nobody.
func TestQuotaOfACrowd(t *testing.T) {
	for name, tc := range map[string]struct {
		refused, fine int
		apart         time.Duration
		holds         bool
	}{
		"two":                    {2, 0, 0, false},
		"a crowd":                {3, 0, 0, true},
		"a crowd, by and by":     {3, 0, 2 * time.Second, true},
		"not at once":            {3, 0, 3 * time.Second, false},
		"amid others":            {3, 3, 0, false},
		"more than are accepted": {4, 3, 0, true},
	} {
		inBubble(t, func(b *bench) {
			b.fcm.answer = func(token string, _ int) answer {
				if strings.HasPrefix(token, "bad") {
					return quota
				}
				return ok
			}
			_ = b.d.Dispatch(b.Context(), b.batch("first", "bad-0"))
			for i := range tc.fine {
				b.dispatch(b.batch(fmt.Sprint("fine", i), fmt.Sprint("fine-", i)), false)
			}
			for i := 1; i < tc.refused; i++ {
				time.Sleep(tc.apart)
				_ = b.d.Dispatch(b.Context(), b.batch(fmt.Sprint("bad", i), fmt.Sprint("bad-", i)))
			}
			if until := b.d.gate.pause.current(); until.After(time.Now()) != tc.holds {
				t.Errorf("%s: held until %v", name, until)
			}
		})
	}
}

// What is remembered of devices ends with FCM's wish.
func TestQuotasForget(t *testing.T) {
	var q quotas
	now := epoch
	for i := range 1000 {
		q.refused(fmt.Sprint(i), now, now.Add(10*time.Second))
		now = now.Add(time.Second)
	}
	if n := len(q.until); n > 20 {
		t.Errorf("%d devices are remembered", n)
	}
	for i := range 2 * mostRefused { // FCM wants peace for longer than that takes
		q.refused(fmt.Sprint("long", i), now, now.Add(time.Hour))
		now = now.Add(time.Second / 50)
	}
	if n := len(q.until); n > mostRefused {
		t.Errorf("%d devices are remembered for long", n)
	}
	if last := fmt.Sprint("long", 2*mostRefused-1); !q.left(last).After(now) {
		t.Error("the last isn't remembered")
	}
}
