package push

import (
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
)

// OfEdit announces m as it is since it was edited, in the place of what OfMessage
// announced.
func OfEdit(m chat.Message, ttl time.Duration) Announcement {
	a := OfMessage(m, ttl)
	a.Kind, a.CreatedAt, a.Filter = KindEdit, m.ChangedAt, nil // the devices are those that were rung
	a.Push.EnableBadge, a.Push.BadgeIncrement = false, 0       // it is no further message
	a.Priority = min(a.Priority, chat.Medium)
	return a
}

// OfRevoke announces that m was revoked, where shown is what was pushed of it. It
// takes the notification away; or, where the revocation has a pushConfig and there
// is a notification, says that in its place.
func OfRevoke(m chat.Message, shown chat.PushConfig, ttl time.Duration) Announcement {
	words := m.Push
	m.Push = &shown
	a := OfEdit(m, ttl)
	a.Kind, a.Priority = KindRevoke, chat.Medium
	switch {
	case words == nil:
		a.Push = chat.PushConfig{Silent: true}
	case words.Silent || shown.Silent:
		a.Push = chat.PushConfig{Silent: true, Payload: words.Payload, ResourcesID: words.ResourcesID}
	default:
		a.Push = *words
		a.Push.EnableBadge, a.Push.BadgeIncrement = false, 0
	}
	return a
}
