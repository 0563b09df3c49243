package presence_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/store"
)

var start = time.UnixMilli(1_700_000_000_000)

// world is a Registry on a store in memory, with a clock of its own.
type world struct {
	testing.TB
	db  *store.Memory
	reg *presence.Registry
	now time.Time
}

func newWorld(t testing.TB) *world {
	w := &world{TB: t, db: &store.Memory{}, now: start}
	w.reg = &presence.Registry{Store: w.db, Now: func() time.Time { return w.now }, Lease: time.Minute, MaxDevices: 25}
	return w
}

func token(value string) device.Target { return device.Target{Kind: device.KindToken, Value: value} }

func (w *world) register(user, deviceID, value string) presence.Registered {
	w.Helper()
	d := device.Device{DeviceID: deviceID, Platform: device.Android, Target: token(value), Popup: true, Silent: true}
	out, err := w.reg.Register(context.Background(), user, d)
	if err != nil {
		w.Fatal(err)
	}
	return out
}

func (w *world) heartbeat(user string, b presence.Beat) bool {
	w.Helper()
	known, err := w.reg.Heartbeat(context.Background(), user, b)
	if err != nil {
		w.Fatal(err)
	}
	return known
}

// devices is a user's devices by deviceID.
func (w *world) devices(user string) map[string]device.Device {
	w.Helper()
	users, err := w.db.Users(context.Background(), []string{user})
	if err != nil {
		w.Fatal(err)
	}
	out := map[string]device.Device{}
	for _, d := range users[user].Sorted() {
		out[d.DeviceID] = d
	}
	return out
}

// owner is who a token rings for, as "user deviceID", or "".
func (w *world) owner(value string) (out string) {
	w.Helper()
	err := w.db.Change(context.Background(), func(tx presence.Tx) error {
		o, err := tx.Owner(token(value).Hash())
		if o == nil || err != nil {
			return err
		}
		u, err := tx.User(o.UserID)
		d, ok := u.Device(o.PushID)
		if !ok {
			w.Errorf("token %s is owned by a device %s has not", value, o.UserID)
		}
		out = o.UserID + " " + d.DeviceID
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return out
}

func (w *world) wantOwner(value, want string) {
	w.Helper()
	if got := w.owner(value); got != want {
		w.Errorf("token %s is owned by %q, want %q", value, got, want)
	}
}

func TestRegister(t *testing.T) {
	w := newWorld(t)
	first := w.register("alice", "phone", "T1")
	want := device.Device{
		PushID: device.PushID("alice", "phone"), DeviceID: "phone", Platform: device.Android, Target: token("T1"),
		Popup: true, Silent: true, SeenAt: start, TargetAt: start,
	}
	if got := w.devices("alice")["phone"]; got != want || first.PushID != want.PushID || first.Dropped != nil {
		t.Errorf("got %+v, want %+v (%+v)", got, want, first)
	}
	w.wantOwner("T1", "alice phone")
}

func TestRegisterAgainReplacesTheToken(t *testing.T) {
	w := newWorld(t)
	first := w.register("alice", "phone", "T1")
	w.heartbeat("alice", presence.Beat{PushID: first.PushID, State: device.Online})
	w.now = start.Add(time.Second)
	if again := w.register("alice", "phone", "T2"); again.PushID != first.PushID {
		t.Errorf("the PushID was %s and is %s", first.PushID, again.PushID)
	}
	w.wantOwner("T1", "")
	w.wantOwner("T2", "alice phone")
	d := w.devices("alice")["phone"]
	if len(w.devices("alice")) != 1 || d.Target != token("T2") || !d.TargetAt.Equal(w.now) {
		t.Errorf("devices %+v", w.devices("alice"))
	}
	if !d.OnlineAt(w.now) {
		t.Error("registering took the device's lease")
	}
}

func TestRegisterTwiceAlike(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "phone", "T1")
	before := w.devices("alice")
	w.register("alice", "phone", "T1")
	if got := w.devices("alice"); len(got) != 1 || got["phone"] != before["phone"] {
		t.Errorf("got %+v, want %+v", got, before)
	}
	w.wantOwner("T1", "alice phone")
}

// The phone changes hands: it must never ring for its old owner.
func TestTokenMovesBetweenUsers(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "phone", "T1")
	w.register("alice", "tablet", "T2")
	w.register("bob", "phone", "T1")
	w.wantOwner("T1", "bob phone")
	w.wantOwner("T2", "alice tablet")
	if got := w.devices("alice"); len(got) != 1 || got["tablet"].Target != token("T2") {
		t.Errorf("alice has %+v", got)
	}
	// And back, while bob has a second one.
	w.register("bob", "laptop", "T3")
	w.register("alice", "phone", "T1")
	w.wantOwner("T1", "alice phone")
	if got := w.devices("bob"); len(got) != 1 || got["laptop"].Target != token("T3") {
		t.Errorf("bob has %+v", got)
	}
}

// The app was installed anew: another deviceID, but FCM's token is the same.
func TestTokenMovesBetweenDevicesOfAUser(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "old", "T1")
	w.register("alice", "new", "T1")
	w.wantOwner("T1", "alice new")
	if got := w.devices("alice"); len(got) != 1 || got["new"].Target != token("T1") {
		t.Errorf("alice has %+v", got)
	}
}

