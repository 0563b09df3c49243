package plan

import (
	"cmp"
	"time"

	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// quiet reports whether r's quiet hours hold a back at now. Calls, and mentions
// that insist, break through where r lets them; what is silent disturbs nobody, and
// a call that has rung is dismissed at any time.
func (p Rules) quiet(a push.Announcement, r Receiver, now time.Time) bool {
	hours := r.hours(p.Defaults)
	switch {
	case hours == nil, a.Push.Silent, a.Kind == push.KindCallEnd,
		a.Kind == push.KindCall && hours.CallsBreakThrough,
		r.Insisted && hours.MentionsBreakThrough:
		return false
	}
	_, quiet := hours.At(now)
	return quiet
}

// hours is r's quiet hours, or else the operator's.
func (r Receiver) hours(defaults presence.Settings) *presence.Quiet {
	return cmp.Or(r.Presence.Settings.Quiet, defaults.Quiet)
}
