//go:build integration

package functions_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/doorbell-push/doorbell/scripts/cost"
	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/shared/chat"
)

// With a step an iPhone's icon counts from what its user's client set, and Android is
// told only how much is new.
func TestUserBadge(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	android, ios, web := bob.newPhone("phone", "android"), bob.newPhone("tablet", "ios"), bob.newPhone("tab", "web")
	counted := func(localID string) string {
		body := message(bob.ID, "hello", localID)
		body["config"] = object{"priority": 2, "pushConfig": pushConfig(object{"enableBadge": true, "badgeIncrement": 2})}
		return alice.post(body)
	}
	var ids []string
	for _, tc := range []struct {
		localID string
		set     int
		ios     float64
	}{{"1", 5, 7}, {"2", 0, 2}} {
		bob.call(http.MethodPost, "/badge", object{"badge": tc.set})
		id := counted(tc.localID)
		ids = append(ids, id)
		waitShade(t, ios, ids...)
		waitShade(t, android, ids...)
		waitShade(t, web, ids...)
		if got := at(ios.push(t, id), "apns", "payload", "aps", "badge"); got != tc.ios {
			t.Errorf("set to %d: the iPhone got %v", tc.set, got)
		}
		if got := at(android.push(t, id), "android", "notification", "notification_count"); got != 2. {
			t.Errorf("set to %d: Android got %v", tc.set, got)
		}
	}
	without := alice.send(bob, "doesn't count", "3")
	waitShade(t, ios, append(ids, without)...)
	if got := at(ios.push(t, without), "apns", "payload", "aps", "badge"); got != nil {
		t.Errorf("without enableBadge the iPhone got %v", got)
	}
}

// counted is message with a push that asks for what its receiver has not read.
func counted(body object) object {
	body["config"] = object{"priority": 2, "pushConfig": pushConfig(object{"enableBadge": true})}
	return body
}

// Where neither the sender nor the app says a number, a push says how much its user
// has not read on all their devices, without what they muted: what is read is not in
// the next one's. The app's own number comes before that, until it is 0 again.
func TestUnreadBadge(t *testing.T) {
	alice, bob, carol := someone(t, "alice"), someone(t, "bob"), someone(t, "carol")
	ios, android, web := bob.newPhone("tablet", "ios"), bob.newPhone("phone", "android"), bob.newPhone("tab", "web")
	groupID := ownID(t, "g")
	carol.call(http.MethodPost, "/group-create", object{"groupInfo": object{"groupID": groupID, "groupName": "n"}, "userIDs": []string{bob.ID, alice.ID}})
	var ids []string
	n := 0
	local := func() string { n++; return fmt.Sprint(n) }
	// said is the number that the push of a message says to each device.
	said := func(what, id string, want int) {
		t.Helper()
		ids = append(ids, id)
		for _, d := range []phone{ios, android, web} {
			waitShade(t, d, ids...)
		}
		if got := at(ios.push(t, id), "apns", "payload", "aps", "badge"); got != float64(want) {
			t.Errorf("%s: the iPad got %v, want %d", what, got, want)
		}
		for _, d := range []phone{android, web} {
			if got := at(d.push(t, id), "data", "badge"); got != fmt.Sprint(want) {
				t.Errorf("%s: %s got %v, want %d", what, d.pushID, got, want)
			}
		}
		if got := at(android.push(t, id), "android", "notification", "notification_count"); got != nil {
			t.Errorf("%s: Android adds %v", what, got)
		}
	}
	toBob := func() string { return alice.post(counted(message(bob.ID, "hello", local()))) }
	toGroup := func() string { return carol.post(counted(messageTo(chat.Group, groupID, "hello", local()))) }

	said("the first", toBob(), 1)
	said("another", toBob(), 2)
	said("a group's", toGroup(), 3)
	bob.call(http.MethodPost, "/group-notification-status", object{"status": 2, "conversationID": groupID, "conversationType": 2})
	carol.post(counted(messageTo(chat.Group, groupID, "rings nobody", local())))
	said("the group muted", toBob(), 3)
	bob.call(http.MethodPost, "/read", object{"conversationID": alice.ID, "conversationType": 0})
	said("read", toBob(), 1)
	bob.call(http.MethodPost, "/group-notification-status", object{"status": 1, "conversationID": groupID, "conversationType": 2})
	said("the group again", toBob(), 4)

	bob.call(http.MethodPost, "/badge", object{"badge": 40})
	id := toBob()
	ids = append(ids, id)
	waitShade(t, ios, ids...)
	if got := at(ios.push(t, id), "apns", "payload", "aps", "badge"); got != 40. {
		t.Errorf("the app's own: %v", got)
	}
	bob.call(http.MethodPost, "/badge", object{"badge": 0})
	said("and no more", toBob(), 6)
}

// A push that shows nothing has the number for the app.
func TestSilentBadge(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	ios := bob.newPhone("tablet", "ios")
	alice.send(bob, "hello", "1")
	waitPushes(t, 1, ios)
	body := message(bob.ID, "sync", "2")
	body["config"] = object{"priority": 2, "pushConfig": object{"silent": true, "enableBadge": true, "payload": "p"}}
	id := alice.post(body)
	waitPushes(t, 2, ios)
	push := ios.push(t, id)
	if data, aps := at(push, "data", "badge"), at(push, "apns", "payload", "aps", "badge"); data != "2" || aps != nil {
		t.Errorf("data %v, aps %v", data, aps)
	}
}

