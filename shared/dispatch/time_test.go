package dispatch

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// The quota is the project's: while Retry-After runs nothing is sent, for
// whichever device and batch, also by those already waiting for their turn.
func TestRetryAfterPausesEveryone(t *testing.T) {
	for name, a := range map[string]answer{
		"429": projectQuota.after("7"),
		"500": {status: 500, retryAfter: "7"},
		"503": {status: 503, retryAfter: "7"},
	} {
		for _, concurrency := range []int{1, 2, 100} {
			inBubble(t, func(b *bench) {
				b.d.Concurrency = concurrency
				b.fcm.answer = func(token string, try int) answer {
					if token == "A" && try == 1 {
						return a
					}
					return ok
				}
				first := b.batch("m1", "A")
				second := b.batch("m2", "B", "C", "D")
				start := time.Now()
				done := make(chan error, 2)
				go func() { done <- b.d.Dispatch(b.Context(), first) }()
				time.Sleep(time.Millisecond)
				go func() { done <- b.d.Dispatch(b.Context(), second) }()
				for range 2 {
					if err := <-done; err != nil {
						t.Errorf("%s, %d at once: %v", name, concurrency, err)
					}
				}
				for _, r := range b.fcm.requests[1:] {
					if at := r.at.Sub(start); at < 7*time.Second {
						t.Errorf("%s, %d at once: %s was sent %v into the pause", name, concurrency, r.token, at)
					}
				}
				b.wantRequests("A", 2, "B", 1, "C", 1, "D", 1)
			})
		}
	}
}

// Of one batch: the others are waiting for a slot when the answer comes.
func TestRetryAfterHoldsThoseInTheQueue(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.d.Concurrency = 1
		b.fcm.latency = 100 * time.Millisecond
		b.fcm.answer = func(_ string, _ int) answer {
			if len(b.fcm.requests) == 1 {
				return projectQuota.after("5")
			}
			return ok
		}
		batch := b.batch("m", "A", "B", "C")
		b.dispatch(batch, false)
		for _, r := range b.fcm.requests[1:] {
			if wait := r.at.Sub(b.fcm.requests[0].at); wait < 5100*time.Millisecond {
				t.Errorf("%s was sent %v after the first, inside the pause", r.token, wait)
			}
		}
	})
}

// A pause longer than the budget: the batch is given back at once, and its
// lease keeps redeliveries away until FCM wants to hear of us again.
func TestPauseBeyondTheBudget(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.fcm.answer = func(token string, try int) answer {
			if token == "A" && try == 1 {
				return projectQuota
			}
			return ok
		}
		batch := b.batch("m", "A")
		start := time.Now()
		b.dispatch(batch, true)
		if took := time.Since(start); took >= time.Second {
			t.Errorf("giving the batch back took %v", took)
		}
		b.want(batch, false, "A", "pending quota")
		if e := b.db.Deliveries()[batch.ID]; !e.LeaseUntil.Equal(start.Add(time.Minute)) {
			t.Errorf("leased until %v after the start, want a minute", e.LeaseUntil.Sub(start))
		}
		other := b.batch("m2", "B")
		b.dispatch(other, true) // nothing is sent for anyone
		b.wantRequests("A", 1)

		time.Sleep(time.Until(start.Add(time.Minute - 1)))
		if err := b.d.Dispatch(b.Context(), batch); !errors.Is(err, delivery.ErrBusy) {
			t.Errorf("a redelivery inside the pause got %v", err)
		}
		time.Sleep(time.Nanosecond)
		b.dispatch(batch, false)
		b.dispatch(other, false)
		b.wantRequests("A", 2, "B", 1)
	})
}

func TestExpiredBeforeSending(t *testing.T) {
	inBubble(t, func(b *bench) {
		batch := b.batch("m", "A", "B")
		time.Sleep(ttl)
		b.d.Bindings = nil // it needs no look at presence
		b.dispatch(batch, false)
		b.want(batch, true, "A", "skipped expired", "B", "skipped expired")
		b.wantRequests()
	})
}

func TestExpiresWhileRetrying(t *testing.T) {
	for name, a := range map[string]answer{"broken": broken, "paused": {status: 429, retryAfter: "6"}} {
		inBubble(t, func(b *bench) {
			b.fcm.answer = func(string, int) answer { return a }
			batch := b.batch("m", "A")
			end := time.Now().Add(5 * time.Second)
			batch.Announcement.ExpiresAt = end.UnixMilli()
			b.dispatch(batch, false)
			b.want(batch, true, "A", "skipped expired")
			if n := len(b.fcm.requests); n == 0 || b.db.Deliveries()[batch.ID].Outcomes[batch.Targets[0].PushID].Tries != n {
				t.Errorf("%s: %d requests were made, the ledger says otherwise", name, n)
			}
			for _, r := range b.fcm.requests {
				if !r.at.Before(end) {
					t.Errorf("%s: sent %v after its end", name, r.at.Sub(end))
				}
			}
		})
	}
}

