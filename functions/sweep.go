package functions

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	calling "github.com/doorbell-push/doorbell/shared/call"
)

// sweepTimeout outlasts the minute until the next sweep.
const sweepTimeout = calling.SweepEvery + 30*time.Second

// maxStale is how many stale targets a sweep forgets: 144,000 a day, and some
// seconds' work.
const maxStale = 100

// sweep does what no client asks for: it ends the calls that nobody answered,
// now and until the next sweep, rings what devices missed whose lease lapsed,
// and forgets the targets of devices that have long been silent. Safe to repeat:
// see calling.Service.Sweep, lapse.Sweeper.Sweep and presence.Registry.RemoveStale.
func sweep(ctx context.Context, _ event.Event) error {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	c, err := calls()
	if err != nil {
		return err
	}
	l, err := lapses()
	if err != nil {
		return err
	}
	reg, err := registry()
	if err != nil {
		return err
	}
	// None keeps the others from their work, and no failure hides another.
	var all sync.WaitGroup
	var ended, lapsed, stale int
	var errs [3]error
	all.Go(func() { ended, errs[0] = c.Sweep(ctx, calling.SweepEvery) })
	all.Go(func() { lapsed, errs[1] = l.Sweep(ctx) })
	all.Go(func() { stale, errs[2] = reg.RemoveStale(ctx, maxStale) })
	all.Wait()
	slog.InfoContext(ctx, "swept", "calls", ended, "lapsed", lapsed, "stale", stale)
	return errors.Join(errs[:]...)
}
