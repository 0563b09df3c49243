// Package resource is what a push's resourcesID names: how a push looks and
// sounds on each platform, how long it is worth showing, and in which words it
// is told. An operator keeps resources as files, applies them with one command,
// and they hold from then on for whoever names them. It is values without I/O.
package resource

import (
	"cmp"

	"github.com/doorbell-push/doorbell/shared/device"
)

// Resource is how a push looks and behaves that names it.
type Resource struct {
	// Style is the same on every platform, but for what the platforms' own say
	// field by field.
	Style
	Android *Style `json:"android,omitempty"`
	APNs    *Style `json:"apns,omitempty"`
	Web     *Style `json:"web,omitempty"`

	// Silent makes the push one that shows nothing and gives the app its payload.
	Silent bool `json:"silent,omitzero"`
	// TTL is for how many seconds the push is worth delivering, where that is less
	// than what it announces lasts; 0: as long as that. What tells that a call
	// stopped ringing isn't held to it.
	TTL int `json:"ttl,omitzero"`
	// LocKeys are texts that native apps have themselves; the web has Texts.
	LocKeys *LocKeys `json:"locKeys,omitempty"`
	// Texts are what is shown instead of the title and content that were sent, by
	// the language of the device. The first is for who speaks none of them.
	Texts []Text `json:"texts,omitempty"`

	languages *Languages // of Texts
}

// Style is how a push looks and sounds. An empty field leaves it to the platform.
type Style struct {
	// Sound is a sound of the app, Silence for none. Android 8 and later take the
	// channel's; browsers have only their own.
	Sound string `json:"sound,omitempty"`
	// Channel is the app's notification channel, on Android.
	Channel string `json:"channel,omitempty"`
	// Icon is a drawable of the app on Android, and a URL on the web.
	Icon string `json:"icon,omitempty"`
	// Image is the URL of a picture.
	Image string `json:"image,omitempty"`
	// Colour tints the icon on Android, as #rrggbb.
	Colour string `json:"colour,omitempty"`
	// Category names the app's own actions: of UNNotificationCategory on Apple's
	// platforms; Android's app gets it as data.category.
	Category string `json:"category,omitempty"`
	// Actions are buttons, on the web.
	Actions []Action `json:"actions,omitempty"`
	// ClickURL is what a click opens on the web; native apps get it as data.clickURL.
	ClickURL string `json:"clickURL,omitempty"`
	// Interruption is how much the notification may disturb.
	Interruption Interruption `json:"interruption,omitempty"`
}

// Silence is the sound of a notification that makes none.
const Silence = "none"

// Action is a button of a notification.
type Action struct {
	Action string `json:"action"` // what the app is told
	Title  string `json:"title"`  // what is on it, unless Text.Actions says it
}

// Interruption is Apple's interruption level, with its nearest on the others.
type Interruption string

// The levels. None set means that the kind of push decides: a call is
// TimeSensitive, all else Active.
const (
	Passive       Interruption = "passive"        // neither sound nor light
	Active        Interruption = "active"         // as the platform does it
	TimeSensitive Interruption = "time-sensitive" // stays until it is seen to
	Critical      Interruption = "critical"       // sounds on a muted iPhone, where Apple lets the app
)

// On is the style on a platform.
func (r *Resource) On(p device.Platform) Style {
	own := r.Android
	switch {
	case p == device.Web:
		own = r.Web
	case p.Apple():
		own = r.APNs
	}
	if own == nil {
		return r.Style
	}
	s := Style{
		Sound: cmp.Or(own.Sound, r.Sound), Channel: cmp.Or(own.Channel, r.Channel), Icon: cmp.Or(own.Icon, r.Icon),
		Image: cmp.Or(own.Image, r.Image), Colour: cmp.Or(own.Colour, r.Colour), Category: cmp.Or(own.Category, r.Category),
		Actions: own.Actions, ClickURL: cmp.Or(own.ClickURL, r.ClickURL), Interruption: cmp.Or(own.Interruption, r.Interruption),
	}
	if len(s.Actions) == 0 {
		s.Actions = r.Actions
	}
	return s
}

// AfterCall is what of s a notification has that takes the place of a ringing one:
// it must not ring itself, nor offer to answer.
func (s Style) AfterCall() Style {
	return Style{Icon: s.Icon, Colour: s.Colour, ClickURL: s.ClickURL}
}
