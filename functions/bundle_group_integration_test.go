//go:build integration

package functions_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"github.com/doorbell-push/doorbell/scripts/cost"
	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/shared/chat"
)

// groupOf makes a group of p's.
func (p person) groupOf(id string, people ...person) (cid string) {
	p.t.Helper()
	p.call(http.MethodPost, "/group-create", object{"groupInfo": object{"groupID": id, "groupName": "n"}, "userIDs": userIDs(people)})
	return chat.CID(chat.Group, p.ID, id)
}

// A busy group: who wants it so is rung for the first message, and when the window
// is over told once how many they haven't read; the others are rung for each. What a
// dry run says of the next message is what becomes of it.
func TestBundledGroupMessages(t *testing.T) {
	alice, bob, carol, dave := someone(t, "alice"), someone(t, "bob"), someone(t, "carol"), someone(t, "dave")
	mobile, tablet := bob.newPhone("phone", "android"), bob.speaks(bob.newPhone("tablet", "ios"), "ios", "fr")
	carols, daves := carol.newPhone("tab", "web"), dave.newPhone("phone", "android")
	groupID := ownID(t, "g")
	cid := alice.groupOf(groupID, bob, carol, dave)
	for _, p := range []person{bob, carol} {
		p.set(object{"bundleSeconds": 600})
	}
	first := alice.post(messageTo(chat.Group, groupID, "hello", "1"))
	wantPlanned(t, first, map[string]int{"sender": 1, "push": 4})
	for _, d := range []phone{mobile, tablet, carols, daves} {
		waitShade(t, d, first)
	}
	bob.waitBurstIn(cid, false)
	carol.waitBurstIn(cid, false)
	dryRun := groupDryRun(t, alice, groupID, map[string]person{"bob": bob, "carol": carol, "dave": dave})
	rung := []string{first}
	for n := 2; n <= 4; n++ {
		id := dave.post(messageTo(chat.Group, groupID, "hello", strconv.Itoa(n)))
		wantPlanned(t, id, map[string]int{"sender": 1, "bundled": 3, "no_device": 1})
		bob.waitBurstIn(cid, true)
		carol.waitBurstIn(cid, true)
	}
	fifth := alice.post(messageTo(chat.Group, groupID, "hello", "5"))
	wantPlanned(t, fifth, map[string]int{"sender": 1, "bundled": 3, "push": 1})
	rung = append(rung, fifth)
	waitShade(t, daves, rung...)
	if want := "bob/phone bundled bob/tablet bundled carol/tab bundled dave/phone push "; dryRun != want {
		t.Errorf("a dry run of one more: %s, want %s", dryRun, want)
	}
	carol.call(http.MethodPost, "/read", object{"conversationID": groupID, "conversationType": 2})

	bob.windowsEnd()
	carol.windowsEnd()
	shows := func(context.Context) error {
		sweep(t)
		for d, body := range map[phone]string{mobile: "5 new messages", tablet: "5 nouveaux messages"} {
			if shade := world.FCM.Shade(d.token); len(shade) != 1 || shade[0].Tag != first || shade[0].Body != body {
				return fmt.Errorf("%s shows %+v", d.deviceID, shade)
			}
		}
		return nil
	}
	if err := harness.Poll(t.Context(), sweptWithin, shows); err != nil {
		t.Fatal(err)
	}
	sweep(t)
	waitPushes(t, 2, mobile, tablet) // the first, and all of them
	waitPushes(t, 2, carols)         // the first, and that all is read
	waitPushes(t, 2, daves)          // the two that aren't his own
}

// groupDryRun is what an operator is told of one more message of p's to a group of
// people, by their names.
func groupDryRun(t *testing.T, p person, groupID string, people map[string]person) (told string) {
	t.Helper()
	olga := someone(t, "olga")
	token, err := world.SignInOperator(t.Context(), olga.ID)
	if err != nil {
		t.Fatal(err)
	}
	world.secrets.add(token)
	olga.Token = token
	body := object{"fromUserID": p.ID, "send": messageTo(chat.Group, groupID, "hello", "dry"), "locales": []string{"de"}}
	status, raw := olga.Do(http.MethodPost, "/dry-run", body)
	var would struct {
		Devices []struct {
			UserID, DeviceID, Reason string
			Push                     bool
		}
		Texts []struct{ Locale, Platform string }
	}
	if err := json.Unmarshal(raw, &would); err != nil || status != http.StatusOK || len(would.Texts) != 3 {
		t.Fatalf("%d %s, %v", status, raw, err)
	}
	for _, name := range slices.Sorted(maps.Keys(people)) {
		for _, d := range would.Devices {
			if d.UserID != people[name].ID {
				continue
			}
			if d.Push {
				d.Reason = "push"
			}
			told += name + "/" + d.DeviceID + " " + d.Reason + " "
		}
	}
	return told
}

// What is bundled in a group costs, beside what any message to it does, a read and a
// write for each who is rung by the first and for each who is told of the first that
// waits; what waits after that costs less than a message that rings.
func TestCostOfBundlesInAGroup(t *testing.T) {
	alice := someone(t, "alice")
	var bob, carol person
	var groupID, cid string
	anew := func(try int) {
		bob, carol = someone(t, fmt.Sprint("bob", try)), someone(t, fmt.Sprint("carol", try))
		groupID = ownID(t, fmt.Sprint("g", try))
		cid = alice.groupOf(groupID, bob, carol)
		for _, p := range []person{bob, carol} {
			p.newPhone("phone", "android")
			p.set(object{"bundleSeconds": 600})
		}
	}
	send := func(id string) string { return alice.post(messageTo(chat.Group, groupID, "hello", id)) }
	rings := func(try int) {
		waitLogged(t, "dispatched", send(fmt.Sprint("1-", try)))
		bob.waitBurstIn(cid, false)
		carol.waitBurstIn(cid, false)
	}
	waits := func(id string) {
		wantPlanned(t, send(id), map[string]int{"sender": 1, "bundled": 2})
		bob.waitBurstIn(cid, true)
		carol.waitBurstIn(cid, true)
	}
	noted := cost.Operations{Reads: 2, Writes: 2} // with two people
	costs(t, "the one that rings", cost.GroupMessage(3, 1).Plus(noted), anew, rings)

	later := cost.Send().Plus(cost.Operations{Reads: 1 + 2, Writes: 1, Invocations: 1}) // roster, presence, and why nobody rang
	costs(t, "the first that waits", later.Plus(noted), func(try int) {
		anew(try + 10)
		rings(try)
	}, func(try int) { waits(fmt.Sprint("2-", try)) })
	costs(t, "another that waits", later, nil, func(try int) { waits(fmt.Sprint("3-", try)) })
}
