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

// endText is what the dismissed notification says instead.
var endText = map[CallEnd]string{
	Missed: "Missed call", Answered: "Answered on another device", Declined: "Declined on another device",
}

// missedFor is how long FCM keeps what dismisses a ringing notification: a
// phone that is switched on a day later still hears of the call it missed.
const missedFor = 24 * time.Hour

// OfCall announces to the users that ring for inviter until expiresAt (ms since
// 1970) that c, which has a push configuration, invites them.
func OfCall(c call.Call, inviter string, createdAt, expiresAt int64) Announcement {
	id := call.ID(c.CallID)
	return Announcement{
		Kind: KindCall, ID: id, SenderUserID: inviter, CID: id, ConversationID: c.CallID,
		Priority: chat.High, Push: *c.Push, CreatedAt: createdAt, ExpiresAt: expiresAt,
	}
}

// OfCallEnd announces, in the place of what OfCall did, that c stopped ringing
// at the time at (ms since 1970). A pushConfig that came with a cancel, quit or
// end says it in the caller's words, where it is shown as the ring was.
func OfCallEnd(c call.Call, end CallEnd, inviter string, at int64) Announcement {
	a := OfCall(c, inviter, at, at+missedFor.Milliseconds())
	a.Kind, a.CallEnd = KindCallEnd, end
	if end == Missed && c.DismissPush != nil && c.DismissPush.Silent == c.Push.Silent {
		a.Push = *c.DismissPush
	} else {
		a.Push.Content = endText[end]
	}
	return a
}
