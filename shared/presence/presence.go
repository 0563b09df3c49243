// Package presence answers, from one document per user, "who is away?" and
// "where do their devices ring?". It binds devices to users and keeps their
// leases.
package presence

import (
	"cmp"
	"slices"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
)

// User is presence/{userID}: everything the plan needs to know of a person.
// Clients never read it.
type User struct {
	UserID  string                   `firestore:"-"`
	Devices map[string]device.Device `firestore:"devices"` // by PushID
	// Badge is the app icon's number the user's client set last, 0 to MaxBadge:
	// what a push's badgeIncrement is added to.
	Badge int `firestore:"badge"`
	// Rule narrows which offline devices ring while others are online.
	Rule PushRule `firestore:"rule"`
	// Reads is how far the user has read the conversations they read last, by
	// cid; at most MaxReads.
	Reads map[string]Read `firestore:"reads,omitempty"`
	// Mutes is the peer conversations the user doesn't want to be rung for, by
	// cid; at most MaxMutes.
	Mutes map[string]Mute `firestore:"mutes,omitempty"`
	// Blacklist is who the user has blocked, at most MaxBlacklist: user IDs, each
	// with its number in the order in which they were added.
	Blacklist map[string]int64 `firestore:"blacklist,omitempty"`
	// Levels is the levels of peer conversations that have one of their own, by
	// cid; at most MaxMutes. A group's member has that in their membership.
	Levels map[string]Level `firestore:"levels,omitempty"`
	// Settings is what the user set for all conversations.
	Settings Settings `firestore:"settings"`
	// Held is what quiet hours hold back of which a summary is to come; nil: nothing.
	Held *Held `firestore:"held,omitempty"`
	// Summary is the last summary that was told, while something of it isn't read; nil:
	// there is none.
	Summary *Summary `firestore:"summary,omitempty"`
	// Bursts is the conversations whose messages the user is told of together for
	// now, by cid; at most MaxBursts.
	Bursts map[string]Burst `firestore:"bursts,omitempty"`

	// SweepAt is when to look first for what a device missed while it counted as
	// online, or to tell of what quiet hours held back or a burst bundled; without any
	// it is absent, and so from the index. Shard spreads that index. Both are derived.
	SweepAt time.Time `firestore:"sweepAt,omitempty"`
	Shard   int       `firestore:"shard"`
}

// Device is u's device with the given PushID. A nil user has none.
func (u *User) Device(pushID string) (device.Device, bool) {
	if u == nil {
		return device.Device{}, false
	}
	d, ok := u.Devices[pushID]
	d.PushID = pushID
	return d, ok
}

// Sorted is u's devices in a fixed order, so that a plan made twice is the
// same plan. A nil user has none.
func (u *User) Sorted() []device.Device {
	if u == nil {
		return nil
	}
	out := make([]device.Device, 0, len(u.Devices))
	for id := range u.Devices {
		d, _ := u.Device(id)
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b device.Device) int { return cmp.Compare(a.PushID, b.PushID) })
	return out
}

// put stores d under its PushID.
func (u *User) put(d device.Device) {
	if u.Devices == nil {
		u.Devices = map[string]device.Device{}
	}
	u.Devices[d.PushID] = d
}

// trim drops the devices seen longest ago until at most limit are left, never
// keep, and returns them.
func (u *User) trim(limit int, keep string) []device.Device {
	var dropped []device.Device
	all := u.Sorted()
	slices.SortFunc(all, device.LastSeen)
	for _, d := range all {
		if len(u.Devices) <= limit {
			break
		}
		if d.PushID != keep {
			delete(u.Devices, d.PushID)
			dropped = append(dropped, d)
		}
	}
	return dropped
}
