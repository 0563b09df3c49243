//go:build integration

package functions_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/doorbell-push/doorbell/scripts/system"
)

// backend is the operator's, which calls with its service account's token.
func backend(t *testing.T) person {
	t.Helper()
	p := someone(t, "backend")
	token, err := system.BackendToken()
	if err != nil {
		t.Fatal(err)
	}
	world.secrets.add(token)
	p.Token = token
	return p
}

// The system tells several people, whose own rules hold, and a group that it
// isn't in; each is told once, also when the backend asks again, and sync shows it.
func TestSystemMessages(t *testing.T) {
	ann, bob, carl, robot := someone(t, "ann"), someone(t, "bob"), someone(t, "carl"), backend(t)
	anns, bobs, carls := ann.newPhone("phone", "android"), bob.newPhone("phone", "ios"), carl.newPhone("tab", "web")
	bob.call(http.MethodPost, "/conversation-notification-status", object{"status": 2, "conversationID": "system", "conversationType": 0})
	carl.call(http.MethodPost, "/blacklist-add", object{"userIDs": []string{"system"}})
	group := ownID(t, "news")
	ann.call(http.MethodPost, "/group-create", object{"groupInfo": object{"groupID": group, "groupName": "n"}, "userIDs": []string{bob.ID}})

	body := object{
		"message":   object{"type": 1, "message": "We are back" + mark},
		"toUserIDs": []string{ann.ID, bob.ID, carl.ID}, "localMessageID": "1",
		"config": object{"priority": 2, "pushConfig": object{"title": "System" + mark, "content": "We are back" + mark}},
	}
	var told []string // the messages to ann, bob and the group
	for range 2 {
		answer := robot.call(http.MethodPost, "/system-send", body)
		list, _ := answer["messageList"].([]any)
		failed, _ := answer["errorUserList"].([]any)
		if len(list) != 2 || len(failed) != 1 || failed[0].(object)["userID"] != carl.ID {
			t.Fatalf("system-send answered %v", answer)
		}
		for i, m := range list {
			id, _ := m.(object)["messageID"].(string)
			if len(told) < 2 {
				told = append(told, id)
			} else if told[i] != id {
				t.Errorf("asked again, message %d is %s, was %s", i, id, told[i])
			}
		}
	}
	delete(body, "toUserIDs")
	body["toGroupID"] = group
	answer := robot.call(http.MethodPost, "/system-send", body)
	list, _ := answer["messageList"].([]any)
	if len(list) != 1 {
		t.Fatalf("to the group: %v", answer)
	}
	id, _ := list[0].(object)["messageID"].(string)
	told = append(told, id)

	waitShade(t, anns, told[0], told[2])
	waitShade(t, bobs, told[2])
	wantPlanned(t, told[1], map[string]int{"muted": 1})
	for _, id := range told {
		waitLogged(t, "planned", id)
	}
	assertShade(t, anns, told[0], told[2])
	assertShade(t, bobs, told[2])
	assertShade(t, carls)

	var synced []string
	messages, _ := ann.call(http.MethodPost, "/sync", object{"count": 100})["messageList"].([]any)
	for _, m := range messages {
		if got := m.(object); got["system"] == true && got["senderUserID"] == "system" {
			synced = append(synced, got["messageID"].(string))
		}
	}
	slices.Sort(synced)
	want := []string{told[0], told[2]}
	slices.Sort(want)
	if !slices.Equal(synced, want) {
		t.Errorf("ann syncs %v of %v, want %v", synced, messages, want)
	}

	if status, raw := ann.Do(http.MethodPost, "/system-send", body); status != http.StatusUnauthorized {
		t.Errorf("a user sends as the system: %d %s", status, raw)
	}
	system := someone(t, "unused")
	token, err := world.SignIn(t.Context(), "system")
	if err != nil {
		t.Fatal(err)
	}
	system.Token = token
	if status, raw := system.Do(http.MethodPost, "/send", message(ann.ID, "forged", "1")); status != http.StatusForbidden {
		t.Errorf("a client is the system: %d %s", status, raw)
	}
}
