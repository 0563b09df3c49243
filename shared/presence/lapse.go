package presence

import (
	"context"
	"hash/fnv"
	"slices"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// A message to a device that counts as online isn't pushed, nor to the devices
// that the user's rule silences meanwhile. Where the device's lease then lapses
// without a word from it, or it leaves without having said that it has the
// message, it may never have got it: such users are found by SweepAt, what they
// missed is rung, and SettleLapsed says that it was.

// Shards is how many ways the index on SweepAt is spread. It grows with the
// clock, so each shard takes some 500 heartbeats a second.
const Shards = 8

// Shard is the one a user belongs to, 0 to Shards-1.
func Shard(userID string) int {
	h := fnv.New32a()
	h.Write([]byte(userID))
	return int(h.Sum32() % Shards)
}

// sweepable reports whether what u's device d may have missed, or kept from
// others by u's rule, is to be looked for: it is online or left, and there is a
// device to ring.
func (u *User) sweepable(d device.Device) bool {
	keeps := slices.Contains(u.Rule.OnlinePlatforms, d.Platform) && len(u.Rule.NotToReceiveOfflinePushPlatforms) > 0
	return !d.HeldUntil().IsZero() && (keeps || !d.Target.IsZero())
}

// Lapsed is u's devices that don't count as online any more, and of which is to be
// looked at now what they may have missed while they did: those whose lease ended
// without a word, and those that left a while ago. A nil user has none.
func (u *User) Lapsed(now time.Time) []device.Device {
	var out []device.Device
	for _, d := range u.Sorted() {
		if u.sweepable(d) && !now.Before(d.LookAt()) {
			out = append(out, d)
		}
	}
	return out
}

// sweepAt is when the first device is to be looked at that Lapsed will tell of, or
// when the quiet hours end that held something back, or the window of a burst that
// has something to tell; zero for none.
func (u *User) sweepAt() (first time.Time) {
	for _, d := range u.Devices {
		if u.sweepable(d) && (first.IsZero() || d.LookAt().Before(first)) {
			first = d.LookAt()
		}
	}
	if u.Held != nil && (first.IsZero() || u.Held.Until.Before(first)) {
		first = u.Held.Until
	}
	for _, b := range u.Bursts {
		if b.Pending() && (first.IsZero() || b.Until.Before(first)) {
			first = b.Until
		}
	}
	return first
}

// write puts u with what is derived.
func write(tx Tx, u *User) error {
	u.SweepAt, u.Shard = u.sweepAt(), Shard(u.UserID)
	return tx.PutUser(u)
}

// SettleLapsed marks devices as dealt with, those that were online as offline,
// and returns how many. lapsed is the devices as Lapsed had them: one that has
// been heard of since, unregistered or lost its target keeps its state, so this
// can be repeated, and run beside a heartbeat.
func (r *Registry) SettleLapsed(ctx context.Context, userID string, lapsed []device.Device) (settled int, err error) {
	defer fault.Wrap(&err, "settle lapsed leases of %q", userID)
	return r.changeLapsed(ctx, userID, lapsed, device.Device.Settled)
}

// LookedUpTo notes up to which message, by its timestamp in ms since 1970, was
// looked for what the devices may have missed. They stay to be dealt with, and
// are treated as SettleLapsed does.
func (r *Registry) LookedUpTo(ctx context.Context, userID string, lapsed []device.Device, timestamp int64) (err error) {
	defer fault.Wrap(&err, "note what was looked at of lapsed leases of %q", userID)
	_, err = r.changeLapsed(ctx, userID, lapsed, func(d device.Device) device.Device {
		d.LookedUpTo = max(d.LookedUpTo, timestamp)
		return d
	})
	return err
}

// changeLapsed changes those of the lapsed devices that are as they were.
func (r *Registry) changeLapsed(ctx context.Context, userID string, lapsed []device.Device, change func(device.Device) device.Device) (changed int, err error) {
	err = r.Store.Change(ctx, func(tx Tx) error {
		changed = 0
		user, err := tx.User(userID)
		if err != nil {
			return err
		}
		now := r.Now()
		for _, was := range lapsed {
			d, ok := user.Device(was.PushID)
			if !ok || !user.sweepable(d) || !d.HeldUntil().Equal(was.HeldUntil()) || now.Before(d.LookAt()) {
				continue
			}
			user.put(change(d))
			changed++
		}
		if changed == 0 {
			return nil
		}
		return write(tx, user)
	})
	return changed, err
}
