package plan

import (
	"cmp"
	"time"

	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// quiet reports whether r's quiet hours hold a back at now. Calls, and mentions
// that insist, break through where r lets them; what is silent disturbs nobody, and
// what has rung is dismissed or replaced at any time.
func (p Rules) quiet(a push.Announcement, r Receiver, now time.Time) bool {
	hours := r.hours(p.Defaults)
	switch {
	case hours == nil, a.Push.Silent, a.Kind.Follows(),
		a.Kind == push.KindCall && hours.CallsBreakThrough,
		r.Insisted && hours.MentionsBreakThrough:
		return false
	}
	_, quiet := hours.At(now)
	return quiet
}

// hold is what to note with r of a, which they get no push of for a reason: that
// their quiet hours hold messages back, where they want a summary and it isn't noted
// yet.
func (p Rules) hold(a push.Announcement, r Receiver, reason Reason, now time.Time) *presence.Held {
	if reason != QuietHours || a.Kind != push.KindMessage {
		return nil
	}
	hours := r.hours(p.Defaults)
	w, _ := hours.At(now)
	h := presence.Held{Since: min(a.CreatedAt, w.From.UnixMilli()), Until: w.Until}
	if !hours.Summary || r.Presence.Holds(h) {
		return nil
	}
	return &h
}

// hours is r's quiet hours, or else the operator's.
func (r Receiver) hours(defaults presence.Settings) *presence.Quiet {
	return cmp.Or(r.Presence.Settings.Quiet, defaults.Quiet)
}
