package dispatch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/push"
)

const (
	// rungMost is how many of the latest pushes of what was read are looked at, for
	// some 700 bytes of tags. A browser that may show any of them closes all up to the
	// last one read by itself.
	rungMost = 20
	// committing is for how long a reading that was published isn't taken for read
	// before the position has moved: then whoever moved it died, and it was read all
	// the same.
	committing = 30 * time.Second
)

// glances is how long to wait for a position that hasn't moved yet, before each further
// look at it: whoever moves it publishes first, some ten milliseconds before. It adds up
// to what an invocation may well wait for, and spares most of the redeliveries, which
// come five seconds later.
var glances = [...]time.Duration{200 * time.Millisecond, 800 * time.Millisecond}

// showing is b to those of its devices that may show something of what b says was read,
// with the tags of that: only they are told. A browser that is sent a push and shows nothing for it may end the
// subscription. It costs a read of the user's presence (more of them while the position
// hasn't moved, see isRead) and one for each of up to rungMost entries, and at least
// one, and where a summary is read by it another; and where no device shows anything, no
// more than that: then b gets no entry in the ledger.
//
// It looks when the position has moved, so that no push can begin later that the plan
// doesn't drop, and waits for those being sent. What slips through is a push to
// several people that was planned up to trust before the position moved and leaves
// after this look.
func (d *Dispatcher) showing(ctx context.Context, b push.Batch) (push.Batch, error) {
	a, userID := b.Announcement, b.Targets[0].UserID
	if err := d.isRead(ctx, a, userID); err != nil {
		return b, err
	}
	now := d.Now()
	entries, err := d.Ledger.Rung(ctx, userID, a.CID, a.After, a.Seq, b.PushIDs(), rungMost)
	if err != nil {
		return b, err
	}
	if a.Summary != "" {
		summary, err := d.Ledger.Rung(ctx, userID, a.Summary, 0, 1, b.PushIDs(), 1)
		if err != nil {
			return b, err
		}
		entries = append(entries, summary...)
	}
	var tags []string
	told := map[string]bool{}
	for _, e := range entries {
		shows := false
		for _, t := range b.Targets {
			shown, known := e.Shown(t.PushID, now)
			if !known {
				return b, fmt.Errorf("what was read is still being sent, in batch %s", e.ID)
			}
			told[t.PushID] = told[t.PushID] || shown
			shows = shows || shown
		}
		// The icon's number goes with what is taken away. It costs what it cost to say it.
		b.Announcement.Push.EnableBadge = b.Announcement.Push.EnableBadge || shows && e.Counts
		if shows && !slices.Contains(tags, e.Tag) {
			tags = append(tags, e.Tag)
		}
	}
	b.Targets = slices.DeleteFunc(slices.Clone(b.Targets), func(t push.Target) bool { return !told[t.PushID] })
	b.Announcement.Tags = strings.Join(tags, " ")
	return b, nil
}

// took is what b takes away, as the ledger calls it.
func took(b push.Batch) (keys []string) {
	for _, tag := range strings.Fields(b.Announcement.Tags) {
		keys = append(keys, delivery.TookKey(b.Targets[0].UserID, tag))
	}
	return keys
}

// isRead waits until the position that a tells of has moved, for as long as glances
// says, and fails where it hasn't by then. Mostly it has, which costs one read of the
// user's presence; each further look costs one more, two at most, and their second adds
// to the time that the invocation takes. A redelivery in their place would cost an
// invocation and one read, and seconds. Where whoever moves it died, each delivery costs
// all three, until committing is over.
func (d *Dispatcher) isRead(ctx context.Context, a push.Announcement, userID string) error {
	deadline, _ := ctx.Deadline() // Dispatch's
	for n := 0; ; n++ {
		users, err := d.Bindings.Users(ctx, []string{userID})
		now := d.Now()
		if err != nil || users[userID].ReadSeq(a.CID) >= a.Seq || !now.Before(time.UnixMilli(a.CreatedAt).Add(committing)) {
			return err
		}
		if n == len(glances) || !sleep(ctx, d.Now, now.Add(glances[n]), deadline) {
			return fmt.Errorf("the position of %q hasn't moved yet", userID)
		}
	}
}
