// Package limit keeps a caller from asking for more than their share.
package limit

import (
	"container/list"
	"sync"
	"time"
)

// Rate is how often something may be done.
type Rate struct {
	// PerSecond is how often in the long run; more than 0.
	PerSecond float64
	// Burst is how often at once after a rest; at least 1.
	Burst int
}

// interval is the time that one request takes of the allowance.
func (r Rate) interval() time.Duration { return time.Duration(float64(time.Second) / r.PerSecond) }

// Take is one more of what is counted, at now, in a bucket that will have run empty
// at emptyAt: when it will have then. What is one too many isn't counted, and is
// to wait so long before it asks again.
func (r Rate) Take(emptyAt, now time.Time) (after time.Time, wait time.Duration) {
	filled := r.Spend(emptyAt, now)
	if over := filled.Sub(now) - time.Duration(r.Burst)*r.interval(); over > 0 {
		return emptyAt, over
	}
	return filled, 0
}

// Spend is Take of what isn't made to wait: those after it are.
func (r Rate) Spend(emptyAt, now time.Time) time.Time {
	if emptyAt.Before(now) {
		emptyAt = now
	}
	return emptyAt.Add(r.interval())
}

// Limiter counts what keys do, each in a bucket of its own. It is kept in this
// process: where n processes serve a caller, they are let through at most n
// times their rate. To be exact, each request would have to write a document
// that all requests of the caller contend for; what is counted here costs
// nothing, and it is one caller who floods an instance that has to be stopped.
//
// Its memory is bounded: of more than the given number of keys, the one that
// asked longest ago is forgotten, which gives it its full burst back.
type Limiter struct {
	most int
	now  func() time.Time

	mu     sync.Mutex
	byKey  map[string]*list.Element // of recent
	recent *list.List               // of *bucket, the one asked last first
}

// bucket is a leaky bucket, told by when it will have run empty.
type bucket struct {
	key     string
	emptyAt time.Time
}

// New is a Limiter that keeps count of up to most keys.
func New(most int, now func() time.Time) *Limiter {
	return &Limiter{most: most, now: now, byKey: map[string]*list.Element{}, recent: list.New()}
}

// Take counts a request of key, unless that is one too many for r: then it is
// not counted, and Take returns how long to wait before the next.
func (l *Limiter) Take(key string, r Rate) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(key)
	b.emptyAt, wait = r.Take(b.emptyAt, l.now())
	return wait
}

// bucket is key's, which counts as used now.
func (l *Limiter) bucket(key string) *bucket {
	if e, ok := l.byKey[key]; ok {
		l.recent.MoveToFront(e)
		return e.Value.(*bucket)
	}
	if l.recent.Len() >= l.most {
		oldest := l.recent.Back()
		delete(l.byKey, oldest.Value.(*bucket).key)
		l.recent.Remove(oldest)
	}
	b := &bucket{key: key}
	l.byKey[key] = l.recent.PushFront(b)
	return b
}

// Len is how many keys are counted.
func (l *Limiter) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.recent.Len()
}
