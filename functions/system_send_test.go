package functions

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/config"
	"github.com/doorbell-push/doorbell/shared/fault"
)

const systemBody = `{"message":{"type":1,"message":"hi"},"toUserIDs":["alice","bob"],"config":{"priority":2,"pushConfig":{"title":"t","content":"c"}},"localMessageID":"l1"}`

func TestSystemSend(t *testing.T) {
	company(t)
	call("bob", "POST", "/blacklist-add", `{"userIDs":["system"]}`)
	resp := call("alice", "POST", "/system-send", systemBody)
	got, _ := answer(t, resp)
	list, _ := got["messageList"].([]any)
	if resp.StatusCode != 200 || len(list) != 1 || fmt.Sprint(got["errorUserList"]) != "[map[reason:6.000284e+06 userID:bob]]" {
		t.Fatalf("%d %v", resp.StatusCode, got)
	}
	first, _ := list[0].(map[string]any)
	seen, _ := answer(t, call("alice", "POST", "/messages", `{"conversationID":"system","conversationType":0}`))
	if text := fmt.Sprint(seen["messageList"]); !strings.Contains(text, fmt.Sprint(first["messageID"])) || !strings.Contains(text, "senderUserID:system") {
		t.Errorf("sent %v, alice sees %v", first, text)
	}

	call("bob", "POST", "/blacklist-remove", `{"userIDs":["system"]}`)
	got, _ = answer(t, call("alice", "POST", "/system-send", systemBody))
	if list, _ := got["messageList"].([]any); len(list) != 2 || fmt.Sprint(list[0]) != fmt.Sprint(first) {
		t.Errorf("again: %v, first %v", got, first)
	}
	group := strings.Replace(systemBody, `"toUserIDs":["alice","bob"]`, `"toGroupID":"g"`, 1)
	resp = call("alice", "POST", "/system-send", group)
	if got, _ = answer(t, resp); resp.StatusCode != 200 || !strings.Contains(fmt.Sprint(got), "conversationID:g conversationType:2") {
		t.Errorf("to a group the system isn't in: %d %v", resp.StatusCode, got)
	}
}

func TestSystemSendRefuses(t *testing.T) {
	company(t)
	to := func(old, new string) string { return strings.Replace(systemBody, old, new, 1) }
	users := `"toUserIDs":["alice","bob"]`
	for _, tc := range []struct {
		body   string
		status int
		code   fault.Code
		field  string
	}{
		{`{}`, 400, fault.ParamsInvalid, "toUserIDs"},
		{to(users, `"toUserIDs":[]`), 400, fault.ParamsInvalid, "toUserIDs"},
		{to(users, `"toUserIDs":[""]`), 400, fault.ParamsInvalid, "toUserIDs.0"},
		{to(users, `"toUserIDs":["alice","a/b"]`), 400, fault.ParamsInvalid, "toUserIDs.1"},
		{to(users, `"toUserIDs":["alice","bob","alice"]`), 400, fault.ParamsInvalid, "toUserIDs.2"},
		{to(users, `"toUserIDs":["system"]`), 400, fault.ParamsInvalid, "toUserIDs.0"},
		{to(users, users+`,"toGroupID":"g"`), 400, fault.ParamsInvalid, "toGroupID"},
		{to(users, `"toGroupID":"a/b"`), 400, fault.ParamsInvalid, "toGroupID"},
		{to(users, `"toGroupID":"none"`), 404, fault.GroupDoesNotExist, ""},
		{to(`"l1"`, `""`), 400, fault.ParamsInvalid, "localMessageID"},
		{to(`"hi"`, `""`), 400, fault.ParamsInvalid, "message.message"},
		{to(`"title":"t",`, ``), 400, fault.ParamsInvalid, "config.pushConfig.title"},
		{to(`"c"`, `"c","payload":"`+strings.Repeat("x", 4000)+`"`), 400, fault.ParamsInvalid, "config.pushConfig.payload"},
	} {
		resp := call("alice", "POST", "/system-send", tc.body)
		if _, e := answer(t, resp); resp.StatusCode != tc.status || e.Code != tc.code || e.Field != tc.field {
			t.Errorf("%.120s: %d %+v; want %d, code %d, field %q", tc.body, resp.StatusCode, e, tc.status, tc.code, tc.field)
		}
	}
}

