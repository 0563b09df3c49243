package presence

import (
	"context"
	"errors"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// StaleAfter is for how long a device's target is kept without a word from the
// device: FCM takes an Android device that did not connect for 270 days for gone,
// and refuses its token from then on.
const StaleAfter = 270 * 24 * time.Hour

// Day is the day of t, counted from 1970 in UTC. What is found by it has an index
// that grows by the day only: all that is written today has one value there, so
// its entries stand in the order of their hashes, and spread. By the time itself
// they would all be written at the index's end, at most some 500 a second.
func Day(t time.Time) int64 { return t.Unix() / (24 * 60 * 60) }

// RemoveStale forgets up to limit targets whose devices have not been heard of
// for StaleAfter, neither by a registration nor by a heartbeat, and returns how
// many. What it finds fresh it dates anew, to look at it again when that is
// over. Cost: a read for each target found, at least one; three reads and two
// writes for each forgotten, two and one for each dated anew.
//
// It is safe to repeat and to run beside everything else: each target is a
// transaction of its own, which looks at the stored binding again. One that fails
// doesn't keep the others; the errors are returned together.
func (r *Registry) RemoveStale(ctx context.Context, limit int) (removed int, err error) {
	defer fault.Wrap(&err, "remove stale targets")
	// The day before: what is of that very day is partly not yet that old.
	found, err := r.Store.StaleOwners(ctx, Day(r.Now().Add(-StaleAfter))-1, limit)
	if err != nil {
		return 0, err
	}
	var failures []error
	for hash := range found {
		gone, err := r.removeStale(ctx, hash)
		failures = append(failures, err)
		if gone {
			removed++
		}
	}
	return removed, errors.Join(failures...)
}

func (r *Registry) removeStale(ctx context.Context, hash string) (removed bool, err error) {
	now := r.Now()
	err = r.Store.Change(ctx, func(tx Tx) error {
		removed = false
		owner, err := tx.Owner(hash)
		if err != nil || owner == nil {
			return err
		}
		user, err := tx.User(owner.UserID)
		if err != nil {
			return err
		}
		d, ok := user.Device(owner.PushID)
		if !ok || d.Target.Hash() != hash {
			return tx.DeleteOwner(hash) // nobody's
		}
		last := d.TargetAt
		for _, at := range []time.Time{d.SeenAt, owner.At} {
			if at.After(last) {
				last = at
			}
		}
		if now.Sub(last) < StaleAfter {
			owner.At, owner.Day = last, Day(last)
			return tx.PutOwner(hash, *owner)
		}
		d.Target = device.Target{} // the device stays: it may be known by more than its pushes
		user.put(d)
		removed = true
		if err := write(tx, user); err != nil {
			return err
		}
		return tx.DeleteOwner(hash)
	})
	return removed, err
}
