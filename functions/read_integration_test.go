//go:build integration

package functions_test

import (
	"net/http"
	"testing"
)

// What is read before its push leaves is not pushed.
func TestReadBeforeThePush(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	resume := pause(t, "dispatch")
	id := alice.send(bob, "hello", "1")
	waitHeld(t, "dispatch", 1)
	answer := bob.call(http.MethodPost, "/read", object{"conversationID": alice.ID, "conversationType": 0})
	if answer["unreadMessageCount"] != 0.0 {
		t.Errorf("read answered %v", answer)
	}
	resume()
	waitLogged(t, "dispatched", id)
	next := alice.send(bob, "another", "2")
	waitShade(t, d, next)
}