// What tells of several messages is counted for when it leaves, long after them: with
// what came meanwhile, without what was read. Android's notification stands for those
// it tells of.
func TestUnreadBadgeOfABundle(t *testing.T) {
	alice, bob, carol := someone(t, "alice"), someone(t, "bob"), someone(t, "carol")
	ios, android := bob.newPhone("tablet", "ios"), bob.newPhone("phone", "android")
	carol.send(bob, "read before the window ends", "1")
	carol.send(bob, "that, too", "2")
	waitPushes(t, 2, ios, android)
	bob.set(object{"bundleSeconds": 600})
	first := alice.post(counted(message(bob.ID, "hello", "1")))
	waitPushes(t, 3, ios, android)
	if got := at(ios.push(t, first), "apns", "payload", "aps", "badge"); got != 3. {
		t.Errorf("the first: %v, want 3", got)
	}
	bob.waitBurst(alice, false)
	wantPlanned(t, alice.post(counted(message(bob.ID, "hello", "2"))), map[string]int{"bundled": 2})
	bob.waitBurst(alice, true)
	bob.call(http.MethodPost, "/read", object{"conversationID": carol.ID, "conversationType": 0})

	bob.windowsEnd()
	// What Carol wrote is taken away by pushes of their own.
	messages := func(d phone) (out []object) {
		for _, m := range world.FCM.Messages(d.token) {
			var push object
			if err := json.Unmarshal(m.Message, &push); err != nil {
				t.Fatal(err)
			}
			if at(push, "data", "kind") == "message" {
				out = append(out, push)
			}
		}
		return out
	}
	last := func(d phone) object { all := messages(d); return all[len(all)-1] }
	told := func(context.Context) error {
		sweep(t)
		for _, d := range []phone{ios, android} {
			if n := len(messages(d)); n < 4 {
				return fmt.Errorf("%s got %d messages", d.deviceID, n)
			}
		}
		return nil
	}
	if err := harness.Poll(t.Context(), sweptWithin, told); err != nil {
		t.Fatal(err)
	}
	if got := at(last(ios), "apns", "payload", "aps", "badge"); got != 2. {
		t.Errorf("the bundle: %v, want 2", got)
	}
	push := last(android)
	if total, stands := at(push, "data", "badge"), at(push, "android", "notification", "notification_count"); total != "2" || stands != 2. {
		t.Errorf("the bundle on Android: %v of %v", stands, total)
	}
}

// What was read elsewhere is taken away with how much is left, where its push had said
// how much there was; an iPhone's system sets it.
func TestBadgeOfWhatWasRead(t *testing.T) {
	alice, bob, carol := someone(t, "alice"), someone(t, "bob"), someone(t, "carol")
	ios, android, web := bob.newPhone("tablet", "ios"), bob.newPhone("phone", "android"), bob.newPhone("tab", "web")
	devices := []phone{ios, android, web}
	waitLogged(t, "dispatched", alice.post(counted(message(bob.ID, "hello", "1"))))
	waitLogged(t, "dispatched", carol.send(bob, "doesn't count", "2"))
	waitPushes(t, 2, devices...)
	// last is the last push that d got, its data and its aps.
	last := func(d phone) (push object) {
		t.Helper()
		all := world.FCM.Messages(d.token)
		if err := json.Unmarshal(all[len(all)-1].Message, &push); err != nil {
			t.Fatal(err)
		}
		return push
	}
	bob.read(alice.ID, chat.Peer, 0)
	waitPushes(t, 3, devices...)
	for _, d := range devices {
		if push := last(d); at(push, "data", "kind") != "read" || at(push, "data", "badge") != "1" {
			t.Errorf("%s got %v", d.deviceID, push)
		}
	}
	aps, kind := at(last(ios), "apns", "payload", "aps"), at(last(ios), "apns", "headers", "apns-push-type")
	if fmt.Sprint(aps) != "map[badge:1 content-available:1]" || kind != "alert" {
		t.Errorf("the iPad got %v, %v", aps, kind)
	}
	bob.read(carol.ID, chat.Peer, 0)
	waitPushes(t, 4, devices...)
	for _, d := range devices {
		if push := last(d); at(push, "data", "kind") != "read" || at(push, "data", "badge") != nil || at(push, "apns", "payload", "aps", "badge") != nil {
			t.Errorf("of one that doesn't count %s got %v", d.deviceID, push)
		}
	}
}

// That costs what counting costs, and where no number was said nothing.
func TestCostOfBadgeOfWhatWasRead(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "ios")
	got := 0
	costs(t, "read, and taken away with what is left", cost.Read().Plus(cost.Dismissal()).Plus(cost.Badge(1, 0, 0)), func(try int) {
		waitLogged(t, "dispatched", alice.post(counted(message(bob.ID, "hello", fmt.Sprint(try)))))
		got++
	}, func(int) {
		bob.read(alice.ID, chat.Peer, 0)
		got++
		waitGot(t, d, got)
	})
}
