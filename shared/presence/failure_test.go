package presence_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/store"
)

var errDown = errors.New("store is down")

// flaky is a store whose transactions fail at one of their calls, counting from 0.
type flaky struct {
	*store.Memory
	failAt int
	calls  int
}

func (f *flaky) Change(ctx context.Context, do func(presence.Tx) error) error {
	return f.Memory.Change(ctx, func(tx presence.Tx) error { return do(flakyTx{tx, f}) })
}

func (f *flaky) fail() error {
	f.calls++
	if f.calls-1 == f.failAt {
		return errDown
	}
	return nil
}

type flakyTx struct {
	presence.Tx
	f *flaky
}

func (t flakyTx) User(id string) (*presence.User, error) {
	if err := t.f.fail(); err != nil {
		return nil, err
	}
	return t.Tx.User(id)
}

func (t flakyTx) Owner(hash string) (*presence.Owner, error) {
	if err := t.f.fail(); err != nil {
		return nil, err
	}
	return t.Tx.Owner(hash)
}

func (t flakyTx) PutUser(u *presence.User) error {
	return errors.Join(t.f.fail(), t.Tx.PutUser(u))
}

func (t flakyTx) PutOwner(hash string, o presence.Owner) error {
	return errors.Join(t.f.fail(), t.Tx.PutOwner(hash, o))
}

func (t flakyTx) DeleteOwner(hash string) error {
	return errors.Join(t.f.fail(), t.Tx.DeleteOwner(hash))
}

// Whichever call of a transaction fails, the caller hears of it and nothing is changed.
func TestFailureAnywhereChangesNothing(t *testing.T) {
	phone := device.PushID("alice", "phone")
	for name, tc := range map[string]struct {
		calls int
		do    func(*presence.Registry) error
	}{
		"register, taking a token, replacing one and making room": {8, func(r *presence.Registry) error {
			r.MaxDevices = 1
			_, err := r.Register(context.Background(), "alice", device.Device{DeviceID: "phone", Target: token("bob's")})
			return err
		}},
		"unregister": {3, func(r *presence.Registry) error {
			_, err := r.Unregister(context.Background(), "alice", phone)
			return err
		}},
		"heartbeat, making room": {3, func(r *presence.Registry) error {
			r.MaxDevices = 1
			_, err := r.Heartbeat(context.Background(), "alice", presence.Beat{PushID: phone, State: device.Online})
			return err
		}},
		"remove target": {3, func(r *presence.Registry) error {
			_, err := r.RemoveTarget(context.Background(), "alice", phone, token("A"))
			return err
		}},
		"settle": {2, func(r *presence.Registry) error {
			r.Now = func() time.Time { return start.Add(time.Hour) }
			_, err := r.SettleLapsed(context.Background(), "bob", []device.Device{{PushID: device.PushID("bob", "phone"), State: device.Online, LeaseUntil: start.Add(time.Minute)}})
			return err
		}},
		"note what was looked at": {2, func(r *presence.Registry) error {
			r.Now = func() time.Time { return start.Add(time.Hour) }
			return r.LookedUpTo(context.Background(), "bob", []device.Device{{PushID: device.PushID("bob", "phone"), State: device.Online, LeaseUntil: start.Add(time.Minute)}}, 1)
		}},
		"mute": {2, func(r *presence.Registry) error {
			return r.SetPeer(context.Background(), "alice", "c", &presence.Mute{}, presence.LevelNone)
		}},
		"push rule": {2, func(r *presence.Registry) error {
			_, err := r.SetRule(context.Background(), "alice", presence.PushRule{OnlinePlatforms: platforms{device.Web}})
			return err
		}},
		"badge": {2, func(r *presence.Registry) error {
			return r.SetBadge(context.Background(), "alice", 5)
		}},
		"hold back": {2, func(r *presence.Registry) error {
			return r.Hold(context.Background(), "alice", presence.Held{Since: 1, Until: start})
		}},
		"tell of what was held back": {2, func(r *presence.Registry) error {
			return r.SettleHeld(context.Background(), "carol", presence.Held{Since: 1, Until: start}, nil)
		}},
		"block": {2, func(r *presence.Registry) error {
			_, err := r.AddToBlacklist(context.Background(), "alice", []string{"eve"})
			return err
		}},
		"unblock": {2, func(r *presence.Registry) error {
			return r.RemoveFromBlacklist(context.Background(), "alice", []string{"dave"})
		}},
		"settings": {2, func(r *presence.Registry) error {
			_, err := r.ChangeSettings(context.Background(), "alice", presence.SettingsChange{Level: presence.Change[presence.Level]{Given: true, Value: presence.LevelNone}})
			return err
		}},
		"mark read": {2, func(r *presence.Registry) error {
			return r.MarkRead(context.Background(), "alice", "c", 1, nil)
		}},
	} {
		for at := 0; ; at++ {
			w := newWorld(t)
			w.register("alice", "phone", "A")
			w.register("alice", "tablet", "B")
			w.register("bob", "phone", "bob's")
			w.block("alice", "dave")
			if err := w.reg.Hold(t.Context(), "carol", presence.Held{Since: 1, Until: start}); err != nil {
				t.Fatal(err)
			}
			w.heartbeat("bob", presence.Beat{PushID: device.PushID("bob", "phone"), State: device.Online})
			f := &flaky{Memory: w.db, failAt: at}
			w.reg.Store = f
			err := tc.do(w.reg)
			if at == tc.calls {
				if err != nil || f.calls != tc.calls {
					t.Errorf("%s: %d calls, %v; want %d", name, f.calls, err, tc.calls)
				}
				break
			}
			if !errors.Is(err, errDown) {
				t.Fatalf("%s: call %d failed, the caller got %v", name, at, err)
			}
			if d := w.devices("bob")["phone"]; d.State != device.Online {
				t.Errorf("%s: call %d failed, and bob has %+v", name, at, d)
			}
			w.wantOwner("A", "alice phone")
			w.wantOwner("B", "alice tablet")
			w.wantOwner("bob's", "bob phone")
			if u := w.user("alice"); u.Blocks("eve") || !u.Blocks("dave") {
				t.Errorf("%s: call %d failed, and alice blocks %v", name, at, u.Blacklist)
			}
			if len(w.devices("alice")) != 2 || w.user("alice").ReadSeq("c") != 0 || len(w.user("alice").Mutes)+len(w.user("alice").Levels) != 0 || w.user("alice").Settings != (presence.Settings{}) || w.user("alice").Rule.OnlinePlatforms != nil || w.devices("alice")["phone"].State != "" {
				t.Errorf("%s: call %d failed, and alice has %+v", name, at, w.devices("alice"))
			}
		}
	}
}
