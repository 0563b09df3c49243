package functions

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/inbox"
)

// A client comes back, and each answer is all that it gets.
func TestSyncAnswers(t *testing.T) {
	callsOnMemory(t)
	call("alice", "POST", "/group-create", `{"groupInfo":{"groupID":"g","groupName":"n","groupAvatarUrl":"https://a.example/u"},"userIDs":["bob"]}`)
	call("alice", "POST", "/send", sendBody)
	call("alice", "POST", "/send", strings.NewReplacer(`"bob"`, `"g"`, `"conversationType":0`, `"conversationType":2`).Replace(sendBody))
	call("alice", "POST", "/call-invite", `{"invitees":["bob"],"callID":"c1","config":{"timeout":30}}`)

	ms := clock.UnixMilli()
	m := `{"messageID":%q,"localMessageID":"l1","type":1,"message":"hi","senderUserID":"alice","conversationID":%q,"conversationType":%d,"timestamp":%d,"orderKey":1,"messageSeq":1,"direction":%d,"sentStatus":1`
	id := func(conversation string) string {
		all, _ := answer(t, call("alice", "POST", "/conversations", `{}`))
		for _, c := range all["conversationList"].([]any) {
			if c := c.(map[string]any); c["conversationID"] == conversation {
				return c["lastMessage"].(map[string]any)["messageID"].(string)
			}
		}
		return "none"
	}
	// The group was made in the same millisecond, so its message is a later one's.
	toBob, toGroup := fmt.Sprintf(m, id("bob"), "alice", 0, ms, 1), fmt.Sprintf(m, id("g"), "g", 2, ms+1, 1)
	fromAlice := fmt.Sprintf(m, id("bob"), "bob", 0, ms, 0)
	peer := `"conversationID":"alice","type":0,"conversationName":"","conversationAvatarUrl":"","notificationStatus":1,"mutedExpiredTime":0,"unreadMessageCount":%d,"readMessageSeq":%d,"lastMessageSeq":1,"orderKey":` + fmt.Sprint(ms)
	group := `"conversationID":"g","type":2,"conversationName":"n","conversationAvatarUrl":"https://a.example/u","notificationStatus":1,"mutedExpiredTime":0,"unreadMessageCount":1,"readMessageSeq":0,"lastMessageSeq":1,"orderKey":` + fmt.Sprint(ms+1)
	for _, step := range []struct{ user, path, body, want string }{
		{"bob", "/sync", `{"count":10,"onlineSince":1}`, `{"messageList":[` + toBob + `,"isOfflineMessage":false},` + toGroup + `,"isOfflineMessage":false}],"hasMore":false,
			"conversationList":[{` + fmt.Sprintf(peer, 1, 0) + `},{` + group + `}],
			"callList":[{"callID":"c1","caller":"alice","inviter":"alice","createTime":` + fmt.Sprint(ms) + `,"endTime":0,"state":1,"mode":0,"extendedData":"","timeout":30,
				"callUserList":[{"userID":"alice","state":1,"extendedData":""},{"userID":"bob","state":0,"extendedData":""}],"expiresAt":` + fmt.Sprint(ms+30_000) + `}],
			"serverTime":` + fmt.Sprint(ms) + `}`},
		{"bob", "/read", `{"conversationID":"alice","conversationType":0}`, `{"conversationID":"alice","conversationType":0,"unreadMessageCount":0}`},
		{"bob", "/read", `{"conversationID":"g","conversationType":2,"messageSeq":1}`, `{"conversationID":"g","conversationType":2,"unreadMessageCount":0}`},
		{"alice", "/read", `{"conversationID":"bob","conversationType":0,"messageSeq":9}`, `{"conversationID":"bob","conversationType":0,"unreadMessageCount":0}`},
		{"alice", "/sync", ``, `{"messageList":[],"hasMore":false,"conversationList":[],"callList":[],"serverTime":` + fmt.Sprint(ms) + `}`},
		{"bob", "/conversations", `{"count":2}`, `{"conversationList":[{` + strings.Replace(strings.Replace(group, `Count":1`, `Count":0`, 1), `Seq":0`, `Seq":1`, 1) +
			`,"lastMessage":` + toGroup + `}},{` + fmt.Sprintf(peer, 0, 1) + `,"lastMessage":` + toBob + `}}],"nextFlag":""}`},
		{"alice", "/messages", `{"conversationID":"bob","conversationType":0,"count":1,"reverse":true}`, `{"conversationID":"bob","conversationType":0,"messageList":[` + fromAlice + `}],"nextMessageSeq":0}`},
		{"bob", "/messages", `{"conversationID":"g","conversationType":2}`, `{"conversationID":"g","conversationType":2,"messageList":[` + toGroup + `}],"nextMessageSeq":0}`},
	} {
		if step.body == "" {
			step.body = `{}`
		}
		resp := call(step.user, "POST", step.path, step.body)
		got, e := answer(t, resp)
		if cursor, ok := got["cursor"].(string); (step.path == "/sync") != (ok && cursor != "") {
			t.Errorf("%s: cursor %q", step.path, cursor)
		}
		delete(got, "cursor")
		var want map[string]any
		if err := json.Unmarshal([]byte(step.want), &want); err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != 200 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s by %s: %d %+v\ngot  %v\nwant %v", step.path, step.user, resp.StatusCode, e, got, want)
		}
	}
}

// What is read is not pushed: the plan's side of it hears of it.
func TestReadTellsThePlan(t *testing.T) {
	db := onMemory(t)
	call("alice", "POST", "/send", sendBody)
	call("bob", "POST", "/read", `{"conversationID":"alice","conversationType":0}`)
	users, err := db.Users(t.Context(), []string{"bob"})
	if err != nil || users["bob"].ReadSeq(chat.CID(chat.Peer, "alice", "bob")) != 1 {
		t.Errorf("the plan knows %+v, %v", users["bob"], err)
	}
}

func TestSyncFails(t *testing.T) {
	onMemory(t)
	replace(t, &inboxes, nil, errors.New("secret detail"))
	for path := range syncRoutes {
		if path == "conversation-notification-status" || path == "trace" {
			continue
		}
		resp := call("alice", "POST", "/"+path, `{}`)
		if _, e := answer(t, resp); resp.StatusCode != 500 || e.Code != fault.ServerError || strings.Contains(e.Message, "secret") {
			t.Errorf("%s: %d %+v", path, resp.StatusCode, e)
		}
	}
}

func FuzzParseSync(f *testing.F) {
	fuzzParse[inbox.SyncRequest](f, `{"cursor":"x","count":1,"onlineSince":1}`, `{"count":null}`)
}

func FuzzParseRead(f *testing.F) {
	fuzzParse[inbox.ReadRequest](f, `{"conversationID":"a","conversationType":0,"messageSeq":1}`)
}

func FuzzParseConversations(f *testing.F) {
	fuzzParse[inbox.ListRequest](f, `{"count":1,"nextFlag":"1-aaaaaaaaaaaaaaaaaaaaaaaaaa"}`)
}

func FuzzParseMessages(f *testing.F) {
	fuzzParse[inbox.HistoryRequest](f, `{"conversationID":"a","conversationType":2,"nextMessageSeq":1,"count":1,"reverse":true}`)
}
