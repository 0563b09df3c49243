package dryrun

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Preview is a notification's text. Of a part that a native app has itself there
// is its key (resource.LocKeys), and no text.
type Preview struct {
	Title        string   `json:"title"`
	TitleLocKey  string   `json:"titleLocKey,omitempty"`
	TitleLocArgs []string `json:"titleLocArgs,omitempty"`
	Body         string   `json:"body"`
	BodyLocKey   string   `json:"bodyLocKey,omitempty"`
	BodyLocArgs  []string `json:"bodyLocArgs,omitempty"`
	Actions      []string `json:"actions,omitempty"` // what is on the buttons, on the web
}

// Text is what a notification would show to who speaks a language.
type Text struct {
	Locale   string         `json:"locale"`
	Platform string         `json:"platform"`
	Privacy  device.Privacy `json:"privacy,omitempty"` // of devices that are told less
	Preview
}

// MaxLocales is how many languages one can ask for at a time: ours.
const MaxLocales = 20

// Languages is locales, each in its canonical form and once.
func Languages(locales []string) (out []string, err error) {
	if len(locales) > MaxLocales {
		return nil, fault.Invalid("locales", "has %d entries: at most %d", len(locales), MaxLocales)
	}
	for i, l := range locales {
		locale, err := device.CheckLocale(fmt.Sprintf("locales.%d", i), l)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, locale) {
			out = append(out, locale)
		}
	}
	return out, nil
}

// variants is a target for each platform and privacy that looks its own way: those
// of targets, and of a platform without any, one as it would be. None has a token.
func (r *Runner) variants(targets []push.Target) (out []push.Target) {
	type variant struct {
		platform device.Platform
		privacy  device.Privacy
	}
	seen, rung := map[variant]bool{}, map[device.Platform]bool{}
	add := func(t push.Target) {
		if t.Privacy == device.PrivacyFull {
			t.Privacy = ""
		}
		if v := (variant{t.Platform, t.Privacy}); !seen[v] {
			seen[v] = true
			t.Kind, t.Value = device.KindToken, "TOKEN"
			out = append(out, t)
		}
	}
	for _, t := range targets {
		rung[t.Platform] = true
		add(t)
	}
	for _, p := range []device.Platform{device.Android, device.IPhoneOS, device.Web} {
		if !rung[p] {
			add(push.Target{Platform: p, Privacy: r.Rules.Defaults.Privacy})
		}
	}
	return out
}

// shown is the part of a request to FCM that says what is shown.
type shown struct {
	Message struct {
		Notification *Preview
		Android      struct {
			Notification struct {
				Title        string   `json:"title"`
				TitleLocKey  string   `json:"title_loc_key"`
				TitleLocArgs []string `json:"title_loc_args"`
				Body         string   `json:"body"`
				BodyLocKey   string   `json:"body_loc_key"`
				BodyLocArgs  []string `json:"body_loc_args"`
			}
		}
		APNS struct {
			Payload struct {
				Aps struct {
					Alert *struct {
						Title        string   `json:"title"`
						TitleLocKey  string   `json:"title-loc-key"`
						TitleLocArgs []string `json:"title-loc-args"`
						Body         string   `json:"body"`
						LocKey       string   `json:"loc-key"`
						LocArgs      []string `json:"loc-args"`
					}
				}
			}
		}
		Webpush struct {
			Notification struct{ Actions []struct{ Title string } }
		}
	}
}

// preview is the text that a request to FCM has shown, if any.
func preview(body []byte) (p Preview, ok bool) {
	var in shown
	if json.Unmarshal(body, &in) != nil {
		return p, false
	}
	m := in.Message
	switch alert, android := m.APNS.Payload.Aps.Alert, m.Android.Notification; {
	case m.Notification != nil:
		p = *m.Notification
	case alert != nil:
		p = Preview{
			Title: alert.Title, TitleLocKey: alert.TitleLocKey, TitleLocArgs: alert.TitleLocArgs,
			Body: alert.Body, BodyLocKey: alert.LocKey, BodyLocArgs: alert.LocArgs,
		}
	case android.TitleLocKey != "" || android.BodyLocKey != "":
		p = Preview{
			Title: android.Title, TitleLocKey: android.TitleLocKey, TitleLocArgs: android.TitleLocArgs,
			Body: android.Body, BodyLocKey: android.BodyLocKey, BodyLocArgs: android.BodyLocArgs,
		}
	default:
		return p, false
	}
	for _, a := range m.Webpush.Notification.Actions {
		p.Actions = append(p.Actions, a.Title)
	}
	return p, true
}
