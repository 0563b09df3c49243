package functions

import (
	"reflect"
	"strings"
	"testing"
	"time"

	calling "github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/store"
)

const callBody = `{"invitees":["bob","carol","nobody","bob"],"callID":"c1","config":{"timeout":30,"mode":1,"extendedData":"x","pushConfig":{"title":"t","content":"c"}}}`

// callsOnMemory is onMemory with three registered users, and with calls.
func callsOnMemory(t *testing.T) *store.Memory {
	t.Helper()
	db := onMemory(t)
	replace(t, &calls, &calling.Service{
		Store: db, Presence: db, Now: func() time.Time { return clock }, MaxInvitees: 3, Retention: time.Hour, CheckPush: checkCallPush,
	}, nil)
	for _, user := range []string{"alice", "bob", "carol"} {
		call(user, "POST", "/register", strings.Replace(registerBody, `"T"`, `"T-`+user+`"`, 1))
	}
	return db
}

// A call's whole life, each step with all of its answer.
func TestCallAnswers(t *testing.T) {
	callsOnMemory(t)
	ms := float64(clock.UnixMilli())
	user := func(id string, state float64, data string) any {
		return map[string]any{"userID": id, "state": state, "extendedData": data}
	}
	type object = map[string]any
	type list = []any
	for _, step := range []struct {
		user, path, body string
		want             object
	}{
		{"alice", "/call-invite", callBody, object{
			"callID": "c1", "timeout": 30.0, "createTime": ms, "errorInvitees": list{user("nobody", 4, "")},
			"errorUserList": list{object{"userID": "nobody", "reason": 6000011.0}},
			"callUserList":  list{user("alice", 1, ""), user("bob", 0, ""), user("carol", 0, "")},
		}},
		{"bob", "/call-accept", `{"callID":"c1","deviceID":"d","config":{"extendedData":"yes"}}`, object{"callID": "c1"}},
		{"alice", "/call-invite", callBody, object{ // a retry: the first answer
			"callID": "c1", "timeout": 30.0, "createTime": ms, "errorInvitees": list{user("nobody", 4, "")},
			"errorUserList": list{object{"userID": "nobody", "reason": 6000011.0}},
			"callUserList":  list{user("alice", 1, ""), user("bob", 0, ""), user("carol", 0, "")},
		}},
		{"carol", "/call-reject", `{"callID":"c1","deviceID":"d"}`, object{"callID": "c1"}},
		{"bob", "/calling-invite", `{"callID":"c1","invitees":["carol","alice","nobody"]}`, object{
			"callID": "c1", "errorUserList": list{object{"userID": "alice", "reason": 6000283.0}, object{"userID": "nobody", "reason": 6000011.0}},
		}},
		{"alice", "/call-cancel", `{"callID":"c1","invitees":["bob","carol"]}`, object{"callID": "c1", "errorInvitees": list{"bob"}}},
		{"carol", "/call-join", `{"callID":"c1","deviceID":"d"}`, object{
			"callID": "c1", "createTime": ms, "joinTime": ms, "extendedData": "x",
			"callUserList": list{user("alice", 1, ""), user("bob", 1, "yes"), user("carol", 1, "")},
		}},
		{"carol", "/call-quit", `{"callID":"c1"}`, object{"callID": "c1", "createTime": ms, "acceptTime": ms, "quitTime": ms}},
		{"alice", "/call-end", `{"callID":"c1","config":{"extendedData":"bye"}}`, object{"callID": "c1", "createTime": ms, "acceptTime": ms, "endTime": ms}},
		{"carol", "/call-query", `{"count":5}`, object{"nextFlag": "", "callList": list{object{
			"callID": "c1", "caller": "alice", "inviter": "bob", "createTime": ms, "endTime": ms, "state": 2.0, "mode": 1.0, "extendedData": "x", "timeout": 30.0,
			"callUserList": list{user("alice", 8, "bye"), user("bob", 8, "yes"), user("carol", 7, "")},
		}}}},
	} {
		resp := call(step.user, "POST", step.path, step.body)
		if got, e := answer(t, resp); resp.StatusCode != 200 || !reflect.DeepEqual(got, step.want) {
			t.Errorf("%s %s: %d %+v\ngot  %v\nwant %v", step.user, step.path, resp.StatusCode, e, got, step.want)
		}
	}
}

