package lapse

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/push"
)

const (
	// mostCalls bounds the calls looked at for a user.
	mostCalls = 50
	// longCall is how long after its start an invitation to a call is found once it
	// rings no more.
	longCall = 4 * time.Hour
)

// calls rings for the calls of the gap that ring still, and tells of those that
// were missed. It reports whether it has to look again: a ring that it published
// may come too late, and then the call is one that was missed.
func (s *Sweeper) calls(ctx context.Context, g gap) (again bool, err error) {
	since, until := g.span(ofCalls)
	if since >= until {
		return false, nil
	}
	all, err := s.Calls.RingingCalls(ctx, g.u.UserID, mostCalls)
	if err != nil {
		return false, err
	}
	begun, err := s.Calls.CallsSince(ctx, g.u.UserID, since-longCall.Milliseconds(), mostCalls)
	if err != nil {
		return false, err
	}
	for _, c := range begun {
		if !slices.ContainsFunc(all, func(other call.Call) bool { return other.CallID == c.CallID }) {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b call.Call) int { return cmp.Compare(a.CallID, b.CallID) })
	for _, c := range all {
		rings, err := s.call(ctx, g, call.Settle(c, g.now))
		if err != nil {
			return false, err
		}
		again = again || rings
	}
	return again, nil
}

// call deals with one call, which is settled. It reports whether to look again.
func (s *Sweeper) call(ctx context.Context, g gap, c call.Call) (again bool, err error) {
	u := c.Users[g.u.UserID]
	if c.PushFor(g.u.UserID) == nil || u.Gen == 0 {
		return false, nil
	}
	var a push.Announcement
	var decisions []plan.Decision
	r := plan.Receiver{UserID: g.u.UserID, Presence: g.u}
	rings := c.RingsFor(g.u.UserID, g.now)
	switch {
	case rings:
		a = push.OfCall(c, g.u.UserID)
		decisions = s.Rules.Decide(a, r, g.now)
	case (u.State == call.Timeout || u.State == call.BeCancelled) && u.AnsweredBy == "":
		a = push.OfCallEnd(plan.Unworded(c, g.u.UserID, g.u), push.Missed, g.u.UserID)
		decisions = s.Rules.MissedCall(a, r, g.now)
	default:
		return false, nil // the user answered it
	}
	invited := u.ExpiresAt - int64(c.Timeout)*1000
	var targets []push.Target
	for _, decision := range decisions {
		d, _ := g.u.Device(decision.PushID)
		if decision.Reason == plan.Push && g.missed(d, ofCalls, invited) {
			decision.Target.Gen = u.Gen
			targets = append(targets, decision.Target)
		}
	}
	if len(targets) == 0 {
		return false, nil
	}
	entries, err := s.Ledger.Entries(ctx, a.ID)
	if err != nil {
		return false, err
	}
	entries = slices.DeleteFunc(entries, func(e delivery.Entry) bool { return e.CreatedAt.UnixMilli() < invited }) // of an invitation before
	again = busy(entries, targets, g.now)
	n, err := s.publish(ctx, a, fmt.Sprint("lapsed ", g.u.UserID, " ", u.Gen), targets, entries, g.now)
	if err != nil {
		return false, err
	}
	if n > 0 {
		slog.InfoContext(ctx, "lapsed", "userID", g.u.UserID, "devices", len(g.lapsed), "subjectID", a.ID, "rings", rings, "pushes", n)
	}
	return again || rings && n > 0, nil
}

// busy reports whether somebody is about to send to one of the targets: whether it
// rang is known when they are done.
func busy(entries []delivery.Entry, targets []push.Target, now time.Time) bool {
	return slices.ContainsFunc(entries, func(e delivery.Entry) bool {
		return !e.Done && now.Before(e.LeaseUntil) && slices.ContainsFunc(targets, func(t push.Target) bool { return slices.Contains(e.Asked, t.PushID) })
	})
}
