package dryrun

import (
	"fmt"
	"slices"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Text is what a notification would show to who speaks a language.
type Text struct {
	Locale   string         `json:"locale"`
	Platform string         `json:"platform"`
	Privacy  device.Privacy `json:"privacy,omitempty"` // of devices that are told less
	push.Preview
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
		dataOnly bool
		privacy  device.Privacy
	}
	seen, rung := map[variant]bool{}, map[device.Platform]bool{}
	add := func(t push.Target) {
		if t.Privacy == device.PrivacyFull {
			t.Privacy = ""
		}
		if v := (variant{t.Platform, t.DataOnly, t.Privacy}); !seen[v] {
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
