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
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/store"
)

// lapse ends the lease of p's device, as if two minutes had gone by without a
// word from it, and as long ago as a sweep waits for the clocks of others.
func (p person) lapse(d phone) {
	p.t.Helper()
	p.t.Setenv("FIRESTORE_EMULATOR_HOST", world.FirestoreHost())
	client, err := firestore.NewClient(p.t.Context(), world.ProjectID)
	if err != nil {
		p.t.Fatal(err)
	}
	defer client.Close()
	err = store.NewFirestore(client).Change(p.t.Context(), func(tx presence.Tx) error {
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

// sweep asks for a sweep and waits until one is done with lapsed leases. Where
// another test left a call ringing, that may be one that waits for the call.
func sweep(t *testing.T) {
	t.Helper()
	done := lapsesSwept()
	if err := world.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := harness.Poll(t.Context(), within, func(context.Context) error {
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
	err := harness.Poll(t.Context(), within, func(context.Context) error {
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