// A swap in one step: bob's known device takes alice's token and leaves his own.
func TestTokenMovesToAKnownDevice(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "phone", "A")
	w.register("bob", "phone", "B")
	w.register("bob", "phone", "A")
	w.wantOwner("A", "bob phone")
	w.wantOwner("B", "")
	if len(w.devices("alice")) != 0 {
		t.Errorf("alice has %+v", w.devices("alice"))
	}
}

// An owner entry whose device is gone, or has another target by now, takes nothing with it.
func TestStaleOwner(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "phone", "T1")
	stale := func(o presence.Owner) {
		err := w.db.Change(t.Context(), func(tx presence.Tx) error { return tx.PutOwner(token("T2").Hash(), o) })
		if err != nil {
			t.Fatal(err)
		}
	}
	stale(presence.Owner{UserID: "alice", PushID: device.PushID("alice", "phone")})
	w.register("bob", "phone", "T2")
	w.wantOwner("T1", "alice phone")
	w.wantOwner("T2", "bob phone")
	stale(presence.Owner{UserID: "carol", PushID: "gone"})
	w.register("dave", "phone", "T2")
	w.wantOwner("T2", "dave phone")
}

func TestTooManyDevices(t *testing.T) {
	w := newWorld(t)
	id := func(i int) string { return fmt.Sprintf("d%02d", i) }
	for i := range 25 {
		w.now = start.Add(time.Duration(i) * time.Second)
		if out := w.register("alice", id(i), "T"+id(i)); out.Dropped != nil {
			t.Fatalf("device %d dropped %v", i, out.Dropped)
		}
	}
	// d00 was registered first, but seen since: d01 is the one to go.
	w.now = start.Add(time.Minute)
	w.heartbeat("alice", presence.Beat{PushID: device.PushID("alice", id(0)), State: device.Offline})
	out := w.register("alice", "extra", "TX")
	if want := []string{device.PushID("alice", id(1))}; !slices.Equal(out.Dropped, want) {
		t.Errorf("dropped %v, want %v", out.Dropped, want)
	}
	if got := w.devices("alice"); len(got) != 25 || got[id(1)].DeviceID != "" || got["extra"].DeviceID == "" {
		t.Errorf("%d devices: %v", len(got), got)
	}
	w.wantOwner("T"+id(1), "")
	w.wantOwner("TX", "alice extra")
	// A device that is there needs no room.
	if out := w.register("alice", id(5), "T5b"); out.Dropped != nil {
		t.Errorf("dropped %v", out.Dropped)
	}
	// Nor does one that takes the place of another with its token.
	if out := w.register("alice", "moved", "TX"); out.Dropped != nil {
		t.Errorf("dropped %v", out.Dropped)
	}
	// The limit was lowered: several make room, and the new one stays.
	w.reg.MaxDevices = 1
	if out := w.register("alice", "last", "TL"); len(out.Dropped) != 25 || len(w.devices("alice")) != 1 {
		t.Errorf("dropped %d, left %v", len(out.Dropped), w.devices("alice"))
	}
	w.wantOwner("TL", "alice last")
}

func TestUnregister(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "phone", "T1")
	w.register("alice", "tablet", "T2")
	pushID := device.PushID("alice", "phone")
	if existed, err := w.reg.Unregister(t.Context(), "bob", pushID); existed || err != nil {
		t.Errorf("bob unregistered alice's: %t, %v", existed, err)
	}
	for _, want := range []bool{true, false} {
		if existed, err := w.reg.Unregister(t.Context(), "alice", pushID); existed != want || err != nil {
			t.Errorf("got %t, %v; want %t", existed, err, want)
		}
		w.wantOwner("T1", "")
		w.wantOwner("T2", "alice tablet")
		if got := w.devices("alice"); len(got) != 1 {
			t.Errorf("alice has %+v", got)
		}
	}
	if again := w.register("alice", "phone", "T1"); again.PushID != pushID {
		t.Errorf("after unregistering the PushID is %s, was %s", again.PushID, pushID)
	}
	if d := w.devices("alice")["phone"]; d.State != "" || !d.LeaseUntil.IsZero() {
		t.Errorf("unregistering left a lease: %+v", d)
	}
}

func TestRemoveTarget(t *testing.T) {
	w := newWorld(t)
	w.register("alice", "phone", "new")
	pushID := device.PushID("alice", "phone")
	for _, tc := range []struct {
		user, pushID string
		dead         device.Target
	}{
		{"alice", pushID, token("old")},
		{"alice", pushID, device.Target{Kind: device.KindFID, Value: "new"}},
		{"alice", "other", token("new")},
		{"bob", pushID, token("new")},
	} {
		if removed, err := w.reg.RemoveTarget(t.Context(), tc.user, tc.pushID, tc.dead); removed || err != nil {
			t.Errorf("%+v: removed %t, %v", tc, removed, err)
		}
	}
	w.wantOwner("new", "alice phone")
	w.heartbeat("alice", presence.Beat{PushID: pushID, State: device.Online})
	for _, want := range []bool{true, false} {
		if removed, err := w.reg.RemoveTarget(t.Context(), "alice", pushID, token("new")); removed != want || err != nil {
			t.Errorf("removed %t, %v; want %t", removed, err, want)
		}
	}
	w.wantOwner("new", "")
	if d := w.devices("alice")["phone"]; !d.Target.IsZero() || !d.OnlineAt(w.now) {
		t.Errorf("the device should stay, online and without a target: %+v", d)
	}
}
