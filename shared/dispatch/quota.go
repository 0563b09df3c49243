package dispatch

import (
	"sync"
	"sync/atomic"
	"time"
)

// quotas keeps what FCM's 429s ask for. FCM says the same where the project has
// sent too much and where one device was sent too much (240 a minute), and not
// always which. Where it doesn't, the device alone is left in peace; unless 429s
// for crowd different devices, and for more of them than took a push, come
// within crowdTime: then the quota must be the project's. Few devices that are
// sent too much so can't stop the others' pushes, and a project that is, goes on
// for two answers more than it should.
type quotas struct {
	accepted atomic.Int64 // pushes, ever

	mu    sync.Mutex
	until map[string]time.Time // by target: not before then
	since time.Time            // counted from then on
	from  int64                // accepted then
	some  map[string]struct{}  // targets with a 429 since
}

const (
	crowd     = 3
	crowdTime = 5 * time.Second
	// mostRefused is how many devices are remembered, in some 5 MB: of more, some are
	// forgotten, and left in peace through the ledger alone.
	mostRefused = 1 << 14
)

// refused notes a 429 for a target, that FCM wants left in peace until a time. It
// reports whether that must be meant for everyone.
func (q *quotas) refused(target string, now, until time.Time) (everyone bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.some == nil || now.Sub(q.since) >= crowdTime {
		q.since, q.from, q.some = now, q.accepted.Load(), map[string]struct{}{}
		for target, at := range q.until {
			if !at.After(now) {
				delete(q.until, target)
			}
		}
	}
	if q.until == nil {
		q.until = map[string]time.Time{}
	}
	if len(q.until) >= mostRefused {
		for some := range q.until {
			delete(q.until, some)
			break
		}
	}
	q.until[target] = until
	q.some[target] = struct{}{}
	return len(q.some) >= crowd && int64(len(q.some)) > q.accepted.Load()-q.from
}

// left is until when FCM wants a target left in peace; zero or past: it doesn't.
func (q *quotas) left(target string) time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.until[target]
}
