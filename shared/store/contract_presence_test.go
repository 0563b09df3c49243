package store_test

import (
	"context"
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
	same := put(last+"z", at(3*time.Second)) // by ID, where the time is the same
	for _, tc := range []struct {
		after string
		limit int
		want  []string
	}{
		{"", 10, []string{first, second, last, same}},
		{"", 4, []string{first, second, last, same}},
		{"", 2, []string{first, second}},
		{first, 2, []string{second, last}},
		{second, 10, []string{last, same}},
		{last, 10, []string{same}},
		{same, 10, nil},
	} {
		var after *presence.User
		if tc.after != "" {
			after = userOf(t, s, tc.after)
		}
		got, err := s.LapsedUsers(t.Context(), shard, at(3*time.Second), after, tc.limit)
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
		if !slices.Equal(ids, tc.want) {
			t.Errorf("behind %q, limit %d: %q, want %q", tc.after, tc.limit, ids, tc.want)
		}
	}
	if got, err := s.LapsedUsers(t.Context(), shard+1, at(time.Hour), nil, 10); err != nil || len(got) != 0 {
		t.Errorf("in another shard: %v, %v", got, err)
	}
	// Without a lease to end a user is in no index any more.
	put(first, time.Time{})
	if got, err := s.LapsedUsers(t.Context(), shard, at(time.Second), nil, 10); err != nil || len(got) != 0 {
		t.Errorf("after the first has been dealt with: %v, %v", got, err)
	}
}

func staleOwners(t *testing.T, s anyStore) {
	const day = -1_000_000 // this test's own
	want := map[string]presence.Owner{}
	for i := range int64(5) {
		hash, o := rand.Text(), presence.Owner{UserID: "u", PushID: "p", At: at(0), Day: day + i}
		change(t, s, func(tx presence.Tx) error { return tx.PutOwner(hash, o) })
		t.Cleanup(func() {
			_ = s.Change(context.Background(), func(tx presence.Tx) error { return tx.DeleteOwner(hash) })
		})
		want[hash] = o
	}
	for _, tc := range []struct {
		until        int64
		limit, owner int
	}{{day - 1, 10, 0}, {day, 10, 1}, {day + 2, 10, 3}, {day + 2, 2, 2}, {day + 4, 10, 5}} {
		got, err := s.StaleOwners(t.Context(), tc.until, tc.limit)
		if err != nil || len(got) != tc.owner {
			t.Errorf("up to %d, limit %d: %v, %v", tc.until-day, tc.limit, got, err)
		}
		for hash, o := range got {
			if o != want[hash] || o.Day >= day+int64(tc.owner) {
				t.Errorf("up to %d, limit %d: %+v, want %+v", tc.until-day, tc.limit, o, want[hash])
			}
		}
	}
	// A stale target and one whose device was heard of: package presence's way.
	stale, fresh := device.Target{Kind: device.KindToken, Value: rand.Text()}, device.Target{Kind: device.KindToken, Value: rand.Text()}
	user, now := rand.Text(), at(0).Add(-20000*24*time.Hour) // a time of this test's own
	reg := &presence.Registry{Store: s, Now: func() time.Time { return now }, Lease: time.Minute, MaxDevices: 5}
	for id, target := range map[string]device.Target{"stale": stale, "fresh": fresh} {
		if _, err := reg.Register(t.Context(), user, device.Device{DeviceID: id, Platform: device.Android, Target: target}); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(presence.StaleAfter)
	if _, err := reg.Heartbeat(t.Context(), user, presence.Beat{PushID: device.PushID(user, "fresh"), State: device.Offline}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(24 * time.Hour)
	for _, want := range []int{1, 0} {
		if n, err := reg.RemoveStale(t.Context(), 1000); n != want || err != nil {
			t.Errorf("%d removed, %v; want %d", n, err, want)
		}
	}
	for id, want := range map[string]device.Target{"stale": {}, "fresh": fresh} {
		if d, ok := userOf(t, s, user).Device(device.PushID(user, id)); !ok || d.Target != want {
			t.Errorf("%s is %+v, %t", id, d, ok)
		}
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
		users, err := s.LapsedUsers(t.Context(), presence.Shard(user), now, nil, 1_000_000)
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
