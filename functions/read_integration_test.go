//go:build integration

package functions_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/doorbell-push/doorbell/scripts/cost"
	"github.com/doorbell-push/doorbell/shared/chat"
)

// read says that p has read a conversation up to a message, or to its end.
func (p person) read(id string, t chat.ConversationType, seq int) map[string]any {
	p.t.Helper()
	return p.call(http.MethodPost, "/read", object{"conversationID": id, "conversationType": t, "messageSeq": seq})
}

// What is read before its push leaves is not pushed.
func TestReadBeforeThePush(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	resume := pause(t, "dispatch")
	id := alice.send(bob, "hello", "1")
	waitHeld(t, "dispatch", 1)
	answer := bob.read(alice.ID, chat.Peer, 0)
	if answer["unreadMessageCount"] != 0.0 {
		t.Errorf("read answered %v", answer)
	}
	resume()
	waitLogged(t, "dispatched", id)
	next := alice.send(bob, "another", "2")
	waitShade(t, d, next)
}

// What is read on one device is taken away on those that were rung for it, as far as it
// was read, and on no other; however often the reading and its events come.
func TestReadElsewhere(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	rung := []phone{bob.newPhone("phone", "android"), bob.newPhone("tablet", "ios"), bob.newPhone("web", "web")}
	laptop := bob.newPhone("laptop", "web")
	bob.presence(laptop, "online")
	first := alice.send(bob, "one", "1")
	second := alice.send(bob, "two", "2")
	for _, d := range rung {
		waitShade(t, d, first, second)
	}
	later := bob.newPhone("later", "android")

	world.Gate.Duplicate("dispatch", 2, true)
	t.Cleanup(world.Gate.Reset)
	for range 2 {
		bob.read(alice.ID, chat.Peer, 1)
	}
	for _, d := range rung {
		data, silent := waitGot(t, d, 3)
		if !silent || data["kind"] != "read" || data["messageSeq"] != "1" || data["conversationID"] != alice.ID || data["conversationType"] != "0" || data["tags"] != first || data["senderUserID"] != "" {
			t.Errorf("%s got %v, silent %t", d.deviceID, data, silent)
		}
	}
	settle(t)
	world.Gate.Reset()
	bob.presence(rung[0], "online") // it sees for itself
	bob.read(alice.ID, chat.Peer, 0)
	for _, d := range rung[1:] {
		if data, _ := waitGot(t, d, 4); data["messageSeq"] != "2" {
			t.Errorf("%s got %v", d.deviceID, data)
		}
	}
	settle(t)
	waitGot(t, rung[0], 3)
	waitGot(t, laptop, 0)
	waitGot(t, later, 0)
}

// In a group it is the devices of who read it, and of nobody else.
func TestGroupReadElsewhere(t *testing.T) {
	olga, bob, carol := someone(t, "olga"), someone(t, "bob"), someone(t, "carol")
	bobs, carols := bob.newPhone("phone", "android"), carol.newPhone("phone", "android")
	group := ownID(t, "g")
	olga.groupOf(group, bob, carol)
	id := olga.post(messageTo(chat.Group, group, "hello", "1"))
	for _, d := range []phone{bobs, carols} {
		waitShade(t, d, id)
	}
	settle(t)
	bob.read(group, chat.Group, 0)
	if data, silent := waitGot(t, bobs, 2); !silent || data["kind"] != "read" || data["conversationID"] != group || data["conversationType"] != "2" {
		t.Errorf("got %v, silent %t", data, silent)
	}
	settle(t)
	waitGot(t, carols, 1)
}

// What it costs is documented: nothing where nobody is away, little where nothing is
// shown.
func TestCostOfReading(t *testing.T) {
	alice, bob, carol := someone(t, "alice"), someone(t, "bob"), someone(t, "carol")
	d, laptop := bob.newPhone("phone", "android"), carol.newPhone("laptop", "web")
	carol.presence(laptop, "online")
	sent := func(to person, asked string) func(int) {
		return func(try int) { waitLogged(t, asked, alice.send(to, "hello", fmt.Sprint(to.ID, try))) }
	}
	costs(t, "read by who has no other device away", cost.Read(), sent(carol, "planned"), func(int) { carol.read(alice.ID, chat.Peer, 0) })

	got := 0
	costs(t, "read, and taken away", cost.Read().Plus(cost.Dismissal()), func(try int) {
		sent(bob, "dispatched")(try)
		got++
	}, func(int) {
		bob.read(alice.ID, chat.Peer, 0)
		got++
		waitGot(t, d, got)
	})
	costs(t, "read, and nothing shows it", cost.Read().Plus(cost.NothingToDismiss()), func(try int) {
		body := message(bob.ID, "hello", fmt.Sprint("quiet", try))
		body["config"] = object{"priority": 2}
		waitLogged(t, "planned", alice.post(body))
	}, func(int) {
		before := answered("dispatch")
		bob.read(alice.ID, chat.Peer, 0)
		waitDelivered(t, "dispatch", before+1)
	})
}
