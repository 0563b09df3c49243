package call

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/doorbell-push/doorbell/shared/fault"
)

// Due is a call with an invitation that runs out. As JSON it asks for a sweep of
// that one call.
type Due struct {
	CallID string `json:"callID"`
	At     int64  `json:"dueAt"` // ms since 1970
}

// Check reports what keeps d from naming a call and a time.
func (d Due) Check() error {
	if err := checkCallID(d.CallID); err != nil {
		return err
	}
	if d.At <= 0 {
		return fault.Invalid("dueAt", "is %d: ms since 1970", d.At)
	}
	return nil
}

// Compare orders the calls of a shard as DueCalls lists them.
func (d Due) Compare(other Due) int {
	return cmp.Or(cmp.Compare(d.At, other.At), cmp.Compare(ID(d.CallID), ID(other.CallID)))
}

// SweepEvery is how often a sweep starts: the finest grain of Cloud Scheduler.
const SweepEvery = time.Minute

// lookAgain is how long a waiting sweep doesn't look for invitations made
// meanwhile, and doesn't try again what failed. Pub/Sub may hold back the sweep
// that a short invitation asks for: it pushes less, the longer the answers take.
const lookAgain = 5 * time.Second

// Sweep times out invitations as they run out, until none will within the given
// time, and returns how many calls it ended. So a sweep each minute ends every
// call on time, and one that finds nothing to wait for costs a read per shard.
// An invitation that is made and runs out between two sweeps has to ask for its
// own: see EndWhenDue.
//
// A call that can't be ended keeps no other waiting: it is tried again every few
// seconds while others are waited for, and its error is returned in the end.
//
// Why not Cloud Tasks, with a task per invitation: it has no emulator, so what
// runs locally and in tests would not be what runs in production.
//
// It is safe to repeat and to run twice at once: see EndOverdue.
func (s *Service) Sweep(ctx context.Context, within time.Duration) (ended int, err error) {
	defer fault.Wrap(&err, "sweep calls")
	until := s.Now().Add(within)
	var tried [DueShards]Due // what failed is not waited for
	var failed error
	for {
		next, err := s.nextDue(ctx, tried, until)
		if err != nil || next.IsZero() {
			return ended, errors.Join(failed, err)
		}
		wait := min(next.Sub(s.Now()), lookAgain)
		if failed != nil && wait <= 0 {
			wait = time.Second // not even listed
		}
		if err := sleep(ctx, wait); err != nil {
			return ended, errors.Join(failed, err)
		}
		if failed == nil && s.Now().Before(next) {
			continue
		}
		n, last, err := s.endOverdue(ctx, s.Now())
		ended += n
		if tried, failed = [DueShards]Due{}, err; err != nil {
			tried = last
		}
	}
}

// EndWhenDue times out d's call when it is due, and nothing else: one read, and
// one write where nobody answered. What is due later than the next sweep by the
// clock starts is left to that one.
//
// It is safe to repeat and to run twice at once: the transaction finds nothing to
// do the second time.
func (s *Service) EndWhenDue(ctx context.Context, d Due) (err error) {
	defer fault.Wrap(&err, "sweep call %s", ID(d.CallID))
	for wait := time.UnixMilli(d.At).Sub(s.Now()); wait > 0; wait = time.UnixMilli(d.At).Sub(s.Now()) {
		if wait > SweepEvery {
			return nil
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
	_, err = s.settle(ctx, d.CallID)
	return err
}

// sleep returns after d, or with ctx's error when that ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// nextDue is when the next invitation behind those tried runs out, zero if none
// does up to until.
func (s *Service) nextDue(ctx context.Context, tried [DueShards]Due, until time.Time) (time.Time, error) {
	var first [DueShards]time.Time
	shards, ctx := errgroup.WithContext(ctx)
	for shard := range DueShards {
		shards.Go(func() error {
			due, err := s.Store.DueCalls(ctx, shard, tried[shard], until.UnixMilli(), 1)
			if err == nil && len(due) > 0 {
				first[shard] = time.UnixMilli(due[0].At)
			}
			return err
		})
	}
	if err := shards.Wait(); err != nil {
		return time.Time{}, err
	}
	found := slices.DeleteFunc(first[:], time.Time.IsZero)
	if len(found) == 0 {
		return time.Time{}, nil
	}
	return slices.MinFunc(found, time.Time.Compare), nil
}

// Bounds of EndOverdue: calls listed at once, and transactions under way, per shard.
const (
	duePage     = 100
	dueParallel = 8
)

// EndOverdue times out the invitations that ran out up to until, but none that
// has not run out by now, and returns how many calls it looked at. It is safe to
// repeat and to run twice at once: each call is settled in a transaction of its
// own, which finds nothing to do the second time. A call that fails is left for
// the next run and doesn't keep the others from ending; the errors are returned
// together. Cost: a read per call and page, and a read and a write per call.
func (s *Service) EndOverdue(ctx context.Context, until time.Time) (int, error) {
	ended, _, err := s.endOverdue(ctx, until)
	return ended, err
}

// endOverdue is EndOverdue; tried is the last call of each shard that it came to.
func (s *Service) endOverdue(ctx context.Context, until time.Time) (_ int, tried [DueShards]Due, err error) {
	defer fault.Wrap(&err, "end overdue calls")
	if now := s.Now(); until.After(now) {
		until = now
	}
	var ended atomic.Int64
	var failures [DueShards]error
	var shards errgroup.Group
	for shard := range DueShards {
		shards.Go(func() error {
			var n int
			n, tried[shard], failures[shard] = s.endShard(ctx, shard, until)
			ended.Add(int64(n))
			return nil
		})
	}
	_ = shards.Wait()
	return int(ended.Load()), tried, errors.Join(failures[:]...)
}

// endShard settles what is due page by page, each call once: however many fail,
// those behind them have their turn.
func (s *Service) endShard(ctx context.Context, shard int, until time.Time) (total int, tried Due, err error) {
	var failed []error
	for {
		due, err := s.Store.DueCalls(ctx, shard, tried, until.UnixMilli(), duePage)
		if err != nil {
			return total, tried, errors.Join(append(failed, err)...)
		}
		if len(due) > 0 {
			tried = due[len(due)-1]
		}
		var ended atomic.Int64
		failures := make([]error, len(due))
		var page errgroup.Group
		page.SetLimit(dueParallel)
		for i, c := range due {
			page.Go(func() error {
				if _, failures[i] = s.settle(ctx, c.CallID); failures[i] == nil {
					ended.Add(1)
				}
				return nil
			})
		}
		_ = page.Wait()
		total += int(ended.Load())
		failed = append(failed, failures...)
		if len(due) < duePage {
			return total, tried, errors.Join(failed...)
		}
	}
}
