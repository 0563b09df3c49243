//go:build integration

package functions_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/doorbell-push/doorbell/scripts/cost"
	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/shared/chat"
)

// revoke takes back what p sent to a conversation; edit changes its text.
func (p person) revoke(id string, t chat.ConversationType, with string, config object) map[string]any {
	p.t.Helper()
	if config == nil {
		config = object{}
	}
	answer := p.call(http.MethodPost, "/message-revoke", object{"messageID": id, "conversationID": with, "conversationType": t, "config": config})
	return answer["message"].(map[string]any)
}

func (p person) edit(id string, t chat.ConversationType, with, text string) {
	p.t.Helper()
	p.call(http.MethodPost, "/message-edit", object{
		"messageID": id, "conversationID": with, "conversationType": t, "message": object{"type": 1, "message": text + mark},
	})
}

// waitGot waits until the device has got n messages, and returns the last one's data
// and whether it shows nothing.
func waitGot(t *testing.T, d phone, n int) (data map[string]string, silent bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if err := world.FCM.Wait(ctx, func(s *standin.Server) bool { return len(s.Messages(d.token)) >= n }); err != nil {
		t.Fatalf("%s got %d messages, want %d: %v", d.deviceID, len(world.FCM.Messages(d.token)), n, err)
	}
	got := world.FCM.Messages(d.token)
	if len(got) != n {
		t.Fatalf("%s got %d messages, want %d", d.deviceID, len(got), n)
	}
	if n == 0 {
		return nil, false
	}
	var m struct{ Data map[string]string }
	if err := json.Unmarshal(got[n-1].Message, &m); err != nil {
		t.Fatal(err)
	}
	return m.Data, got[n-1].Silent
}

// texts is what the device shows, by tag.
func texts(d phone) map[string]string {
	out := map[string]string{}
	for _, n := range world.FCM.Shade(d.token) {
		out[n.Tag] = strings.TrimSuffix(n.Body, mark)
	}
	return out
}

func wantTexts(t *testing.T, d phone, want map[string]string) {
	t.Helper()
	if got := texts(d); !reflect.DeepEqual(got, want) {
		t.Errorf("%s shows %v, want %v", d.deviceID, got, want)
	}
}

// A message that is revoked is taken away on every device that was rung for it, and
// on no other, and nobody reads it any more.
func TestRevoke(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	rung := []phone{bob.newPhone("phone", "android"), bob.newPhone("tablet", "ios"), bob.newPhone("web", "web")}
	quiet := bob.newPhone("quiet", "android")
	bob.presence(quiet, "online")
	id := alice.send(bob, "hello", "1")
	for _, d := range rung {
		waitShade(t, d, id)
	}
	bob.presence(quiet, "offline")
	bob.newPhone("later", "android")
	bob.presence(rung[1], "online") // it shows it all the same

	world.Gate.Duplicate("on-message-change", 2, true)
	t.Cleanup(world.Gate.Reset)
	before := answered("on-message-change")
	first := alice.revoke(id, chat.Peer, bob.ID, object{"revokeExtendedData": "why"})
	again := alice.revoke(id, chat.Peer, bob.ID, nil)
	if !reflect.DeepEqual(first, again) || first["type"] != 31.0 || first["message"] != "" || first["operatedUserID"] != alice.ID || first["revokeExtendedData"] != "why" {
		t.Errorf("revoked: %v\nagain: %v", first, again)
	}
	for _, d := range rung {
		data, silent := waitGot(t, d, 2)
		if !silent || data["kind"] != "revoke" || data["id"] != id || data["conversationID"] != alice.ID || data["messageSeq"] != "1" {
			t.Errorf("%s got %v, silent %t", d.deviceID, data, silent)
		}
	}
	waitDelivered(t, "on-message-change", before+2)
	settle(t)
	for _, d := range rung {
		waitGot(t, d, 2)
	}
	waitGot(t, quiet, 0)
	for path, body := range map[string]object{
		"/messages": {"conversationID": alice.ID, "conversationType": 0}, "/sync": {}, "/conversations": {},
	} {
		if answer := fmt.Sprint(bob.call(http.MethodPost, path, body)); strings.Contains(answer, "hello") || !strings.Contains(answer, "why") {
			t.Errorf("%s answers %s", path, answer)
		}
	}
}

