package plan

import (
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/push"
)

// NeedsUnread reports whether the number that goes with a push for a to t is how much
// t's user has not read. That is what who sends it asks for with enableBadge and no
// step, for a user whose app gives Doorbell no number of its own (updateUserBadge):
// with either, the number is those two's sum. What takes away a message whose push said
// it says how much is left.
func NeedsUnread(a push.Announcement, t push.Target) bool {
	return (a.Kind == push.KindMessage || a.Kind == push.KindRead) && a.Push.EnableBadge && a.Push.BadgeIncrement == 0 && t.Badge == 0
}

// InBadge reports whether what r has not read of a conversation is in that number:
// of those whose every message may ring. A muted one is left out, one whose level is
// mentions or none, and that with a user whom r has blocked. with is the other user
// of a peer conversation. Of a Group it needs r's Member. A snooze and quiet hours,
// which are soon over, leave nothing out.
func (p Rules) InBadge(t chat.ConversationType, cid, with string, r Receiver, now time.Time) bool {
	r.Mentioned, r.Insisted = false, false
	switch {
	case t == chat.Group && (r.Member == nil || r.Member.silent(now)):
		return false
	case t == chat.Peer && r.Presence.Blocks(with):
		return false
	}
	a := push.Announcement{Kind: push.KindMessage, ConversationType: t, CID: cid}
	return p.forConversation(a, r, now) == Push
}
