//go:build integration

package functions_test

import (
	"net/http"
	"testing"
)

// Bob mutes Alice: her messages don't ring, but for one that mentions him and
// insists; Carol's do. Unmuted, hers ring again.
func TestMutedPeer(t *testing.T) {
	alice, bob, carol := someone(t, "alice"), someone(t, "bob"), someone(t, "carol")
	d := bob.newPhone("phone", "android")
	status := func(n int) {
		t.Helper()
		bob.call(http.MethodPost, "/conversation-notification-status", object{"status": n, "conversationID": alice.ID, "conversationType": 0})
	}
	status(2)
	waitLogged(t, "planned", alice.send(bob, "hello", "1"))
	insisting := message(bob.ID, "hello @bob", "2")
	insisting["message"].(object)["mentionedUserIDs"] = []string{bob.ID}
	insisting["config"].(object)["isNotifyMentionedUsers"] = true
	insisted := alice.post(insisting)
	other := carol.send(bob, "hello", "1")
	waitShade(t, d, insisted, other)
	status(1)
	waitShade(t, d, insisted, other, alice.send(bob, "again", "3"))
}
