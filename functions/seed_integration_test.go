//go:build integration

package functions_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/doorbell-push/doorbell/shared/chat"
)

// The page that Doorbell answers, ZEGOCLOUD's "Implement offline push
// notification": each of its features by itself. Calls: TestSeedCallInvitation.

// push is the FCM message that the device got for what id names.
func (d phone) push(t *testing.T, id string) object {
	t.Helper()
	for _, m := range world.FCM.Messages(d.token) {
		if m.Tag == id {
			var out object
			if err := json.Unmarshal(m.Message, &out); err != nil {
				t.Fatal(err)
			}
			return out
		}
	}
	t.Fatalf("%s got no push of %s", d.deviceID, id)
	return nil
}

// at is the value in o under a path of names.
func at(o any, path ...string) any {
	for _, name := range path {
		m, _ := o.(object)
		o = m[name]
	}
	return o
}

// unregister does so, and again, since a client's retry must not fail.
func (p person) unregister(d phone) {
	p.t.Helper()
	for range 2 {
		p.call(http.MethodDelete, "/register?deviceID="+d.deviceID, nil)
	}
}

// register: from then on, and with the token registered last, the device rings.
func TestSeedRegister(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	waitLogged(t, "planned", alice.send(bob, "too early", "1"))
	first := bob.newPhone("browser", "web")
	id := alice.send(bob, "hello", "2")
	waitShade(t, first, id)
	if n := world.FCM.Shade(first.token)[0]; n.Title != "Title"+mark || n.Body != "hello"+mark {
		t.Errorf("it shows %+v", n)
	}
	again := bob.newPhone("browser", "web")
	if again.pushID != first.pushID || again.token == first.token {
		t.Errorf("registered as %+v, then as %+v", first, again)
	}
	waitShade(t, again, alice.send(bob, "again", "3"))
	assertShade(t, first, id)
}

// unregister: nothing reaches the device any more, not even what is under way,
// until it registers again. The person's other device rings on.
func TestSeedUnregister(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d, kept := bob.newPhone("browser", "web"), bob.newPhone("phone", "ios")
	resume := pause(t, "dispatch")
	before := alice.send(bob, "under way", "1")
	waitHeld(t, "dispatch", 1)
	bob.unregister(d)
	resume()
	after := alice.send(bob, "hello", "2")
	waitShade(t, kept, before, after)
	waitLogged(t, "dispatched", before)
	assertShade(t, d)
	bob.register(d.deviceID, "web", d.token)
	waitShade(t, d, alice.send(bob, "again", "3"))
}

// unregisterPush: the device takes no pushes, though its user goes on using it.
func TestSeedUnregisterPush(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d, kept := bob.newPhone("phone", "android"), bob.newPhone("browser", "web")
	bob.call(http.MethodDelete, "/register?pushID="+d.pushID, nil)
	for _, state := range []string{"online", "offline"} {
		bob.call(http.MethodPost, "/presence", object{"deviceID": d.deviceID, "platform": "android", "state": state})
		waitLogged(t, "dispatched", alice.send(bob, "hello", state))
	}
	assertShade(t, d)
	if got := len(world.FCM.Shade(kept.token)); got != 2 {
		t.Errorf("the other device shows %d", got)
	}
}

// logout: the next user of the device gets nothing that was for the one before.
func TestSeedLogout(t *testing.T) {
	alice, bob, carol := someone(t, "alice"), someone(t, "bob"), someone(t, "carol")
	d, kept := bob.newPhone("browser", "web"), bob.newPhone("phone", "android")
	bob.presence(d, "online")
	bob.presence(d, "logout")
	missed := alice.send(bob, "for bob", "1")
	waitShade(t, kept, missed)
	carols := carol.register(d.deviceID, "web", d.token)
	if carols.pushID == d.pushID {
		t.Error("two users have one pushID")
	}
	waitShade(t, kept, missed, alice.send(bob, "for bob too", "2"))
	waitShade(t, d, alice.send(carol, "for carol", "3"))
}

// One-to-one: every device of the receiver that is away rings, none that is
// online, and none of the sender's.
func TestSeedOneToOne(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	own := alice.newPhone("own", "android")
	phone, tablet, tab := bob.newPhone("phone", "android"), bob.newPhone("tablet", "ios"), bob.newPhone("tab", "web")
	bob.presence(tab, "online")
	id := alice.send(bob, "hello", "1")
	waitShade(t, phone, id)
	waitShade(t, tablet, id)
	assertShade(t, tab)

	bob.presence(tab, "background") // a hidden tab is not a person who reads
	waitShade(t, tab, alice.send(bob, "again", "2"))
	assertShade(t, own)
}

