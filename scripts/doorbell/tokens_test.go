package main

import (
	"context"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// registered is tokens and their owners, as a store has them.
type registered struct {
	owners map[string]presence.Owner
	users  map[string]*presence.User
}

func (r registered) Owners(_ context.Context, after string, limit int) (map[string]presence.Owner, error) {
	out := map[string]presence.Owner{}
	for _, hash := range slices.Sorted(maps.Keys(r.owners)) {
		if hash > after && len(out) < limit {
			out[hash] = r.owners[hash]
		}
	}
	return out, nil
}

func (r registered) Users(_ context.Context, ids []string) (map[string]*presence.User, error) {
	out := map[string]*presence.User{}
	for _, id := range ids {
		if u := r.users[id]; u != nil {
			out[id] = u
		}
	}
	return out, nil
}

// More than two pages, each token once; and every way of belonging to no device.
func TestAuditTokens(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	r := registered{map[string]presence.Owner{}, map[string]*presence.User{}}
	add := func(user string, p device.Platform, age time.Duration) device.Target {
		target := device.Target{Kind: device.KindToken, Value: "T" + user}
		r.users[user] = &presence.User{Devices: map[string]device.Device{"p": {Platform: p, Target: target}}}
		r.owners[target.Hash()] = presence.Owner{UserID: user, PushID: "p", At: now.Add(-age)}
		return target
	}
	for i := range 2*auditPage + 1 {
		add(fmt.Sprint("user", i), device.Android, time.Hour)
	}
	add("old", device.Web, 31*24*time.Hour)
	add("older", device.IPhoneOS, 271*24*time.Hour)
	add("gone", device.Web, 0)
	delete(r.users, "gone")
	add("elsewhere", device.Web, 0)
	r.users["elsewhere"].Devices = map[string]device.Device{"q": {}}
	add("replaced", device.Web, 0)
	r.users["replaced"].Devices["p"] = device.Device{Target: device.Target{Kind: device.KindToken, Value: "newer"}}

	var told []int
	hashes := slices.Sorted(maps.Keys(r.owners))
	got, err := auditTokens(t.Context(), r, now, func(n int, hash string) {
		told = append(told, n)
		if hash != hashes[n-1] {
			t.Errorf("after %d tokens it is at %s, not %s", n, hash, hashes[n-1])
		}
		if share := float64(n) / float64(len(hashes)); math.Abs(place(hash)-share) > 0.15 {
			t.Errorf("%s is said to be at %v, and is at %v", hash, place(hash), share)
		}
	})
	want := audit{Tokens: 2*auditPage + 6, Platforms: map[string]int{"android": 2*auditPage + 1, "web": 1, "ios": 1}, Over30: 2, Over270: 1, Orphans: 3}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if !slices.Equal(told, []int{auditPage, 2 * auditPage, 2*auditPage + 6}) {
		t.Errorf("progress %v", told)
	}
}

// Hashes in their order have places in their order.
func TestPlace(t *testing.T) {
	last := -1.0
	for _, hash := range []string{"", "23", "3", "7zzz", "aaaa", "ab", "z", "zzzzzz"} {
		p := place(hash)
		if p < 0 || p >= 1 || p < last {
			t.Errorf("%q is at %v, the one before at %v", hash, p, last)
		}
		last = p
	}
	if place("a") != 6.0/32 || place("zzz") < 0.999 {
		t.Errorf("%v, %v", place("a"), place("zzz"))
	}
}
