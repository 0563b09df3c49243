//go:build integration

package functions_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/scripts/harness"
)

// The first issue's bar: what a message to one offline device costs.
func TestCostOfOneMessage(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	warmUp := alice.send(bob, "warm-up", "0") // connections and first-use caches
	waitLogged(t, "dispatched", warmUp)
	settle(t)

	resumeMessage, resumeDispatch := pause(t, "on-message"), pause(t, "dispatch")
	before, published := world.firestore.Snapshot(), world.pubsub.Snapshot()
	cost := func() (rpcs, pub harness.RPCs) {
		f, p := world.firestore.Snapshot(), world.pubsub.Snapshot()
		rpcs, pub = f.Sub(before), p.Sub(published)
		before, published = f, p
		return rpcs, pub
	}

	id := alice.send(bob, "hello", "1")
	waitHeld(t, "on-message", 1)
	send, _ := cost()
	t.Logf("send: %v", send)
	if send.Reads > 2 || len(send.Commits) > 1 {
		t.Errorf("send costs %v; at most 2 reads and 1 commit", send)
	}

	resumeMessage()
	waitHeld(t, "dispatch", 1)
	waitLogged(t, "planned", id)
	plan, pub := cost()
	t.Logf("on-message: %v %v", plan, pub)
	if plan.Reads > 1 || plan.Writes > 0 || pub.PublishedMessages > 1 {
		t.Errorf("on-message costs %v and %v; at most 1 read, no write, 1 publish", plan, pub)
	}

	resumeDispatch()
	waitLogged(t, "dispatched", id)
	dispatch, pub := cost()
	t.Logf("dispatch: %v", dispatch)
	if dispatch.Reads > 1 || dispatch.Writes > 2 || pub.PublishedMessages > 0 {
		t.Errorf("dispatch costs %v and %v; at most 1 read and 2 writes", dispatch, pub)
	}
	waitShade(t, d, warmUp, id)
}

func TestOnlineReceiverCostsNoWrite(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "web")
	bob.presence(d, "online")
	settle(t)
	resume := pause(t, "on-message")
	id := alice.send(bob, "hello", "1")
	waitHeld(t, "on-message", 1)
	before, published := world.firestore.Snapshot(), world.pubsub.Snapshot()
	resume()
	waitLogged(t, "planned", id)
	if c, p := world.firestore.Snapshot().Sub(before), world.pubsub.Snapshot().Sub(published); c.Reads > 1 || c.Writes > 0 || p.PublishedMessages > 0 {
		t.Errorf("a message to an online receiver costs %v and %v", c, p)
	}
	assertShade(t, d)
}

func TestRepeatedEventsShowOnce(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	t.Cleanup(world.Gate.Reset)
	planned, dispatched := answered("on-message"), answered("dispatch")
	world.Gate.Duplicate("on-message", 2, true)
	world.Gate.Duplicate("dispatch", 2, true)
	world.Gate.DropAnswer("dispatch", 1)
	id := alice.send(bob, "hello", "1")
	waitDelivered(t, "on-message", planned+2)
	waitDelivered(t, "dispatch", dispatched+2)
	waitShade(t, d, id)
	if got := len(world.FCM.Messages(d.token)); got != 1 {
		t.Errorf("FCM got the push %d times", got)
	}
}

func TestSendIsIdempotent(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	ids := make([]string, 5)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() { ids[i] = alice.send(bob, "hello", "same") })
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("retries answered different messages: %v", ids)
		}
	}
	last := alice.send(bob, "another", "other")
	waitShade(t, d, ids[0], last)
	if got := len(world.FCM.Messages(d.token)); got != 2 {
		t.Errorf("FCM got %d pushes of 2 messages", got)
	}
}

