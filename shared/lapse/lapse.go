// Package lapse rings later for what wasn't rung in time. It keeps stale presence
// from losing messages and calls: a device that counts as online isn't rung, and by
// a push rule may keep others from being rung. Where its lease then ends without a
// word from it, or it leaves without having said that it has everything, nobody may
// have got what was sent meanwhile: they are rung for that now. And when somebody's
// quiet hours end, they are told in one push how much those held back.
package lapse

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/inbox"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Lapses are the users of whom something may be to be looked for.
type Lapses interface {
	// LapsedUsers is up to limit users of a shard, the longest lapsed first, from
	// the one behind after on, nil for the first.
	LapsedUsers(ctx context.Context, shard int, until time.Time, after *presence.User, limit int) ([]*presence.User, error)
}

// Leases says what was dealt with; *presence.Registry does.
type Leases interface {
	SettleLapsed(ctx context.Context, userID string, lapsed []device.Device) (settled int, err error)
	LookedUpTo(ctx context.Context, userID string, lapsed []device.Device, timestamp int64) error
	Hold(ctx context.Context, userID string, h presence.Held) error
	SettleHeld(ctx context.Context, userID string, h presence.Held, told *presence.Summary) error
}

// Bursts says which bursts were told of; *presence.Registry does.
type Bursts interface {
	TellBursts(ctx context.Context, userID string, due, until time.Time) (telling map[string]presence.Burst, err error)
	ToldBursts(ctx context.Context, userID string, telling map[string]presence.Burst, told map[string]int64) error
}

// Inbox tells what messages a user may have missed; *inbox.Service does.
type Inbox interface {
	Missed(ctx context.Context, userID string, since, until int64, take func(inbox.Missed) (goOn bool, err error)) (more bool, err error)
}

// Calls tells what calls a user may have missed.
type Calls interface {
	// RingingCalls is up to limit of the calls that ring for userID as they are
	// stored: some may be over.
	RingingCalls(ctx context.Context, userID string, limit int) ([]call.Call, error)
	// CallsSince is up to limit of the calls that userID is or was in which began
	// at since (ms since 1970) or later, the latest first.
	CallsSince(ctx context.Context, userID string, since int64, limit int) ([]call.Call, error)
}

// Ledger tells what was pushed of a message or a call.
type Ledger interface {
	Entries(ctx context.Context, subjectID string) ([]delivery.Entry, error)
}

// Publisher hands a batch to Pub/Sub; it returns when Pub/Sub has it.
type Publisher interface {
	Publish(ctx context.Context, b push.Batch) error
}

// Sweeper rings lapsed devices.
type Sweeper struct {
	Lapses    Lapses
	Leases    Leases
	Bursts    Bursts // nil: nothing is bundled
	Inbox     Inbox
	Calls     Calls
	Ledger    Ledger
	Publisher Publisher
	Now       func() time.Time
	PushTTL   time.Duration
	Rules     plan.Rules
}

const (
	// page is how many users are listed at once in a shard, and parallel how many
	// of them are worked on at once.
	page, parallel = 100, 8
	// slack is by how much the clocks of two instances may differ: one may have
	// held a device for online that by ours was not any more. A sweep waits for
	// it, too: a dispatcher whose clock is behind would not ring the device.
	slack = 5 * time.Second
)

// Sweep looks after every device that lapsed, and everybody whose quiet hours are
// over, and returns how many users it dealt
// with. A user that fails is left for the next sweep and keeps no other from being
// dealt with; the errors are returned together.
//
// It is safe to repeat, to run twice at once and to die anywhere: a lease, and what
// was held back, is settled last; the batch of a message, an invitation or a summary
// and a user always has the same ID; and devices that the ledger says were pushed to
// are left out.
func (s *Sweeper) Sweep(ctx context.Context) (_ int, err error) {
	defer fault.Wrap(&err, "sweep lapsed leases")
	var total atomic.Int64
	var failures [presence.Shards]error
	var shards errgroup.Group
	for shard := range presence.Shards {
		shards.Go(func() error {
			failures[shard] = s.shard(ctx, shard, &total)
			return nil
		})
	}
	_ = shards.Wait()
	return int(total.Load()), errors.Join(failures[:]...)
}

// shard deals with a shard page by page.
func (s *Sweeper) shard(ctx context.Context, shard int, total *atomic.Int64) (err error) {
	var after *presence.User
	var failed []error
	for {
		users, err := s.Lapses.LapsedUsers(ctx, shard, s.Now().Add(-slack), after, page)
		if err != nil {
			return errors.Join(append(failed, err)...)
		}
		failures := make([]error, len(users))
		var all errgroup.Group
		all.SetLimit(parallel)
		for i, u := range users {
			all.Go(func() error {
				if failures[i] = s.user(ctx, u); failures[i] == nil {
					total.Add(1)
				}
				return nil
			})
		}
		_ = all.Wait()
		failed = append(failed, failures...)
		if len(users) < page {
			return errors.Join(failed...)
		}
		after = users[page-1]
	}
}

// user does what is due for u. That one part fails doesn't keep the other.
func (s *Sweeper) user(ctx context.Context, u *presence.User) error {
	now := s.Now()
	return errors.Join(s.lapsed(ctx, u, now), s.summary(ctx, u, now), s.bundles(ctx, u, now))
}

// lapsed rings for what u's lapsed devices may have missed, or kept from others.
func (s *Sweeper) lapsed(ctx context.Context, u *presence.User, now time.Time) (err error) {
	defer fault.Wrap(&err, "lapsed leases of %q", u.UserID)
	g := gap{u: u, lapsed: u.Lapsed(now.Add(-slack)), now: now}
	if len(g.lapsed) == 0 {
		return nil
	}
	looked, all, err := s.messages(ctx, g)
	if err != nil {
		return err
	}
	rings, err := s.calls(ctx, g)
	if err != nil {
		return err
	}
	switch {
	case all && !rings:
		_, err = s.Leases.SettleLapsed(ctx, u.UserID, g.lapsed)
	case g.lookedBefore(looked):
	default:
		err = s.Leases.LookedUpTo(ctx, u.UserID, g.lapsed, looked)
	}
	return err
}

// publish publishes a's push to the targets, but those that entries say may show
// it already, and returns how many those are that it published.
func (s *Sweeper) publish(ctx context.Context, a push.Announcement, part string, targets []push.Target, entries []delivery.Entry, now time.Time) (int, error) {
	targets = slices.DeleteFunc(targets, func(t push.Target) bool { return shown(entries, t.PushID) })
	for _, b := range push.Batches(a, part, targets, now) {
		if err := s.Publisher.Publish(ctx, b); err != nil {
			return 0, err
		}
	}
	return len(targets), nil
}

func shown(entries []delivery.Entry, pushID string) bool {
	return slices.ContainsFunc(entries, func(e delivery.Entry) bool { return e.MayHaveShown(pushID) })
}
