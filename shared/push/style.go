package push

import (
	"cmp"
	"time"

	"firebase.google.com/go/v4/messaging"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/resource"
)

// With is r for announcements that name the resource; nil: for those that name
// none, or one that there isn't.
func (r Renderer) With(named *resource.Resource) Renderer {
	r.Resource = named
	return r
}

// Within is a as the resource has it, which may be nil: worth no more time than
// its TTL.
func (a Announcement) Within(r *resource.Resource) Announcement {
	if r != nil && r.TTL > 0 && a.Kind != KindCallEnd {
		a.ExpiresAt = min(a.ExpiresAt, a.CreatedAt+int64(r.TTL)*1000)
	}
	return a
}

// dresses reports whether r's resource says anything of how a looks to a device
// with the privacy. One that is to learn IDs only is not told by its looks either.
func (r Renderer) dresses(a Announcement, p device.Privacy) bool {
	return r.Resource != nil && !a.Push.Silent && p != device.PrivacyID
}

// speaksFor reports whether r's resource says in which words a is shown.
func (r Renderer) speaksFor(a Announcement, p device.Privacy) bool {
	return r.dresses(a, p) && (p == "" || p == device.PrivacyFull) && a.Kind != KindCallEnd
}

// dressed is the message that announces a, which t may be told, in r's resource.
// It is nil where there is none, and where it would leave no room for the content.
func (r Renderer) dressed(a Announcement, t Target, now time.Time) *messaging.Message {
	if !r.dresses(a, t.Privacy) {
		return nil
	}
	for range 2 {
		m := r.message(a, t, now)
		r.dress(m, a, t)
		if t.DataOnly {
			handOver(m, a)
		}
		over := size(m) - MaxMessageBytes
		if over <= 0 {
			return m
		}
		// It stands in the message once at most: see resource.Text.
		if a.Push.Content = shorten(a.Push.Content, over); a.Push.Content == ellipsis {
			return nil
		}
	}
	return nil
}

// dress changes m, which announces a to t, to what r's resource says.
func (r Renderer) dress(m *messaging.Message, a Announcement, t Target) {
	style := r.Resource.On(t.Platform)
	if a.Kind == KindCallEnd {
		style = style.AfterCall()
	}
	if t.Privacy != "" && t.Privacy != device.PrivacyFull {
		style.Image = ""
	}
	if r.speaksFor(a, t.Privacy) {
		r.word(m, a, t)
	}
	switch {
	case t.Platform == device.Web:
		dressWeb(m.Webpush, style, r.actions(a, t, style))
	case t.Platform.Apple():
		dressAPNs(m.APNS, style)
	default:
		dressAndroid(m.Android.Notification, style)
		if style.Category != "" {
			m.Data["category"] = style.Category
		}
		if t.DataOnly && style.Sound == resource.Silence {
			m.Data["sound"] = style.Sound // for the system that is the channel's to say
		}
	}
	if style.ClickURL != "" && t.Platform != device.Web {
		m.Data["clickURL"] = style.ClickURL
	}
}

func dressAndroid(n *messaging.AndroidNotification, s resource.Style) {
	n.ChannelID, n.Icon, n.ImageURL, n.Color = s.Channel, s.Icon, s.Image, s.Colour
	if s.Sound != resource.Silence {
		n.Sound = s.Sound
	}
	switch s.Interruption {
	case resource.Passive:
		n.Priority = messaging.PriorityLow
	case resource.Active:
		n.Priority = messaging.PriorityDefault
	case resource.TimeSensitive:
		n.Priority = messaging.PriorityHigh
	case resource.Critical:
		n.Priority = messaging.PriorityMax
	}
}

func dressAPNs(c *messaging.APNSConfig, s resource.Style) {
	aps := c.Payload.Aps
	aps.Category = s.Category
	switch s.Sound {
	case "":
	case resource.Silence:
		aps.Sound = ""
	default:
		aps.Sound = s.Sound
	}
	if s.Interruption != "" {
		aps.CustomData = map[string]any{"interruption-level": string(s.Interruption)}
	}
	switch {
	case s.Interruption == resource.Passive:
		aps.Sound = ""
	case s.Interruption == resource.Critical && aps.Sound != "":
		aps.CriticalSound, aps.Sound = &messaging.CriticalSound{Critical: true, Name: aps.Sound, Volume: 1}, ""
	}
	if s.Image != "" {
		// The app's notification service extension loads it.
		c.FCMOptions = &messaging.APNSFCMOptions{ImageURL: s.Image}
		aps.MutableContent = true
	}
}

func dressWeb(c *messaging.WebpushConfig, s resource.Style, actions []*messaging.WebpushNotificationAction) {
	n := c.Notification
	n.Icon, n.Image, n.Actions = s.Icon, s.Image, actions
	n.Silent = n.Silent || s.Sound == resource.Silence || s.Interruption == resource.Passive
	n.RequireInteraction = n.RequireInteraction || s.Interruption == resource.TimeSensitive || s.Interruption == resource.Critical
	if s.ClickURL != "" {
		c.FCMOptions = &messaging.WebpushFCMOptions{Link: s.ClickURL}
	}
}

// actions is the buttons of a style, in t's language.
func (r Renderer) actions(a Announcement, t Target, s resource.Style) []*messaging.WebpushNotificationAction {
	var out []*messaging.WebpushNotificationAction
	for _, one := range s.Actions {
		title := one.Title
		if texts := r.Resource.Texts; len(texts) > 0 {
			title = cmp.Or(texts[r.Resource.TextFor(t.Locale)].Actions[one.Action], title)
		}
		out = append(out, &messaging.WebpushNotificationAction{Action: one.Action, Title: title})
	}
	return out
}

// word puts a in r's resource's words.
func (r Renderer) word(m *messaging.Message, a Announcement, t Target) {
	v := resource.Values{Sender: a.Push.Title, Content: a.Push.Content, Count: count(a, t), More: a.More && a.Kind == KindSummary}
	title, body := v.Sender, v.Content
	if texts := r.Resource.Texts; len(texts) > 0 {
		text := texts[r.Resource.TextFor(t.Locale)]
		title, body = cmp.Or(text.Title.In(text.Locale, v), title), cmp.Or(text.Content.In(text.Locale, v), body)
	}
	keys := r.Resource.LocKeys
	if keys == nil || t.Platform == device.Web {
		m.Notification.Title, m.Notification.Body = title, body
		return
	}
	// Where there is a text beside a key, Android shows the text. So a part that has
	// a key has nothing else.
	if keys.TitleKey != "" {
		title = ""
	}
	if keys.BodyKey != "" {
		body = ""
	}
	titleArgs, bodyArgs := resource.Args(keys.TitleArgs, v), resource.Args(keys.BodyArgs, v)
	m.Notification = nil
	if t.Platform.Apple() {
		m.APNS.Payload.Aps.Alert = &messaging.ApsAlert{
			Title: title, TitleLocKey: keys.TitleKey, TitleLocArgs: titleArgs, Body: body, LocKey: keys.BodyKey, LocArgs: bodyArgs,
		}
		return
	}
	n := m.Android.Notification
	n.Title, n.TitleLocKey, n.TitleLocArgs = title, keys.TitleKey, titleArgs
	n.Body, n.BodyLocKey, n.BodyLocArgs = body, keys.BodyKey, bodyArgs
}

// count is what {count} is: the number on the app's icon with this push, or of a
// summary how many messages it is of.
func count(a Announcement, t Target) int {
	if a.Kind == KindSummary {
		return a.Count
	}
	n, _ := icon(a, t)
	return n
}