func TestKilledBetweenSendAndDispatch(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	resume := pause(t, "dispatch")
	id := alice.send(bob, "hello", "1")
	waitHeld(t, "dispatch", 1)
	world.KillFunctions()
	resume()
	if err := world.StartFunctions(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitShade(t, d, id)
	if got := len(world.FCM.Messages(d.token)); got != 1 {
		t.Errorf("FCM got the push %d times", got)
	}
}

func TestPhoneChangesHands(t *testing.T) {
	alice, bob, carol := someone(t, "alice"), someone(t, "bob"), someone(t, "carol")
	d := bob.newPhone("shared", "android")
	carol.register("shared", "android", d.token)
	alice.send(bob, "for bob only", "1")
	id := alice.send(carol, "for carol", "2")
	last := alice.send(carol, "for carol too", "3")
	waitShade(t, d, id, last)
}

func TestHandedOnWhileQueued(t *testing.T) {
	alice, bob, carol := someone(t, "alice"), someone(t, "bob"), someone(t, "carol")
	d := bob.newPhone("shared", "android")
	resume := pause(t, "dispatch")
	id := alice.send(bob, "for bob only", "1")
	waitHeld(t, "dispatch", 1)
	carol.register("shared", "android", d.token)
	resume()
	waitLogged(t, "dispatched", id)
	assertShade(t, d)
}

func TestTheLeastRecentlySeenDeviceMakesRoom(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	var all []phone
	for i := range 25 {
		all = append(all, bob.newPhone(fmt.Sprintf("phone-%d", i), "android"))
	}
	bob.presence(all[0], "offline") // seen now, so the second is the oldest
	answer := bob.call(http.MethodPost, "/register", object{"token": standin.TokenFor(unique(t)), "platform": "android", "deviceID": "one-more"})
	if got := fmt.Sprint(answer["droppedPushIDs"]); got != "["+all[1].pushID+"]" {
		t.Errorf("dropped %s, want %s", got, all[1].pushID)
	}
	id := alice.send(bob, "hello", "1")
	waitShade(t, all[0], id)
	waitShade(t, all[24], id)
	assertShade(t, all[1])
}

func TestDeadTokenIsForgotten(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	dead, alive := bob.newPhone("dead", "android"), bob.newPhone("alive", "android")
	if err := world.FCM.Uninstall(dead.token); err != nil {
		t.Fatal(err)
	}
	first := alice.send(bob, "hello", "1")
	waitLogged(t, "dispatched", first)
	before := world.FCM.Stats().Errors["UNREGISTERED"]
	second := alice.send(bob, "again", "2")
	waitLogged(t, "dispatched", second)
	waitShade(t, alive, first, second)
	if got := world.FCM.Stats().Errors["UNREGISTERED"] - before; before == 0 || got != 0 {
		t.Errorf("the dead token was refused %d times at first and %d times again", before, got)
	}
}

func TestFCMFaultsLoseNothing(t *testing.T) {
	for _, tc := range []struct {
		name   string
		action standin.Action
	}{
		{"unavailable", standin.Action{Error: "UNAVAILABLE"}},
		{"internal", standin.Action{Error: "INTERNAL"}},
		{"quota", standin.Action{Error: "QUOTA_EXCEEDED", RetryAfter: standin.Delay(1e9)}},
		{"reset", standin.Action{Kind: "reset"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			alice, bob := someone(t, "alice"), someone(t, "bob")
			d := bob.newPhone("phone", "android")
			t.Cleanup(world.FCM.ClearFaults)
			if err := world.FCM.SetFaults(standin.Plan{Rules: []standin.Rule{{Match: standin.Match{Token: d.token, Count: 2}, Action: tc.action}}}); err != nil {
				t.Fatal(err)
			}
			id := alice.send(bob, "hello", "1")
			waitShade(t, d, id)
			if got := world.FCM.Stats().InRetryAfter; got != 0 {
				t.Errorf("%d requests came inside a Retry-After", got)
			}
		})
	}
}

func TestLostAnswerShowsOnce(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	t.Cleanup(world.FCM.ClearFaults)
	rule := standin.Rule{Match: standin.Match{Token: d.token, Count: 1}, Action: standin.Action{Kind: "lost_answer"}}
	if err := world.FCM.SetFaults(standin.Plan{Rules: []standin.Rule{rule}}); err != nil {
		t.Fatal(err)
	}
	id := alice.send(bob, "hello", "1")
	waitLogged(t, "dispatched", id)
	assertShade(t, d, id)
}

func TestWhatOnlyAnOperatorCanMendIsDeadLettered(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "ios")
	t.Cleanup(world.FCM.ClearFaults)
	rule := standin.Rule{Match: standin.Match{Token: d.token, Count: 1}, Action: standin.Action{Error: "THIRD_PARTY_AUTH_ERROR"}}
	if err := world.FCM.SetFaults(standin.Plan{Rules: []standin.Rule{rule}}); err != nil {
		t.Fatal(err)
	}
	id := alice.send(bob, "hello", "1")

	client, err := pubsub.NewClient(t.Context(), world.ProjectID, option.WithEndpoint(world.PubSubHost()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	found := errors.New("found")
	var got error
	err = client.Subscriber("push-dead").Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		m.Ack()
		if m.Attributes["subjectID"] == id {
			if reason := m.Attributes["reason"]; reason != "third_party_auth" {
				t.Errorf("dead-lettered for %q", reason)
			}
			got = found
			cancel()
		}
	})
	if err != nil || got == nil {
		t.Fatalf("no dead letter: %v", err)
	}
	// The token is not at fault: the next push goes to it.
	second := alice.send(bob, "again", "2")
	waitShade(t, d, second)
}

func TestLogsHoldNoContentAndNoTokens(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	body := message(bob.ID, "s3cret-text", "1")
	body["config"] = object{"priority": 3, "pushConfig": object{"title": "s3cret-title", "content": "s3cret-content", "payload": "s3cret-payload"}}
	alice.call(http.MethodPost, "/send", body)
	alice.Do(http.MethodPost, "/send", `{"message":{"type":1,"message":"s3cret-broken"`)
	alice.Do(http.MethodPost, "/register", object{"token": "s3cret token", "platform": "web", "deviceID": "d"})
	waitLogged(t, "dispatched", alice.send(bob, "s3cret-last", "2"))
	log := string(world.log.Bytes())
	for _, secret := range []string{"s3cret", d.token, alice.Token, bob.Token} {
		if i := strings.Index(log, secret); i >= 0 {
			t.Errorf("the log holds a secret: …%s…", log[max(0, i-200):min(len(log), i+100)])
		}
	}
	if !strings.Contains(log, `"message":"dispatched"`) {
		t.Error("the log doesn't tell of dispatched batches")
	}
}
