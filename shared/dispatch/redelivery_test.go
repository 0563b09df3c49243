package dispatch

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// ledger and bindings are the store with a call replaced.
type ledger struct {
	Ledger
	begin  func() error
	finish func() error
}

func (l *ledger) Begin(ctx context.Context, e delivery.Entry, wanted []string, now time.Time) (delivery.Entry, error) {
	if l.begin != nil {
		if err := l.begin(); err != nil {
			return e, err
		}
	}
	return l.Ledger.Begin(ctx, e, wanted, now)
}

func (l *ledger) Finish(ctx context.Context, e delivery.Entry) error {
	if l.finish != nil {
		if err := l.finish(); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return l.Ledger.Finish(ctx, e)
}

func TestLedgerDownBeforeSending(t *testing.T) {
	inBubble(t, func(b *bench) {
		down := errors.New("ledger is down")
		b.d.Ledger = &ledger{Ledger: b.db, begin: func() error { return down }}
		batch := b.batch("m", "A")
		if err := b.d.Dispatch(b.Context(), batch); !errors.Is(err, down) {
			t.Errorf("got %v", err)
		}
		b.wantRequests()
	})
}

// unheard is a ledger whose answers to the first so many Begins are lost.
type unheard struct {
	Ledger
	lost int
}

func (u *unheard) Begin(ctx context.Context, e delivery.Entry, wanted []string, now time.Time) (delivery.Entry, error) {
	entry, err := u.Ledger.Begin(ctx, e, wanted, now)
	if u.lost--; u.lost >= 0 {
		return delivery.Entry{}, errors.New("the answer was lost")
	}
	return entry, err
}

// The ledger's answer is lost, to the first delivery or to one that takes over:
// it has the lease, and doesn't wait for its own.
func TestLedgerAnswerLost(t *testing.T) {
	inBubble(t, func(b *bench) {
		start := time.Now()
		b.d.Ledger = &unheard{b.db, 1}
		_, batch := b.ringing("A")
		b.dispatch(batch, false)
		b.want(batch, true, "A", "sent")
		second := b.batch("m2", "B")
		b.d.Ledger = &ledger{Ledger: b.db, finish: func() error { return errors.New("killed") }}
		_ = b.d.Dispatch(b.Context(), second)
		time.Sleep(lease)
		b.d.Ledger = &unheard{b.db, 1}
		b.dispatch(second, false)
		if e := b.db.Deliveries()[second.ID]; e.Attempt != 2 || e.Lease != 2 {
			t.Errorf("%+v", e)
		}
		if at := b.fcm.of("A")[0].at; !at.Equal(start) {
			t.Errorf("it rings after %v", at.Sub(start))
		}
	})
}

// It dies after FCM's answer: nobody else has the batch until the lease is
// over, then it is sent again, as FCM has no idempotency key.
func TestDyingBeforeFinish(t *testing.T) {
	inBubble(t, func(b *bench) {
		dies := errors.New("killed")
		b.d.Ledger = &ledger{Ledger: b.db, finish: func() error { return dies }}
		batch := b.batch("m", "A")
		over := time.Now().Add(lease)
		if err := b.d.Dispatch(b.Context(), batch); !errors.Is(err, dies) {
			t.Errorf("got %v", err)
		}
		next := b.dispatcher()
		time.Sleep(time.Until(over) - 1)
		if err := next.Dispatch(b.Context(), batch); !errors.Is(err, delivery.ErrBusy) {
			t.Errorf("inside the lease: %v", err)
		}
		time.Sleep(time.Nanosecond)
		if err := next.Dispatch(b.Context(), batch); err != nil {
			t.Error(err)
		}
		b.want(batch, true, "A", "sent")
		b.wantRequests("A", 2)
	})
}

// The ledger fails for a moment, or is slow: it is told again, and FCM isn't.
func TestLedgerFailsForAMoment(t *testing.T) {
	for name, fails := range map[string]func() error{
		"unavailable": func() error { return errors.New("unavailable") },
		"slow":        func() error { time.Sleep(finishTimeout); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				tries := 0
				b.d.Ledger = &ledger{Ledger: b.db, finish: func() error {
					if tries++; tries < 3 {
						return fails()
					}
					return nil
				}}
				batch := b.batch("m", "A")
				for range 2 {
					if err := b.d.Dispatch(b.Context(), batch); err != nil {
						t.Error(err)
					}
				}
				b.want(batch, true, "A", "sent")
				b.wantRequests("A", 1)
			})
		})
	}
}

// The instance is told to stop in the middle: what FCM answered is kept.
func TestContextCancelled(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.d.Ledger = &ledger{Ledger: b.db}
		ctx, cancel := context.WithCancel(b.Context())
		b.d.Concurrency = 1
		first := ""
		b.fcm.answer = func(token string, _ int) answer {
			if first == "" {
				first = token
				cancel()
			}
			return ok
		}
		batch := b.batch("m", "A", "B", "C")
		if err := b.d.Dispatch(ctx, batch); err == nil {
			t.Error("no error: the rest would be lost")
		}
		if got, done := b.outcomes(batch); done || got[first] != "sent" || len(b.fcm.requests) != 1 {
			t.Errorf("done %t, %v, %d requests", done, got, len(b.fcm.requests))
		}
		b.dispatch(batch, false)
		b.want(batch, true, "A", "sent", "B", "sent", "C", "sent")
		b.wantRequests("A", 1, "B", 1, "C", 1)
	})
}

// Planned again while others came online, a batch holds a device that it did
// not hold before: that one is told, the others aren't told twice.
func TestBatchWithAnotherDevice(t *testing.T) {
	inBubble(t, func(b *bench) {
		both := b.batch("m", "A", "B")
		first, second := both, both
		first.Targets, second.Targets = both.Targets[:1], both.Targets[1:]
		b.dispatch(first, false)
		for range 2 {
			b.dispatch(second, false)
		}
		b.dispatch(both, false)
		b.want(both, true, "A", "sent", "B", "sent")
		b.wantRequests("A", 1, "B", 1)
	})
}

// hanging is presence that can't be read in time.
type hanging struct{ Bindings }

func (hanging) Users(ctx context.Context, _ []string) (map[string]*presence.User, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// punctual is a ledger that, as Firestore's client, does nothing once ctx has ended.
type punctual struct{ Ledger }

func (p punctual) Finish(ctx context.Context, e delivery.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return p.Ledger.Finish(ctx, e)
}

// Where the time is up before anything was sent, the lease is given back all the same:
// the redelivery finds the batch free, and as often tried as before.
func TestGivesBackWithoutTime(t *testing.T) {
	for name, ends := range map[string]time.Duration{"its own": time.Hour, "its caller's": time.Second} {
		inBubble(t, func(b *bench) {
			batch := b.batch("m", "A")
			b.d.Bindings, b.d.Ledger = hanging{b.db}, punctual{b.db}
			ctx, cancel := context.WithTimeout(b.Context(), ends)
			defer cancel()
			if err := b.d.Dispatch(ctx, batch); err == nil {
				t.Errorf("%s: no error", name)
			}
			if e := b.db.Deliveries()[batch.ID]; e.LeaseUntil.After(time.Now()) || e.Attempt != 0 {
				t.Errorf("%s: leased for %v more, attempt %d", name, time.Until(e.LeaseUntil), e.Attempt)
			}
			b.d.Bindings = b.db
			b.dispatch(batch, false)
			b.wantRequests("A", 1)
		})
	}
}
