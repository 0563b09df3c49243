package lapse

import (
	"context"
	"log/slog"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/inbox"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// bundles tells u of the bursts whose window is over: in one push a conversation, to
// each device that the plan lets ring for the last of its messages, how many there
// are that they have not read. Where there is none any more, or none that they
// weren't told of, nothing is told.
//
// It is safe to repeat, to run twice at once and to die anywhere: a burst is settled
// last, and stays due until then; its batch has one ID for the same last message, so
// the ledger lets each device through once, and of another the tag shows one.
//
// A message that is planned into a burst while this goes on is not lost: either its
// plan read the burst before TellBursts wrote it, then it is stored and counted here;
// or after that, then it holds the next window.
func (s *Sweeper) bundles(ctx context.Context, u *presence.User, now time.Time) (err error) {
	defer fault.Wrap(&err, "bundles of %q", u.UserID)
	if s.Bursts == nil || len(u.DueBursts(now.Add(-slack))) == 0 {
		return nil
	}
	window := u.Settings.Over(s.Rules.Defaults).BundleWindow()
	telling, err := s.Bursts.TellBursts(ctx, u.UserID, now.Add(-slack), now.Add(window))
	if err != nil || len(telling) == 0 {
		return err
	}
	since := int64(math.MaxInt64)
	for _, b := range telling {
		since = min(since, b.Since)
	}
	c := bundling{rules: s.Rules, u: u, ttl: s.PushTTL, now: now, telling: telling, of: map[string]*bundle{}}
	if _, err := s.Inbox.Missed(ctx, u.UserID, since-1, math.MaxInt64, c.take); err != nil {
		return err
	}
	told := map[string]int64{}
	for _, cid := range slices.Sorted(maps.Keys(c.of)) {
		b := c.of[cid]
		told[cid] = b.last.Seq
		if b.last.Seq <= telling[cid].Told {
			continue
		}
		a := push.OfBundle(b.last, b.count, b.more, telling[cid].Tag)
		for _, batch := range push.Batches(a, push.BundlePart(u.UserID), b.targets, now) {
			if err := s.Publisher.Publish(ctx, batch); err != nil {
				return err
			}
		}
		slog.InfoContext(ctx, "bundled", "userID", u.UserID, "cid", cid, "subjectID", a.ID, "unread", b.count, "more", b.more, "pushes", len(b.targets))
	}
	return s.Bursts.ToldBursts(ctx, u.UserID, telling, told)
}

// bundle is the unread messages of a burst.
type bundle struct {
	count   int
	more    bool // than it counted
	last    push.Announcement
	targets []push.Target // that ring for the last
}

// bundling counts the messages of bursts that would ring now.
type bundling struct {
	rules   plan.Rules
	u       *presence.User
	ttl     time.Duration
	now     time.Time
	telling map[string]presence.Burst
	of      map[string]*bundle // by cid
	looked  int
}

// take counts m, if it is one to be told of, and reports whether to go on.
func (c *bundling) take(m inbox.Missed) (goOn bool, err error) {
	c.looked++
	burst, in := c.telling[m.Message.CID()]
	if !in || m.Message.Timestamp < burst.Since || m.Read || m.Message.Push == nil || m.Message.Push.Silent {
		return c.looked < mostLooked, nil
	}
	a := push.OfMessage(m.Message, c.ttl)
	var targets []push.Target
	for _, d := range c.rules.Decide(a, receiver(c.u, m), c.now) {
		if d.Reason == plan.Push {
			targets = append(targets, d.Target)
		}
	}
	if len(targets) == 0 {
		return c.looked < mostLooked, nil
	}
	b := c.of[a.CID]
	if b == nil {
		b = &bundle{}
		c.of[a.CID] = b
	}
	if b.count < mostCounted {
		b.count++
	} else {
		b.more = true
	}
	b.last, b.targets = a, targets
	return c.looked < mostLooked, nil
}
