//go:build integration

package functions_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/doorbell-push/doorbell/shared/chat"
)

// Who was removed from a group, or has left it, is not rung by it any more, and
// can neither read it nor write to it.
func TestExMembersGetNothing(t *testing.T) {
	alice, bob, carol, dave := someone(t, "alice"), someone(t, "bob"), someone(t, "carol"), someone(t, "dave")
	bobs, carols, daves := bob.newPhone("phone", "android"), carol.newPhone("phone", "web"), dave.newPhone("phone", "ios")
	id := ownID(t, "g")
	alice.call(http.MethodPost, "/group-create", object{
		"groupInfo": object{"groupID": id, "groupName": "n"}, "userIDs": idsOf([]person{bob, carol, dave})})
	first := alice.post(messageTo(chat.Group, id, "hello all", "1"))
	for _, d := range []phone{bobs, carols, daves} {
		waitShade(t, d, first)
	}
	alice.call(http.MethodPost, "/group-kick", object{"groupID": id, "userIDs": []string{carol.ID}})
	dave.call(http.MethodPost, "/group-leave", object{"groupID": id})
	second := alice.post(messageTo(chat.Group, id, "hello both", "2"))
	waitShade(t, bobs, first, second)
	waitLogged(t, "dispatched", second)
	for _, ex := range []person{carol, dave} {
		status, raw := ex.Do(http.MethodPost, "/messages", object{"conversationID": id, "conversationType": 2})
		check(t, status, raw, refusal{http.StatusNotFound, 6000603, ""})
		status, raw = ex.Do(http.MethodPost, "/send", messageTo(chat.Group, id, "still here", "3"))
		check(t, status, raw, refusal{http.StatusForbidden, 6000521, ""})
	}
	assertShade(t, carols, first)
	assertShade(t, daves, first)
}

// A phone that changes hands gets what its next user is to get in a group, and
// nothing that only its last one is.
func TestPhoneChangesHandsInGroups(t *testing.T) {
	alice, bob, carol, dave := someone(t, "alice"), someone(t, "bob"), someone(t, "carol"), someone(t, "dave")
	daves := dave.newPhone("phone", "ios") // whose push says when a message is through
	bobs, both := ownID(t, "bobs"), ownID(t, "both")
	for id, members := range map[string][]person{bobs: {bob, dave}, both: {bob, carol, dave}} {
		alice.call(http.MethodPost, "/group-create", object{"groupInfo": object{"groupID": id, "groupName": "n"}, "userIDs": idsOf(members)})
	}
	shared := bob.newPhone("shared", "android")
	first := alice.post(messageTo(chat.Group, bobs, "to bob", "1"))
	waitShade(t, shared, first)
	carol.register("shared", "android", shared.token)
	second := alice.post(messageTo(chat.Group, bobs, "to bob only", "2"))
	third := alice.post(messageTo(chat.Group, both, "to carol too", "3"))
	waitShade(t, daves, first, second, third)
	for _, id := range []string{second, third} {
		waitLogged(t, "dispatched", id)
	}
	waitShade(t, shared, first, third)
	if got := len(world.FCM.Messages(shared.token)); got != 2 {
		t.Errorf("the phone got %d pushes, want one for each of its users", got)
	}
}

// The last look at all logs, in TestMain, finds what must not be there.
func TestSecretsAreFound(t *testing.T) {
	var s secrets
	s.add("t0ken")
	const line = `{"severity":"INFO","message":"planned","subjectID":"m"}` + "\n"
	for log, leaks := range map[string]bool{
		line:                                  false,
		line + `{"error":"of t0ken"}`:         true,
		line + `{"title":"Title` + mark + `"`: true,
		line + `{"title":"Title\u2021"}`:      true,
		line + "s3cret":                       true,
		strings.Repeat(line, 10):              false,
	} {
		if err := s.in(log); (err != nil) != leaks {
			t.Errorf("%s: %v", log, err)
		}
	}
}
