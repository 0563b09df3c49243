package push

import (
	"cmp"

	"github.com/doorbell-push/doorbell/shared/device"
)

// What a notification says that may not say more.
const (
	newMessage   = "New message"
	incomingCall = "Incoming call"
	openTheApp   = "Open the app to see it"
)

// veiled is a as a device with the privacy is told it. The title is the sender's
// to choose: by ZIM's convention it is their name or the group's.
func (a Announcement) veiled(p device.Privacy) Announcement {
	what := cmp.Or(a.Bundle, newMessage)
	switch a.Kind {
	case KindSummary:
		return a // it says how many, and not what
	case KindCall:
		what = incomingCall
	case KindCallEnd:
		what = endText[a.CallEnd]
	}
	switch p {
	case device.PrivacySender:
		a.Push.Content = what
	case device.PrivacyGeneric, device.PrivacyID:
		a.Push.Title, a.Push.Content = what, openTheApp
	}
	if p == device.PrivacyID {
		a.Push.ThreadID = ""
	}
	return a
}
