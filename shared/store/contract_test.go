package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/dispatch"
	"github.com/doorbell-push/doorbell/shared/fanout"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/inbox"
	"github.com/doorbell-push/doorbell/shared/lapse"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/receipt"
	"github.com/doorbell-push/doorbell/shared/resource"
	"github.com/doorbell-push/doorbell/shared/revision"
	"github.com/doorbell-push/doorbell/shared/store"
	"github.com/doorbell-push/doorbell/shared/trace"
)

// anyStore is all that a store is used as.
type anyStore interface {
	presence.Store
	chat.Store
	dispatch.Ledger
	dispatch.Bindings
	fanout.Skips
	fanout.Rings
	call.Store
	dispatch.Calls
	dispatch.Messages
	dispatch.Pauses
	revision.Store
	fanout.Marks
	group.Store
	inbox.Store
	receipt.Store
	trace.Store
	resource.Store
	Roster(ctx context.Context, cid string, chunk int) (map[string]group.Entry, error)
	lapse.Lapses
	lapse.Calls
}

// contract is what every store must do. Its tests use IDs of their own, so a
// store may hold other things already.
func contract(t *testing.T, s anyStore) {
	for name, test := range map[string]func(*testing.T, anyStore){
		"unknown":                presenceUnknown,
		"presence":               presenceKept,
		"presence is replaced":   presenceReplaced,
		"owners":                 ownersKept,
		"failed change":          failedChange,
		"concurrent changes":     concurrentChanges,
		"registry":               registryOnStore,
		"stale owners":           staleOwners,
		"lapsed users":           lapsedUsers,
		"lapse":                  lapseOnStore,
		"messages":               messagesKept,
		"repeated message":       repeatedMessage,
		"message changed":        messageChanged,
		"marked batches":         markedBatches,
		"conversations":          conversationsApart,
		"order keys":             orderKeys,
		"group":                  groupKept,
		"failed group change":    failedGroupChange,
		"group messages":         groupMessages,
		"group pages":            groupPages,
		"group dismissal":        groupDismissal,
		"group closed":           groupClosed,
		"concurrent joins":       concurrentJoins,
		"ledger":                 ledgerKept,
		"ledger's lease":         ledgerLease,
		"ledger asked":           ledgerAsked,
		"ledger owner":           ledgerOwner,
		"ledger attempts":        ledgerAttempts,
		"ledger's entries":       ledgerEntries,
		"what rang":              whatRang,
		"what took away":         whatTookAway,
		"finished batch":         finishedBatch,
		"batch opened again":     reopenedBatch,
		"ring opened again":      reopenedRing,
		"outcomes add up":        outcomesAddUp,
		"concurrent first begin": concurrentFirstBegin,
		"concurrent take-over":   concurrentTakeOver,
		"skips":                  skipsRecorded,
		"calls":                  calls,
		"inbox":                  inboxes,
		"receipts":               receiptsKept,
		"concurrent receipts":    concurrentReceipts,
		"secrets":                secrets,
		"aftermath":              aftermath,
		"resources":              resourcesApplied,
		"pause":                  pauseKept,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

func TestMemory(t *testing.T) { contract(t, &store.Memory{}) }

// at is a time as Firestore keeps it: in UTC, to the microsecond.
func at(offset time.Duration) time.Time {
	return time.UnixMicro(1_700_000_000_123_456).Add(offset).UTC()
}

func change(t *testing.T, s anyStore, f func(presence.Tx) error) {
	t.Helper()
	if err := s.Change(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func userOf(t *testing.T, s anyStore, id string) *presence.User {
	t.Helper()
	users, err := s.Users(t.Context(), []string{id})
	if err != nil {
		t.Fatal(err)
	}
	return users[id]
}

func presenceUnknown(t *testing.T, s anyStore) {
	id := rand.Text()
	if u := userOf(t, s, id); u != nil {
		t.Errorf("an unknown user is read as %+v", u)
	}
	if users, err := s.Users(t.Context(), nil); err != nil || len(users) != 0 {
		t.Errorf("nobody is read as %v, %v", users, err)
	}
	change(t, s, func(tx presence.Tx) error {
		u, err := tx.User(id)
		if err != nil || u.UserID != id || len(u.Devices) != 0 {
			t.Errorf("in a transaction an unknown user is %+v, %v", u, err)
		}
		o, err := tx.Owner(device.Target{Kind: device.KindToken, Value: id}.Hash())
		if o != nil || err != nil {
			t.Errorf("an unknown token's owner is %+v, %v", o, err)
		}
		return nil
	})
	removed, err := s.RemoveTarget(t.Context(), id, "p", device.Target{Kind: device.KindToken, Value: id})
	if removed || err != nil {
		t.Errorf("a target of an unknown user was removed: %t, %v", removed, err)
	}
	if u := userOf(t, s, id); u != nil {
		t.Error("reading made a user")
	}
}

// everyone is a user with no field at its zero value.
func everyone(id string) *presence.User {
	d := device.Device{
		PushID: "p1", DeviceID: "phone", Platform: device.Web, Target: device.Target{Kind: device.KindFID, Value: "v"},
		Locale: "en", SDKVersion: "1", Popup: true, Silent: true, DataOnly: true, Privacy: device.PrivacyID, State: device.Online,
		LeaseUntil: at(1 * time.Hour), SeenAt: at(2 * time.Hour), TargetAt: at(3 * time.Hour),
		OnlineSince: at(4 * time.Hour), HeardAt: at(5 * time.Hour), LeftAt: at(6 * time.Hour), AckedUpTo: 9, LookedUpTo: 8,
	}
	return &presence.User{
		UserID: id, Badge: 7, Devices: map[string]device.Device{"p1": d, "p2": {PushID: "p2", DeviceID: "least"}},
		Rule:      presence.PushRule{OnlinePlatforms: []device.Platform{device.Web}, NotToReceiveOfflinePushPlatforms: []device.Platform{device.Android, device.IPhoneOS}},
		Reads:     map[string]presence.Read{"c1": {Seq: 7, At: at(4 * time.Hour)}, "c2": {Seq: 1}},
		Mutes:     map[string]presence.Mute{"c1": {MutedUntil: 1}, "c2": {}},
		Blacklist: map[string]int64{"a.b`c*~/": 1, "u": 2},
		Levels:    map[string]presence.Level{"c1": presence.LevelMentions, "c2": presence.LevelAll},
		Settings: presence.Settings{
			Level: presence.LevelAll, PeerLevel: presence.LevelMentions, GroupLevel: presence.LevelNone, SnoozedUntil: 1,
			Privacy: device.PrivacySender,
			Quiet: &presence.Quiet{
				TimeZone: "Europe/Berlin", Weekdays: []presence.Weekday{"sat", "sun"}, From: "22:00", To: "07:00",
				CallsBreakThrough: true, MentionsBreakThrough: true, Summary: true,
			},
			BundleSeconds: new(60),
		},
		Bursts: map[string]presence.Burst{
			"c1": {Tag: "m", Since: 7, Until: at(6 * time.Hour), Held: true, Telling: true, Told: 3}, "c2": {Tag: "n", Until: at(7 * time.Hour)},
		},
		Held:    &presence.Held{Since: 7, Until: at(6 * time.Hour)},
		Summary: &presence.Summary{ID: "s", Left: map[string]int64{"c1": 7, "c2": 1}},
		SweepAt: at(5 * time.Hour), Shard: 1,
	}
}

// everyFieldSet keeps a new field from being forgotten by these tests.
func everyFieldSet(t *testing.T, v any, except ...string) {
	t.Helper()
	for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
		if reflect.ValueOf(v).FieldByIndex(f.Index).IsZero() && !slices.Contains(except, f.Name) {
			t.Errorf("%T.%s isn't tested", v, f.Name)
		}
	}
}

func sameUser(t *testing.T, got, want *presence.User) {
	t.Helper()
	if got == nil || !reflect.DeepEqual(got.Sorted(), want.Sorted()) {
		t.Errorf("got  %+v\nwant %+v", got, want)
		return
	}
	g, w := *got, *want
	g.Devices, w.Devices = nil, nil // a store may keep the PushID only as the key
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got  %+v\nwant %+v", g, w)
	}
}

func presenceKept(t *testing.T, s anyStore) {
	// Every character that a user ID may have (chat.CheckID).
	a, b := rand.Text()+"aZ09!#$%&()+-:;<=.>?@[]^_{}|~", rand.Text()
	for _, id := range []string{a, b} {
		if chat.CheckID("", id) != nil {
			t.Errorf("%s is no user ID", id)
		}
		change(t, s, func(tx presence.Tx) error { return tx.PutUser(everyone(id)) })
	}
	everyFieldSet(t, *everyone(a))
	everyFieldSet(t, everyone(a).Devices["p1"])
	everyFieldSet(t, everyone(a).Settings)
	everyFieldSet(t, *everyone(a).Settings.Quiet)
	everyFieldSet(t, *everyone(a).Held)
	everyFieldSet(t, *everyone(a).Summary)
	everyFieldSet(t, everyone(a).Bursts["c1"])
	users, err := s.Users(t.Context(), []string{a, rand.Text(), b})
	if err != nil || len(users) != 2 {
		t.Fatalf("read %v, %v", users, err)
	}
	sameUser(t, users[a], everyone(a))
	sameUser(t, users[b], everyone(b))
	change(t, s, func(tx presence.Tx) error {
		u, err := tx.User(a)
		sameUser(t, u, everyone(a))
		return err
	})
}

func presenceReplaced(t *testing.T, s anyStore) {
	id := rand.Text()
	change(t, s, func(tx presence.Tx) error { return tx.PutUser(everyone(id)) })
	want := &presence.User{UserID: id, Devices: map[string]device.Device{"p3": {DeviceID: "d"}}}
	change(t, s, func(tx presence.Tx) error { return tx.PutUser(want) })
	sameUser(t, userOf(t, s, id), want)
}

func ownersKept(t *testing.T, s anyStore) {
	target := device.Target{Kind: device.KindToken, Value: rand.Text()}
	want := presence.Owner{UserID: "u", PushID: "p", At: at(0), Day: 7}
	read := func() (got *presence.Owner) {
		change(t, s, func(tx presence.Tx) (err error) {
			got, err = tx.Owner(target.Hash())
			return err
		})
		return got
	}
	change(t, s, func(tx presence.Tx) error { return tx.PutOwner(target.Hash(), want) })
	if got := read(); got == nil || *got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	want.UserID = "other"
	change(t, s, func(tx presence.Tx) error { return tx.PutOwner(target.Hash(), want) })
	if got := read(); got == nil || *got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for range 2 {
		change(t, s, func(tx presence.Tx) error { return tx.DeleteOwner(target.Hash()) })
		if got := read(); got != nil {
			t.Errorf("deleted, but there is %+v", got)
		}
	}
}

func failedChange(t *testing.T, s anyStore) {
	id, stop := rand.Text(), errors.New("stop")
	target := device.Target{Kind: device.KindToken, Value: id}
	err := s.Change(t.Context(), func(tx presence.Tx) error {
		return errors.Join(tx.PutUser(everyone(id)), tx.PutOwner(target.Hash(), presence.Owner{UserID: id}), stop)
	})
	if !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if userOf(t, s, id) != nil {
		t.Error("a failed transaction wrote a user")
	}
	change(t, s, func(tx presence.Tx) error {
		if o, err := tx.Owner(target.Hash()); o != nil || err != nil {
			t.Errorf("a failed transaction wrote an owner: %+v, %v", o, err)
		}
		return nil
	})
}

func concurrentChanges(t *testing.T, s anyStore) {
	const workers, each = 3, 4
	id := rand.Text()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				err := s.Change(context.Background(), func(tx presence.Tx) error {
					u, err := tx.User(id)
					if err != nil {
						return err
					}
					u.Badge++
					return tx.PutUser(u)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := userOf(t, s, id).Badge; got != workers*each {
		t.Errorf("%d of %d changes are left", got, workers*each)
	}
}

// A token moves and dies: the transactions of package presence on this store.
func registryOnStore(t *testing.T, s anyStore) {
	alice, bob, target := rand.Text(), rand.Text(), device.Target{Kind: device.KindToken, Value: rand.Text()}
	reg := &presence.Registry{Store: s, Now: func() time.Time { return at(0) }, Lease: time.Minute, MaxDevices: 2}
	register := func(user, id string, target device.Target) presence.Registered {
		t.Helper()
		out, err := reg.Register(t.Context(), user, device.Device{DeviceID: id, Platform: device.Android, Target: target, Popup: true})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	first := register(alice, "phone", target)
	register(alice, "tablet", device.Target{Kind: device.KindFID, Value: rand.Text()})
	pushID := register(bob, "phone", target).PushID
	if _, ok := userOf(t, s, alice).Device(first.PushID); ok {
		t.Error("the token moved, and its old owner's device is still there")
	}
	if known, err := reg.Heartbeat(t.Context(), bob, presence.Beat{PushID: pushID, State: device.Online}); !known || err != nil {
		t.Errorf("heartbeat: %t, %v", known, err)
	}
	for _, want := range []bool{true, false} {
		if removed, err := s.RemoveTarget(t.Context(), bob, pushID, target); removed != want || err != nil {
			t.Errorf("removed %t, %v; want %t", removed, err, want)
		}
	}
	if d, ok := userOf(t, s, bob).Device(pushID); !ok || !d.Target.IsZero() || !d.OnlineAt(at(time.Second)) {
		t.Errorf("after its token died the device is %+v", d)
	}
	for _, seq := range []int64{5, 4} {
		if err := reg.MarkRead(t.Context(), bob, "c", seq, nil); err != nil || userOf(t, s, bob).ReadSeq("c") != 5 {
			t.Errorf("read %d: %+v, %v", seq, userOf(t, s, bob), err)
		}
	}
	if existed, err := reg.Unregister(t.Context(), bob, pushID); !existed || err != nil {
		t.Errorf("unregister: %t, %v", existed, err)
	}
	if u := userOf(t, s, bob); len(u.Devices) != 0 {
		t.Errorf("unregistered, but there is %+v", u.Devices)
	}
}
