package functions

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/presence"
)

func TestConversationStatus(t *testing.T) {
	db := onMemory(t)
	call("alice", "POST", "/group-create", createBody)
	later := clock.Add(time.Hour).UnixMilli()
	for _, tc := range []struct {
		user, body string
		status     int
		code       fault.Code
		field      string
	}{
		{"bob", `{"status":2,"conversationID":"alice","conversationType":0}`, 200, 0, ""},
		{"carol", fmt.Sprintf(`{"status":2,"conversationID":"alice","conversationType":0,"mutedUntil":%d}`, later), 200, 0, ""},
		{"dave", `{"status":2,"conversationID":"alice","conversationType":0}`, 200, 0, ""},
		{"dave", `{"status":1,"conversationID":"alice","conversationType":0}`, 200, 0, ""},
		{"bob", `{"status":2,"conversationID":"g","conversationType":2}`, 200, 0, ""},
		{"erin", `{"status":2,"conversationID":"alice","conversationType":0,"level":"mentions"}`, 200, 0, ""},
		{"carol", `{"status":1,"conversationID":"g","conversationType":2,"level":"mentions"}`, 200, 0, ""},
		{"carol", `{"status":1,"conversationID":"g","conversationType":2,"level":"some"}`, 400, fault.ParamsInvalid, "level"},
		{"dave", `{"status":2,"conversationID":"g","conversationType":2}`, 403, fault.GroupUserIsNotInTheGroup, ""},
		{"bob", `{"status":2,"conversationID":"h","conversationType":2}`, 404, fault.GroupDoesNotExist, ""},
		{"bob", `{"status":2,"conversationID":"r","conversationType":1}`, 400, fault.ParamsInvalid, "conversationType"},
		{"bob", `{"status":2,"conversationID":"bob","conversationType":0}`, 400, fault.ParamsInvalid, "conversationID"},
		{"bob", `{"status":0,"conversationID":"alice","conversationType":0}`, 400, fault.ParamsInvalid, "status"},
		{"bob", `{"status":2,"conversationID":"alice","conversationType":0,"until":1}`, 400, fault.ParamsInvalid, "until"},
	} {
		resp := call(tc.user, "POST", "/conversation-notification-status", tc.body)
		got, e := answer(t, resp)
		if resp.StatusCode != tc.status || e.Code != tc.code || e.Field != tc.field {
			t.Errorf("%s %s: %d %+v", tc.user, tc.body, resp.StatusCode, e)
		}
		if tc.status != 200 {
			continue
		}
		var asked map[string]any
		if err := json.Unmarshal([]byte(tc.body), &asked); err != nil {
			t.Fatal(err)
		}
		if want := map[string]any{"conversationID": asked["conversationID"], "conversationType": asked["conversationType"]}; !reflect.DeepEqual(got, want) {
			t.Errorf("%s %s: %v", tc.user, tc.body, got)
		}
	}
	users, err := db.Users(t.Context(), []string{"bob", "carol", "dave", "erin"})
	if err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]map[string]presence.Mute{
		"bob":   {chat.CID(chat.Peer, "alice", "bob"): {}},
		"carol": {chat.CID(chat.Peer, "alice", "carol"): {MutedUntil: later}},
		"dave":  {},
	} {
		if got := users[user].Mutes; !reflect.DeepEqual(got, want) {
			t.Errorf("%s has muted %+v, want %+v", user, got, want)
		}
	}
	_, members, err := db.ReadGroup(t.Context(), group.CID("g"), []string{"bob", "carol"})
	if err != nil || members["bob"].Status != group.DoNotDisturb || members["carol"].Level != presence.LevelMentions {
		t.Errorf("memberships are %+v, %v", members, err)
	}
	if got := users["erin"].PeerLevel(chat.CID(chat.Peer, "alice", "erin")); got != presence.LevelMentions {
		t.Errorf("erin's level is %q", got)
	}
	// A peer isn't a group.
	resp := call("bob", "POST", "/group-notification-status", `{"status":2,"conversationID":"alice","conversationType":0}`)
	if _, e := answer(t, resp); resp.StatusCode != 400 || e.Field != "conversationType" {
		t.Errorf("%d %+v", resp.StatusCode, e)
	}
}

func TestConversationStatusFails(t *testing.T) {
	onMemory(t)
	down := errors.New("configuration")
	replace(t, &groups, nil, down)
	replace(t, &registry, nil, down)
	for _, body := range []string{`{"status":2,"conversationID":"g","conversationType":2}`, `{"status":2,"conversationID":"bob","conversationType":0}`} {
		if resp := call("alice", "POST", "/conversation-notification-status", body); resp.StatusCode != 500 {
			t.Errorf("%s: %d", body, resp.StatusCode)
		}
	}
}
