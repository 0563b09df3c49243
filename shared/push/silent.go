package push

import (
	"strconv"
	"time"

	"firebase.google.com/go/v4/messaging"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
)

// silence makes of m, whose data is there, a push that shows nothing: data only on
// Android and the web, Apple's background push on its devices.
func silence(m *messaging.Message, a Announcement, t Target, now time.Time, ttl time.Duration) {
	switch {
	case t.Platform == device.Web:
		m.Webpush = &messaging.WebpushConfig{Headers: webHeaders(a, ttl)}
	case t.Platform.Apple():
		m.APNS = &messaging.APNSConfig{
			Headers: map[string]string{
				// Apple: a background push has priority 5, and comes when the device's
				// power and the system's budget for the app allow.
				"apns-priority":    "5",
				"apns-push-type":   "background",
				"apns-expiration":  strconv.FormatInt(now.Add(ttl).Unix(), 10),
				"apns-collapse-id": a.Tag(),
			},
			Payload: &messaging.APNSPayload{Aps: &messaging.Aps{ContentAvailable: true}},
		}
		if n, ok := badge(a, t); ok && a.Kind == KindRead {
			// The system sets the number, also where the app was closed by hand. Apple: that
			// is no background push; content-available wakes the app all the same.
			m.APNS.Headers["apns-push-type"] = "alert"
			m.APNS.Payload.Aps.Badge = &n
		}
	default:
		// FCM keeps up to 100 data messages for a device that is off, where they
		// have no collapse key. High priority is for what the person notices: an app
		// that makes nothing of it is demoted (FCM, message priority).
		m.Android = &messaging.AndroidConfig{Priority: "normal", TTL: &ttl, CollapseKey: a.Collapse}
		if a.Priority == chat.High {
			m.Android.Priority = "high"
		}
	}
}
