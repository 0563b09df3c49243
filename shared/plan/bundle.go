package plan

import (
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Bundle is what Decide decided of a, where the receiver wants a busy conversation's
// messages told together: the first one rings and begins a burst, those that come in
// its window wait for its end. What must not wait rings all the same: a mention that
// insists, and priority 3; and so do pushes with a collapseID, which replace one
// another as it is. It is for messages that are planned when they are sent.
func (p Rules) Bundle(a push.Announcement, r Receiver, decided []Decision, now time.Time) []Decision {
	window := r.settings(p.Defaults).BundleWindow()
	if window == 0 || a.Kind != push.KindMessage || a.Push.Silent || a.Collapse != "" || a.Priority == chat.High || r.Insisted {
		return decided
	}
	burst, on := r.Presence.Burst(a.CID, now)
	switch {
	case on && burst.Tag == a.ID:
		return decided // the first one, planned again
	case on && !burst.Pending() && r.Presence.ReadSeq(a.CID) >= a.Seq-1:
		on = false // whoever has read what rang is rung for what comes next
	}
	var note *presence.Burst
	switch {
	case !on && r.Presence.MayBurst(now):
		note = &presence.Burst{Tag: a.ID, Since: a.CreatedAt, Until: now.Add(window).UTC().Truncate(time.Millisecond)}
	case on && !burst.Held:
		held := burst
		held.Held = true
		note = &held
	}
	for i := range decided {
		d := &decided[i]
		if d.Reason != Push {
			continue
		}
		if on {
			d.Reason, d.Target = Bundled, push.Target{}
		}
		d.Burst, note = note, nil // with one of the devices
	}
	return decided
}
