package presence

import (
	"cmp"
	"context"
	"time"

	"github.com/doorbell-push/doorbell/shared/fault"
)

// MaxReads is how many conversations a user's document keeps the read position
// of. It matters for as long as a push of the conversation may be under way,
// seconds to minutes, so those read last are enough; a position that was
// dropped rings a message once more than needed and loses none.
const MaxReads = 20

// Read is how far a user has read a conversation.
type Read struct {
	Seq int64     `firestore:"seq"` // the OrderKey of the last message read
	At  time.Time `firestore:"at"`
}

// ReadSeq is the position up to which u has read the conversation, 0 where it
// isn't known. A nil user has read nothing.
func (u *User) ReadSeq(cid string) int64 {
	if u == nil {
		return 0
	}
	return u.Reads[cid].Seq
}

// HasRead reports whether u has read all of the conversations up to a position, by
// cid. A nil user has read nothing.
func (u *User) HasRead(positions map[string]int64) bool {
	for cid, seq := range positions {
		if u.ReadSeq(cid) < seq {
			return false
		}
	}
	return len(positions) > 0
}

// markRead moves the position of cid forward to seq. It reports whether that
// changed anything.
func (u *User) markRead(cid string, seq int64, now time.Time) bool {
	if seq <= u.ReadSeq(cid) {
		return false
	}
	if u.Reads == nil {
		u.Reads = map[string]Read{}
	}
	u.Reads[cid] = Read{Seq: seq, At: now}
	u.Summary = u.Summary.without(cid, seq)
	for len(u.Reads) > MaxReads {
		delete(u.Reads, u.readLongestAgo(cid))
	}
	return true
}

// readLongestAgo is the conversation to make room, never keep.
func (u *User) readLongestAgo(keep string) (oldest string) {
	for cid, r := range u.Reads {
		if cid == keep {
			continue
		}
		if oldest == "" || cmp.Or(r.At.Compare(u.Reads[oldest].At), cmp.Compare(cid, oldest)) < 0 {
			oldest = cid
		}
	}
	return oldest
}

// MarkRead tells the plan that the user has read the conversation up to and
// including seq: what is read before its push leaves is not pushed. A position
// only moves forward, so that a request that arrives late or twice changes
// nothing; then nothing is written either.
//
// Before it moves, moves is asked with the user as they were, unless it is nil, for
// what has to be done first: mostly nothing, nil. Where that fails, nothing moves. It
// is done outside of the transaction, which then is made again: that costs a read more.
// Where another reading moved meanwhile, so that this one is now the last of a summary
// (User.ReadBy), moves is asked once more: of two that come at once, one ends it.
func (r *Registry) MarkRead(ctx context.Context, userID, cid string, seq int64, moves func(*User) func() error) (err error) {
	defer fault.Wrap(&err, "mark what %q has read", userID)
	asked, ended := moves == nil, "" // for which summary
	for {
		var first func() error
		var ends string
		err := r.Store.Change(ctx, func(tx Tx) error {
			first = nil
			user, err := tx.User(userID)
			if err != nil || seq <= user.ReadSeq(cid) {
				return err
			}
			ends = user.ReadBy(cid, seq)
			if !asked || moves != nil && ends != "" && ends != ended {
				if first = moves(user); first != nil {
					return nil
				}
			}
			user.markRead(cid, seq, r.Now())
			return write(tx, user)
		})
		if err != nil || first == nil {
			return err
		}
		if err := first(); err != nil {
			return err
		}
		asked, ended = true, ends
	}
}
