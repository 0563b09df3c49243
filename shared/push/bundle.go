package push

import "fmt"

// OfBundle announces count messages of one conversation together, or more than
// that; last announces the last of them, which lends it all but its words. It
// replaces what shows tag.
func OfBundle(last Announcement, count int, more bool, tag string) Announcement {
	last.Collapse = tag
	if count > 1 {
		last.Bundle = fmt.Sprintf("%d new messages", count)
	}
	if more {
		last.Bundle = fmt.Sprintf("%d+ new messages", count)
	}
	if last.Bundle != "" {
		last.Push.Content = last.Bundle
	}
	return last
}
