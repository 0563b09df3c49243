package push

import (
	"cmp"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"firebase.google.com/go/v4/messaging"
	"github.com/rivo/uniseg"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/config"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/resource"
)

// MaxMessageBytes is FCM's limit for what a device receives ("Maximum payload
// is 4096 bytes", About FCM messages). We hold the whole JSON message to it,
// without the target: a bound on every part of it that FCM might count.
const MaxMessageBytes = 4096

// Renderer makes FCM messages. The zero value is ready to use.
type Renderer struct {
	// WebClickURL is what a click on a web notification opens; empty leaves it
	// to the service worker.
	WebClickURL string
	// Resource is what the announcement's resourcesID names; nil: nothing.
	Resource *resource.Resource
}

// Render is the FCM message that announces a to t, seen from now. Content that
// is too long for FCM is shortened, so that it ends with "…"; nothing else is
// ever cut. Where the rest of a push leaves a resource no room, it looks as without
// one. What t's privacy keeps back is in no part of it.
func (r Renderer) Render(a Announcement, t Target, now time.Time) *messaging.Message {
	m := r.render(a, t, now)
	if t.Kind == device.KindFID {
		m.Fid = t.Value
	} else {
		//lint:ignore SA1019 most clients still register tokens, see device.Target
		m.Token = t.Value
	}
	return m
}

// render is Render without the target.
func (r Renderer) render(a Announcement, t Target, now time.Time) *messaging.Message {
	a = a.told(t)
	if m := r.dressed(a, t, now); m != nil {
		return m
	}
	m := r.message(a, t, now)
	if t.DataOnly {
		handOver(m, a)
	}
	switch over := size(m) - MaxMessageBytes; {
	case over <= 0:
	case m.Notification != nil:
		m.Notification.Body = shorten(m.Notification.Body, over)
	case m.Data["body"] != "":
		m.Data["body"] = shorten(m.Data["body"], over)
	}
	return m
}

func (r Renderer) message(a Announcement, t Target, now time.Time) *messaging.Message {
	m := &messaging.Message{
		Data:       data(a, t.Privacy),
		FCMOptions: &messaging.FCMOptions{AnalyticsLabel: string(a.Kind)},
	}
	if a.Push.VoIP != nil && t.Platform.Apple() && t.Privacy != device.PrivacyID {
		voIP, _ := json.Marshal(a.Push.VoIP) // of a number, a text and a flag
		m.Data["voIPConfig"] = string(voIP)
	}
	if n, ok := badge(a, t); ok && (a.Push.Silent || !t.Platform.Apple()) {
		m.Data["badge"] = strconv.Itoa(n) // which the service worker sets, and an app may
	}
	ttl := a.TTL(now)
	if a.Push.Silent {
		silence(m, a, t, now, ttl)
		return m
	}
	m.Notification = &messaging.Notification{Title: a.Push.Title, Body: a.Push.Content}
	switch {
	case t.Platform == device.Web:
		m.Webpush = r.webpush(a, ttl)
	case t.Platform.Apple():
		m.APNS = apns(a, t, now.Add(ttl))
	default:
		m.Android = android(a, t, ttl)
	}
	return m
}

// data is what the app gets beside the notification; the worker's and the
// native apps' message.extra.
func data(a Announcement, p device.Privacy) map[string]string {
	d := map[string]string{
		"kind":      string(a.Kind),
		"id":        a.ID,
		"expiresAt": strconv.FormatInt(a.ExpiresAt, 10),
	}
	if a.Tags != "" {
		d["tags"] = a.Tags
	}
	if a.Seq > 0 {
		d["messageSeq"] = strconv.FormatInt(a.Seq, 10)
	}
	if a.Kind == KindEdit || a.Kind == KindRevoke {
		d["changedAt"] = strconv.FormatInt(a.CreatedAt, 10)
	}
	switch {
	case a.Kind.OfCall():
		d["callID"] = a.ConversationID
	case a.Kind != KindSummary:
		d["conversationID"] = a.ConversationID
		d["conversationType"] = strconv.Itoa(int(a.ConversationType))
	}
	if a.CallEnd != "" {
		d["callEnd"] = string(a.CallEnd)
	}
	if a.Collapse != "" {
		d["tag"] = a.Collapse
	}
	if p == device.PrivacyID {
		if a.Fetchable() {
			d["fetch"] = "1"
		}
		return d
	}
	if a.Kind != KindSummary && a.Kind != KindRead {
		d["senderUserID"] = a.SenderUserID
	}
	if a.Push.Payload != "" {
		d["payload"] = a.Push.Payload
	}
	if a.Push.ResourcesID != "" && a.Kind != KindSummary {
		d["resourcesID"] = a.Push.ResourcesID
	}
	return d
}