func TestCallRequests(t *testing.T) {
	long := strings.Repeat("x", 1025)
	many := `{"invitees":["` + strings.Repeat(`u","`, 100) + `u"]}`
	for _, tc := range []struct {
		path, body string
		status     int
		code       fault.Code
		field      string
	}{
		{"/call-invite", `{"invitees":["bob"]}`, 200, 0, ""},
		{"/call-invite", `{"invitees":["bob"],"config":null}`, 200, 0, ""},
		{"/call-invite", `{"invitees":["bob"],"config":{"enableNotReceivedCheck":true}}`, 200, 0, ""},
		{"/call-invite", `{}`, 400, fault.ParamsInvalid, "invitees"},
		{"/call-invite", `{"invitees":[]}`, 400, fault.ParamsInvalid, "invitees"},
		{"/call-invite", `{"invitees":["alice"]}`, 400, fault.ParamsInvalid, "invitees"},
		{"/call-invite", `{"invitees":["bob","a/b"]}`, 400, fault.ParamsInvalid, "invitees.1"},
		{"/call-invite", `{"invitees":["a","b","c","d"]}`, 400, fault.ParamsInvalid, "invitees"},
		{"/call-invite", many, 400, fault.ParamsInvalid, "invitees"},
		{"/call-invite", `{"invitees":["nobody"]}`, 404, fault.CallUserDoesNotExist, ""},
		{"/call-invite", `{"invitees":["bob"],"callID":"a b"}`, 400, fault.ParamsInvalid, "callID"},
		{"/call-invite", `{"invitees":["bob"],"callID":"123456789012345678901"}`, 400, fault.ParamsInvalid, "callID"},
		{"/call-invite", `{"invitees":["bob"],"callID":"bobs"}`, 409, fault.CallAlreadyExists, ""},
		{"/call-invite", `{"invitees":["bob"],"config":{"timeout":0}}`, 400, fault.ParamsInvalid, "config.timeout"},
		{"/call-invite", `{"invitees":["bob"],"config":{"timeout":601}}`, 400, fault.ParamsInvalid, "config.timeout"},
		{"/call-invite", `{"invitees":["bob"],"config":{"timeout":1.5}}`, 400, fault.ParamsInvalid, "config.timeout"},
		{"/call-invite", `{"invitees":["bob"],"config":{"mode":2}}`, 400, fault.ParamsInvalid, "config.mode"},
		{"/call-invite", `{"invitees":["bob"],"config":{"extendedData":"` + long + `"}}`, 400, fault.ParamsInvalid, "config.extendedData"},
		{"/call-invite", `{"invitees":["bob"],"config":{"pushConfig":{"title":"t"}}}`, 400, fault.ParamsInvalid, "config.pushConfig.content"},
		{"/call-invite", `{"invitees":["bob"],"config":{"pushConfig":{"title":"t","content":"c","payload":"` + strings.Repeat("x", 4000) + `"}}}`, 400, fault.ParamsInvalid, "config.pushConfig.payload"},
		{"/call-invite", `{"invitees":["bob"],"mode":1}`, 400, fault.ParamsInvalid, "mode"},
		{"/call-accept", `{"callID":"bobs","deviceID":"d"}`, 200, 0, ""},
		{"/call-accept", `{"callID":"bobs"}`, 400, fault.ParamsInvalid, "deviceID"},
		{"/call-accept", `{"deviceID":"d"}`, 400, fault.ParamsInvalid, "callID"},
		{"/call-accept", `{"callID":"none","deviceID":"d"}`, 404, fault.CallDoesNotExist, ""},
		{"/call-accept", `{"callID":"bobs","deviceID":"d","config":{"extendedData":"` + long + `"}}`, 400, fault.ParamsInvalid, "config.extendedData"},
		{"/call-accept", `{"callID":"bobs","deviceID":"d","invitees":[]}`, 400, fault.ParamsInvalid, "invitees"},
		{"/call-reject", `{"callID":"carols","deviceID":"d"}`, 403, fault.CallIsNotInvitee, ""},
		{"/call-quit", `{"callID":"bobs"}`, 409, fault.CallError, ""},
		{"/call-end", `{"callID":"bobs"}`, 409, fault.CallError, ""},
		{"/call-end", `{"callID":""}`, 400, fault.ParamsInvalid, "callID"},
		{"/call-cancel", `{"callID":"bobs"}`, 403, fault.CallIsNotInvitor, ""},
		{"/call-cancel", `{"callID":"mine","config":{"pushConfig":{"title":"t","content":"c","payload":"` + strings.Repeat("x", 4000) + `"}}}`, 400, fault.ParamsInvalid, "config.pushConfig.payload"},
		{"/call-cancel", `{"callID":"mine"}`, 200, 0, ""},
		{"/calling-invite", `{"callID":"bobs","invitees":["carol"]}`, 409, fault.CallError, ""},
		{"/calling-invite", `{"callID":"mine","invitees":["nobody"]}`, 404, fault.CallUserDoesNotExist, ""},
		{"/calling-invite", `{"callID":"mine"}`, 400, fault.ParamsInvalid, "invitees"},
		{"/call-join", `{"callID":"bobs","deviceID":"d"}`, 409, fault.CallError, ""},
		{"/call-query", `{}`, 400, fault.ParamsInvalid, "count"},
		{"/call-query", `{"count":101}`, 400, fault.ParamsInvalid, "count"},
		{"/call-query", `{"count":1,"nextFlag":"x"}`, 400, fault.ParamsInvalid, "nextFlag"},
		{"/call-query", `{"count":1,"callID":"mine"}`, 400, fault.ParamsInvalid, "callID"},
		{"/call-query", `{"callID":"mine"}`, 200, 0, ""},
		{"/call-query", `{"callID":"carols"}`, 404, fault.CallDoesNotExist, ""},
		{"/call-query", `{"callID":"none"}`, 404, fault.CallDoesNotExist, ""},
	} {
		callsOnMemory(t)
		call("bob", "POST", "/call-invite", `{"invitees":["alice"],"callID":"bobs"}`)
		call("carol", "POST", "/call-invite", `{"invitees":["bob"],"callID":"carols"}`)
		call("alice", "POST", "/call-invite", `{"invitees":["bob"],"callID":"mine","config":{"mode":1}}`)
		resp := call("alice", "POST", tc.path, tc.body)
		if _, e := answer(t, resp); resp.StatusCode != tc.status || e.Code != tc.code || e.Field != tc.field {
			t.Errorf("%s %.100s: %d %+v; want %d, code %d, field %q", tc.path, tc.body, resp.StatusCode, e, tc.status, tc.code, tc.field)
		}
	}
}

