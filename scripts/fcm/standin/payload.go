package standin

import (
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// Platform is what kind of app instance a target is.
type Platform string

// The platforms FCM delivers to.
const (
	Android Platform = "android"
	IOS     Platform = "ios"
	Web     Platform = "web"
)

// checkSize refuses a message that is too large. FCM documents 4096 bytes "of
// keys and values" and not how they are counted; production has been seen to
// let a few hundred bytes more pass. We count
//
//   - Android: keys and values of the data and of the notification's strings;
//   - webpush: the JSON handed to the service worker, with sender and message
//     name empty;
//   - APNs: the JSON of the payload, with data and notification merged in,
//
// and refuse if any platform the message speaks to is above, whatever the
// target's platform, so that a message which fits one device fits them all.
func checkSize(m *Message) *apiError {
	limit := maxPayload
	if m.Topic != nil || m.Condition != nil {
		limit = maxTopicPayload
	}
	if m.androidSize() > limit ||
		m.Webpush != nil && len(m.webpush("", "")) > limit ||
		m.Apns != nil && len(m.apns()) > limit {
		return tooLarge()
	}
	return nil
}

// data is what the app instance gets: a platform's map replaces the common one
// (FCM REST reference, AndroidConfig.data, WebpushConfig.data).
func (m *Message) data(p Platform) map[string]string {
	switch {
	case p == Android && m.Android != nil && m.Android.Data != nil:
		return m.Android.Data
	case p == Web && m.Webpush != nil && m.Webpush.Data != nil:
		return m.Webpush.Data
	default:
		return m.Data
	}
}

func (m *Message) androidSize() int {
	size := 0
	for k, v := range m.data(Android) {
		size += len(k) + len(v)
	}
	var n AndroidNotification
	if m.Android != nil && m.Android.Notification != nil {
		n = *m.Android.Notification
	}
	if m.Notification != nil {
		n.Title = cmp.Or(n.Title, m.Notification.Title)
		n.Body = cmp.Or(n.Body, m.Notification.Body)
		n.Image = cmp.Or(n.Image, m.Notification.Image)
	}
	v := reflect.ValueOf(n)
	for i := range v.NumField() {
		key := len(v.Type().Field(i).Tag.Get("json"))
		switch f := v.Field(i).Interface().(type) {
		case string:
			if f != "" {
				size += key + len(f)
			}
		case []string:
			for _, s := range f {
				size += key + len(s)
			}
		}
	}
	return size
}

// webpush is the JSON a service worker gets as push data. Its shape is that the
// Firebase JS SDK reads (MessagePayloadInternal).
func (m *Message) webpush(name, sender string) []byte {
	out := map[string]any{"from": sender, "fcmMessageId": name}
	if d := m.data(Web); len(d) > 0 {
		out["data"] = d
	}
	n := Object{}
	if m.Notification != nil {
		for k, v := range map[string]string{"title": m.Notification.Title, "body": m.Notification.Body,
			"image": m.Notification.Image} {
			if v != "" {
				n[k] = v
			}
		}
	}
	options := map[string]string{}
	if m.FcmOptions != nil && m.FcmOptions.AnalyticsLabel != nil {
		options["analytics_label"] = *m.FcmOptions.AnalyticsLabel
	}
	if w := m.Webpush; w != nil {
		maps.Copy(n, w.Notification)
		if w.FcmOptions != nil && w.FcmOptions.Link != "" {
			options["link"] = w.FcmOptions.Link
		}
		if w.FcmOptions != nil && w.FcmOptions.AnalyticsLabel != nil {
			options["analytics_label"] = *w.FcmOptions.AnalyticsLabel
		}
	}
	if m.shows(Web) {
		out["notification"] = n
	}
	if len(options) > 0 {
		out["fcmOptions"] = options
	}
	return mustJSON(out)
}

// apns is the payload FCM hands to APNs, without the few keys FCM adds itself.
func (m *Message) apns() []byte {
	out := map[string]any{}
	for k, v := range m.Data {
		out[k] = v
	}
	aps := map[string]any{}
	if m.Apns != nil {
		maps.Copy(out, m.Apns.Payload)
		if given, ok := m.Apns.Payload["aps"].(map[string]any); ok {
			aps = maps.Clone(given)
		}
	}
	if n := m.Notification; n != nil && aps["alert"] == nil {
		aps["alert"] = map[string]string{"title": n.Title, "body": n.Body}
	}
	out["aps"] = aps
	return mustJSON(out)
}

// shows reports whether the platform shows a notification by itself. Otherwise
// the message is silent: the app gets it and decides.
func (m *Message) shows(p Platform) bool {
	switch {
	case m.Notification != nil:
		return true
	case p == Android:
		return m.Android != nil && m.Android.Notification != nil
	case p == Web:
		return m.Webpush != nil && m.Webpush.Notification != nil
	default:
		return m.aps()["alert"] != nil
	}
}

func (m *Message) aps() map[string]any {
	if m.Apns == nil {
		return nil
	}
	aps, _ := m.Apns.Payload["aps"].(map[string]any)
	return aps
}

// visible is what a person sees of a message. The platform's own title and body
// win over the common ones.
func (m *Message) visible(p Platform) (title, body, tag string) {
	if m.Notification != nil {
		title, body = m.Notification.Title, m.Notification.Body
	}
	switch p {
	case Android:
		if m.Android != nil && m.Android.Notification != nil {
			n := m.Android.Notification
			title, body, tag = cmp.Or(n.Title, title), cmp.Or(n.Body, body), n.Tag
		}
	case Web:
		if m.Webpush != nil {
			n := m.Webpush.Notification
			title, body, tag = cmp.Or(text(n, "title"), title), cmp.Or(text(n, "body"), body), text(n, "tag")
		}
	case IOS:
		if m.Apns != nil {
			tag = header(m.Apns.Headers, "apns-collapse-id")
		}
		switch alert := m.aps()["alert"].(type) {
		case string:
			title, body = "", alert
		case map[string]any:
			title, body = text(alert, "title"), text(alert, "body")
		}
	}
	return title, body, tag
}

func text(o map[string]any, key string) string {
	s, _ := o[key].(string)
	return s
}

// collapseKey groups undelivered messages of which only the last is kept; empty
// means the message stands alone.
func (m *Message) collapseKey(p Platform) string {
	switch p {
	case Android:
		// FCM docs, "Non-collapsible and collapsible messages": "Notification
		// messages are always collapsible and will ignore the collapse_key
		// parameter"; the key is then the app's package name.
		if m.shows(Android) {
			return "\x00package"
		}
		if m.Android != nil {
			return m.Android.CollapseKey
		}
	case Web:
		if m.Webpush != nil {
			return header(m.Webpush.Headers, "Topic") // RFC 8030 §5.4
		}
	case IOS:
		if m.Apns != nil {
			return header(m.Apns.Headers, "apns-collapse-id")
		}
	}
	return ""
}

// expiry is until when an undelivered message is kept. A time that is not after
// accepted means now or never.
func (m *Message) expiry(p Platform, accepted time.Time) time.Time {
	switch p {
	case Android:
		if m.Android != nil && m.Android.TTL != nil {
			// "The ttl will be rounded down to the nearest second."
			return accepted.Add(time.Duration(*m.Android.TTL).Truncate(time.Second))
		}
	case Web:
		if m.Webpush != nil {
			if s, err := strconv.Atoi(header(m.Webpush.Headers, "TTL")); err == nil {
				return accepted.Add(time.Duration(s) * time.Second)
			}
		}
	case IOS:
		if m.Apns != nil {
			if s, err := strconv.ParseInt(header(m.Apns.Headers, "apns-expiration"), 10, 64); err == nil {
				return time.Unix(s, 0)
			}
		}
		return accepted.Add(30 * 24 * time.Hour) // FCM REST reference, ApnsConfig.headers
	}
	return accepted.Add(maxTTL)
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}

// mustJSON marshals a value made of JSON parts, which cannot fail.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