// API2: none but the service accounts that the operator names send as the system,
// and no client is the system's user.
func TestSystemSendIsForBackends(t *testing.T) {
	db := company(t)
	claim := func(name string, v any) func(*http.Request) {
		return header("Authorization", "Bearer "+backendToken("alice", func(c map[string]any) { c[name] = v }))
	}
	for name, tc := range map[string]struct {
		edit   func(*http.Request)
		status int
		code   fault.Code
	}{
		"a user":           {header("Authorization", "Bearer "+idToken("alice", "demo", time.Hour)), 401, fault.TokenInvalid},
		"a device":         {header("Authorization", "Bearer "+receiptToken(alicesPhone)), 401, fault.TokenInvalid},
		"another account":  {claim("email", "evil@evil.iam.gserviceaccount.com"), 403, fault.TokenInvalid},
		"not verified":     {claim("email_verified", false), 401, fault.TokenInvalid},
		"another audience": {claim("aud", "https://elsewhere"), 401, fault.TokenInvalid},
		"expired":          {claim("exp", 1), 401, fault.TokenExpired},
		"two tokens":       {func(r *http.Request) { r.Header.Add("Authorization", "Bearer "+backendToken("alice")) }, 401, fault.UserIsNotLogged},
	} {
		resp := call("alice", "POST", "/system-send", systemBody, tc.edit)
		if _, e := answer(t, resp); resp.StatusCode != tc.status || e.Code != tc.code {
			t.Errorf("%s: %d %+v", name, resp.StatusCode, e)
		}
	}
	for _, path := range []string{"/send", "/register", "/sync"} {
		resp := call("system", "POST", path, sendBody)
		if _, e := answer(t, resp); resp.StatusCode != 403 {
			t.Errorf("the system's user at %s: %d %+v", path, resp.StatusCode, e)
		}
		resp = call("alice", "POST", path, sendBody, header("Authorization", "Bearer "+backendToken("alice")))
		if _, e := answer(t, resp); resp.StatusCode != 401 {
			t.Errorf("a backend at %s: %d %+v", path, resp.StatusCode, e)
		}
	}
	if got, _ := answer(t, call("bob", "POST", "/conversations", `{}`)); strings.Contains(fmt.Sprint(got), "system") {
		t.Errorf("bob has %v", got)
	}
	if users, err := db.Users(t.Context(), []string{"system"}); err != nil || len(users) != 0 {
		t.Errorf("the system has presence %v, %v", users, err)
	}
}

// Where Auth isn't emulated, a token without a signature proves nothing, and who
// can't be asked is not the backend's fault.
func TestBackendsInProduction(t *testing.T) {
	onMemory(t)
	inProduction, err := newBackends(&config.Config{SystemAccounts: robots, SystemAudiences: []string{"demo"}})
	if err != nil {
		t.Fatal(err)
	}
	replace(t, &backends, inProduction, nil)
	if resp := call("alice", "POST", "/system-send", systemBody); resp.StatusCode != 401 {
		t.Errorf("an unsigned token: %d", resp.StatusCode)
	}
	local, err := newBackends(&config.Config{AuthEmulated: true})
	if err != nil || local.Google != nil || inProduction.Google == nil {
		t.Errorf("local %+v, in production %+v, %v", local, inProduction, err)
	}
	replace(t, &backends, nil, errors.New("secret detail"))
	if resp := call("alice", "POST", "/system-send", systemBody); resp.StatusCode != 500 {
		t.Errorf("without them: %d", resp.StatusCode)
	}
}
