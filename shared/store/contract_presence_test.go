package store_test

import (
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
)

func lapsedUsers(t *testing.T, s anyStore) {
	const shard = 1000 // this test's own
	put := func(id string, sweepAt time.Time) string {
		u := everyone(id)
		u.Shard, u.SweepAt = shard, sweepAt
		change(t, s, func(tx presence.Tx) error { return tx.PutUser(u) })
		return id
	}
	second, first := put(rand.Text(), at(2*time.Second)), put(rand.Text(), at(time.Second))
	put(rand.Text(), time.Time{})
	put(rand.Text(), at(3*time.Second+time.Microsecond))
	last := put(rand.Text(), at(3*time.Second))
	for limit, want := range map[int][]string{10: {first, second, last}, 3: {first, second, last}, 2: {first, second}} {
		got, err := s.LapsedUsers(t.Context(), shard, at(3*time.Second), limit)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, u := range got {
			ids = append(ids, u.UserID)
			full := everyone(u.UserID)
			full.Shard, full.SweepAt = shard, u.SweepAt
			sameUser(t, u, full)
		}
		if !slices.Equal(ids, want) {
			t.Errorf("limit %d: %q, want %q", limit, ids, want)
		}
	}
	if got, err := s.LapsedUsers(t.Context(), shard+1, at(time.Hour), 10); err != nil || len(got) != 0 {
		t.Errorf("in another shard: %v, %v", got, err)
	}
	// Without a lease to end a user is in no index any more.
	put(first, time.Time{})
	if got, err := s.LapsedUsers(t.Context(), shard, at(time.Second), 10); err != nil || len(got) != 0 {
		t.Errorf("after the first has been dealt with: %v, %v", got, err)
	}
}

// A lease lapses and is settled: package presence's way through this store.
func lapseOnStore(t *testing.T, s anyStore) {
	now := at(0)
	reg := &presence.Registry{Store: s, Now: func() time.Time { return now }, Lease: time.Minute, MaxDevices: 2}
	user := rand.Text()
	d := device.Device{DeviceID: "phone", Platform: device.Android, Target: device.Target{Kind: device.KindToken, Value: rand.Text()}}
	registered, err := reg.Register(t.Context(), user, d)
	if err != nil {
		t.Fatal(err)
	}
	beat := presence.Beat{PushID: registered.PushID, State: device.Online, AckedUpTo: 5}
	if known, err := reg.Heartbeat(t.Context(), user, beat); !known || err != nil {
		t.Fatalf("heartbeat: %t, %v", known, err)
	}
	lapsed := func() *presence.User {
		t.Helper()
		users, err := s.LapsedUsers(t.Context(), presence.Shard(user), now, 1_000_000)
		if err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(users, func(u *presence.User) bool { return u.UserID == user }); i >= 0 {
			return users[i]
		}
		return nil
	}
	now = at(time.Minute - time.Microsecond)
	if u := lapsed(); u != nil {
		t.Errorf("listed before the lease ends: %+v", u)
	}
	now = at(time.Minute)
	u := lapsed()
	if got := u.Lapsed(now); len(got) != 1 || got[0].PushID != registered.PushID || got[0].MissedSince() != at(-time.Minute).UnixMilli() {
		t.Fatalf("listed as %+v", u)
	}
	for _, want := range []int{1, 0} {
		if n, err := reg.SettleLapsed(t.Context(), user, u.Lapsed(now)); n != want || err != nil {
			t.Errorf("settled %d, %v; want %d", n, err, want)
		}
		if left := lapsed(); left != nil {
			t.Errorf("settled, and listed as %+v", left)
		}
	}
	if d, _ := userOf(t, s, user).Device(registered.PushID); d.State != device.Offline || d.AckedUpTo != 5 {
		t.Errorf("settled as %+v", d)
	}
}