func android(a Announcement, t Target, ttl time.Duration) *messaging.AndroidConfig {
	c := &messaging.AndroidConfig{
		Priority: "high",
		TTL:      &ttl,
		// By conversation, not by message: FCM keeps at most four collapse keys
		// for a device that is off and drops the rest at random. What is shown is
		// told apart by the tag.
		CollapseKey:  cmp.Or(a.Collapse, a.CID),
		Notification: &messaging.AndroidNotification{Tag: a.Tag()},
	}
	if a.Priority == chat.Low {
		c.Priority = "normal"
	}
	switch {
	case a.Kind == KindCall:
		c.Notification.Priority = messaging.PriorityMax
	case a.Kind.Follows():
		// High priority wakes the phone so that it stops ringing, or shows at once
		// what is true now; the notification itself makes no sound.
		c.Notification.Priority = messaging.PriorityLow
	}
	if n := stands(a, t); n > 0 {
		c.Notification.NotificationCount = &n
	}
	return c
}

// stands is for how many messages a notification stands on Android, whose icons show
// the sum of those of all notifications there are (AndroidNotification.notification_count);
// 0: one. A total would be added to those before it, so that it is in the data only.
func stands(a Announcement, t Target) int {
	switch {
	case !a.Push.EnableBadge:
		return 0
	case t.Counted:
		return a.Count // of several told of together
	}
	return a.Push.BadgeIncrement
}

// icon is the number on the app's icon with a push: the app's own and the sender's
// step or, without either, what the user has not read. It isn't known where that
// wasn't counted.
func icon(a Announcement, t Target) (n int, known bool) {
	if own := t.Badge + a.Push.BadgeIncrement; own > 0 {
		return own, true
	}
	return t.Unread, t.Counted
}

// badge is the number that a push says, if any: APNs and browsers set it, they can't
// add to it. Android's icon counts by itself (see stands); its app is told what the
// user has not read.
func badge(a Announcement, t Target) (n int, ok bool) {
	if !a.Push.EnableBadge || a.Kind == KindRead && !t.Counted {
		return 0, false // an app that counts by itself has the number it set
	}
	if t.Platform != device.Web && !t.Platform.Apple() && !a.Push.Silent && !t.Counted {
		return 0, false
	}
	return icon(a, t)
}

func apns(a Announcement, t Target, expires time.Time) *messaging.APNSConfig {
	aps := &messaging.Aps{ThreadID: a.Push.ThreadID, Sound: "default"}
	if aps.ThreadID == "" {
		aps.ThreadID = a.CID
	}
	// The app's notification service extension gets the text by itself.
	aps.MutableContent = t.Privacy == device.PrivacyID
	switch {
	case a.Kind == KindCall:
		// Apple: breaks through a Focus where the app has the entitlement, else it
		// counts as active.
		aps.CustomData = map[string]any{"interruption-level": "time-sensitive"}
	case a.Kind.Follows():
		aps.Sound = ""
		aps.CustomData = map[string]any{"interruption-level": "passive"}
	}
	if n, ok := badge(a, t); ok {
		aps.Badge = &n
	}
	// Apple: 10 sends at once, 5 when the device's power allows.
	priority := "10"
	if a.Priority == chat.Low {
		priority = "5"
	}
	return &messaging.APNSConfig{
		Headers: map[string]string{
			"apns-priority":    priority,
			"apns-expiration":  strconv.FormatInt(expires.Unix(), 10),
			"apns-push-type":   "alert",
			"apns-collapse-id": a.Tag(),
		},
		Payload: &messaging.APNSPayload{Aps: aps},
	}
}

