package harness

import (
	"context"
	"fmt"
	"slices"
)

// Deliveries returns the tries made for a function, the earliest 10,000 since the Gate was made or Reset.
func (g *Gate) Deliveries(name string) []Delivery {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.function(name).log)
}

// Counts returns a function's counts.
func (g *Gate) Counts(name string) GateCounts {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.function(name).counts
}

// WaitDelivered returns when the functions server has answered 2xx at least n times for the function, or with an error when
// ctx ends first.
func (g *Gate) WaitDelivered(ctx context.Context, name string, n int) error {
	return g.Wait(ctx, name, func(c GateCounts) bool { return c.Delivered >= n })
}

// WaitHeld returns when at least n of the function's events are held, or with an error when ctx ends first.
func (g *Gate) WaitHeld(ctx context.Context, name string, n int) error {
	return g.Wait(ctx, name, func(c GateCounts) bool { return c.Held >= n })
}

// Wait returns when the function's counts satisfy cond, or with an error when ctx ends first. cond must not call the Gate.
func (g *Gate) Wait(ctx context.Context, name string, cond func(GateCounts) bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := g.function(name)
	if err := g.await(ctx, func() bool { return cond(f.counts) }); err != nil {
		return fmt.Errorf("waiting at the gate for %s, so far %+v: %w", name, f.counts, err)
	}
	return nil
}

// await blocks until cond holds or ctx ends. The caller holds mu.
func (g *Gate) await(ctx context.Context, cond func() bool) error {
	stop := context.AfterFunc(ctx, func() { g.set(func() {}) })
	defer stop()
	for !cond() {
		if err := ctx.Err(); err != nil {
			return err
		}
		g.changed.Wait()
	}
	return nil
}
