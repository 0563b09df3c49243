//go:build integration

package functions_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/shared/chat"
)

// A tenant's user who has somebody's uid is somebody else: neither the functions nor
// Firestore take one for the other.
func TestTenantsApart(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	mid := alice.send(bob, "hello", "1")
	const tenant = "other-x1y2z"
	token, err := world.SignInAt(t.Context(), tenant, bob.ID)
	if err != nil {
		t.Fatal(err)
	}
	other := bob
	other.Token = token
	status, raw := other.Do(http.MethodPost, "/messages", object{"conversationID": alice.ID, "conversationType": 0})
	check(t, status, raw, refusal{http.StatusUnauthorized, 6000103, ""})
	status, raw = other.Do(http.MethodPost, "/send", messageTo(chat.Peer, alice.ID, "I'm bob", "1"))
	check(t, status, raw, refusal{http.StatusUnauthorized, 6000103, ""})

	// Firestore, as it stands, and in another project, whose rules are for the tenant.
	rules, err := os.ReadFile("../terraform/firestore.rules")
	if err != nil {
		t.Fatal(err)
	}
	const nobodys, tenants = "tenant() { return ''; }", "tenant() { return '" + tenant + "'; }"
	text := strings.Replace(string(rules), nobodys, tenants, 1)
	if text == string(rules) {
		t.Fatalf("the rules don't have %q", nobodys)
	}
	own := harness.Client{TB: t, BaseURL: "http://" + world.FirestoreHost(), Token: "owner"}
	const project = "project-of-tenant"
	in := object{"rules": object{"files": []any{object{"name": "firestore.rules", "content": text}}}}
	if status, answer := own.Do(http.MethodPut, "/emulator/v1/projects/"+project+":securityRules", in); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	peer := "/conversations/" + chat.CID(chat.Peer, alice.ID, bob.ID)
	theirs := "/v1/projects/" + project + "/databases/(default)/documents" + peer
	fields := object{"fields": object{"members": object{"arrayValue": object{"values": []any{object{"stringValue": alice.ID}, object{"stringValue": bob.ID}}}}}}
	if status, answer := own.Do(http.MethodPatch, theirs, fields); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	for _, tc := range []struct {
		who   person
		path  string
		allow bool
	}{
		{bob, "/v1" + documents(peer), true},
		{bob, "/v1" + documents(peer+"/messages/"+mid), true},
		{other, "/v1" + documents(peer), false},
		{other, "/v1" + documents(peer+"/messages/"+mid), false},
		{other, theirs, true},
		{bob, theirs, false},
	} {
		c := tc.who.Client
		c.TB, c.BaseURL = t, "http://"+world.FirestoreHost()
		want := http.StatusForbidden
		if tc.allow {
			want = http.StatusOK
		}
		if status, answer := c.Do(http.MethodGet, tc.path, nil); status != want {
			t.Errorf("%s, by bob of another tenant: %v: %d %.300s, want %d", tc.path, c.Token == token, status, answer, want)
		}
	}
}
