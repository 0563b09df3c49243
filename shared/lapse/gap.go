package lapse

import (
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// gap is what a user's devices may have missed because some of them, which have
// lapsed, were held to be online.
type gap struct {
	u      *presence.User
	lapsed []device.Device
	now    time.Time
}

// since is from when on one of the lapsed devices may have missed something.
type since func(device.Device) int64

// Messages are acknowledged; calls have only the device's word that it was awake.
var (
	ofMessages since = device.Device.MissedSince
	ofCalls    since = device.Device.SilentSince
)

// span is the time in which any of the lapsed devices may have missed something,
// in ms since 1970.
func (g gap) span(since since) (from, until int64) {
	for i, d := range g.lapsed {
		if at := since(d); i == 0 || at < from {
			from = at
		}
		until = max(until, heldUntil(d))
	}
	return from, until
}

// heldUntil is when things began to be planned with d known to be away.
func heldUntil(d device.Device) int64 { return d.HeldUntil().Add(slack).UnixMilli() }

// missed reports whether d may have missed what was sent at a time in ms since
// 1970: it was held to be online itself, or the user's rule kept it from d, who
// doesn't have it, because another device was.
func (g gap) missed(d device.Device, since since, at int64) bool {
	for _, held := range g.lapsed {
		switch {
		case at <= since(held) || at > heldUntil(held):
		case held.PushID == d.PushID:
			return true
		case g.u.Rule.Keeps(held.Platform, d.Platform) && !d.Has(at):
			return true
		}
	}
	return false
}

// lookedBefore reports whether the lapsed devices say already that messages were
// looked at up to a time.
func (g gap) lookedBefore(at int64) bool {
	for _, d := range g.lapsed {
		if d.LookedUpTo < at {
			return false
		}
	}
	return true
}
