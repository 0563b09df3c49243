//go:build integration

package functions_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/doorbell-push/doorbell/shared/chat"
)

func (p person) block(others ...person) {
	p.t.Helper()
	p.call(http.MethodPost, "/blacklist-add", object{"userIDs": idsOf(others)})
}

func idsOf(people []person) []string {
	var ids []string
	for _, p := range people {
		ids = append(ids, p.ID)
	}
	return ids
}

// planned is the log line that says what was decided of the message id.
func planned(t *testing.T, id string) string {
	t.Helper()
	waitLogged(t, "planned", id)
	for line := range bytes.Lines(world.log.Bytes()) {
		if bytes.Contains(line, []byte(`"message":"planned"`)) && bytes.Contains(line, []byte(`"subjectID":"`+id+`"`)) {
			return string(line)
		}
	}
	return ""
}

// Bob blocks Alice: her message is refused, her call doesn't invite him, and
// what she writes to a group they are both in is stored but rings at the others
// only. He still reaches her. Unblocked, all is as before.
func TestBlockedUserRingsNobody(t *testing.T) {
	alice, bob, carol := someone(t, "alice"), someone(t, "bob"), someone(t, "carol")
	bobs, carols, alices := bob.newPhone("phone", "android"), carol.newPhone("phone", "ios"), alice.newPhone("phone", "web")
	groupID := ownID(t, "g")
	alice.call(http.MethodPost, "/group-create", object{
		"groupInfo": object{"groupID": groupID, "groupName": "n"}, "userIDs": []string{bob.ID, carol.ID}})
	bob.block(alice)

	status, raw := alice.Do(http.MethodPost, "/send", message(bob.ID, "hello", "1"))
	check(t, status, raw, refusal{http.StatusForbidden, 6000284, ""})
	status, raw = alice.Do(http.MethodPost, "/call-invite", callTo(90, bob))
	check(t, status, raw, refusal{http.StatusForbidden, 6000284, ""})

	invited := alice.call(http.MethodPost, "/call-invite", callTo(90, bob, carol))
	want := fmt.Sprintf(`[{"userID":%q,"state":4,"extendedData":""}]`, bob.ID)
	if got, _ := json.Marshal(invited["errorInvitees"]); !jsonEqual(string(got), want) {
		t.Errorf("errorInvitees are %s", got)
	}
	callID, _ := invited["callID"].(string)
	waitText(t, carols, callID, videoCall)
	alice.act("/call-cancel", callID, nil)
	waitText(t, carols, callID, "Missed call")
	if status, _ := bob.Do(http.MethodPost, "/call-query", object{"callID": callID}); status != http.StatusNotFound {
		t.Errorf("the blocked call is %d to bob", status)
	}
	shown := world.FCM.Shade(carols.token)[0].Tag

	inGroup := alice.post(messageTo(chat.Group, groupID, "hello all", "2"))
	waitShade(t, carols, shown, inGroup)
	if line := planned(t, inGroup); !bytes.Contains([]byte(line), []byte(bob.ID+"/:blocked")) {
		t.Errorf("the plan says %s", line)
	}
	toAlice := bob.send(alice, "I can write to you", "1")
	waitShade(t, alices, toAlice)
	fromCarol := carol.send(bob, "hello", "1")
	waitShade(t, bobs, fromCarol)

	bob.call(http.MethodPost, "/blacklist-remove", object{"userIDs": []string{alice.ID}})
	again := alice.send(bob, "again", "3")
	waitShade(t, bobs, fromCarol, again)
}

// Who is blocked while their message is under way rings no more.
func TestBlockedWhileQueued(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	resume := pause(t, "dispatch")
	id := alice.send(bob, "hello", "1")
	waitHeld(t, "dispatch", 1)
	bob.block(alice)
	resume()
	waitLogged(t, "dispatched", id)
	assertShade(t, d)
}

func jsonEqual(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && fmt.Sprint(x) == fmt.Sprint(y)
}
