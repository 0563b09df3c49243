package plan

import (
	"cmp"
	"maps"
	"slices"
	"time"

	calling "github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// The reasons for no push that only calls have, and what follows a push.
const (
	CallOver     Reason = "call_over"     // the invitation was answered or cancelled, or the call has ended
	Ringing      Reason = "ringing"       // it rings again, so nothing is dismissed
	Superseded   Reason = "superseded"    // it rang again since, and is told how that ended; or the message was edited again, or a newer push of its tag was there
	NotRung      Reason = "not_rung"      // the device never rang, so there is nothing to dismiss
	AnsweredHere Reason = "answered_here" // the device it was answered on dismisses by itself
)

// Dismissal is the plan for a receiver whose invitation stopped ringing: each
// device that may have rung is told, online or not, but the one it was answered
// on.
func (p Rules) Dismissal(r Receiver, rung func(pushID string) bool, answeredBy string) []Decision {
	var out []Decision
	for _, d := range r.Presence.Sorted() {
		decision := Decision{UserID: r.UserID, PushID: d.PushID}
		switch {
		case !rung(d.PushID):
			decision.Reason = NotRung
		case d.PushID == answeredBy:
			decision.Reason = AnsweredHere
		case d.Target.IsZero():
			decision.Reason = NoTarget
		default:
			decision.Target = p.target(push.Announcement{Kind: push.KindCallEnd}, r, d)
		}
		out = append(out, decision)
	}
	if len(out) == 0 {
		out = append(out, Decision{UserID: r.UserID, Reason: NoDevice})
	}
	return out
}

// Unworded is c as its end is told to u, the user with the ID: who has blocked
// somebody whose words that may be in since they were invited, is told in ours.
// The call doesn't keep who chose them. It was who invited them, its caller or who
// ended it.
func Unworded(c calling.Call, userID string, u *presence.User) calling.Call {
	part := c.Users[userID]
	if part.EndPush == "" || !slices.ContainsFunc([]string{part.Inviter, c.Caller, c.EndedBy}, u.Blocks) {
		return c
	}
	c.Users = maps.Clone(c.Users)
	part.EndPush = ""
	c.Users[userID] = part
	return c
}

// MissedCall is the plan for a receiver whose devices are told by a, the end of a
// call, of an invitation that never rang them and would have to: a device that
// wouldn't have rung isn't told of it either.
func (p Rules) MissedCall(a push.Announcement, r Receiver, now time.Time) []Decision {
	a.Kind = push.KindCall
	return p.Decide(a, r, now)
}

// RecheckCall decides again for a target of a call's push, with the call as it
// is now, nil if it is gone: what doesn't ring any more must not start to, what
// rings again must not be dismissed, and of two invitations the end of the later
// stands, in whatever order they are told. An invitation whose own end is told
// rings only by a clock that is behind the one by which it ran out.
func RecheckCall(a push.Announcement, t push.Target, c *calling.Call, now time.Time) Reason {
	ringing := c != nil && c.RingsFor(t.UserID, now)
	again := c != nil && t.Gen > 0 && t.Gen < c.Users[t.UserID].Gen
	switch {
	case a.Kind == push.KindCall && (!ringing || again):
		return CallOver
	case a.Kind == push.KindCallEnd && ringing && (again || t.Gen == 0):
		return Ringing
	case a.Kind == push.KindCallEnd && again:
		return Superseded
	}
	return Push
}

// Privacy is how much a push tells d, which is u's.
func (p Rules) Privacy(u *presence.User, d device.Device) device.Privacy {
	return cmp.Or(d.Privacy, Receiver{Presence: u}.settings(p.Defaults).Privacy)
}

// target is d as what rings it; a is what for, of which the push and kind matter.
func (p Rules) target(a push.Announcement, r Receiver, d device.Device) push.Target {
	t := push.Target{
		UserID: r.UserID, PushID: d.PushID, Platform: d.Platform,
		Kind: d.Target.Kind, Value: d.Target.Value, Badge: r.Presence.Badge,
		Mentioned: r.Mentioned, Insisted: r.Insisted,
		Privacy: p.Privacy(r.Presence, d), DataOnly: d.DataOnly,
	}
	if t.Privacy == device.PrivacyFull {
		t.Privacy = "" // a batch has many targets
	}
	if a.Worded(t.Privacy) {
		t.Locale = d.Locale
	}
	return t
}
