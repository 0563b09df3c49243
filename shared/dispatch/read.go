package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/doorbell-push/doorbell/shared/push"
)

const (
	// rungMost is how many of the latest pushes of what was read are looked at. A
	// device that may show any of them closes all up to the last one read by itself.
	rungMost = 10
	// committing is for how long a reading that was published isn't taken for read
	// before the position has moved: then whoever moved it died, and it was read all
	// the same.
	committing = 30 * time.Second
)

// showing is the devices of b's that may show something of what b says was read: only
// they are told. A browser that is sent a push and shows nothing for it may end the
// subscription. It costs a read of the user's presence and one for each of up to
// rungMost entries, and at least one; and where no device shows anything, no more than
// that: then b gets no entry in the ledger.
//
// It looks when the position has moved, so that no push can begin later that the plan
// doesn't drop, and waits for those being sent. What slips through is a push to
// several people that was planned up to trust before the position moved and leaves
// after this look.
func (d *Dispatcher) showing(ctx context.Context, b push.Batch) (out []push.Target, err error) {
	a, userID := b.Announcement, b.Targets[0].UserID
	users, err := d.Bindings.Users(ctx, []string{userID})
	if err != nil {
		return nil, err
	}
	now := d.Now()
	if users[userID].ReadSeq(a.CID) < a.Seq && now.Before(time.UnixMilli(a.CreatedAt).Add(committing)) {
		return nil, fmt.Errorf("the position of %q hasn't moved yet", userID)
	}
	entries, err := d.Ledger.Rung(ctx, userID, a.CID, a.After, a.Seq, b.PushIDs(), rungMost)
	if err != nil {
		return nil, err
	}
	for _, t := range b.Targets {
		for _, e := range entries {
			shown, known := e.Shown(t.PushID, now)
			if !known {
				return nil, fmt.Errorf("what was read is still being sent, in batch %s", e.ID)
			}
			if shown {
				out = append(out, t)
				break
			}
		}
	}
	return out, nil
}
