package dispatch

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

type bindings struct {
	Bindings
	reads  [][]string
	wait   time.Duration
	err    error
	remove func() (bool, error)
}

func (b *bindings) Users(ctx context.Context, ids []string) (map[string]*presence.User, error) {
	b.reads = append(b.reads, ids)
	time.Sleep(b.wait)
	if b.err != nil {
		return nil, b.err
	}
	return b.Bindings.Users(ctx, ids)
}

func (b *bindings) RemoveTarget(ctx context.Context, userID, pushID string, dead device.Target) (bool, error) {
	if b.remove != nil {
		return b.remove()
	}
	return b.Bindings.RemoveTarget(ctx, userID, pushID, dead)
}

func mustUser(b *bench, id string) *presence.User {
	users, err := b.db.Users(context.Background(), []string{id})
	if err != nil {
		b.Fatal(err)
	}
	return users[id]
}

func TestRecheckOfOneReceiver(t *testing.T) {
	inBubble(t, func(b *bench) {
		watched := &bindings{Bindings: b.db}
		b.d.Bindings = watched
		batch := b.batch("m", "A")
		batch.Targets = append(batch.Targets, b.bind("user-A", "web-A"))
		beat := presence.Beat{PushID: batch.Targets[0].PushID, State: device.Online}
		if _, err := b.reg.Heartbeat(b.Context(), "user-A", beat); err != nil {
			t.Fatal(err)
		}
		b.dispatch(batch, false)
		b.want(batch, true, "A", "skipped online", "web-A", "sent")
		if len(watched.reads) != 1 {
			t.Errorf("reads %q, want one", watched.reads)
		}
	})
}

func TestRecheckReasons(t *testing.T) {
	for want, change := range map[string]func(b *bench, pushID string) error{
		"skipped no_device": func(b *bench, pushID string) error {
			_, err := b.reg.Unregister(b.Context(), "user-A", pushID)
			return err
		},
		"skipped no_target": func(b *bench, pushID string) error {
			_, err := b.reg.RemoveTarget(b.Context(), "user-A", pushID, device.Target{Kind: device.KindToken, Value: "A"})
			return err
		},
	} {
		inBubble(t, func(b *bench) {
			batch := b.batch("m", "A")
			if err := change(b, batch.Targets[0].PushID); err != nil {
				t.Fatal(err)
			}
			b.dispatch(batch, false)
			b.want(batch, true, "A", want)
			b.wantRequests()
		})
	}
}

// rotate registers a new token for the device of a target.
func (b *bench) rotate(t push.Target, token string) {
	b.Helper()
	d, _ := mustUser(b, t.UserID).Device(t.PushID)
	d.Target.Value = token
	if _, err := b.reg.Register(b.Context(), t.UserID, d); err != nil {
		b.Fatal(err)
	}
}

// A token that was replaced between plan and push: the device is the same, and
// gets the push at its new one.
func TestTokenReplacedBeforeThePush(t *testing.T) {
	inBubble(t, func(b *bench) {
		batch := b.batch("m", "A")
		b.rotate(batch.Targets[0], "new")
		b.dispatch(batch, false)
		b.wantRequests("new", 1)
		b.want(batch, true, "A", "sent")
	})
}

// So does one whose plan was fresh enough to be followed unseen: FCM says that
// the old token is dead, and the redelivery finds the new one.
func TestTokenReplacedAsItIsSent(t *testing.T) {
	inBubble(t, func(b *bench) {
		batch := b.batch("m", "A", "B")
		b.fcm.answer = func(token string, _ int) answer {
			if token == "A" {
				return unregistered
			}
			return ok
		}
		b.rotate(batch.Targets[0], "new")
		b.dispatch(batch, true)
		b.want(batch, false, "A", "pending unregistered", "B", "sent")
		b.dispatch(batch, false)
		b.want(batch, true, "A", "sent", "B", "sent")
		b.wantRequests("A", 1, "B", 1, "new", 1)
		if got := b.bound(batch.Targets[0]); got != "new" {
			t.Errorf("bound to %q", got)
		}
	})
}

// Whether a dead token was replaced can't be told: the device is not given up.
func TestPardonFails(t *testing.T) {
	inBubble(t, func(b *bench) {
		watched := &bindings{Bindings: b.db}
		b.d.Bindings = watched
		batch := b.batch("m", "A", "B")
		b.fcm.answer = func(token string, _ int) answer {
			if token == "A" {
				watched.err = errors.New("presence is down")
				return unregistered
			}
			return ok
		}
		b.dispatch(batch, true)
		b.want(batch, false, "A", "pending unregistered", "B", "sent")
		b.fcm.answer = func(string, int) answer { return unregistered }
		watched.err = nil
		b.dispatch(batch, false)
		b.want(batch, true, "A", "failed unregistered", "B", "sent")
	})
}

// Many receivers' presence is read again only when the plan is old or the batch repeated.
func TestRecheckOfManyReceivers(t *testing.T) {
	for name, tc := range map[string]struct {
		age   time.Duration
		stops bool // the first attempt, after one answer
		reads int
	}{
		"fresh":      {0, false, 0},
		"just fresh": {trust - time.Millisecond, false, 0},
		"old":        {trust, false, 1},
		"repeated":   {0, true, 1},
	} {
		inBubble(t, func(b *bench) {
			watched := &bindings{Bindings: b.db}
			b.d.Bindings = watched
			b.d.Concurrency = 1
			batch := b.batch("m", "A", "B", "C")
			time.Sleep(tc.age)
			if tc.stops {
				ctx, stop := context.WithCancel(b.Context())
				b.fcm.answer = func(string, int) answer { stop(); return ok }
				if err := b.d.Dispatch(ctx, batch); err == nil {
					t.Errorf("%s: no error from the attempt that was stopped", name)
				}
			}
			b.dispatch(batch, false)
			b.want(batch, true, "A", "sent", "B", "sent", "C", "sent")
			if len(watched.reads) != tc.reads {
				t.Errorf("%s: reads %q, want %d", name, watched.reads, tc.reads)
			}
			if tc.stops && len(watched.reads) == 1 && len(watched.reads[0]) != 2 {
				t.Errorf("%s: read %q, want only the two not yet told", name, watched.reads[0])
			}
		})
	}
}

// The lease is given back, so that the redelivery need not wait.
func TestRecheckFails(t *testing.T) {
	inBubble(t, func(b *bench) {
		watched := &bindings{Bindings: b.db, err: errors.New("presence is down")}
		b.d.Bindings = watched
		batch := b.batch("m", "A")
		if err := b.d.Dispatch(b.Context(), batch); !errors.Is(err, watched.err) {
			t.Errorf("got %v", err)
		}
		b.wantRequests()
		watched.err = nil
		b.dispatch(batch, false)
		b.want(batch, true, "A", "sent")
	})
}

// A dead target that can't be removed now is found dead again by the next push.
func TestForgetFails(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.d.Bindings = &bindings{Bindings: b.db, remove: func() (bool, error) { return false, errors.New("down") }}
		b.fcm.answer = func(string, int) answer { return unregistered }
		batch := b.batch("m", "A")
		b.dispatch(batch, false)
		b.want(batch, true, "A", "failed unregistered")
	})
}