// A push is measured as it will be sent: in the name of who invites, which of a
// calling-invite, and of what a cancel dismisses, may be longer than the caller's.
func TestCallPushFitsInTheInvitersName(t *testing.T) {
	callsOnMemory(t)
	long := strings.Repeat("l", chat.MaxUserIDBytes)
	call(long, "POST", "/register", strings.Replace(registerBody, `"T"`, `"T-long"`, 1))
	call("alice", "POST", "/call-invite", `{"invitees":["`+long+`"],"callID":"c","config":{"mode":1}}`)
	call(long, "POST", "/call-accept", `{"callID":"c","deviceID":"d"}`)
	fits := 0 // for alice
	for n := 4000; fits == 0; n-- {
		p := chat.PushConfig{Title: "t", Content: "c", Payload: strings.Repeat("x", n)}
		if checkCallPush(calling.Call{CallID: "c", CreateTime: clock.UnixMilli()}, "alice", p) == nil {
			fits = n
		}
	}
	request := func(who, path string, size int, invitee string) int {
		t.Helper()
		resp := call(who, "POST", path, `{"callID":"c","invitees":["`+invitee+`"],"config":{"pushConfig":{"title":"t","content":"c","payload":"`+strings.Repeat("x", size)+`"}}}`)
		if _, e := answer(t, resp); resp.StatusCode != 200 && e.Field != "config.pushConfig.payload" {
			t.Errorf("%s %s: %+v", who, path, e)
		}
		return resp.StatusCode
	}
	shorter := fits - (len(long) - len("alice"))
	for _, step := range []struct {
		who, path, invitee string
		size, want         int
	}{
		{"alice", "/calling-invite", "bob", fits, 200},
		{long, "/calling-invite", "carol", fits, 400},
		{long, "/calling-invite", "carol", shorter + 1, 400},
		{long, "/calling-invite", "carol", shorter, 200},
		{"alice", "/call-cancel", "carol", fits, 400}, // whom she didn't invite
		{"alice", "/call-cancel", "carol", shorter, 200},
	} {
		if got := request(step.who, step.path, step.size, step.invitee); got != step.want {
			t.Errorf("%s %s with %d bytes (%d fit alice): %d, want %d", step.who[:5], step.path, step.size, fits, got, step.want)
		}
	}
}

func FuzzParseCallInvite(f *testing.F) { fuzzParse[calling.InviteRequest](f, callBody) }
func FuzzParseCallCancel(f *testing.F) {
	fuzzParse[calling.CancelRequest](f, `{"callID":"c","invitees":["b"],"config":{"pushConfig":{}}}`)
}
func FuzzParseCallAnswer(f *testing.F) {
	fuzzParse[calling.AnswerRequest](f, `{"callID":"c","deviceID":"d","config":{"extendedData":"x"}}`)
}
func FuzzParseCallLeave(f *testing.F) {
	fuzzParse[calling.LeaveRequest](f, `{"callID":"c","config":{"extendedData":"x"}}`)
}
func FuzzParseCallingInvite(f *testing.F) {
	fuzzParse[calling.CallingInviteRequest](f, `{"callID":"c","invitees":["b"],"config":{"pushConfig":{}}}`)
}
func FuzzParseCallQuery(f *testing.F) {
	fuzzParse[calling.QueryRequest](f, `{"count":1,"nextFlag":"1-c"}`, `{"callID":"c"}`)
}
