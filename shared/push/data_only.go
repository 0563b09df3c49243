package push

import (
	"encoding/json"
	"strconv"

	"firebase.google.com/go/v4/messaging"
)

// importance is Android's word for how much a notification interrupts.
var importance = map[messaging.AndroidNotificationPriority]string{
	messaging.PriorityLow: "low", messaging.PriorityDefault: "default", messaging.PriorityHigh: "high", messaging.PriorityMax: "max",
}

// handOver makes data of what m, which announces a, shows on Android, for an app that
// shows it itself: FCM calls the app's code with a message of data only, in the
// background too. The app needs the tag to replace and to take away what it shows.
func handOver(m *messaging.Message, a Announcement) {
	if m.Android == nil || m.Android.Notification == nil {
		return
	}
	n := m.Android.Notification
	if m.Notification != nil {
		n.Title, n.Body = m.Notification.Title, m.Notification.Body
	}
	m.Notification, m.Android.Notification = nil, nil
	if !a.Kind.OfCall() {
		// FCM keeps 100 data messages for a device that is off, where they have no
		// collapse key; of those that have one the last, and of four keys at most.
		m.Android.CollapseKey = a.Collapse
	}
	shown := map[string]string{
		"title": n.Title, "titleLocKey": n.TitleLocKey, "titleLocArgs": list(n.TitleLocArgs),
		"body": n.Body, "bodyLocKey": n.BodyLocKey, "bodyLocArgs": list(n.BodyLocArgs),
		"tag": n.Tag, "importance": importance[n.Priority],
		"channelID": n.ChannelID, "icon": n.Icon, "image": n.ImageURL, "color": n.Color, "sound": n.Sound,
	}
	if n.NotificationCount != nil {
		shown["count"] = strconv.Itoa(*n.NotificationCount)
	}
	for key, value := range shown {
		if value != "" {
			m.Data[key] = value
		}
	}
}

// list is a JSON array, of which FCM's data, which are strings, know nothing.
func list(args []string) string {
	if len(args) == 0 {
		return ""
	}
	b, _ := json.Marshal(args) // of strings, which always have a JSON form
	return string(b)
}