// urgency is RFC 8030 §5.3's: a chat message is "normal", "high" is for what
// can't wait.
var urgency = map[chat.Priority]string{chat.Low: "low", chat.Medium: "normal", chat.High: "high"}

func (r Renderer) webpush(a Announcement, ttl time.Duration) *messaging.WebpushConfig {
	c := &messaging.WebpushConfig{
		Headers: webHeaders(a, ttl),
		Notification: &messaging.WebpushNotification{
			Tag: a.Tag(), RequireInteraction: a.Kind == KindCall, Silent: a.Kind.Follows(),
		},
	}
	if r.WebClickURL != "" {
		c.FCMOptions = &messaging.WebpushFCMOptions{Link: r.WebClickURL}
	}
	return c
}

func webHeaders(a Announcement, ttl time.Duration) map[string]string {
	return map[string]string{
		"TTL":     strconv.FormatInt(int64(ttl/time.Second), 10),
		"Urgency": urgency[a.Priority],
		// At most 32 characters of URL-safe base64 (RFC 8030 §5.4): IDs of other
		// forms may become announcements too, hence the hash.
		"Topic": docid.New("topic", a.Tag()),
	}
}

func size(m *messaging.Message) int {
	b, err := json.Marshal(m)
	if err != nil {
		return MaxMessageBytes + 1 // can't happen: every field is a string, number or map of them
	}
	return len(b)
}

const ellipsis = "…"

// shorten cuts s so that its JSON form gets at least over bytes shorter, at the
// boundary of a character as a reader sees it, and ends it with an ellipsis.
func shorten(s string, over int) string {
	budget := encodedLen(s) - over - len(ellipsis)
	end := 0
	for rest, state := s, -1; rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if budget -= encodedLen(cluster); budget < 0 {
			break
		}
		end += len(cluster)
	}
	return s[:end] + ellipsis
}

func encodedLen(s string) int {
	b, _ := json.Marshal(s) // a string always has a JSON form
	return len(b) - len(`""`)
}

// CheckFits reports, as a fault naming the field, a push that could reach no
// device because all but its content is over FCM's limit already. field is the
// path of the push configuration in the request.
func CheckFits(a Announcement, field string) error {
	a.Push.EnableBadge, a.Push.BadgeIncrement = true, chat.MaxBadgeIncrement
	if !a.Kind.OfCall() {
		a.Seq = math.MaxInt64 // it may not be known yet
	}
	most := 0
	for _, privacy := range []device.Privacy{device.PrivacyFull, device.PrivacyGeneric, device.PrivacyID} {
		a := a.told(Target{Privacy: privacy})
		a.Push.Content = ""
		for _, p := range []device.Platform{device.Android, device.IPhoneOS, device.Web} {
			t := Target{Platform: p, Badge: 1e6, Privacy: privacy}
			most = max(most, size(Renderer{WebClickURL: clickURLRoom}.message(a, t, time.UnixMilli(a.CreatedAt))))
		}
	}
	// Room for an ellipsis and a first character.
	over := most + 16 - MaxMessageBytes
	if over <= 0 {
		return nil
	}
	worst, n := "payload", encodedLen(a.Push.Payload)
	if l := encodedLen(a.Push.Title); l > n {
		worst, n = "title", l
	}
	return fault.Invalid(field+"."+worst, "is %d bytes long as JSON and makes the push %d bytes too long: FCM takes %d in all", n, over, MaxMessageBytes)
}

// clickURLRoom stands for the operator's click URL when sizes are checked.
var clickURLRoom = "https://" + strings.Repeat("x", config.MaxClickURLBytes-len("https://"))
