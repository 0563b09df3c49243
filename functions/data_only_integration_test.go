//go:build integration

package functions_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/doorbell-push/doorbell/shared/chat"
)

// last is the last FCM message that the device got.
func (d phone) last(t *testing.T) (out object) {
	t.Helper()
	all := world.FCM.Messages(d.token)
	if err := json.Unmarshal(all[len(all)-1].Message, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// An Android app that shows its pushes itself gets data and nothing else, rings by it,
// and gets the words that a push keeps back.
func TestDataOnly(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d, other := bob.newPhone("phone", "android"), bob.newPhone("tablet", "android")
	bob.call(http.MethodPost, "/register", object{"token": d.token, "platform": "android", "deviceID": d.deviceID, "dataOnly": true})

	id := alice.send(bob, "hello", "1")
	waitShade(t, other, id)
	waitPushes(t, 1, d)
	m := d.last(t)
	if m["notification"] != nil || at(m, "android", "notification") != nil || at(m, "android", "priority") != "high" ||
		at(m, "data", "title") != "Title"+mark || at(m, "data", "body") != "hello"+mark || at(m, "data", "tag") != id {
		t.Errorf("a message: %v", m)
	}

	callID := alice.ring(90, bob)
	waitPushes(t, 2, d)
	m = d.last(t)
	if at(m, "data", "kind") != "call" || at(m, "data", "title") != "Alice"+mark || at(m, "data", "importance") != "max" || at(m, "data", "callID") != callID {
		t.Errorf("a call: %v", m)
	}
	alice.act("/call-cancel", callID, nil)
	waitPushes(t, 3, d)
	if m = d.last(t); at(m, "data", "kind") != "call_end" || at(m, "data", "body") != "Missed call" {
		t.Errorf("its end: %v", m)
	}

	bob.set(object{"privacy": "id"})
	secret := alice.send(bob, "the secret", "2")
	waitPushes(t, 4, d)
	m = d.last(t)
	if at(m, "data", "fetch") != "1" || at(m, "data", "title") != "New message" || at(m, "data", "payload") != nil {
		t.Errorf("with IDs only: %v", m)
	}
	data, _ := m["data"].(object)
	if status, answer := d.ask(bob, data); status != http.StatusOK || at(answer, "notification", "body") != "the secret"+mark {
		t.Errorf("%d %v", status, answer)
	}

	alice.revoke(secret, chat.Peer, bob.ID, object{})
	waitPushes(t, 5, d)
	if m = d.last(t); at(m, "data", "kind") != "revoke" || at(m, "data", "id") != secret || at(m, "data", "title") != nil {
		t.Errorf("its revocation: %v", m)
	}

	// While it is off, FCM keeps what it is told, each message by itself.
	if err := world.FCM.SetPower(d.token, false); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"3", "4", "5"} {
		waitLogged(t, "dispatched", alice.send(bob, "hello", n))
	}
	if err := world.FCM.SetPower(d.token, true); err != nil {
		t.Fatal(err)
	}
	waitPushes(t, 8, d)
}
