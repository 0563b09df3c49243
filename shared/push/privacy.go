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
	if a.Bundle != "" && a.Count > 0 {
		a.Bundle = w.counting(w.several, a.Count, a.More)
	}
	switch {
	case a.Kind == KindSummary:
		said := w.summary(a.Count, a.More)
		a.Push.Title, a.Push.Content = said.Title, said.Content
	case t.Privacy == device.PrivacySender:
		a.Push.Content = w.what(a)
	case t.Privacy == device.PrivacyGeneric, t.Privacy == device.PrivacyID:
		a.Push.Title, a.Push.Content = w.what(a), w.open
	case a.Bundle != "":
		a.Push.Content = a.Bundle
	default:
		a.Push.Content = w.ended(a.CallEnd)
	}
	return a.veiledID(t.Privacy)
}

// Fetchable reports whether a device that is told only IDs of a gets the rest from
// the server, by package content: what tells of one message, or rings.
func (a Announcement) Fetchable() bool {
	return (a.Kind == KindMessage || a.Kind == KindEdit || a.Kind == KindCall) && a.Bundle == ""
}

func (a Announcement) veiledID(p device.Privacy) Announcement {
	if p == device.PrivacyID {
		a.Push.ThreadID = ""
	}
	return a
}
