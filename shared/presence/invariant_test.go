package presence_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
)

const (
	someUsers   = 4
	someDevices = 5
	someTokens  = 6
)

func user(i int) string { return fmt.Sprintf("user%d", i) }
func tok(i int) string  { return fmt.Sprintf("T%d", i) }

// act does one random operation.
func (w *world) act(random *rand.Rand) string {
	ctx := context.Background()
	u, id, value := user(random.IntN(someUsers)), fmt.Sprintf("d%d", random.IntN(someDevices)), tok(random.IntN(someTokens))
	pushID := device.PushID(u, id)
	op := fmt.Sprintf("%s %s %s", u, id, value)
	var err error
	switch random.IntN(8) {
	case 0, 1:
		op = "register " + op
		_, err = w.reg.Register(ctx, u, device.Device{DeviceID: id, Platform: device.Android, Target: token(value)})
	case 2:
		op = "unregister " + op
		_, err = w.reg.Unregister(ctx, u, pushID)
	case 3:
		op = "remove target " + op
		_, err = w.reg.RemoveTarget(ctx, u, pushID, token(value))
	case 4:
		op = "heartbeat " + op
		_, err = w.reg.Heartbeat(ctx, u, presence.Beat{PushID: pushID, State: device.Online})
	case 5:
		op = "heartbeat with platform " + op
		state := []device.State{device.Online, device.Background, device.Offline}[random.IntN(3)]
		_, err = w.reg.Heartbeat(ctx, u, presence.Beat{PushID: pushID, DeviceID: id, Platform: device.Web, State: state, AckedUpTo: int64(random.IntN(2))})
	case 6:
		op = "settle " + op
		_, err = w.reg.SettleLapsed(ctx, u, w.user(u).Lapsed(w.now))
	case 7:
		op = "rule " + op
		rule := presence.PushRule{OnlinePlatforms: platforms{device.Web}, NotToReceiveOfflinePushPlatforms: platforms{device.Android}}
		if random.IntN(2) == 0 {
			rule = presence.PushRule{}
		}
		_, err = w.reg.SetRule(ctx, u, rule)
	}
	if err != nil {
		w.Errorf("%s: %v", op, err)
	}
	return op
}

// check reports what is wrong with who owns which token (every target stored in
// a device is owned by that device, no target is in two, and nothing else is
// owned) and with when users are swept.
func (w *world) check() (problems []string) {
	holders := map[string][]string{}
	for i := range someUsers {
		devices := w.devices(user(i))
		if len(devices) > w.reg.MaxDevices {
			problems = append(problems, fmt.Sprintf("%s has %d devices", user(i), len(devices)))
		}
		if u := w.user(user(i)); u != nil {
			var next time.Time
			for _, d := range u.Lapsed(time.Unix(1<<40, 0)) {
				if next.IsZero() || d.LookAt().Before(next) {
					next = d.LookAt()
				}
			}
			if !u.SweepAt.Equal(next) || u.Shard != presence.Shard(u.UserID) {
				problems = append(problems, fmt.Sprintf("%s is swept at %v in shard %d, its first device is looked at at %v", u.UserID, u.SweepAt, u.Shard, next))
			}
		}
		for id, d := range devices {
			if !d.Target.IsZero() {
				holders[d.Target.Value] = append(holders[d.Target.Value], user(i)+" "+id)
			}
		}
	}
	for i := range someTokens {
		owner, held := w.owner(tok(i)), holders[tok(i)]
		switch {
		case len(held) > 1:
			problems = append(problems, fmt.Sprintf("%s is in %q", tok(i), held))
		case len(held) == 1 && owner != held[0]:
			problems = append(problems, fmt.Sprintf("%s is in %q but owned by %q", tok(i), held[0], owner))
		case len(held) == 0 && owner != "":
			problems = append(problems, fmt.Sprintf("%s is in no device but owned by %q", tok(i), owner))
		}
	}
	return problems
}

func TestEveryTargetHasOneOwner(t *testing.T) {
	for seed := range uint64(30) {
		w := newWorld(t)
		w.reg.MaxDevices = 3
		random := rand.New(rand.NewPCG(seed, 0))
		var history []string
		for range 150 {
			w.now = w.now.Add(time.Duration(random.IntN(30)) * time.Second)
			history = append(history, w.act(random))
			if problems := w.check(); problems != nil {
				t.Fatalf("seed %d: %q after\n%q", seed, problems, history)
			}
		}
	}
}

func TestConcurrentOperations(t *testing.T) {
	w := newWorld(t)
	w.reg.MaxDevices = 3
	var wg sync.WaitGroup
	for worker := range uint64(8) {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(7, worker))
			for range 200 {
				w.act(random)
			}
		})
	}
	wg.Wait()
	if problems := w.check(); problems != nil {
		t.Errorf("%q", problems)
	}
}
