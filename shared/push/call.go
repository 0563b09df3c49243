package push

import (
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
)

// CallEnd is why a call stopped ringing for somebody, as their devices are told.
type CallEnd string

// The ends of an invitation.
const (
	Missed   CallEnd = "missed"   // cancelled, ended or timed out before they answered
	Answered CallEnd = "answered" // accepted on one of their devices
	Declined CallEnd = "declined" // rejected on one of their devices
)

// EndOf is what it means to a person that their invitation got into state s.
func EndOf(s call.UserState) CallEnd {
	switch s {
	case call.Accepted:
		return Answered
	case call.Rejected:
		return Declined
	}
	return Missed
}

// missedFor is how long FCM keeps what dismisses a ringing notification: a
// phone that is switched on a day later still hears of the call it missed.
const missedFor = 24 * time.Hour

// OfCall announces to userID, and to whoever was invited with them, that c
// invites them: in the name of who did, by that invitation's pushConfig (see
// Call.PushFor, which must not be nil), until it stops ringing.
func OfCall(c call.Call, userID string) Announcement {
	id, u := call.ID(c.CallID), c.Users[userID]
	a := Announcement{
		Kind: KindCall, ID: id, SenderUserID: u.Inviter, CID: id, ConversationID: c.CallID,
		Priority: chat.High, CreatedAt: u.At, ExpiresAt: u.ExpiresAt,
	}
	if p := c.PushFor(userID); p != nil {
		a.Push = *p
	}
	return a
}

// OfCallEnd announces to userID, in the place of what OfCall did, that their
// invitation stopped ringing. A pushConfig that came with the cancel, quit or end
// that took it back says it in the words of who did that, where it is shown as the
// ring was.
func OfCallEnd(c call.Call, end CallEnd, userID string) Announcement {
	a := OfCall(c, userID)
	a.Kind, a.CallEnd, a.ExpiresAt = KindCallEnd, end, a.CreatedAt+missedFor.Milliseconds()
	if p := c.EndPushFor(userID); end == Missed && p != nil && p.Silent == a.Push.Silent {
		a.Push = *p
	} else {
		a.Push.Content = dictionary[0].ended(end) // in the device's language once it is known
	}
	return a
}
