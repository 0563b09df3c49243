package dispatch

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// pause holds every send of the process back, calls too, while FCM's Retry-After
// runs: the quota is the project's, so all have to slow down. Other processes are
// told of it (herald).
type pause struct {
	mu sync.Mutex
	at time.Time
}

// until has the pause last until t at least, and reports whether it begins so, seen
// from now: to one of those that ask at once.
func (p *pause) until(t, now time.Time) (begins bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	begins = t.After(now) && !p.at.After(now)
	if t.After(p.at) {
		p.at = t
	}
	return begins
}

func (p *pause) current() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

// wait reports false, at once, when the pause outlasts the deadline.
func (p *pause) wait(ctx context.Context, now func() time.Time, deadline time.Time) bool {
	for {
		at := p.current()
		if !at.After(now()) {
			return ctx.Err() == nil && now().Before(deadline)
		}
		if !sleep(ctx, now, at, deadline) {
			return false
		}
	}
}

// sleep waits until t, and reports false, at once, when that is past the
// deadline.
func sleep(ctx context.Context, now func() time.Time, t, deadline time.Time) bool {
	if !t.Before(deadline) {
		return false
	}
	timer := time.NewTimer(t.Sub(now()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// backoff is the wait after the n-th try, counting from 1: half a second
// doubling to sixteen, spread over its upper half so that a burst that failed
// together doesn't come back together.
func (d *Dispatcher) backoff(n int) time.Duration {
	random := d.Random
	if random == nil {
		random = rand.N[time.Duration]
	}
	wait := 500 * time.Millisecond << min(n-1, 5)
	return wait/2 + random(wait/2)
}
