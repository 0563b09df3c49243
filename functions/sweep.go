package functions

import (
	"context"
	"log/slog"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	calling "github.com/doorbell-push/doorbell/shared/call"
)

// sweepTimeout outlasts the minute until the next sweep.
const sweepTimeout = calling.SweepEvery + 30*time.Second

// sweep ends the calls that nobody answered, now and until the next sweep. Safe
// to repeat: see calling.Service.Sweep.
func sweep(ctx context.Context, _ event.Event) error {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	s, err := calls()
	if err != nil {
		return err
	}
	ended, err := s.Sweep(ctx, calling.SweepEvery)
	slog.InfoContext(ctx, "swept", "calls", ended)
	return err
}
