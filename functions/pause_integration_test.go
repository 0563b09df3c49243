//go:build integration

package functions_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/dispatch"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// strangers are devices that nobody stored, and FCM for them: it takes all.
type strangers struct {
	dispatch.Bindings
	targets []push.Target

	mu    sync.Mutex
	begun []time.Time
}

func (s *strangers) Users(context.Context, []string) (map[string]*presence.User, error) {
	users := map[string]*presence.User{}
	for _, t := range s.targets {
		users[t.UserID] = &presence.User{UserID: t.UserID, Devices: map[string]device.Device{t.PushID: {PushID: t.PushID, Platform: t.Platform, Target: t.Device(), Popup: true}}}
	}
	return users, nil
}

func (s *strangers) Send(context.Context, []byte) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = append(s.begun, time.Now())
	return "projects/demo/messages/1", nil
}

// FCM tells the functions to wait, and another instance with much to send begins
// nothing before that is over.
func TestPauseReachesAnotherInstance(t *testing.T) {
	const pause = 4 * time.Second
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	db := bob.database()
	t.Cleanup(world.FCM.ClearFaults)
	rule := standin.Rule{Match: standin.Match{Token: d.token, Count: 1}, Action: standin.Action{Error: standin.ProjectQuota, RetryAfter: standin.Delay(pause)}}
	if err := world.FCM.SetFaults(standin.Plan{Rules: []standin.Rule{rule}}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	id := alice.send(bob, "hello", "1")
	var told delivery.Pause
	err := harness.Poll(t.Context(), within, func(ctx context.Context) (err error) {
		if told, err = db.Pause(ctx); err == nil && told.ToldAt.Before(began) {
			err = errors.New("nothing is told")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	s := &strangers{}
	for i := range 100 {
		s.targets = append(s.targets, push.Target{UserID: fmt.Sprint("u", i), PushID: fmt.Sprint("p", i), Platform: device.Android, Kind: device.KindToken, Value: fmt.Sprint("t", i)})
	}
	other := &dispatch.Dispatcher{
		Ledger: db, Bindings: s, Sender: s, Pauses: db, Now: time.Now, Retention: time.Hour, MaxAttempts: 1, Concurrency: 10,
	}
	a := push.OfMessage(chat.Message{
		MessageID: "m", SenderUserID: "x", ConversationID: "y", Timestamp: time.Now().UnixMilli(), Push: &chat.PushConfig{Title: "t", Content: "c"},
	}, time.Hour)
	if err := other.Dispatch(t.Context(), push.NewBatch(a, bob.ID, 0, s.targets, time.Now())); err != nil {
		t.Error(err)
	}
	if len(s.begun) != len(s.targets) {
		t.Fatalf("%d requests", len(s.begun))
	}
	for _, at := range s.begun {
		if at.Before(told.ToldAt.Add(pause)) {
			t.Fatalf("one was begun %v before FCM wants to hear of us", told.ToldAt.Add(pause).Sub(at))
		}
	}
	waitShade(t, d, id)
}
