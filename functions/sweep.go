package functions

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	calling "github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/queue"
)

// sweepTimeout outlasts the minute until the next sweep.
const sweepTimeout = calling.SweepEvery + 30*time.Second

// maxStale is how many stale targets a sweep forgets: 144,000 a day, and some
// seconds' work.
const maxStale = 100

// sweepAgain is how often the parts that don't wait are done while calls are
// waited for: Pub/Sub may hold back the next sweep until this one has ended.
const sweepAgain = 15 * time.Second

// sweep does what no client asks for. A message that names a call is of an
// invitation shorter than a minute: it ends that call when it is due, and does
// nothing else, however many of them there are. The clock's is for all: see
// sweepEverything. A message that is neither fails until Pub/Sub moves it to the
// dead-letter topic. Safe to repeat: see calling.Service.EndWhenDue.
func sweep(ctx context.Context, e event.Event) error {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	c, err := calls()
	if err != nil {
		return err
	}
	due, err := queue.DecodeSweep(e.Data())
	if err != nil {
		return err
	}
	if due.CallID != "" {
		return c.EndWhenDue(ctx, due)
	}
	return sweepEverything(ctx, c, e.Time())
}

// sweepEverything ends the calls that nobody answered, now and until the next
// sweep, rings what devices missed whose lease lapsed or who left, tells of what quiet
// hours and bundles held back when they are over, forgets the targets of devices that
// have long been silent, and removes the members of groups that were dismissed. It ends a minute
// after it was asked for, however late Pub/Sub delivers it, so late ones don't
// queue. Safe to repeat: see calling.Service.Sweep, lapse.Sweeper.Sweep,
// presence.Registry.RemoveStale and group.Service.Clear.
func sweepEverything(ctx context.Context, c *calling.Service, asked time.Time) error {
	l, err := lapses()
	if err != nil {
		return err
	}
	reg, err := registry()
	if err != nil {
		return err
	}
	g, err := groups()
	if err != nil {
		return err
	}
	within := calling.SweepEvery
	if !asked.IsZero() {
		within = min(within, time.Until(asked.Add(within)))
	}
	parts := []sweepPart{
		{"lapses", l.Sweep},
		{"groups", g.Clear},
		{"stale", func(ctx context.Context) (int, error) { return reg.RemoveStale(ctx, maxStale) }},
	}
	ended := make(chan error, 1)
	go func() {
		ended <- sweepPart{"calls", func(ctx context.Context) (int, error) { return c.Sweep(ctx, within) }}.do(ctx)
	}()
	again := time.NewTicker(sweepAgain)
	defer again.Stop()
	for {
		err := sweepAll(ctx, parts)
		select {
		case failed := <-ended:
			return errors.Join(err, failed)
		case <-again.C:
		}
	}
}

// A sweepPart is a part of what a sweep does.
type sweepPart struct {
	name  string
	sweep func(ctx context.Context) (count int, err error)
}

// do logs when the part is done, which is long before the sweep is when that
// waits for calls.
func (p sweepPart) do(ctx context.Context) error {
	n, err := p.sweep(ctx)
	if err != nil {
		slog.WarnContext(ctx, "not all swept", "part", p.name, "count", n, "error", err)
		return err
	}
	slog.InfoContext(ctx, "swept", "part", p.name, "count", n)
	return nil
}

// sweepAll does all parts at once: none keeps the others from their work, and no
// failure hides another.
func sweepAll(ctx context.Context, parts []sweepPart) error {
	errs := make([]error, len(parts))
	var all sync.WaitGroup
	for i, p := range parts {
		all.Go(func() { errs[i] = p.do(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}
