package device

import "time"

// A device that counts as online isn't rung. What it never got all the same is
// looked for when its lease ends without a word, and when it leaves.

// HeldUntil is until when d counted, or counts, as online, where what it may have
// missed until then has not been looked for; zero where there is nothing to look
// for.
func (d Device) HeldUntil() time.Time {
	if d.State == Online {
		return d.LeaseUntil
	}
	return d.LeftAt
}

// linger is how long after a device left is looked for what it missed: by then
// the pushes are told to FCM that were planned as it left, and many are back.
const linger = 15 * time.Second

// LookAt is when to look for what d may have missed, zero for never.
func (d Device) LookAt() time.Time {
	if d.State != Online && !d.LeftAt.IsZero() {
		return d.LeftAt.Add(linger)
	}
	return d.HeldUntil()
}

const (
	// settling is how long before a device came online something may have been sent
	// whose push was dropped because it had: a push is looked at again before it
	// leaves.
	settling = time.Minute
	// skew is by how much the clocks may differ of those who date a message or a
	// call and a heartbeat.
	skew = 5 * time.Second
)

// SilentSince is the time, in ms since 1970, from which on nothing proves that d
// got what was sent: its last word, or a minute before it came online where it
// has said nothing since.
func (d Device) SilentSince() int64 {
	if !d.HeardAt.After(d.OnlineSince) {
		return d.OnlineSince.Add(-settling).UnixMilli()
	}
	return d.HeardAt.Add(-skew).UnixMilli()
}

// MissedSince is the time, in ms since 1970, after which a message may have been
// kept from d because it counted as online, though d never got it: that of the
// newest message it has, or a minute before it came online, whichever is later.
// A device that never says what it has is taken to have what was sent before its
// last word: else it would be rung for all that it showed.
func (d Device) MissedSince() int64 {
	since := d.SilentSince()
	if d.AckedUpTo > 0 {
		since = d.OnlineSince.Add(-settling).UnixMilli()
	}
	return max(since, d.AckedUpTo, d.LookedUpTo)
}

// Has reports whether d had, by its own words, what was sent at a time in ms
// since 1970: it says that it has a later message, or was awake later.
func (d Device) Has(at int64) bool {
	return d.AckedUpTo >= at || d.HeardAt.UnixMilli() >= at
}

// Leave has d, which is online, say at now that it isn't any more. What it may
// have missed is to be looked for where it says what it has; of a device that
// doesn't, where a heartbeat was overdue after every, so that it may have slept.
func (d Device) Leave(now time.Time, every time.Duration) Device {
	until := d.LeaseUntil
	if now.Before(until) {
		until = now
	}
	if now.Sub(d.HeardAt) <= every {
		d.HeardAt = now
		if d.AckedUpTo == 0 || d.AckedUpTo >= until.UnixMilli() {
			return d.Settled()
		}
	}
	d.LeftAt = until
	return d
}

// Settled is d when what it may have missed has been looked for: where its last
// word was that it is online, it counts as gone from now on.
func (d Device) Settled() Device {
	if d.State == Online {
		d.State, d.LeaseUntil = Offline, time.Time{}
	}
	d.OnlineSince, d.LeftAt, d.LookedUpTo = time.Time{}, time.Time{}, 0
	return d
}
