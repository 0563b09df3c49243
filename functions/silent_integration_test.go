//go:build integration

package functions_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
)

// A silent push gives every platform's app its payload and shows nothing, also
// of a person who is not to be disturbed; a device that wants none gets none.
func TestSilentPush(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	phones := []phone{bob.newPhone("phone", "android"), bob.newPhone("tablet", "ios"), bob.newPhone("tab", "web")}
	other := bob.newPhone("other", "android")
	bob.call(http.MethodPost, "/register", object{"token": other.token, "platform": "android", "deviceID": other.deviceID, "silent": false})
	bob.call(http.MethodPost, "/conversation-notification-status", object{"status": 2, "conversationID": alice.ID, "conversationType": 0})

	body := message(bob.ID, "hello", "1")
	body["config"] = object{"priority": 2, "pushConfig": object{"silent": true, "payload": "sync" + mark}}
	id := alice.post(body)
	waitLogged(t, "dispatched", id)
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	for _, p := range phones {
		if err := world.FCM.Wait(ctx, func(s *standin.Server) bool { return len(s.Messages(p.token)) > 0 }); err != nil {
			t.Fatalf("%s got nothing: %v", p.deviceID, err)
		}
		got := world.FCM.Messages(p.token)
		var m struct{ Data map[string]string }
		if err := json.Unmarshal(got[0].Message, &m); err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || !got[0].Silent || m.Data["id"] != id || m.Data["payload"] != "sync"+mark {
			t.Errorf("%s got %+v, the last with %s", p.deviceID, got, got[0].Message)
		}
		assertShade(t, p)
	}
	if got := world.FCM.Messages(other.token); len(got) != 0 {
		t.Errorf("who takes no silent pushes got %+v", got)
	}
}
