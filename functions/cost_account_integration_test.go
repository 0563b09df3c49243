//go:build integration

package functions_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/doorbell-push/doorbell/scripts/cost"
	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
)

// What people do beside sending costs what the model says.
func TestCostOfAccounts(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	alice.newPhone("warm-up", "android")
	token := func() string {
		d, err := world.FCM.NewDevice(standin.Device{Platform: "android"})
		if err != nil {
			t.Fatal(err)
		}
		return d.Token
	}
	first := token()
	costs(t, "a device is registered", cost.Register(), nil, func(try int) {
		bob.register(fmt.Sprint("phone", try), "android", token())
	})
	bob.register("known", "android", first)
	costs(t, "a device is registered again", cost.Register(), nil, func(int) { bob.register("known", "android", first) })

	waitLogged(t, "dispatched", alice.send(bob, "hello", "0"))
	read := object{"conversationID": alice.ID, "conversationType": 0}
	costs(t, "a conversation is read", cost.Read().Plus(cost.Dismissal()), func(try int) {
		waitLogged(t, "dispatched", alice.send(bob, "hello", fmt.Sprint("again", try)))
	}, func(int) { bob.call(http.MethodPost, "/read", read) })

	var cursor any
	cursor = bob.call(http.MethodPost, "/sync", object{"count": 100})["cursor"]
	costs(t, "a sync finds nothing new", cost.Sync(), nil, func(int) {
		cursor = bob.call(http.MethodPost, "/sync", object{"count": 100, "cursor": cursor})["cursor"]
	})
	for _, members := range []int{3, 5} {
		var others []string
		for i := range members - 1 {
			others = append(others, someone(t, fmt.Sprint("member", i)).ID)
		}
		costs(t, fmt.Sprint("a group of ", members, " is made"), cost.GroupCreate(members), nil, func(try int) {
			bob.call(http.MethodPost, "/group-create", object{
				"groupInfo": object{"groupID": ownID(t, fmt.Sprint("made-", members, "-", try)), "groupName": "n"}, "userIDs": others,
			})
		})
	}
}
