package presence

import (
	"context"
	"hash/fnv"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// A message to a device that counts as online isn't pushed. Where the device's
// lease then lapses without a word from it, it may never have got the message:
// such users are found by SweepAt, what they missed is rung, and SettleLapsed
// says that it was.

// Shards is how many ways the index on SweepAt is spread. It grows with the
// clock, so each shard takes some 500 heartbeats a second.
const Shards = 8

// Shard is the one a user belongs to, 0 to Shards-1.
func Shard(userID string) int {
	h := fnv.New32a()
	h.Write([]byte(userID))
	return int(h.Sum32() % Shards)
}

// Lapsed is u's devices whose lease is over at now and whose last word was
// that they are online, as far as they can be rung. A nil user has none.
func (u *User) Lapsed(now time.Time) []device.Device {
	var out []device.Device
	for _, d := range u.Sorted() {
		if d.Sweepable() && !now.Before(d.LeaseUntil) {
			out = append(out, d)
		}
	}
	return out
}

// sweepAt is when the first lease ends that Lapsed will tell of, zero for none.
func (u *User) sweepAt() (first time.Time) {
	for _, d := range u.Devices {
		if d.Sweepable() && (first.IsZero() || d.LeaseUntil.Before(first)) {
			first = d.LeaseUntil
		}
	}
	return first
}

// write puts u with what is derived from its devices.
func write(tx Tx, u *User) error {
	u.SweepAt, u.Shard = u.sweepAt(), Shard(u.UserID)
	return tx.PutUser(u)
}

// SettleLapsed marks devices offline whose lapse has been dealt with, and
// returns how many. lapsed is the devices as Lapsed had them: one that has been
// heard of since, unregistered or lost its target keeps its state, so this can
// be repeated, and run beside a heartbeat.
func (r *Registry) SettleLapsed(ctx context.Context, userID string, lapsed []device.Device) (settled int, err error) {
	defer fault.Wrap(&err, "settle lapsed leases of %q", userID)
	err = r.Store.Change(ctx, func(tx Tx) error {
		settled = 0
		user, err := tx.User(userID)
		if err != nil {
			return err
		}
		now := r.Now()
		for _, was := range lapsed {
			d, ok := user.Device(was.PushID)
			if !ok || !d.Sweepable() || !d.LeaseUntil.Equal(was.LeaseUntil) || now.Before(d.LeaseUntil) {
				continue
			}
			d.State, d.LeaseUntil, d.OnlineSince = device.Offline, time.Time{}, time.Time{}
			user.put(d)
			settled++
		}
		if settled == 0 {
			return nil
		}
		return write(tx, user)
	})
	return settled, err
}
