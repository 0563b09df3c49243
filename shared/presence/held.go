package presence

import (
	"context"
	"maps"
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

// Summary is what a person was told of that their quiet hours had held back. It is
// replaced, and never changed in place.
type Summary struct {
	ID string `firestore:"id"` // its announcement's, under which devices show it
	// Left is the last message of each of its conversations that aren't read, by cid:
	// at most as many as it counts.
	Left map[string]int64 `firestore:"left"`
}

// without is s after its user has read a conversation up to seq; nil: all of it is read.
func (s *Summary) without(cid string, seq int64) *Summary {
	if s == nil || s.Left[cid] == 0 || s.Left[cid] > seq {
		return s
	}
	left := maps.Clone(s.Left)
	delete(left, cid)
	if len(left) == 0 {
		return nil
	}
	return &Summary{ID: s.ID, Left: left}
}

// ReadBy is the ID of the summary of u of which nothing is left once they have read a
// conversation up to seq, empty where there is none.
func (u *User) ReadBy(cid string, seq int64) string {
	if u == nil || u.Summary == nil || u.Summary.without(cid, seq) != nil {
		return ""
	}
	return u.Summary.ID
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

// SettleHeld notes that the user was told of h: by the summary told, of which what they
// have read by now isn't left, or by none, nil. Where something else is held back
// by now, that stays to be told of. Repeating it leaves the same.
func (r *Registry) SettleHeld(ctx context.Context, userID string, h Held, told *Summary) (err error) {
	defer fault.Wrap(&err, "settle what was held back of %q", userID)
	return r.Store.Change(ctx, func(tx Tx) error {
		user, err := tx.User(userID)
		if err != nil || user.Held == nil || user.Held.Since != h.Since || !user.Held.Until.Equal(h.Until) {
			return err
		}
		user.Held = nil
		if told != nil {
			user.Summary = told
			for cid := range told.Left {
				user.Summary = user.Summary.without(cid, user.ReadSeq(cid))
			}
		}
		return write(tx, user)
	})
}
