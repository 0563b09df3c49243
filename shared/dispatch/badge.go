package dispatch

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Unread counts what a user has not read; *inbox.Service does.
type Unread interface {
	// Unread goes by the rules. It isn't known of who has too much to look through.
	Unread(ctx context.Context, u *presence.User, rules plan.Rules) (n int, known bool, err error)
}

// Limits of counting: each user costs as much as opening the app does.
const (
	// maxCounted is the most users of a batch that are counted for. A larger batch,
	// and one of many, leaves the icons as they are.
	maxCounted = 100
	// parallelCounts is how many are counted for at once, which bounds the
	// conversations that are held in memory.
	parallelCounts = 8
	// countTime is how long the pushes wait for it.
	countTime = 3 * time.Second
)

// count has those targets that go with what their user has not read say how much that
// is (plan.NeedsUnread), and costs nothing where there are none. It counts right
// before the pushes leave: what is read by then isn't in it, also where they are
// redelivered or told of late. Each user costs a read for their presence, which has
// their mutes, and what inbox.Service.Unread does; once for their devices in a batch.
//
// It writes nothing, so that it is safe to repeat. A push is worth more than its
// number: who can't be counted for, or not in time, is rung without, and their icon
// stays as it is.
func (d *Dispatcher) count(ctx context.Context, run *run) {
	users := run.uncounted()
	if !d.countable(run.batch, len(users)) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, countTime)
	defer cancel()
	var mu sync.Mutex
	counts := map[string]int{}
	var all errgroup.Group
	all.SetLimit(parallelCounts)
	for _, id := range users {
		all.Go(func() error {
			n, known, err := d.unread(ctx, id)
			if err != nil {
				slog.WarnContext(ctx, "not counted for the badge", "batch", run.batch.ID, "userID", id, "error", err)
			}
			if known {
				mu.Lock()
				defer mu.Unlock()
				counts[id] = n
			}
			return nil
		})
	}
	_ = all.Wait() // nobody fails
	run.counted(counts)
}

// countable reports whether so many users of b are counted for.
func (d *Dispatcher) countable(b push.Batch, users int) bool {
	return d.Unread != nil && !b.Bulk && users > 0 && users <= maxCounted
}

// counts reports whether b goes with what its users, or some of them, have not read.
func (d *Dispatcher) counts(b push.Batch) bool {
	users := map[string]struct{}{}
	for _, t := range b.Targets {
		if plan.NeedsUnread(b.Announcement, t) {
			users[t.UserID] = struct{}{}
		}
	}
	return d.countable(b, len(users))
}

// unread is how much a user has not read. It holds their presence meanwhile, which a
// process has room for so many of.
func (d *Dispatcher) unread(ctx context.Context, userID string) (n int, known bool, err error) {
	failed := d.slots.Each(ctx, []string{userID}, d.Bindings.Users, func(_ []string, users map[string]*presence.User) {
		if u := users[userID]; u != nil {
			n, known, err = d.Unread.Unread(ctx, u, d.Rules)
		}
	})
	if failed != nil {
		return 0, false, failed
	}
	return n, known, err
}
