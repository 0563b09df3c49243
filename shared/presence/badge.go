package presence

import (
	"context"

	"github.com/doorbell-push/doorbell/shared/fault"
)

// MaxBadge is the largest number that an app icon is set to. It is Doorbell's
// own: ZIM's documentation names none, and four digits are the most that read.
const MaxBadge = 9999

// CheckBadge checks an icon's number that a client wants; nil: it gave none.
func CheckBadge(badge *int) error {
	switch {
	case badge == nil:
		return fault.Invalid("badge", "is required: 0 to %d", MaxBadge)
	case *badge < 0 || *badge > MaxBadge:
		return fault.Invalid("badge", "is %d: 0 to %d", *badge, MaxBadge)
	}
	return nil
}

// SetBadge sets the number that the pushes to the user count from: a read, and
// a write where it changes. Repeating it leaves the same number, and writes
// nothing.
func (r *Registry) SetBadge(ctx context.Context, userID string, badge int) (err error) {
	defer fault.Wrap(&err, "set badge of %q", userID)
	return r.Store.Change(ctx, func(tx Tx) error {
		user, err := tx.User(userID)
		if err != nil || user.Badge == badge {
			return err
		}
		user.Badge = badge
		return write(tx, user)
	})
}
