package dispatch

import (
	"context"
	"sync"
	"time"

	"github.com/doorbell-push/doorbell/shared/push"
)

// gate is what every FCM request of a process goes through: so many at once, so
// many a second, and none while FCM's Retry-After runs.
type gate struct {
	// slots are for everyone, reserved for the urgent, who so never wait behind
	// a large group.
	slots, reserved chan struct{}
	pace            pace
	pause           pause
	herald          herald
	quotas          quotas
	devices         *devices
	crew            crew
}

// reserve is the share of a process's requests that only urgent ones may use.
const reserve = 20 // one in so many

// rank is who waits for whom.
type rank int

const (
	bulk rank = iota
	high      // waits for the pace as far as those of its kind need it, and ahead of bulk
	ring      // doesn't wait for the pace
)

func rankOf(b push.Batch) rank {
	switch {
	case b.Announcement.Kind.OfCall():
		return ring
	case b.Urgent():
		return high
	}
	return bulk
}

func newGate(concurrency int, rate float64, perDevice DeviceLimits) *gate {
	concurrency = max(concurrency, 1)
	urgent := concurrency / reserve
	return &gate{
		slots: make(chan struct{}, concurrency-urgent), reserved: make(chan struct{}, urgent),
		pace: pace{rate: rate}, devices: newDevices(perDevice),
	}
}

// turn is the permission to make one request. Whoever has it ends it.
type turn struct{ slot chan struct{} }

func (t turn) end() { <-t.slot }

// enter waits for a turn. It looks at the pause last: FCM may ask for one while
// the others wait. It reports false when the deadline, which is also ctx's, comes
// first, at once where that is known.
func (g *gate) enter(ctx context.Context, now func() time.Time, deadline time.Time, r rank) (turn, bool) {
	t, ok := g.slot(ctx, r)
	if !ok {
		return t, false
	}
	for {
		if !g.pause.wait(ctx, now, deadline) {
			t.end()
			return t, false
		}
		// Calls count too, so that the others make room for them.
		at, count := g.pace.next(now(), r)
		if r == ring || !at.After(now()) {
			return t, true
		}
		for at.After(now()) {
			if !sleep(ctx, now, at, deadline) {
				g.pace.back(r)
				t.end()
				return t, false
			}
			at, count = g.pace.overtaken(now(), r, count)
		}
		if !g.pause.current().After(now()) {
			return t, true
		}
		// FCM asked for a pause meanwhile: after it, all start anew.
		g.pace.back(r)
	}
}

func (g *gate) slot(ctx context.Context, r rank) (turn, bool) {
	reserved := g.reserved
	if r == bulk {
		reserved = nil
	}
	select {
	case g.slots <- struct{}{}:
		return turn{g.slots}, true
	case reserved <- struct{}{}:
		return turn{reserved}, true
	case <-ctx.Done():
		return turn{}, false
	}
}

// obey does as FCM's answer about a target asks, and is when that target may be
// tried again; zero: whenever it suits us.
func (g *gate) obey(target string, v push.Verdict, now time.Time) (retryAt time.Time) {
	if v.RetryAfter <= 0 {
		return time.Time{}
	}
	retryAt = now.Add(v.RetryAfter)
	if v.Everyone || (v.Class == push.Quota && g.quotas.refused(target, now, retryAt)) {
		// Whoever gets the turn next has to know.
		g.hold(now, retryAt)
	}
	return retryAt
}

// hold keeps everyone back until the time FCM asked for, and has them come back
// slowly.
func (g *gate) hold(now, until time.Time) {
	if g.pause.until(until, now) {
		g.pace.slow(now) // once, however many are told so
	}
	g.pace.rest(now, until)
}

// crew is the goroutines that requests are made on. They stay for the next
// request for as long as anybody dispatches: the stack of a request is large, and
// to grow it for each costs more than all else that the dispatcher does for it.
type crew struct {
	mu    sync.Mutex
	users int
	jobs  chan func()
}

// join is for who is going to hire, until leave.
func (c *crew) join() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users++; c.users == 1 {
		c.jobs = make(chan func())
	}
}

// leave is for who has no work under way any more.
func (c *crew) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users--; c.users == 0 {
		close(c.jobs) // those that wait for more to do go home
	}
}

// do has a job done in the background.
func (c *crew) do(job func()) {
	c.mu.Lock()
	jobs := c.jobs
	c.mu.Unlock()
	select {
	case jobs <- job:
		return
	default: // nobody is free
	}
	go func() {
		job()
		for job := range jobs {
			job()
		}
	}()
}
