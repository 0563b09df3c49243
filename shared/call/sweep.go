package call

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/doorbell-push/doorbell/shared/fault"
)

// Due is a call with an invitation that runs out.
type Due struct {
	CallID string
	At     int64 // ms since 1970
}

// SweepEvery is how often a sweep starts: the finest grain of Cloud Scheduler.
const SweepEvery = time.Minute

// lookAgain is how long a waiting sweep doesn't look for invitations made
// meanwhile. Pub/Sub may hold back the sweep that such an invitation asks for
// while one is under way: it pushes less, the longer the answers take.
const lookAgain = 5 * time.Second

// Sweep times out invitations as they run out, until none will within the given
// time, and returns how many calls it ended. So a sweep each minute ends every
// call on time, and one that finds nothing to wait for costs a read per shard.
// An invitation that is made and runs out between two sweeps has to ask for its
// own.
//
// Why not Cloud Tasks, with a task per invitation: it has no emulator, so what
// runs locally and in tests would not be what runs in production.
//
// It is safe to repeat and to run twice at once: see EndOverdue.
func (s *Service) Sweep(ctx context.Context, within time.Duration) (ended int, err error) {
	defer fault.Wrap(&err, "sweep calls")
	until := s.Now().Add(within)
	for {
		next, err := s.nextDue(ctx, until)
		if err != nil || next.IsZero() {
			return ended, err
		}
		timer := time.NewTimer(min(next.Sub(s.Now()), lookAgain))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ended, ctx.Err()
		}
		if s.Now().Before(next) {
			continue
		}
		n, err := s.EndOverdue(ctx, s.Now())
		if ended += n; err != nil {
			return ended, err
		}
	}
}

// nextDue is when the next invitation runs out, zero if none does up to until.
func (s *Service) nextDue(ctx context.Context, until time.Time) (time.Time, error) {
	var first [DueShards]time.Time
	shards, ctx := errgroup.WithContext(ctx)
	for shard := range DueShards {
		shards.Go(func() error {
			due, err := s.Store.DueCalls(ctx, shard, until.UnixMilli(), 1)
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
func (s *Service) EndOverdue(ctx context.Context, until time.Time) (_ int, err error) {
	defer fault.Wrap(&err, "end overdue calls")
	if now := s.Now(); until.After(now) {
		until = now
	}
	var ended atomic.Int64
	var failures [DueShards]error
	var shards errgroup.Group
	for shard := range DueShards {
		shards.Go(func() error {
			n, err := s.endShard(ctx, shard, until)
			ended.Add(int64(n))
			failures[shard] = err
			return nil
		})
	}
	_ = shards.Wait()
	return int(ended.Load()), errors.Join(failures[:]...)
}

// endShard settles what is due page by page. What was settled is no longer
// listed and what failed is listed again, so a page where all failed is the
// last, and the last page's failures are all there are.
func (s *Service) endShard(ctx context.Context, shard int, until time.Time) (total int, err error) {
	for {
		due, err := s.Store.DueCalls(ctx, shard, until.UnixMilli(), duePage)
		if err != nil {
			return total, err
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
		if len(due) < duePage || ended.Load() == 0 {
			return total, errors.Join(failures...)
		}
	}
}
