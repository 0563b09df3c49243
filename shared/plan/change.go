package plan

import (
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Correction is the plan for a receiver of what changes a notification that their
// devices may show: a message was edited, revoked, or read elsewhere. It goes to
// each device that may have been rung, and only there.
func (p Rules) Correction(a push.Announcement, r Receiver, rung func(pushID string) bool, now time.Time) []Decision {
	if reason := p.forUser(a, r, now); reason != Push {
		return []Decision{{UserID: r.UserID, Reason: reason}}
	}
	var out []Decision
	for _, d := range r.Presence.Sorted() {
		decision := Decision{UserID: r.UserID, PushID: d.PushID, Reason: NotRung}
		if rung(d.PushID) {
			decision.Reason = forShown(a, d, now)
		}
		if decision.Reason == Push {
			decision.Target = p.target(a, r, d)
		}
		out = append(out, decision)
	}
	return out
}

// Elsewhere is the devices that may have to be told that their user, as they were
// before, has read a conversation as far as a says: those that are away, and may show
// something of it. Which of them do the ledger knows.
func (p Rules) Elsewhere(a push.Announcement, u *presence.User, now time.Time) (out []push.Target) {
	if a.Seq <= u.ReadSeq(a.CID) {
		return nil
	}
	any := func(string) bool { return true }
	for _, d := range p.Correction(a, Receiver{UserID: u.UserID, Presence: u}, any, now) {
		if d.Reason == Push {
			out = append(out, d.Target)
		}
	}
	return out
}

// forShown is whether a device that may show something is told what became of it,
// online or not: it shows what has to be replaced. Only what was read elsewhere is
// for those that are away: a device that is used has its own say in what it shows.
func forShown(a push.Announcement, d device.Device, now time.Time) Reason {
	switch {
	case d.Target.IsZero():
		return NoTarget
	case a.Kind == push.KindRead && d.OnlineAt(now):
		return Online
	case a.Kind != push.KindCallEnd && a.Push.Silent && !d.Silent:
		return SilentOff
	}
	return Push
}

// RecheckMessage decides again for a push about a message, with the message as it
// is now, nil if it is gone: what was revoked is not pushed any more, and of two
// edits the later one stands, in whatever order they are told.
func RecheckMessage(a push.Announcement, m *chat.Message) Reason {
	switch {
	case m == nil:
		return Expired
	case m.Revoked() && a.Kind != push.KindRevoke:
		return Revoked
	case a.Kind == push.KindEdit && m.ChangedAt > a.CreatedAt:
		return Superseded
	}
	return Push
}
