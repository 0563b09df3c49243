package functions

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fanout"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
)

const createBody = `{"groupInfo":{"groupID":"g","groupName":"n"},"userIDs":["bob","carol"],"config":{"groupNotice":"hi","groupAttributes":{},"beInviteMode":0}}`

// A group's life over HTTP: each a request as a user, and what it answers.
func TestGroups(t *testing.T) {
	db := onMemory(t)
	at := clock.UnixMilli()
	full := func(members int, status group.Status) string {
		return fmt.Sprintf(`{"baseInfo":{"groupID":"g","groupName":"n","groupAvatarUrl":""},"groupNotice":"hi","createTime":%d,"maxMemberCount":100,"memberCount":%d,`+
			`"verifyInfo":{"joinMode":0,"inviteMode":0},"notificationStatus":%d,"mutedExpiredTime":0}`, at, members, status)
	}
	person := func(id string, role group.Role) string {
		return fmt.Sprintf(`{"userID":%q,"memberRole":%d,"enterTime":%d}`, id, role, at)
	}
	all := person("alice", 1) + "," + person("bob", 3) + "," + person("carol", 3)
	for _, tc := range []struct {
		user, path, body string
		status           int
		want             string // the answer, or the error's code
	}{
		{"alice", "group-create", createBody, 200, `{"groupInfo":` + full(3, 1) + `,"userList":[` + all + `],"errorUserList":[]}`},
		{"bob", "group-create", createBody, 409, "6000524"},
		{"alice", "group-role", `{"groupID":"g","forUserID":"bob","role":2}`, 200, `{"groupID":"g","forUserID":"bob","role":2}`},
		{"bob", "group-role", `{"groupID":"g","forUserID":"carol","role":2}`, 403, "6000541"},
		{"dave", "group-join", `{"groupID":"g"}`, 200, `{"groupInfo":` + full(4, 1) + `}`},
		{"dave", "group-notification-status", `{"status":2,"conversationID":"g","conversationType":2}`, 200, `{"conversationID":"g","conversationType":2}`},
		{"dave", "group-info", `{"groupID":"g"}`, 200, `{"groupInfo":` + full(4, 2) + `}`},
		{"erin", "group-info", `{"groupID":"g"}`, 403, "6000521"},
		{"dave", "group-invite", `{"groupID":"g","userIDs":["erin","bob"]}`, 200, `{"groupID":"g","userList":[` + person("erin", 3) + `],"errorUserList":[{"userID":"bob","reason":6000522}]}`},
		{"bob", "group-kick", `{"groupID":"g","userIDs":["erin","alice","frank"]}`, 200, `{"groupID":"g","kickedUserIDList":["erin"],"errorUserList":[{"userID":"alice","reason":6000541},{"userID":"frank","reason":6000521}]}`},
		{"carol", "group-members", `{"groupID":"g","count":2}`, 200, `{"groupID":"g","userList":[` + person("alice", 1) + "," + person("bob", 2) + `],"nextFlag":2}`},
		{"carol", "group-members", `{"groupID":"g","count":100,"nextFlag":2}`, 200, `{"groupID":"g","userList":[` + person("carol", 3) + "," + person("dave", 3) + `],"nextFlag":0}`},
		{"dave", "group-leave", `{"groupID":"g"}`, 200, `{"groupID":"g"}`},
		{"alice", "group-leave", `{"groupID":"g"}`, 409, "6000501"},
		{"carol", "group-mine", `{"count":5}`, 200, `{"groupList":[{"baseInfo":{"groupID":"g","groupName":"n","groupAvatarUrl":""},"notificationStatus":1,"mutedExpiredTime":0,"memberRole":3}],"nextFlag":""}`},
		{"dave", "group-mine", `{"count":5}`, 200, `{"groupList":[],"nextFlag":""}`},
		{"alice", "group-transfer", `{"groupID":"g","toUserID":"carol"}`, 200, `{"groupID":"g","toUserID":"carol"}`},
		{"alice", "group-dismiss", `{"groupID":"g"}`, 403, "6000541"},
		{"carol", "group-dismiss", `{"groupID":"g"}`, 200, `{"groupID":"g"}`},
		{"carol", "group-dismiss", `{"groupID":"g"}`, 200, `{"groupID":"g"}`},
		{"alice", "group-info", `{"groupID":"g"}`, 404, "6000523"},
		{"alice", "group-create", createBody, 409, "6000527"},
		{"alice", "group-create", `{"groupInfo":{"name":"n"}}`, 400, "6000001"},
		{"alice", "group-create", `{"groupInfo":{"groupName":"n"},"config":{"groupAttributes":{"a":"b"}}}`, 400, "6000001"},
	} {
		resp := call(tc.user, "POST", "/"+tc.path, tc.body)
		got, e := answer(t, resp)
		if resp.StatusCode != tc.status {
			t.Errorf("%s by %s: %d %v", tc.path, tc.user, resp.StatusCode, got)
			continue
		}
		if tc.status != 200 {
			if fmt.Sprint(int(e.Code)) != tc.want {
				t.Errorf("%s by %s: %+v, want code %s", tc.path, tc.user, e, tc.want)
			}
			continue
		}
		var want map[string]any
		if err := json.Unmarshal([]byte(tc.want), &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s by %s:\ngot  %v\nwant %v", tc.path, tc.user, got, want)
		}
	}
	if left, err := db.Members(t.Context(), group.CID("g"), 0, 10); err != nil || len(left) != 0 {
		t.Errorf("left %+v, %v", left, err)
	}
}

