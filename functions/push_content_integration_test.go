//go:build integration

package functions_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
)

// ask asks as the device what a push of its user's is about, by the push's data.
func (d phone) ask(p person, data object) (status int, answer object) {
	p.t.Helper()
	c := someone(p.t, "device").Client
	c.Token = d.receiptToken
	body := object{"userID": p.ID, "kind": data["kind"], "id": data["id"]}
	if callID, ok := data["callID"]; ok {
		body["callID"] = callID
	} else {
		kind, _ := data["conversationType"].(string)
		body["conversationID"], body["conversationType"] = data["conversationID"], json.Number(kind)
	}
	status, raw := c.Do(http.MethodPost, "/push-content", body)
	if err := json.Unmarshal(raw, &answer); err != nil {
		p.t.Fatalf("%s: %v", raw, err)
	}
	return status, answer
}

// What FCM is given says only IDs; the device that it goes to gets the rest from the
// server, and nobody else does.
func TestPushContent(t *testing.T) {
	alice, bob, eve := someone(t, "alice"), someone(t, "bob"), someone(t, "eve")
	d, hers := bob.newPhone("tab", "web"), eve.newPhone("tab", "web")
	bob.set(object{"privacy": "id"})
	eve.set(object{"privacy": "id"})
	id := alice.send(bob, "the secret", "1")
	waitShade(t, d, id)
	m := d.push(t, id)
	if raw, _ := json.Marshal(m); bytes.Contains(raw, []byte("the secret")) || bytes.Contains(raw, []byte(mark)) || at(m, "data", "fetch") != "1" {
		t.Fatalf("FCM got %s", raw)
	}
	data, _ := m["data"].(object)
	status, answer := d.ask(bob, data)
	if status != http.StatusOK || at(answer, "notification", "body") != "the secret"+mark || at(answer, "notification", "title") != "Title"+mark ||
		answer["senderUserID"] != alice.ID || answer["payload"] != "p"+mark {
		t.Errorf("%d %v", status, answer)
	}
	if status, answer := hers.ask(bob, data); status != http.StatusForbidden {
		t.Errorf("another's device as his: %d %v", status, answer)
	}
	if status, answer := hers.ask(eve, data); status != http.StatusNotFound {
		t.Errorf("another's device: %d %v", status, answer)
	}

	settle(t)
	before := world.firestore.Snapshot()
	d.ask(bob, data)
	if got := world.firestore.Snapshot().Sub(before); got.Reads != 2 || got.Writes != 0 {
		t.Errorf("a fetch cost %v; want 2 reads", got)
	}

	alice.revoke(id, chat.Peer, bob.ID, object{})
	if status, answer := d.ask(bob, data); status != http.StatusNotFound {
		t.Errorf("what was revoked: %d %v", status, answer)
	}
	callID := alice.ring(90, bob)
	ring := object{"kind": "call", "id": call.ID(callID), "callID": callID}
	if status, answer := d.ask(bob, ring); status != http.StatusOK || answer["senderUserID"] != alice.ID {
		t.Errorf("a ring: %d %v", status, answer)
	}
	alice.act("/call-cancel", callID, nil)
	if status, answer := d.ask(bob, ring); status != http.StatusNotFound {
		t.Errorf("a cancelled ring: %d %v", status, answer)
	}
	bob.unregister(d)
	if status, answer := d.ask(bob, data); status != http.StatusForbidden {
		t.Errorf("after it was unregistered: %d %v", status, answer)
	}
}
