//go:build integration

package functions_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"cloud.google.com/go/firestore"

	"github.com/doorbell-push/doorbell/scripts/harness"
	calling "github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/store"
)

// database is the emulator itself: what is done on it isn't counted.
func (p person) database() *store.Firestore {
	p.t.Helper()
	p.t.Setenv("FIRESTORE_EMULATOR_HOST", world.FirestoreHost())
	client, err := firestore.NewClient(p.t.Context(), world.ProjectID)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = client.Close() })
	return store.NewFirestore(client)
}

// stored is p's device as it is stored.
func (p person) stored(d phone) device.Device {
	p.t.Helper()
	users, err := p.database().Users(p.t.Context(), []string{p.ID})
	if err != nil {
		p.t.Fatal(err)
	}
	out, _ := users[p.ID].Device(d.pushID)
	return out
}

// lapse ends the lease of p's device, as if two minutes had gone by without a
// word from it, and as long ago as a sweep waits for the clocks of others.
func (p person) lapse(d phone) {
	p.t.Helper()
	err := p.database().Change(p.t.Context(), func(tx presence.Tx) error {
		u, err := tx.User(p.ID)
		if err != nil {
			return err
		}
		over := u.Devices[d.pushID]
		over.LeaseUntil = time.Now().Add(-5 * time.Second)
		u.Devices[d.pushID], u.SweepAt = over, over.LeaseUntil
		return tx.PutUser(u)
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// sweptWithin is how long a sweep may take that is asked for now: Pub/Sub may hold
// it back until the last one has ended, which waits a minute for the calls that
// another test left ringing.
const sweptWithin = 60*time.Second + within

// sweep asks for a sweep and waits until one is done with lapsed leases. Where
// another test left a call ringing, that may be one that waits for the call.
func sweep(t *testing.T) {
	t.Helper()
	done := lapsesSwept()
	if err := world.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := harness.Poll(t.Context(), sweptWithin, func(context.Context) error {
		if lapsesSwept() == done {
			return fmt.Errorf("lapsed leases are not swept, sweeps so far %+v", world.Gate.Counts("sweep"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func lapsesSwept() int {
	return bytes.Count(world.log.Bytes(), []byte(`"message":"swept","part":"lapses"`))
}

// A tab that died while it counted as online: what it never got rings when its
// lease lapses, once, and there only.
func TestOnlineButNeverGotIt(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	tab, away := bob.newPhone("tab", "web"), bob.newPhone("phone", "android")
	bob.presence(tab, "online")
	id := alice.send(bob, "hello", "1")
	waitLogged(t, "planned", id)
	waitShade(t, away, id)
	sweep(t)
	assertShade(t, tab) // it is still held to be online

	bob.lapse(tab)
	sweep(t)
	waitShade(t, tab, id)
	sweep(t)
	next := alice.send(bob, "again", "2")
	waitShade(t, tab, id, next) // from now on it is away
	waitShade(t, away, id, next)
	for _, d := range []phone{tab, away} {
		if got := len(world.FCM.Messages(d.token)); got != 2 {
			t.Errorf("got %d pushes of two messages", got)
		}
	}
}

// What the device says it has doesn't ring, nor what was read elsewhere.
func TestOnlineAndGotIt(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	tab := bob.newPhone("tab", "web")
	bob.presence(tab, "online")
	sent, _ := alice.call(http.MethodPost, "/send", message(bob.ID, "hello", "1"))["message"].(map[string]any)
	bob.call(http.MethodPost, "/presence", object{"pushID": tab.pushID, "state": "online", "ackedUpTo": sent["timestamp"]})
	missed := alice.send(bob, "again", "2")
	waitLogged(t, "planned", missed)
	bob.lapse(tab)
	sweep(t)
	waitShade(t, tab, missed)

	bob.presence(tab, "online")
	read := alice.send(bob, "and again", "3")
	waitLogged(t, "planned", read)
	bob.call(http.MethodPost, "/read", object{"conversationID": alice.ID, "conversationType": 0})
	bob.lapse(tab)
	sweep(t)
	err := harness.Poll(t.Context(), sweptWithin, func(context.Context) error {
		if n := bytes.Count(world.log.Bytes(), []byte(`"message":"lapsed","userID":"`+bob.ID+`"`)); n < 2 {
			return fmt.Errorf("%d lapses were looked at", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	assertShade(t, tab, missed)
}

// A call to a tab that died while it counted as online: it rings when that is
// known, and says in the end what became of the call.
func TestCallToADeadTab(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	tab, android := bob.newPhone("tab", "web"), bob.newPhone("phone", "android")
	bob.presence(tab, "online")
	id := alice.ring(90, bob)
	waitText(t, android, id, videoCall)
	sweep(t)
	assertShade(t, tab) // it is still held to be online

	bob.lapse(tab)
	sweep(t)
	waitText(t, tab, id, videoCall)
	sweep(t)
	alice.act("/call-cancel", id, nil)
	for _, d := range []phone{tab, android} {
		waitText(t, d, id, "Missed call")
		if got := len(world.FCM.Messages(d.token)); got != 2 {
			t.Errorf("got %d pushes of a ring and its end", got)
		}
	}
}

// A call that is over by the time that the tab is known to be dead is told of as
// missed, once.
func TestCallADeadTabMissed(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	tab, android := bob.newPhone("tab", "web"), bob.newPhone("phone", "android")
	bob.presence(tab, "online")
	id := alice.ring(90, bob)
	waitText(t, android, id, videoCall)
	alice.act("/call-cancel", id, nil)
	waitText(t, android, id, "Missed call")

	bob.lapse(tab)
	sweep(t)
	waitText(t, tab, id, "Missed call")
	sweep(t)
	next := alice.send(bob, "are you there?", "1")
	waitShade(t, tab, calling.ID(id), next)
	if got := len(world.FCM.Messages(tab.token)); got != 2 {
		t.Errorf("got %d pushes of a missed call and a message", got)
	}
}

// A browser that crashed, and that can't be rung itself, keeps the phone from
// ringing by the user's rule. The phone rings for what was sent meanwhile.
func TestDeadTabSilencedThePhone(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	android := bob.newPhone("phone", "android")
	bob.call(http.MethodPost, "/push-rule", object{"onlinePlatforms": []string{"web"}, "notToReceiveOfflinePushPlatforms": []string{"android"}})
	bob.call(http.MethodPost, "/presence", object{"deviceID": "tab", "platform": "web", "state": "online"})
	message := alice.send(bob, "hello", "1")
	waitLogged(t, "planned", message)
	call := alice.ring(90, bob)
	waitLogged(t, "planned", calling.ID(call))
	sweep(t)
	assertShade(t, android)

	bob.lapse(phone{pushID: device.PushID(bob.ID, "tab")})
	sweep(t)
	waitShade(t, android, message, calling.ID(call))
	alice.act("/call-cancel", call, nil)
	sweep(t)
	next := alice.send(bob, "again", "2")
	waitShade(t, android, message, calling.ID(call), next) // nothing is silenced any more
}

// A tab that goes to the background without a message that it was sent is rung for
// it; one that says it has the message isn't, nor one that is back in time.
func TestLeftWithoutIt(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	deaf, hears, back := bob.newPhone("deaf", "web"), bob.newPhone("hears", "web"), bob.newPhone("back", "web")
	all := []phone{deaf, hears, back}
	say := func(d phone, state string, acked any) {
		t.Helper()
		bob.call(http.MethodPost, "/presence", object{"pushID": d.pushID, "state": state, "ackedUpTo": acked})
	}
	sent := func(text, localID string) (id string, at any) {
		t.Helper()
		m, _ := alice.call(http.MethodPost, "/send", message(bob.ID, text, localID))["message"].(map[string]any)
		id, _ = m["messageID"].(string)
		waitLogged(t, "planned", id)
		return id, m["timestamp"]
	}
	for _, d := range all {
		bob.presence(d, "online")
	}
	_, first := sent("hello", "1")
	for _, d := range all {
		say(d, "online", first)
	}
	missed, second := sent("again", "2")
	say(deaf, "background", first)
	say(hears, "offline", second)
	say(back, "background", first)
	say(back, "online", first)
	began := time.Now()
	err := harness.Poll(t.Context(), sweptWithin, func(context.Context) error {
		if sweep(t); len(world.FCM.Shade(deaf.token)) == 0 {
			return fmt.Errorf("nothing is shown %v after it left", time.Since(began))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	waitShade(t, deaf, missed)
	sweep(t)
	next := alice.send(bob, "and again", "3")
	waitShade(t, deaf, missed, next)
	waitShade(t, hears, next)
	assertShade(t, back)
}

// What looking after a device costs, beyond a sweep that has nobody to look after,
// is documented. What another test has left to be done can only add to it.
func TestCostOfALapse(t *testing.T) {
	bob := someone(t, "bob")
	tab := bob.newPhone("tab", "web")
	var got []string
	for range 12 {
		bob.presence(tab, "online")
		settle(t)
		before := world.firestore.Snapshot()
		sweep(t)
		idle := world.firestore.Snapshot().Sub(before)
		bob.lapse(tab)
		settle(t)
		before = world.firestore.Snapshot()
		sweep(t)
		err := harness.Poll(t.Context(), sweptWithin, func(context.Context) error {
			if d := bob.stored(tab); d.State != device.Offline {
				return fmt.Errorf("not settled: %+v", d)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		c := world.firestore.Snapshot().Sub(before)
		if got = append(got, fmt.Sprintf("%d reads, %d writes", c.Reads-idle.Reads, c.Writes-idle.Writes)); got[len(got)-1] == "5 reads, 1 writes" {
			return
		}
	}
	t.Errorf("a lapse costs %q; the documentation has 5 reads and a write", got)
}
