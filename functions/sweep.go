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
	parts := []struct {
		name string
		do   func() (count int, err error)
	}{
		{"calls", func() (int, error) { return c.Sweep(ctx, calling.SweepEvery) }},
		{"lapses", func() (int, error) { return l.Sweep(ctx) }},
		{"stale", func() (int, error) { return reg.RemoveStale(ctx, maxStale) }},
	}
	var all sync.WaitGroup
	errs := make([]error, len(parts))
	for i, part := range parts {
		all.Go(func() {
			n, err := part.do()
			// Each as it ends: that of the calls waits for those that run out.
			slog.InfoContext(ctx, "swept", "part", part.name, "count", n)
			errs[i] = err
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
