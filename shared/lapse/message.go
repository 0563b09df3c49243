package lapse

import (
	"context"
	"log/slog"
	"slices"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/inbox"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

const (
	// mostRung is for how many messages a user is rung, the earliest: whoever is
	// rung that often comes and finds the rest.
	mostRung = 50
	// mostLooked is how many messages a sweep looks at for a user, such as those of
	// busy groups that the user muted: the next sweep goes on behind them.
	mostLooked = 1000
)

// messages rings for the messages of the gap. It returns up to when it has looked
// at them, in ms since 1970, and whether that is all there is to do.
func (s *Sweeper) messages(ctx context.Context, g gap) (upTo int64, all bool, err error) {
	since, until := g.span(ofMessages)
	if since >= until {
		return until, true, nil
	}
	looked, rung, pushes, waits := 0, 0, 0, false
	more, err := s.Inbox.Missed(ctx, g.u.UserID, since, until, func(m inbox.Missed) (bool, error) {
		upTo = m.Message.Timestamp - 1 // another conversation may have one of the same time
		outcome, n, err := s.ring(ctx, g, m)
		looked, pushes = looked+1, pushes+n
		switch outcome {
		case concerned:
			rung++
		case unclear:
			waits = true
		}
		return rung < mostRung && looked < mostLooked && !waits, err
	})
	if err != nil {
		return 0, false, err
	}
	if looked > 0 {
		slog.InfoContext(ctx, "lapsed", "userID", g.u.UserID, "devices", len(g.lapsed), "missed", looked, "more", more || waits, "pushes", pushes)
	}
	if waits || (more && rung < mostRung) {
		return upTo, false, nil
	}
	return until, true, nil
}

// outcome is what came of looking at a message.
type outcome int

const (
	unconcerned outcome = iota // no device is to ring for it
	concerned                  // those that are have been told
	unclear                    // somebody is telling devices of it: whom is known when they are done
)

// ring publishes the push of a message to the devices that may have missed it and
// that the plan lets ring, and returns how many of them had not been told already.
func (s *Sweeper) ring(ctx context.Context, g gap, m inbox.Missed) (_ outcome, pushes int, err error) {
	if m.Message.Push == nil || m.Message.Revoked() || m.Read {
		return unconcerned, 0, nil
	}
	a := push.OfMessage(m.Message, s.PushTTL)
	var targets []push.Target
	r := receiver(g.u, m)
	for _, decision := range s.Rules.Decide(a, r, g.now) {
		if decision.Hold != nil {
			if err := s.Leases.Hold(ctx, g.u.UserID, *decision.Hold); err != nil {
				return unconcerned, 0, err
			}
			g.u.Held = decision.Hold // once for all messages
		}
		d, _ := g.u.Device(decision.PushID)
		if decision.Reason == plan.Push && g.missed(d, ofMessages, m.Message.Timestamp) {
			targets = append(targets, decision.Target)
		}
	}
	if len(targets) == 0 {
		return unconcerned, 0, nil
	}
	entries, err := s.Ledger.Entries(ctx, a.ID)
	if err != nil {
		return unconcerned, 0, err
	}
	if slices.ContainsFunc(entries, func(e delivery.Entry) bool { return !e.Done && g.now.Before(e.LeaseUntil) }) {
		return unclear, 0, nil
	}
	pushes, err = s.publish(ctx, a, push.LapsedPart(g.u.UserID), targets, entries, g.now)
	return concerned, pushes, err
}

// receiver is u as the plan of a message that they missed needs them.
func receiver(u *presence.User, m inbox.Missed) plan.Receiver {
	return plan.Receiver{
		UserID: u.UserID, Presence: u, Member: member(m),
		Mentioned: m.Message.Mentions(u.UserID), Insisted: m.Message.Insists(u.UserID),
	}
}

func member(m inbox.Missed) *plan.Member {
	if m.Member == nil {
		return nil
	}
	return plan.MemberOf(m.Member.Entry())
}
