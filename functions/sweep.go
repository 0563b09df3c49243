package functions

import (
	"context"
	"log/slog"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"golang.org/x/sync/errgroup"

	calling "github.com/doorbell-push/doorbell/shared/call"
)

// sweepTimeout outlasts the minute until the next sweep.
const sweepTimeout = calling.SweepEvery + 30*time.Second

// sweep does what no client asks for: it ends the calls that nobody answered,
// now and until the next sweep, and rings what devices missed whose lease
// lapsed. Safe to repeat: see calling.Service.Sweep and lapse.Sweeper.Sweep.
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
	// Neither keeps the other from its work.
	var all errgroup.Group
	var ended, lapsed int
	all.Go(func() (err error) { ended, err = c.Sweep(ctx, calling.SweepEvery); return err })
	all.Go(func() (err error) { lapsed, err = l.Sweep(ctx); return err })
	err = all.Wait()
	slog.InfoContext(ctx, "swept", "calls", ended, "lapsed", lapsed)
	return err
}