// It runs out while the target waits for its turn.
func TestExpiresInTheQueue(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.d.Concurrency = 1
		b.fcm.latency = 2 * time.Second
		batch := b.batch("m", "A", "B", "C", "D", "E")
		end := time.Now().Add(5 * time.Second)
		batch.Announcement.ExpiresAt = end.UnixMilli()
		b.dispatch(batch, false)
		for _, r := range b.fcm.requests {
			if !r.at.Before(end) {
				t.Errorf("%s was sent %v after its end", r.token, r.at.Sub(end))
			}
		}
	})
}

// Whatever FCM does, an invocation ends in time and sends nothing after its lease.
func TestBudget(t *testing.T) {
	for name, f := range map[string]*fakeFCM{
		"broken":    {answer: func(string, int) answer { return broken }},
		"refusing":  {answer: func(string, int) answer { return answer{status: 503} }},
		"slow":      {latency: 9 * time.Second, answer: func(string, int) answer { return broken }},
		"hanging":   {latency: time.Hour},
		"very slow": {latency: 9 * time.Second},
	} {
		inBubble(t, func(b *bench) {
			*b.fcm = fakeFCM{answer: f.answer, latency: f.latency}
			b.d.Concurrency = 3
			var tokens []string
			for i := range 50 {
				tokens = append(tokens, fmt.Sprint("T", i))
			}
			batch := b.batch("m", tokens...)
			start := time.Now()
			b.dispatch(batch, true)
			if took := time.Since(start); took > working {
				t.Errorf("%s: it took %v", name, took)
			}
			for _, r := range b.fcm.requests {
				if at := r.at.Sub(start); at > Budget {
					t.Errorf("%s: sent after %v, the budget is %v", name, at, Budget)
				}
			}
			got, done := b.outcomes(batch)
			if len(got) != 50 || done {
				t.Errorf("%s: %d outcomes, done %t", name, len(got), done)
			}
			// The rest goes out with the redelivery.
			b.fcm.answer, b.fcm.latency = nil, 0
			b.dispatch(batch, false)
		})
	}
}

// hung answers nothing from a time on, until its caller gives up.
type hung struct {
	bindings
	from time.Time
}

func (h *hung) Users(ctx context.Context, ids []string) (map[string]*presence.User, error) {
	if time.Now().After(h.from) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return h.bindings.Users(ctx, ids)
}

func (*hung) PublishDead(ctx context.Context, _ push.Batch, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

// Presence, the dead letters and the ledger hang when a run ends with its lease:
// what FCM took is still told to the ledger, and the run ends before the
// functions' time does, which is 50 seconds.
func TestSettlesInTime(t *testing.T) {
	for name, ledgerHangs := range map[string]bool{"the ledger works": false, "the ledger hangs": true} {
		inBubble(t, func(b *bench) {
			slow := &hung{bindings{Bindings: b.db}, time.Now().Add(Budget)}
			b.d.Bindings, b.d.DeadLetters, b.d.MaxAttempts = slow, slow, 1
			b.d.Ledger = &ledger{Ledger: b.db}
			if ledgerHangs {
				b.d.Ledger = &ledger{Ledger: b.db, finish: func() error { time.Sleep(finishTimeout); return errors.New("no answer") }}
			}
			b.fcm.answer = func(token string, _ int) answer {
				switch token {
				case "gone":
					return unregistered
				case "bad":
					return answer{status: 403}
				case "late":
					return answer{status: 200, delay: time.Hour}
				}
				return ok
			}
			batch := b.batch("m", "A", "gone", "bad", "late")
			start := time.Now()
			b.dispatch(batch, true)
			// This ledger doesn't listen to its caller: its last try may go on.
			if took := time.Since(start); took < working || took > working+settling+finishTimeout || took >= 50*time.Second {
				t.Errorf("%s: it took %v", name, took)
			}
			if !ledgerHangs {
				b.want(batch, false, "A", "sent", "gone", "pending unregistered", "bad", "pending credentials", "late", "pending timeout")
			}
		})
	}
}

func TestBackoff(t *testing.T) {
	for n, most := range map[int]time.Duration{1: 500 * time.Millisecond, 2: time.Second, 6: 16 * time.Second, 7: 16 * time.Second, 1000: 16 * time.Second} {
		for range 100 {
			if d := (&Dispatcher{}).backoff(n); d < most/2 || d >= most {
				t.Errorf("after try %d: %v, want from %v to %v", n, d, most/2, most)
			}
		}
	}
}

func TestPauseOnlyGrows(t *testing.T) {
	var p pause
	at := time.UnixMilli(1000)
	p.until(at, epoch)
	p.until(at.Add(-time.Millisecond), epoch)
	if !p.current().Equal(at) {
		t.Errorf("a shorter wish shortened the pause to %v", p.current())
	}
}
