package presence

import (
	"context"
	"time"

	"github.com/doorbell-push/doorbell/shared/fault"
)

// Held says that a person's quiet hours held messages back, of which they are to
// be told in one push when the hours end. It is replaced, and never changed in
// place.
type Held struct {
	Since int64     `firestore:"since"` // ms since 1970: what was sent from then on, and before Until
	Until time.Time `firestore:"until"` // when the hours end
}

// Holds reports whether u says already what h does.
func (u *User) Holds(h Held) bool {
	return u.Held != nil && u.Held.Until.Equal(h.Until) && u.Held.Since <= h.Since
}

// Hold notes with the user that messages are held back until the end of their
// quiet hours: a read, and a write where they don't say so yet, which is once for
// each time they have quiet hours. What was held back before and not told of yet
// is told of then, too. Repeating it leaves the same.
func (r *Registry) Hold(ctx context.Context, userID string, h Held) (err error) {
	defer fault.Wrap(&err, "note what is held back of %q", userID)
	return r.Store.Change(ctx, func(tx Tx) error {
		user, err := tx.User(userID)
		if err != nil || user.Holds(h) {
			return err
		}
		next := h
		if user.Held != nil {
			next.Since = min(next.Since, user.Held.Since)
		}
		user.Held = &next
		return write(tx, user)
	})
}

// SettleHeld notes that the user was told of h. Where something else is held back
// by now, that stays to be told of. Repeating it leaves the same.
func (r *Registry) SettleHeld(ctx context.Context, userID string, h Held) (err error) {
	defer fault.Wrap(&err, "settle what was held back of %q", userID)
	return r.Store.Change(ctx, func(tx Tx) error {
		user, err := tx.User(userID)
		if err != nil || user.Held == nil || user.Held.Since != h.Since || !user.Held.Until.Equal(h.Until) {
			return err
		}
		user.Held = nil
		return write(tx, user)
	})
}
