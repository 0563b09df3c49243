package lapse

import (
	"context"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/inbox"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// mostCounted is how many messages a summary counts: of more it says so.
const mostCounted = 99

// summary tells u, whose quiet hours are over, how many of the messages that these
// held back they have not read, in one push to each device that the plan lets ring
// for any of them. Where there is none any more, or they want no summary any more,
// nothing is told; where other quiet hours have begun, it waits for their end.
//
// It is safe to repeat: its batch has one ID, whatever it counts, and the ledger
// lets each device through once. What is read after that is counted, and before it is
// settled, is not in what the user is noted to be told; who has read all of it in that
// moment keeps the summary, where it was quicker.
func (s *Sweeper) summary(ctx context.Context, u *presence.User, now time.Time) (err error) {
	defer fault.Wrap(&err, "summary of %q", u.UserID)
	if u.Held == nil || now.Add(-slack).Before(u.Held.Until) {
		return nil
	}
	held := *u.Held
	hours := u.Settings.Over(s.Rules.Defaults).Quiet
	if hours == nil || !hours.Summary {
		return s.Leases.SettleHeld(ctx, u.UserID, held, nil)
	}
	if w, quiet := hours.At(now); quiet {
		return s.Leases.Hold(ctx, u.UserID, presence.Held{Since: held.Since, Until: w.Until})
	}
	c := counting{rules: s.Rules, u: u, hours: hours, ttl: s.PushTTL, now: now, targets: map[string]push.Target{}, last: map[string]int64{}}
	if _, err := s.Inbox.Missed(ctx, u.UserID, held.Since-1, held.Until.UnixMilli()-1, c.take); err != nil {
		return err
	}
	told, err := s.tell(ctx, c, held)
	if err != nil {
		return err
	}
	return s.Leases.SettleHeld(ctx, u.UserID, held, told)
}

// tell publishes the summary of what was counted, if that is anything; nil: it isn't.
func (s *Sweeper) tell(ctx context.Context, c counting, held presence.Held) (*presence.Summary, error) {
	targets := slices.SortedFunc(maps.Values(c.targets), func(a, b push.Target) int { return strings.Compare(a.PushID, b.PushID) })
	a := push.OfHeld(c.u.UserID, c.count, c.more, c.last, held.Until, s.PushTTL)
	for _, b := range push.Batches(a, "", targets, c.now) {
		if err := s.Publisher.Publish(ctx, b); err != nil {
			return nil, err
		}
	}
	slog.InfoContext(ctx, "held back", "userID", c.u.UserID, "subjectID", a.ID, "unread", c.count, "more", c.more, "pushes", len(targets))
	if len(targets) == 0 {
		return nil, nil
	}
	return &presence.Summary{ID: a.ID, Left: c.last}, nil
}

// counting counts the messages that quiet hours held back from u and that would
// ring now.
type counting struct {
	rules plan.Rules
	u     *presence.User
	hours *presence.Quiet
	ttl   time.Duration
	now   time.Time

	looked, count int
	more          bool                   // than it counted
	targets       map[string]push.Target // by PushID
	last          map[string]int64       // of those counted, by cid
}

// take counts m, if it is to be, and reports whether to go on.
func (c *counting) take(m inbox.Missed) (goOn bool, err error) {
	c.looked++
	r := receiver(c.u, m)
	if m.Read || m.Message.Push == nil || m.Message.Push.Silent || (r.Insisted && c.hours.MentionsBreakThrough) {
		return c.looked < mostLooked, nil
	}
	a := push.OfMessage(m.Message, c.ttl)
	a.ExpiresAt = math.MaxInt64 // unread is unread, however long the night was
	counts := false
	for _, d := range c.rules.Decide(a, r, c.now) {
		if d.Reason == plan.Push {
			counts = true
			d.Target.Mentioned, d.Target.Insisted = false, false
			c.targets[d.PushID] = d.Target
		}
	}
	switch {
	case counts && c.count == mostCounted:
		c.more = true
		return false, nil
	case counts:
		c.count++
		c.last[a.CID] = a.Seq
	}
	return c.looked < mostLooked, nil
}
