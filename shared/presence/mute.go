package presence

import (
	"context"
	"time"

	"github.com/doorbell-push/doorbell/shared/fault"
)

// MaxMutes is how many peer conversations a user can have muted at a time, and
// how many with a level of their own: at most some 120 kB of a document that
// every heartbeat writes.
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

// PeerLevel is the level that u gave a peer conversation, none where they gave
// it none. A nil user gave none.
func (u *User) PeerLevel(cid string) Level {
	if u == nil {
		return ""
	}
	return u.Levels[cid]
}

// SetPeer sets what the user wants of a peer conversation: to mute it, or with
// nil to unmute it, and its level, which counts while it isn't muted. A mute
// that is over already unmutes too. Repeating it leaves the same state. Error:
// 6000601 the user has MaxMutes others muted, or that many with a level.
func (r *Registry) SetPeer(ctx context.Context, userID, cid string, mute *Mute, level Level) (err error) {
	defer fault.Wrap(&err, "set notification status for %q", userID)
	now := r.Now()
	if mute != nil && mute.over(now) {
		mute = nil
	}
	return r.Store.Change(ctx, func(tx Tx) error {
		user, err := tx.User(userID)
		if err != nil {
			return err
		}
		old, muted := user.Mutes[cid]
		if muted == (mute != nil) && (!muted || old == *mute) && user.Levels[cid] == level {
			return nil
		}
		delete(user.Mutes, cid)
		if mute != nil {
			if err := user.mute(cid, *mute, now); err != nil {
				return err
			}
		}
		if err := user.setLevel(cid, level); err != nil {
			return err
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

// setLevel gives a peer conversation its level, or with "" takes it back.
func (u *User) setLevel(cid string, level Level) error {
	delete(u.Levels, cid)
	switch {
	case level == "":
		return nil
	case len(u.Levels) >= MaxMutes:
		return fault.New(fault.FailedPrecondition, fault.ConversationCommon,
			"you have given %d people a level, which is the most: set another's without one first", MaxMutes)
	case u.Levels == nil:
		u.Levels = map[string]Level{}
	}
	u.Levels[cid] = level
	return nil
}
