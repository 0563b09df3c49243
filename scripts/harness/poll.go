package harness

import (
	"context"
	"fmt"
	"time"
)

// pollEvery is the pause between two looks: short against a test, long against a request.
const pollEvery = 20 * time.Millisecond

// Poll calls cond until it returns nil, for at most within. cond's error says what is not so yet; the last one is in the error
// that Poll returns when time is up or ctx ends. Where something can be waited for (Gate.WaitDelivered), wait for it instead.
func Poll(ctx context.Context, within time.Duration, cond func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := cond(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w after polling %v: %w", ctx.Err(), within, err)
		}
	}
}
