package push

import "github.com/doorbell-push/doorbell/shared/device"

// told is a as t is told it: no more than its privacy allows, and where Doorbell
// has words of its own, in its language. The title is the sender's to choose: by
// ZIM's convention it is their name or the group's.
func (a Announcement) told(t Target) Announcement {
	if !a.speaks(t.Privacy) {
		return a.veiledID(t.Privacy)
	}
	w := dictionary[wordsFor(t.Locale)]
	switch t.Privacy {
	case device.PrivacySender:
		a.Push.Content = w.what(a)
	case device.PrivacyGeneric, device.PrivacyID:
		a.Push.Title, a.Push.Content = w.what(a), w.open
	default:
		a.Push.Content = w.ended(a.CallEnd)
	}
	return a.veiledID(t.Privacy)
}

func (a Announcement) veiledID(p device.Privacy) Announcement {
	if p == device.PrivacyID {
		a.Push.ThreadID = ""
	}
	return a
}
