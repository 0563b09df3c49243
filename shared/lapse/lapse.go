// Package lapse keeps stale presence from losing messages. A device that counts
// as online isn't rung; where its lease then ends without a word from it, it may
// never have got what was sent meanwhile, and is rung for that now.
package lapse

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/inbox"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Lapses are the users of whom a lease lapsed.
type Lapses interface {
	// LapsedUsers is up to limit users of a shard, the longest lapsed first.
	LapsedUsers(ctx context.Context, shard int, until time.Time, limit int) ([]*presence.User, error)
}

// Leases settles what was dealt with; *presence.Registry does.
type Leases interface {
	SettleLapsed(ctx context.Context, userID string, lapsed []device.Device) (settled int, err error)
}

// Inbox tells what a user may have missed; *inbox.Service does.
type Inbox interface {
	Missed(ctx context.Context, userID string, since, until int64, limit int) (missed []inbox.Missed, more bool, err error)
}

// Ledger tells what was pushed of a message.
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
	Inbox     Inbox
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
	// mostMissed is for how many messages a lapsed device is rung: the earliest.
	// Whoever is rung that often comes and finds the rest.
	mostMissed = 50
	// slack is by how much the clocks of two instances may differ: one may have
	// held a device for online that by ours was not any more. A sweep waits for
	// it, too: a dispatcher whose clock is behind would not ring the device.
	slack = 5 * time.Second
)

// Sweep rings every device whose lease has lapsed, and returns how many users
// it dealt with. A user that fails is left for the next sweep and keeps no other
// from being dealt with; the errors are returned together.
//
// It is safe to repeat, to run twice at once and to die anywhere: a lease is
// settled last, the batch of a message and a user always has the same ID, and
// devices that the ledger says were pushed to are left out.
func (s *Sweeper) Sweep(ctx context.Context) (_ int, err error) {
	defer fault.Wrap(&err, "sweep lapsed leases")
	var total atomic.Int64
	var failures [presence.Shards]error
	var shards errgroup.Group
	for shard := range presence.Shards {
		shards.Go(func() error {
			n, err := s.shard(ctx, shard)
			total.Add(int64(n))
			failures[shard] = err
			return nil
		})
	}
	_ = shards.Wait()
	return int(total.Load()), errors.Join(failures[:]...)
}

// shard deals with a shard page by page. Who was dealt with is no longer listed
// and who failed is listed again, so a page where all failed is the last.
func (s *Sweeper) shard(ctx context.Context, shard int) (total int, err error) {
	for {
		users, err := s.Lapses.LapsedUsers(ctx, shard, s.Now().Add(-slack), page)
		if err != nil {
			return total, err
		}
		var done atomic.Int64
		failures := make([]error, len(users))
		var all errgroup.Group
		all.SetLimit(parallel)
		for i, u := range users {
			all.Go(func() error {
				if failures[i] = s.user(ctx, u); failures[i] == nil {
					done.Add(1)
				}
				return nil
			})
		}
		_ = all.Wait()
		total += int(done.Load())
		if len(users) < page || done.Load() == 0 {
			return total, errors.Join(failures...)
		}
	}
}

// user rings u's lapsed devices for what each may have missed.
func (s *Sweeper) user(ctx context.Context, u *presence.User) (err error) {
	defer fault.Wrap(&err, "lapsed leases of %q", u.UserID)
	now := s.Now()
	lapsed := u.Lapsed(now.Add(-slack))
	if len(lapsed) == 0 {
		return nil
	}
	since, until := span(lapsed)
	missed, more, err := s.Inbox.Missed(ctx, u.UserID, since, until, mostMissed)
	if err != nil {
		return err
	}
	rung := 0
	for _, m := range missed {
		n, err := s.ring(ctx, u, lapsed, m, now)
		if err != nil {
			return err
		}
		rung += n
	}
	if len(missed) > 0 {
		slog.InfoContext(ctx, "lapsed", "userID", u.UserID, "devices", len(lapsed), "missed", len(missed), "more", more, "pushes", rung)
	}
	_, err = s.Leases.SettleLapsed(ctx, u.UserID, lapsed)
	return err
}

// span is the time in which any of the devices may have missed a message, in ms
// since 1970.
func span(lapsed []device.Device) (since, until int64) {
	for i, d := range lapsed {
		if from := d.MissedSince(); i == 0 || from < since {
			since = from
		}
		until = max(until, missedUntil(d))
	}
	return since, until
}

// missedUntil is when messages began to be planned with d known to be away.
func missedUntil(d device.Device) int64 { return d.LeaseUntil.Add(slack).UnixMilli() }

// ring publishes the push of a message to those of the lapsed devices that may
// have missed it and the plan lets ring, and returns how many.
func (s *Sweeper) ring(ctx context.Context, u *presence.User, lapsed []device.Device, m inbox.Missed, now time.Time) (int, error) {
	if m.Message.Push == nil || m.Read {
		return 0, nil
	}
	a := push.OfMessage(m.Message, s.PushTTL)
	var targets []push.Target
	r := plan.Receiver{
		UserID: u.UserID, Presence: u, Member: member(m),
		Mentioned: m.Message.Mentions(u.UserID), Insisted: m.Message.Insists(u.UserID),
	}
	for _, d := range s.Rules.Decide(a, r, now) {
		mayHaveMissed := slices.ContainsFunc(lapsed, func(l device.Device) bool {
			return l.PushID == d.PushID && m.Message.Timestamp > l.MissedSince() && m.Message.Timestamp <= missedUntil(l)
		})
		if mayHaveMissed && d.Reason == plan.Push {
			targets = append(targets, d.Target)
		}
	}
	if len(targets) == 0 {
		return 0, nil
	}
	entries, err := s.Ledger.Entries(ctx, a.ID)
	if err != nil {
		return 0, err
	}
	targets = slices.DeleteFunc(targets, func(t push.Target) bool {
		return slices.ContainsFunc(entries, func(e delivery.Entry) bool { return e.MayHaveShown(t.PushID) })
	})
	for _, b := range push.Batches(a, "lapsed "+u.UserID, targets, now) {
		if err := s.Publisher.Publish(ctx, b); err != nil {
			return 0, err
		}
	}
	return len(targets), nil
}

func member(m inbox.Missed) *plan.Member {
	if m.Member == nil {
		return nil
	}
	return plan.MemberOf(m.Member.Entry())
}