// Group: every member who is away is rung, but for the sender, who muted it
// unless they are mentioned, and who has left.
func TestSeedGroup(t *testing.T) {
	alice, bob, carol, dave, erin := someone(t, "alice"), someone(t, "bob"), someone(t, "carol"), someone(t, "dave"), someone(t, "erin")
	own, bobs, carols, daves, erins := alice.newPhone("p", "android"), bob.newPhone("p", "android"), carol.newPhone("p", "web"), dave.newPhone("p", "ios"), erin.newPhone("p", "android")
	groupID := ownID(t, "g")
	alice.call("POST", "/group-create", object{"groupInfo": object{"groupID": groupID, "groupName": "n"}, "userIDs": []string{bob.ID, carol.ID, dave.ID, erin.ID}})
	carol.presence(carols, "online")
	dave.call("POST", "/conversation-notification-status", object{"status": 2, "conversationID": groupID, "conversationType": 2})
	erin.call("POST", "/group-leave", object{"groupID": groupID})

	id := alice.post(messageTo(chat.Group, groupID, "hello all", "1"))
	waitShade(t, bobs, id)
	if got := at(bobs.push(t, id), "data", "conversationID"); got != groupID {
		t.Errorf("it is said to be of %v", got)
	}
	insisting := messageTo(chat.Group, groupID, "hello @dave", "2")
	insisting["message"].(object)["mentionedUserIDs"] = []string{dave.ID}
	insisting["config"].(object)["isNotifyMentionedUsers"] = true
	insisted := alice.post(insisting)
	waitShade(t, daves, insisted)
	waitShade(t, bobs, id, insisted)
	for _, silent := range []phone{own, carols, erins} {
		assertShade(t, silent)
	}
}

// Custom push rule: while bob is at his browser, his Android phone stays silent
// and his tablet, which the rule doesn't name, rings.
func TestSeedCustomPushRule(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	phone, tablet, tab := bob.newPhone("phone", "android"), bob.newPhone("tablet", "ios"), bob.newPhone("tab", "web")
	tablet = bob.register("tablet", "ipados", tablet.token) // FCM knows no iPads
	bob.call(http.MethodPost, "/push-rule", object{"onlinePlatforms": []int{1, 6}, "notToReceiveOfflinePushPlatforms": []int{2, 3}})
	bob.presence(tab, "online")
	first := alice.send(bob, "at the browser", "1")
	waitShade(t, tablet, first)
	assertShade(t, phone)

	bob.presence(tab, "offline")
	second := alice.send(bob, "gone", "2")
	waitShade(t, phone, second)
	waitShade(t, tab, second)

	bob.presence(tab, "online")
	bob.call(http.MethodPost, "/push-rule", object{"onlinePlatforms": []int{}, "notToReceiveOfflinePushPlatforms": []int{}})
	waitShade(t, phone, second, alice.send(bob, "without a rule", "3"))
}

// pushConfig is a push configuration with more in it.
func pushConfig(more object) object {
	c := object{"title": "Title", "content": "Content"}
	for k, v := range more {
		c[k] = v
	}
	return c
}

// payload, and extendedData as it was called before, reach the app as payload.
func TestSeedPayloadAndExtendedData(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	devices := []phone{bob.newPhone("phone", "android"), bob.newPhone("tablet", "ios"), bob.newPhone("tab", "web")}
	const given = `{"page":"chat", "quote":"\"é\""}`
	var ids []string
	for _, name := range []string{"payload", "extendedData"} {
		body := message(bob.ID, "hello", name)
		body["config"] = object{"priority": 2, "pushConfig": pushConfig(object{name: given})}
		ids = append(ids, alice.post(body))
	}
	for _, d := range devices {
		waitShade(t, d, ids...)
		for _, id := range ids {
			if got := at(d.push(t, id), "data", "payload"); got != given {
				t.Errorf("%s got %v", d.deviceID, got)
			}
		}
	}
	both := message(bob.ID, "hello", "both")
	both["config"] = object{"priority": 2, "pushConfig": pushConfig(object{"payload": "a", "extendedData": "b"})}
	if status, answer := alice.Do(http.MethodPost, "/send", both); status != http.StatusBadRequest {
		t.Errorf("two payloads are answered %d %s", status, answer)
	}
}

// Priorities, as each platform has them.
func TestSeedPriorities(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	android, ios, web := bob.newPhone("phone", "android"), bob.newPhone("tablet", "ios"), bob.newPhone("tab", "web")
	rows := []struct {
		priority           int
		android, apns, web string
	}{{1, "normal", "5", "low"}, {2, "high", "10", "normal"}, {3, "high", "10", "high"}}
	var ids []string
	for i, r := range rows {
		body := message(bob.ID, "hello", string(rune('1'+i)))
		body["config"].(object)["priority"] = r.priority
		ids = append(ids, alice.post(body))
	}
	for _, d := range []phone{android, ios, web} {
		waitShade(t, d, ids...)
	}
	for i, r := range rows {
		a := at(android.push(t, ids[i]), "android", "priority")
		p := at(ios.push(t, ids[i]), "apns", "headers", "apns-priority")
		w := at(web.push(t, ids[i]), "webpush", "headers", "Urgency")
		if a != r.android || p != r.apns || w != r.web {
			t.Errorf("priority %d: android %v, apns %v, web %v", r.priority, a, p, w)
		}
	}
}

// resourcesID reaches the app.
func TestSeedResourcesID(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	devices := []phone{bob.newPhone("phone", "android"), bob.newPhone("tablet", "ios"), bob.newPhone("tab", "web")}
	body := message(bob.ID, "hello", "1")
	body["config"] = object{"priority": 2, "pushConfig": pushConfig(object{"resourcesID": "calls-and-chats"})}
	id := alice.post(body)
	without := alice.send(bob, "without", "2")
	for _, d := range devices {
		waitShade(t, d, id, without)
		if got := at(d.push(t, id), "data", "resourcesID"); got != "calls-and-chats" {
			t.Errorf("%s got %v", d.deviceID, got)
		}
		if got := at(d.push(t, without), "data", "resourcesID"); got != nil {
			t.Errorf("%s got %v", d.deviceID, got)
		}
	}
}
