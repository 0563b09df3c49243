package fanout

import (
	"context"
	"time"

	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Positions is where the plan finds what is read; *presence.Registry is one.
type Positions interface {
	// MarkRead moves the user's position in a conversation forward to seq. Before it
	// does, it asks moves with the user as they were what has to be done first, nil:
	// nothing, and fails with its error; again where that now ends a summary.
	MarkRead(ctx context.Context, userID, cid string, seq int64, moves func(*presence.User) func() error) error
}

// Reader tells the plan what is read, and a user's other devices that may show it.
type Reader struct {
	Positions Positions
	Publisher Publisher // nil: no device is told
	Rules     plan.Rules
	Now       func() time.Time
	PushTTL   time.Duration
}

// MarkRead implements inbox.Reads. It costs a read and a write, and the read alone
// where that much is read already. Where the user has a device that is away it costs a
// read more and publishes a batch, and the dispatcher asks the ledger what the device
// may show.
//
// It is safe to repeat and to die in the middle: the batch is published before the
// position moves, so whoever finds it moved has nothing left to do, and whoever
// doesn't publishes the batch again, under the same ID, but for one that now ends a
// summary: of two conversations that are read at once, neither was the last at first.
func (r *Reader) MarkRead(ctx context.Context, reading push.Reading) error {
	return r.Positions.MarkRead(ctx, reading.UserID, reading.CID, reading.Seq, func(u *presence.User) func() error {
		if r.Publisher == nil {
			return nil
		}
		now := r.Now()
		a := push.OfRead(reading, u.ReadSeq(reading.CID), now, r.PushTTL)
		a.Summary = u.ReadBy(reading.CID, reading.Seq)
		targets := r.Rules.Elsewhere(a, u, now)
		if len(targets) == 0 {
			return nil
		}
		part := reading.Part()
		if a.Summary != "" {
			part += " " + a.Summary // the same reading may have been told of without
		}
		// A user has fewer devices than a batch holds.
		b := push.NewBatch(a, part, 0, targets, now)
		return func() error { return r.Publisher.Publish(ctx, b) }
	})
}
