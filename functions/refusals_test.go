package functions

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// What takes a story to be refused, at its endpoint: the rows of the README's table of
// codes that no other test of an endpoint meets.
func TestRefusals(t *testing.T) {
	callsOnMemory(t)
	ok := func(user, path, body string) map[string]any {
		t.Helper()
		all, e := answer(t, call(user, "POST", path, body))
		if e.Code != 0 {
			t.Fatalf("%s %s %s: %v", user, path, body, e)
		}
		return all
	}
	// say sends a message of bob's to the group, or of alice's to bob, and returns how its
	// changes name it.
	say := func(user, to string, kind int, id string) string {
		m, _ := ok(user, "/send", fmt.Sprintf(`{"message":{"type":1,"message":"hi"},"toConversationID":%q,"conversationType":%d,"localMessageID":%q,"config":{"priority":1}}`, to, kind, id))["message"].(map[string]any)
		return fmt.Sprintf(`"messageID":%q,"conversationID":%q,"conversationType":%d`, m["messageID"], to, kind)
	}
	const edited = `,"message":{"type":1,"message":"ho"}}`

	ok("alice", "/group-create", `{"groupInfo":{"groupID":"g","groupName":"n"},"userIDs":["bob","carol"],"config":{"inviteMode":1}}`)
	ok("alice", "/group-create", `{"groupInfo":{"groupID":"full","groupName":"n"},"userIDs":["bob"],"config":{"maxMemberCount":2}}`)
	ok("alice", "/group-create", `{"groupInfo":{"groupID":"asks","groupName":"n"},"userIDs":[],"config":{"joinMode":1}}`)
	ok("alice", "/call-invite", `{"invitees":["bob"],"callID":"c","config":{"timeout":30}}`)
	ok("bob", "/call-accept", `{"callID":"c","deviceID":"d"}`)
	ok("alice", "/call-invite", `{"invitees":["bob"],"callID":"c-1","config":{"timeout":30,"mode":1}}`)
	ok("carol", "/blacklist-add", `{"userIDs":["alice"]}`)
	ok("carol", "/notification-settings", `{"deviceID":"d","devicePrivacy":"id"}`)
	ofBob, taken := say("bob", "g", 2, "1"), say("bob", "g", 2, "2")
	ok("alice", "/message-revoke", "{"+taken+"}")
	toBob := say("alice", "bob", 0, "1")
	fromBob := strings.Replace(toBob, `"bob"`, `"alice"`, 1) // as he names it
	reg, err := registry()
	if err != nil {
		t.Fatal(err)
	}
	for i := range presence.MaxMutes {
		if err := reg.SetPeer(t.Context(), "bob", chat.CID(chat.Peer, "bob", fmt.Sprint("u", i)), &presence.Mute{}, ""); err != nil {
			t.Fatal(err)
		}
	}
	dry := func(group string) string {
		return fmt.Sprintf(`{"fromUserID":"dave","send":{"message":{"type":1,"message":"hi"},"toConversationID":%q,"conversationType":2,"localMessageID":"1","config":{"priority":1}}}`, group)
	}

	refused := func(user, path, body string, status int, code fault.Code) {
		t.Helper()
		var edits []func(*http.Request)
		if path == "/dry-run" {
			edits = append(edits, asOperator(true))
		}
		resp := call(user, "POST", path, body, edits...)
		if _, e := answer(t, resp); resp.StatusCode != status || e.Code != code {
			t.Errorf("%s %s %s: %d %v, want %d with %d", user, path, body, resp.StatusCode, e, status, code)
		}
	}
	refused("bob", "/group-invite", `{"groupID":"g","userIDs":["dave"]}`, 403, fault.GroupNoAuthority)
	refused("bob", "/group-kick", `{"groupID":"g","userIDs":["carol"]}`, 403, fault.GroupNoAuthority)
	refused("bob", "/group-transfer", `{"groupID":"g","toUserID":"carol"}`, 403, fault.GroupNoAuthority)
	refused("alice", "/group-transfer", `{"groupID":"g","toUserID":"dave"}`, 404, fault.GroupUserIsNotInTheGroup)
	refused("alice", "/group-role", `{"groupID":"g","forUserID":"dave","role":2}`, 404, fault.GroupUserIsNotInTheGroup)
	refused("dave", "/group-join", `{"groupID":"full"}`, 409, fault.GroupMemberLimit)
	refused("dave", "/group-join", `{"groupID":"asks"}`, 403, fault.GroupNeedApplyJoin)
	refused("dave", "/dry-run", dry("g"), 403, fault.GroupUserIsNotInTheGroup)
	refused("dave", "/dry-run", dry("none"), 404, fault.GroupDoesNotExist)
	refused("bob", "/conversation-notification-status", `{"status":2,"conversationID":"dave","conversationType":0}`, 409, fault.ConversationCommon)
	refused("alice", "/call-cancel", `{"callID":"c"}`, 409, fault.CallCancelError)
	refused("alice", "/calling-invite", `{"callID":"c-1","invitees":["carol"]}`, 403, fault.SenderInBlacklist)
	refused("carol", "/push-content", fmt.Sprintf(`{"userID":"carol","kind":"message","id":%q,"conversationID":"full","conversationType":2}`, docid.New("x")), 403, fault.GroupUserIsNotInTheGroup)

	refused("alice", "/message-edit", "{"+ofBob+edited, 403, fault.EditNoAuthority)
	refused("carol", "/message-revoke", "{"+ofBob+"}", 403, fault.GroupNoAuthority)
	refused("bob", "/message-revoke", "{"+fromBob+"}", 403, fault.MessageCommon)
	refused("bob", "/message-revoke", "{"+taken+"}", 409, fault.HasBeenRevoked)
	refused("bob", "/message-edit", "{"+taken+edited, 409, fault.HasBeenRevoked)
	ok("bob", "/blacklist-add", `{"userIDs":["alice"]}`)
	refused("alice", "/message-edit", "{"+toBob+edited, 403, fault.SenderInBlacklist)
	refused("alice", "/message-revoke", "{"+toBob+`,"config":{"revokeExtendedData":"why"}}`, 403, fault.SenderInBlacklist)

	before := clock
	t.Cleanup(func() { clock = before })
	clock = clock.Add(2 * time.Minute)
	refused("bob", "/message-edit", "{"+ofBob+edited, 409, fault.ExceedsEditTime)
	refused("bob", "/message-revoke", "{"+ofBob+"}", 409, fault.ExceedsRevokeTime)
}
