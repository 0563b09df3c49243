package dispatch

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/limit"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/push"
)

// DeviceLimits is how many pushes one device is sent; the zero value limits
// nothing.
type DeviceLimits struct {
	// All is of whatever is sent to it.
	All limit.Rate
	// Collapsible is, beside that, of pushes that replace one another: those whose
	// sender gave them a collapseID.
	Collapsible limit.Rate
}

// FCMDeviceLimits keeps every device under FCM's limits for one device (FCM,
// "Throttling and quotas"): 240 messages a minute and 5,000 an hour, which one
// bucket does for both, as 159 + 60 × 1.344 < 240 and 159 + 3,600 × 1.344 < 5,000;
// of collapsible ones a burst of 20 and one more every three minutes.
var FCMDeviceLimits = DeviceLimits{
	All:         limit.Rate{PerSecond: 1.344, Burst: 159},
	Collapsible: limit.Rate{PerSecond: 1.0 / 180, Burst: 20},
}

// use is how much of its limits a device has used: when the buckets of All and of
// Collapsible will have run empty.
type use struct{ all, collapsible time.Time }

// take is a push to a device that has used u: what it will have used then, or how
// long the push has to wait. A call doesn't wait, whatever messages have used, and
// yet counts: FCM counts it too, so that messages make room for it.
func (l DeviceLimits) take(u use, collapsible, ring bool, now time.Time) (after use, wait time.Duration) {
	if l.All.PerSecond == 0 {
		return u, 0
	}
	if ring {
		return use{l.All.Spend(u.all, now), u.collapsible}, 0
	}
	all, wait := l.All.Take(u.all, now)
	if !collapsible {
		return use{all, u.collapsible}, wait
	}
	folded, more := l.Collapsible.Take(u.collapsible, now)
	if wait = max(wait, more); wait > 0 {
		return u, wait
	}
	return use{all, folded}, 0
}

// devices is what a process has sent to each device of late, and of pushes that
// replace one another the newest. Every process counts for itself: of a device
// whose pushes several work on, each lets as many through, and what FCM refuses
// then waits as it asks for (quotas). It holds limitedDevices and newestTags at
// most; of more, whose memory matters least is forgotten first.
type devices struct {
	limits DeviceLimits

	mu     sync.Mutex
	used   *table[use]
	newest *table[announced]
}

// Sizes of the tables, some 2 MB together.
const (
	limitedDevices = 1 << 15
	newestTags     = 1 << 13
)

// announced is when a push was announced, in ms since 1970.
type announced int64

func newDevices(l DeviceLimits) *devices {
	d := &devices{limits: l}
	if l.All.PerSecond > 0 {
		d.used, d.newest = newTable[use](limitedDevices), newTable[announced](newestTags)
	}
	return d
}

// take is a push for a to a device: it counts, unless it has to wait, or a newer
// one of its tag is there, which makes it pointless. Whoever is newest says so
// before it waits, so that those before it don't take its turn.
func (d *devices) take(pushID string, a push.Announcement, ring bool, now time.Time) (wait time.Duration, superseded bool) {
	if d.used == nil {
		return 0, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if a.Collapse != "" {
		newest := d.newest.at(pushID, a.Collapse)
		if *newest > announced(a.CreatedAt) {
			return 0, true
		}
		*newest = announced(a.CreatedAt)
	}
	u := d.used.at(pushID, "")
	*u, wait = d.limits.take(*u, a.Collapse != "", ring, now)
	return wait, false
}

// share takes a push out of what its device may be sent. It is when that may be,
// and reports false where it needn't be any more, which it has noted.
func (s *sending) share(i int, t push.Target, now time.Time) (at time.Time, ok bool) {
	wait, superseded := s.gate.devices.take(t.PushID, s.run.batch.Announcement, s.rank == ring, now)
	switch {
	case superseded:
		s.run.record(i, delivery.Skipped, string(plan.Superseded), now, time.Time{})
		return now, false
	case wait > 0:
		at = now.Add(wait)
		s.run.record(i, delivery.Pending, string(push.DeviceLimit), now, at)
		return at, true
	}
	return now, true
}

// weighed is what a table holds: of more than it has room for, what weighs least
// is forgotten.
type weighed interface{ weight() int64 }

func (u use) weight() int64 { return max(u.all.UnixMilli(), u.collapsible.UnixMilli()) }

func (a announced) weight() int64 { return int64(a) }

// table is a map of a fixed size, which a look allocates nothing for. Keys share
// the few slots of their row, so it may forget before it is full.
type table[V weighed] struct {
	seed maphash.Seed
	rows [][rowSlots]slot[V]
}

const rowSlots = 8

// slot is a key's hash and its value; 0: it is free.
type slot[V any] struct {
	key   uint64
	value V
}

func newTable[V weighed](slots int) *table[V] {
	return &table[V]{seed: maphash.MakeSeed(), rows: make([][rowSlots]slot[V], slots/rowSlots)}
}

// at is the value of a key of two parts, which is new where there was none. It
// holds until the next look.
func (t *table[V]) at(one, two string) *V {
	var h maphash.Hash
	h.SetSeed(t.seed)
	h.WriteString(one)
	h.WriteByte(0)
	h.WriteString(two)
	key := max(h.Sum64(), 1)
	row := &t.rows[key%uint64(len(t.rows))]
	least := &row[0]
	for i := range row {
		switch s := &row[i]; {
		case s.key == key:
			return &s.value
		case least.key != 0 && (s.key == 0 || s.value.weight() < least.value.weight()):
			least = s
		}
	}
	*least = slot[V]{key: key}
	return &least.value
}
