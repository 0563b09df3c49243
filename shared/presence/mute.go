package presence

import (
	"context"
	"time"

	"github.com/doorbell-push/doorbell/shared/fault"
)

// MaxMutes is how many peer conversations a user can have muted at a time: at
// most some 80 kB of a document that every heartbeat writes.
const MaxMutes = 1000

// Mute is a peer conversation that its user doesn't want to be rung for. A
// group's member has that in their membership.
type Mute struct {
	MutedUntil int64 `firestore:"mutedUntil"` // ms since 1970; 0: without an end
}

// over reports whether m has ended by now.
func (m Mute) over(now time.Time) bool {
	return m.MutedUntil != 0 && now.UnixMilli() >= m.MutedUntil
}

// Muted is u's mute of the peer conversation and whether there is one at now.
// A nil user has none.
func (u *User) Muted(cid string, now time.Time) (Mute, bool) {
	if u == nil {
		return Mute{}, false
	}
	m, ok := u.Mutes[cid]
	if !ok || m.over(now) {
		return Mute{}, false
	}
	return m, true
}

// SetMute mutes a peer conversation of the user, or with nil unmutes it. A mute
// that is over already unmutes too. Repeating it leaves the same state. Error:
// 6000601 the user has MaxMutes others muted.
func (r *Registry) SetMute(ctx context.Context, userID, cid string, mute *Mute) (err error) {
	defer fault.Wrap(&err, "mute for %q", userID)
	now := r.Now()
	if mute != nil && mute.over(now) {
		mute = nil
	}
	return r.Store.Change(ctx, func(tx Tx) error {
		user, err := tx.User(userID)
		if err != nil {
			return err
		}
		if old, ok := user.Mutes[cid]; ok == (mute != nil) && (!ok || old == *mute) {
			return nil
		}
		delete(user.Mutes, cid)
		if mute != nil {
			if err := user.mute(cid, *mute, now); err != nil {
				return err
			}
		}
		return write(tx, user)
	})
}

// mute adds a mute. Those that are over make room.
func (u *User) mute(cid string, m Mute, now time.Time) error {
	for cid, old := range u.Mutes {
		if old.over(now) {
			delete(u.Mutes, cid)
		}
	}
	if len(u.Mutes) >= MaxMutes {
		return fault.New(fault.FailedPrecondition, fault.ConversationCommon,
			"you have %d people muted, which is the most: set another's status to 1 (notify) first", MaxMutes)
	}
	if u.Mutes == nil {
		u.Mutes = map[string]Mute{}
	}
	u.Mutes[cid] = m
	return nil
}
