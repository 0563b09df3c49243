package presence

import (
	"context"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// Owner is tokens/{hash}: the one user and device an FCM target rings for.
type Owner struct {
	UserID string `firestore:"userID"`
	PushID string `firestore:"pushID"`
	// At is when the target was last known to be fresh: registered, or found by
	// RemoveStale on a device that had been heard of. Day is its day, by which it
	// is found; see Day.
	At  time.Time `firestore:"at"`
	Day int64     `firestore:"day"`
}

// Store keeps users' presence and the owners of FCM targets.
type Store interface {
	// Change runs f as one transaction; f may run several times and reads
	// before it writes. Nothing is written when f returns an error.
	Change(ctx context.Context, f func(Tx) error) error
	// Users reads many users' presence at once. A user without a document is
	// absent from the map.
	Users(ctx context.Context, userIDs []string) (map[string]*User, error)
	// StaleOwners is up to limit owners whose Day is at most day, by their hash.
	StaleOwners(ctx context.Context, day int64, limit int) (map[string]Owner, error)
}

// Tx is one transaction on a Store. A user without a document is read as one
// without devices; a target without an owner as nil.
//
// An owner is named by its target's hash: the target itself is a secret that
// only the device's binding holds.
type Tx interface {
	User(userID string) (*User, error)
	Owner(hash string) (*Owner, error)
	PutUser(*User) error
	PutOwner(hash string, o Owner) error
	DeleteOwner(hash string) error
}

// Registry binds devices to users and keeps their leases. Each of its methods
// is one transaction that sets a state rather than adding to it, so a request
// that arrives twice, or whose answer was lost, leaves the same state.
type Registry struct {
	Store      Store
	Now        func() time.Time
	Lease      time.Duration // how long a device counts as online after a heartbeat
	MaxDevices int           // per user
	Defaults   Settings      // of who set nothing themselves
}

// Registered is the outcome of Register.
type Registered struct {
	PushID string
	// Dropped are the PushIDs that made room: the devices seen longest ago.
	Dropped []string
}

// Register binds d to the user. The same device keeps its PushID and has its
// target replaced; a target bound to anyone else moves here, so that a phone
// that changes hands never rings for its old owner.
func (r *Registry) Register(ctx context.Context, userID string, d device.Device) (out Registered, err error) {
	defer fault.Wrap(&err, "register device of %q", userID)
	now := r.Now()
	d.PushID = device.PushID(userID, d.DeviceID)
	err = r.Store.Change(ctx, func(tx Tx) error {
		out = Registered{PushID: d.PushID}
		user, err := tx.User(userID)
		if err != nil {
			return err
		}
		owner, err := tx.Owner(d.Target.Hash())
		if err != nil {
			return err
		}
		if err := r.release(tx, user, d, owner); err != nil {
			return err
		}

		old, known := user.Device(d.PushID)
		next := d
		next.SeenAt, next.TargetAt = now, now
		if known {
			next.State, next.LeaseUntil = old.State, old.LeaseUntil
			next.OnlineSince, next.HeardAt, next.LeftAt = old.OnlineSince, old.HeardAt, old.LeftAt
			next.AckedUpTo, next.LookedUpTo = old.AckedUpTo, old.LookedUpTo
			next.Privacy = old.Privacy
			if next.State == device.Online && !user.sweepable(old) {
				next.OnlineSince = now // before, it wasn't rung for want of a target
			}
			if !old.Target.IsZero() && old.Target != d.Target {
				if err := tx.DeleteOwner(old.Target.Hash()); err != nil {
					return err
				}
			}
		}
		user.put(next)
		for _, gone := range user.trim(r.MaxDevices, d.PushID) {
			out.Dropped = append(out.Dropped, gone.PushID)
			if err := deleteTarget(tx, gone); err != nil {
				return err
			}
		}
		if err := write(tx, user); err != nil {
			return err
		}
		return tx.PutOwner(d.Target.Hash(), Owner{UserID: userID, PushID: d.PushID, At: now, Day: Day(now)})
	})
	return out, err
}

// release takes d's target from whoever holds it now. user is d's new owner,
// already read in tx.
func (r *Registry) release(tx Tx, user *User, d device.Device, owner *Owner) error {
	if owner == nil || (owner.UserID == user.UserID && owner.PushID == d.PushID) {
		return nil
	}
	holder := user
	if owner.UserID != user.UserID {
		var err error
		if holder, err = tx.User(owner.UserID); err != nil {
			return err
		}
	}
	held, ok := holder.Device(owner.PushID)
	if !ok || held.Target != d.Target {
		return nil
	}
	delete(holder.Devices, owner.PushID)
	if holder == user {
		return nil // written with the new binding
	}
	return write(tx, holder)
}

func deleteTarget(tx Tx, d device.Device) error {
	if d.Target.IsZero() {
		return nil
	}
	return tx.DeleteOwner(d.Target.Hash())
}

// Unregister removes a device of the user, its target and its lease. A device
// that isn't there is none to remove.
func (r *Registry) Unregister(ctx context.Context, userID, pushID string) (existed bool, err error) {
	defer fault.Wrap(&err, "unregister device of %q", userID)
	err = r.Store.Change(ctx, func(tx Tx) error {
		user, err := tx.User(userID)
		if err != nil {
			return err
		}
		d, ok := user.Device(pushID)
		if existed = ok; !ok {
			return nil
		}
		delete(user.Devices, pushID)
		if err := write(tx, user); err != nil {
			return err
		}
		return deleteTarget(tx, d)
	})
	return existed, err
}

// Heartbeat sets the state of a device and, where that is Online or
// Background, its lease. A device that is not registered is added without a
// target when its platform is known: it can be present though never rung.
// It reports false for a device that is neither.
func (r *Registry) Heartbeat(ctx context.Context, userID string, beat Beat) (known bool, err error) {
	defer fault.Wrap(&err, "heartbeat of %q", userID)
	now := r.Now()
	err = r.Store.Change(ctx, func(tx Tx) error {
		user, err := tx.User(userID)
		if err != nil {
			return err
		}
		d, ok := user.Device(beat.PushID)
		known = ok || beat.Platform.Valid()
		if !known {
			return nil
		}
		if !ok {
			d = device.Device{PushID: beat.PushID, DeviceID: beat.DeviceID, Platform: beat.Platform}
		}
		user.put(beat.apply(user, d, now, r.Lease))
		for _, gone := range user.trim(r.MaxDevices, d.PushID) {
			if err := deleteTarget(tx, gone); err != nil {
				return err
			}
		}
		return write(tx, user)
	})
	return known, err
}

// Beat is one heartbeat. DeviceID and Platform matter only for a device that
// has not registered for pushes.
type Beat struct {
	PushID   string
	DeviceID string
	Platform device.Platform
	State    device.State
	// AckedUpTo is the timestamp of the newest message the device has, in ms
	// since 1970. 0 says nothing, and what lies ahead of our clock counts as now.
	AckedUpTo int64
}

// overdue is the share of a lease after which a device that says nothing has
// missed a heartbeat: it repeats its state twice a lease.
const overdue = 0.75

// apply is d, a device of u's, after b.
func (b Beat) apply(u *User, d device.Device, now time.Time, lease time.Duration) device.Device {
	// A device that comes back before anyone rang what it may have missed, be it
	// after its lease lapsed or after it left, goes on being online: what it missed
	// stays to be rung.
	held := d.OnlineAt(now) || u.sweepable(d)
	d.AckedUpTo = max(d.AckedUpTo, min(b.AckedUpTo, now.UnixMilli()))
	switch {
	case b.State == device.Online:
		if !held || d.OnlineSince.IsZero() {
			d.OnlineSince = now
		}
		d.HeardAt, d.LeftAt = now, time.Time{}
	case d.State == device.Online && u.sweepable(d):
		d = d.Leave(now, time.Duration(overdue*float64(lease)))
	case d.State == device.Online:
		d = d.Settled()
	}
	d.State, d.SeenAt, d.LeaseUntil = b.State, now, time.Time{}
	if b.State != device.Offline {
		d.LeaseUntil = now.Add(lease)
	}
	return d
}

// RemoveTarget forgets a target FCM calls dead, but only where it is still the
// stored one: the device may have registered a new one meanwhile.
func (r *Registry) RemoveTarget(ctx context.Context, userID, pushID string, dead device.Target) (removed bool, err error) {
	defer fault.Wrap(&err, "remove dead target of %q", userID)
	err = r.Store.Change(ctx, func(tx Tx) error {
		removed = false
		user, err := tx.User(userID)
		if err != nil {
			return err
		}
		d, ok := user.Device(pushID)
		if !ok || d.Target != dead {
			return nil
		}
		// The device stays: it may be online and only its token dead.
		d.Target = device.Target{}
		user.put(d)
		removed = true
		if err := write(tx, user); err != nil {
			return err
		}
		return tx.DeleteOwner(dead.Hash())
	})
	return removed, err
}