// A revocation that says something is shown in the place of the message.
func TestRevokeWithWords(t *testing.T) {
	olga, bob, carol := someone(t, "olga"), someone(t, "bob"), someone(t, "carol")
	bobs, carols := bob.newPhone("phone", "android"), carol.newPhone("tablet", "ios")
	group := ownID(t, "g")
	olga.call(http.MethodPost, "/group-create", object{"groupInfo": object{"groupID": group, "groupName": "n"}, "userIDs": []string{bob.ID, carol.ID}})
	id := bob.post(messageTo(chat.Group, group, "hello", "1"))
	waitShade(t, carols, id)
	carol.call(http.MethodPost, "/group-leave", object{"groupID": group}) // what she was shown is taken back all the same
	olga.revoke(id, chat.Group, group, object{"pushConfig": object{"title": "Olga", "content": "taken back" + mark}})
	waitGot(t, carols, 2)
	wantTexts(t, carols, map[string]string{id: "taken back"})
	waitGot(t, bobs, 0)
}

// What is edited is shown anew in its place, to who may read it.
func TestEdit(t *testing.T) {
	olga, bob, carol := someone(t, "olga"), someone(t, "bob"), someone(t, "carol")
	bobs, carols := bob.newPhone("phone", "android"), carol.newPhone("web", "web")
	group := ownID(t, "g")
	olga.call(http.MethodPost, "/group-create", object{"groupInfo": object{"groupID": group, "groupName": "n"}, "userIDs": []string{bob.ID, carol.ID}})
	id := olga.post(messageTo(chat.Group, group, "hello", "1"))
	waitShade(t, bobs, id)
	waitShade(t, carols, id)
	carol.call(http.MethodPost, "/group-leave", object{"groupID": group})
	before := answered("on-message-change")
	olga.edit(id, chat.Group, group, "goodbye")
	waitGot(t, bobs, 2)
	wantTexts(t, bobs, map[string]string{id: "goodbye"})
	olga.edit(id, chat.Group, group, "goodbye") // changes nothing
	olga.edit(id, chat.Group, group, "farewell")
	waitGot(t, bobs, 3)
	wantTexts(t, bobs, map[string]string{id: "farewell"})
	waitDelivered(t, "on-message-change", before+2)
	settle(t)
	wantTexts(t, carols, map[string]string{id: "hello"})
}

// What is revoked before its push has left is never shown, wherever the push waits;
// what is edited is shown as it is then.
func TestChangedBeforeThePush(t *testing.T) {
	for _, stage := range []string{"on-message", "dispatch"} {
		t.Run(stage, func(t *testing.T) {
			alice, bob := someone(t, "alice"), someone(t, "bob")
			d := bob.newPhone("phone", "android")
			group := ownID(t, "g")
			alice.call(http.MethodPost, "/group-create", object{"groupInfo": object{"groupID": group, "groupName": "n"}, "userIDs": []string{bob.ID}})
			resume := pause(t, stage)
			changed := answered("on-message-change")
			taken, other := alice.send(bob, "hello", "1"), alice.send(bob, "hello", "2")
			ofGroup := alice.post(messageTo(chat.Group, group, "hello", "3"))
			if stage == "dispatch" { // where the emulator delivers some first
				for _, id := range []string{taken, other, ofGroup} {
					waitLogged(t, "planned", id)
				}
			} else {
				waitHeld(t, stage, 3)
			}
			alice.revoke(taken, chat.Peer, bob.ID, nil)
			alice.revoke(ofGroup, chat.Group, group, nil)
			alice.edit(other, chat.Peer, bob.ID, "goodbye")
			waitDelivered(t, "on-message-change", changed+3)
			resume()
			for _, id := range []string{taken, other, ofGroup} {
				waitLogged(t, "dispatched", id)
			}
			waitGot(t, d, 1)
			wantTexts(t, d, map[string]string{other: "goodbye"})
			for _, id := range []string{taken, ofGroup} {
				entries, err := bob.database().Entries(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				said := ""
				for _, e := range entries {
					said += e.Outcomes[d.pushID].Detail
				}
				if said != "revoked" {
					t.Errorf("the ledger says %q", said)
				}
			}
		})
	}
}

// What a revocation costs is documented, to the read.
func TestCostOfARevocation(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	var id string
	pushes := 0
	costs(t, "revoked", cost.Operations{Reads: 5, Writes: 6, Published: 1, Invocations: 3}, func(try int) {
		id = alice.send(bob, "hello", fmt.Sprint(try))
		waitLogged(t, "dispatched", id)
		pushes++
	}, func(int) {
		alice.revoke(id, chat.Peer, bob.ID, nil)
		pushes++
		waitPushes(t, pushes, d)
	})
	costs(t, "revoked, of a message without a push", cost.Operations{Reads: 1, Writes: 2, Invocations: 2}, func(try int) {
		body := message(bob.ID, "hello", fmt.Sprint("quiet", try))
		body["config"] = object{"priority": 2}
		id = alice.post(body)
		waitLogged(t, "planned", id)
	}, func(int) {
		before := answered("on-message-change")
		alice.revoke(id, chat.Peer, bob.ID, nil)
		waitDelivered(t, "on-message-change", before+1)
	})
}
