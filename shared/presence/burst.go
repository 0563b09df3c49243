package presence

import (
	"context"
	"maps"
	"time"

	"github.com/doorbell-push/doorbell/shared/fault"
)

// MaxBursts is how many bursts a user has at a time. Of more, each message rings
// by itself.
const MaxBursts = 50

// Bounds of the time in which messages are bundled, in seconds.
const (
	MinBundle = 10
	MaxBundle = 3600
)

// Burst is what a person is told of together: in one conversation, the message that
// rang and what came after it within a window, of which one push tells when that
// ends. Another window follows for as long as messages come.
type Burst struct {
	Tag   string    `firestore:"tag"`   // of what their devices show of it: the first message's ID
	Since int64     `firestore:"since"` // ms since 1970: when that was sent
	Until time.Time `firestore:"until"` // when the window ends
	// Held: messages came in the window. Telling: a sweep has begun to tell of them.
	Held    bool `firestore:"held,omitempty"`
	Telling bool `firestore:"telling,omitempty"`
	// Told is the OrderKey of the last message that they were told of together.
	Told int64 `firestore:"told,omitempty"`
}

// Pending reports whether b is still to be told of.
func (b Burst) Pending() bool { return b.Held || b.Telling }

// Burst is what u's messages of a conversation are bundled into at now, and whether
// they are. What is to be told of takes more until that is done. A nil user has none.
func (u *User) Burst(cid string, now time.Time) (Burst, bool) {
	if u == nil {
		return Burst{}, false
	}
	b := u.Bursts[cid]
	return b, b.Pending() || now.Before(b.Until)
}

// MayBurst reports whether a burst can begin. A nil user has no place for one.
func (u *User) MayBurst(now time.Time) bool {
	if u == nil {
		return false
	}
	n := 0
	for cid := range u.Bursts {
		if _, on := u.Burst(cid, now); on {
			n++
		}
	}
	return n < MaxBursts
}

// DueBursts is the bursts that are to be told of at now, by cid.
func (u *User) DueBursts(now time.Time) map[string]Burst {
	out := map[string]Burst{}
	for cid, b := range u.Bursts {
		if b.Pending() && !now.Before(b.Until) {
			out[cid] = b
		}
	}
	return out
}

// Bundle notes with the user that a burst has begun or, where it is Held, that there
// is something to tell of: a read and a write. Repeating it leaves the same. What is
// to be told of stays so, whoever begins another burst; and what was told of
// meanwhile is looked at once more.
func (r *Registry) Bundle(ctx context.Context, userID, cid string, b Burst) (err error) {
	defer fault.Wrap(&err, "note a burst of %q", userID)
	return r.Store.Change(ctx, func(tx Tx) error {
		user, err := tx.User(userID)
		if err != nil {
			return err
		}
		now := r.Now()
		current, on := user.Burst(cid, now)
		switch {
		case !b.Held && (current.Pending() || current.Tag == b.Tag), b.Held && current.Held:
			return nil
		case b.Held && on:
			current.Held = true
		case !on && !b.Held && !user.MayBurst(now):
			return nil
		default:
			current = b
		}
		user.setBurst(cid, current, now)
		return write(tx, user)
	})
}

// setBurst sets a burst and drops those that are over.
func (u *User) setBurst(cid string, b Burst, now time.Time) {
	next := maps.Clone(u.Bursts)
	maps.DeleteFunc(next, func(_ string, b Burst) bool { return !b.Pending() && !now.Before(b.Until) })
	if next == nil {
		next = map[string]Burst{}
	}
	next[cid] = b
	u.Bursts = next
}

// TellBursts begins to tell of the user's bursts that are due at a time: their next
// windows begin, and end at until. It returns them; whatever was planned into one of
// them before is stored by then, so who looks for it now finds it. Until
// ToldBursts says that it is done they stay to be told of, when their windows end.
func (r *Registry) TellBursts(ctx context.Context, userID string, due, until time.Time) (telling map[string]Burst, err error) {
	defer fault.Wrap(&err, "begin to tell of bursts of %q", userID)
	until = until.UTC().Truncate(time.Millisecond) // as it is stored, for ToldBursts
	err = r.Store.Change(ctx, func(tx Tx) error {
		user, err := tx.User(userID)
		if err != nil {
			return err
		}
		if telling = user.DueBursts(due); len(telling) == 0 {
			return nil
		}
		for cid, b := range telling {
			b.Held, b.Telling, b.Until = false, true, until
			telling[cid] = b
			user.setBurst(cid, b, due)
		}
		return write(tx, user)
	})
	return telling, err
}

// ToldBursts notes that the user was told of bursts, as TellBursts had them, up to
// the OrderKeys in told. Where somebody else has begun to tell of one since, that one
// stays. Repeating it leaves the same.
func (r *Registry) ToldBursts(ctx context.Context, userID string, telling map[string]Burst, told map[string]int64) (err error) {
	defer fault.Wrap(&err, "settle bursts of %q", userID)
	return r.Store.Change(ctx, func(tx Tx) error {
		user, err := tx.User(userID)
		if err != nil {
			return err
		}
		changed := false
		for cid, was := range telling {
			b, ok := user.Bursts[cid]
			if !ok || !b.Telling || !b.Until.Equal(was.Until) || b.Tag != was.Tag {
				continue
			}
			b.Telling, b.Told = false, max(b.Told, told[cid])
			user.setBurst(cid, b, r.Now())
			changed = true
		}
		if !changed {
			return nil
		}
		return write(tx, user)
	})
}
