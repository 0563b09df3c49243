package push

import "github.com/doorbell-push/doorbell/shared/chat"

// OfBundle announces count messages of one conversation together, or more than
// that; last announces the last of them, which lends it all but its words. It
// replaces what shows tag.
func OfBundle(last Announcement, count int, more bool, tag string) Announcement {
	last.Collapse, last.Digest = tag, true
	if count > 1 || more {
		last.Count, last.More = count, more
		last.Bundle = dictionary[0].counting(dictionary[0].several, count, more)
		last.Push.Content = last.Bundle
	}
	return last
}

// Saying is a with the push that its message has now. Of several messages it still
// says how many there are, whatever became of the last of them.
func (a Announcement) Saying(p chat.PushConfig) Announcement {
	if a.Push = p; a.Bundle != "" {
		a.Push.Content = a.Bundle
	}
	return a
}