func TestGroupsFail(t *testing.T) {
	onMemory(t)
	replace(t, &groups, nil, errors.New("secret detail"))
	for path := range groupRoutes {
		resp := call("alice", "POST", "/"+path, `{}`)
		if _, e := answer(t, resp); resp.StatusCode != 500 || e.Code != fault.ServerError || strings.Contains(e.Message, "secret") {
			t.Errorf("%s: %d %+v", path, resp.StatusCode, e)
		}
	}
}

// Only members send, and only while the group is there.
func TestSendToGroup(t *testing.T) {
	onMemory(t)
	body := strings.NewReplacer(`"bob"`, `"g"`, `"conversationType":0`, `"conversationType":2`).Replace(sendBody)
	other := strings.Replace(body, `"l1"`, `"l2"`, 1)
	sends := func(user, body string, status int, code fault.Code) {
		t.Helper()
		resp := call(user, "POST", "/send", body)
		got, e := answer(t, resp)
		if resp.StatusCode != status || e.Code != code {
			t.Errorf("%s: %d %+v, want %d, code %d", user, resp.StatusCode, e, status, code)
		}
		if m, _ := got["message"].(map[string]any); status == 200 && (m["conversationID"] != "g" || m["fanout"] != nil) {
			t.Errorf("%s: %v", user, got)
		}
	}
	send := func(user string, status int, code fault.Code) {
		t.Helper()
		sends(user, body, status, code)
	}
	send("alice", 404, fault.GroupDoesNotExist)
	call("alice", "POST", "/group-create", createBody)
	send("alice", 200, 0)
	send("alice", 200, 0)
	send("bob", 200, 0)
	send("mallory", 403, fault.GroupUserIsNotInTheGroup)
	call("bob", "POST", "/group-leave", `{"groupID":"g"}`)
	send("bob", 200, 0) // what was stored stays stored: who got no answer may ask again
	sends("bob", other, 403, fault.GroupUserIsNotInTheGroup)
	call("alice", "POST", "/group-dismiss", `{"groupID":"g"}`)
	sends("alice", other, 404, fault.GroupDoesNotExist)
}

// A task is planned from the roster and published.
func TestFanOut(t *testing.T) {
	db, topic := onMemory(t), &taken{}
	call("bob", "POST", "/register", registerBody)
	call("alice", "POST", "/group-create", createBody)
	replace(t, &fan, &fanout.Fanout{Presence: db, Roster: db, Publisher: topic, Now: func() time.Time { return clock }, PushTTL: time.Hour}, nil)
	m, err := db.AddMessage(t.Context(), chat.Message{
		MessageID: "m", SenderUserID: "alice", ConversationID: "g", ConversationType: chat.Group, Timestamp: clock.UnixMilli(),
		Push: &chat.PushConfig{Title: "t", Content: "c"},
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(fanout.Task{ID: "t", Message: m, Chunks: 1})
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := json.Marshal(map[string]any{"message": map[string]any{"data": data}})
	if err != nil {
		t.Fatal(err)
	}
	if err := Events["fan-out"](t.Context(), eventWith(t, envelope)); err != nil {
		t.Fatal(err)
	}
	if len(topic.batches) != 1 || len(topic.batches[0].Targets) != 1 || topic.batches[0].Targets[0].UserID != "bob" {
		t.Errorf("published %+v", topic.batches)
	}
	// Pub/Sub is to move it to the dead letters, by and by.
	if err := Events["fan-out"](t.Context(), eventWith(t, []byte(`{}`))); err == nil {
		t.Error("a message that holds no task is taken for done")
	}
	down := errors.New("configuration")
	replace(t, &fan, nil, down)
	if err := Events["fan-out"](t.Context(), eventWith(t, envelope)); !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
}

func FuzzParseGroupCreate(f *testing.F) {
	fuzzParse[group.CreateRequest](f, createBody, `{"groupInfo":{"groupID":"a/b"},"userIDs":[null],"config":{"joinMode":3}}`)
}

func FuzzParseGroupUsers(f *testing.F) {
	fuzzParse[group.UsersRequest](f, `{"groupID":"g","userIDs":["a"]}`, `{"userIDs":"a"}`)
}

func FuzzParseGroupStatus(f *testing.F) {
	fuzzParse[group.StatusRequest](f, `{"status":2,"conversationID":"g","conversationType":2,"mutedUntil":1}`, `{"status":1e9,"conversationType":null}`)
}

func FuzzParseGroup(f *testing.F) { fuzzParse[group.Request](f, `{"groupID":"g"}`, `{"groupID":7}`) } // join, leave, dismiss, info

func FuzzParseGroupMembers(f *testing.F) {
	fuzzParse[group.MembersRequest](f, `{"groupID":"g","nextFlag":0,"count":100}`, `{"nextFlag":-1e99}`)
}

func FuzzParseGroupMine(f *testing.F) {
	fuzzParse[group.MineRequest](f, `{"nextFlag":"g","count":1}`, `{"nextFlag":0,"count":"1"}`)
}

func FuzzParseGroupRole(f *testing.F) {
	fuzzParse[group.RoleRequest](f, `{"groupID":"g","forUserID":"bob","role":2}`, `{"role":2.5}`)
}

func FuzzParseGroupTransfer(f *testing.F) {
	fuzzParse[group.TransferRequest](f, `{"groupID":"g","toUserID":"bob"}`, `{"toUserID":null,"toUserID":""}`)
}
