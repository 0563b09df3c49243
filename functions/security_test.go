package functions

import (
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/config"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/limit"
	"github.com/doorbell-push/doorbell/shared/store"
)

// The tests here go through every endpoint there is: one that is added and not
// thought of fails them. The table that lists them, with the others: README.md,
// "Security".

// attack is a request of mallory's that names what is alice's and bob's. In the
// body {} stands for it.
type attack struct {
	body   string
	id     string // what {} stands for; the request is made again with an ID that nobody has
	status int
	code   fault.Code
	// tells is what the same request with an unknown ID answers, where that
	// differs: ZIM's codes have it so, and its IDs are chosen by clients and no
	// secrets. Zero: the very same answer.
	tells fault.Code
}

// own is for requests that name nothing but the caller's own, or other users by
// their IDs; what they try is then to name an owner.
func own(body string) []attack { return []attack{{body: body, status: 400, code: fault.ParamsInvalid}} }

// ofGroup and ofCall try something on the group or call that mallory isn't in.
func ofGroup(body string) []attack {
	return []attack{{body, "g", 403, fault.GroupUserIsNotInTheGroup, fault.GroupDoesNotExist}}
}

func ofCall(body string, code fault.Code) []attack {
	return []attack{{body, "c1", 403, code, fault.CallDoesNotExist}}
}

// foreign is what can be tried at each endpoint, by "METHOD /path".
var foreign = map[string][]attack{
	"POST /register":   own(`{"token":"M","platform":"web","deviceID":"d","userID":"alice"}`), // more: TestTokenTheft
	"DELETE /register": {{"", alicesPhone, 403, fault.PushIDInvalid, 0}},
	"POST /receipts":   own(`{"pushID":"` + alicesPhone + `","receipts":[{"id":"` + someMessage + `","kind":"message","event":"shown","at":1}]}`), // more: TestReceiptTokens
	"POST /push-content": {
		{`{"userID":"{}","kind":"message","id":"` + someMessage + `","conversationID":"bob","conversationType":0}`, "alice", 403, fault.PushIDInvalid, 0},
	}, // more: TestPushContent
	"POST /self-test": own(`{"deviceID":"d","userID":"alice"}`), // more: TestSelfTest
	"POST /presence": {
		{`{"pushID":"{}","state":"online"}`, alicesPhone, 403, fault.PushIDInvalid, 0},
		{`{"pushID":"{}","state":"logout"}`, alicesPhone, 403, fault.PushIDInvalid, 0},
	},
	"GET /push-rule":              {{"", "", 200, 0, 0}},
	"POST /push-rule":             own(`{"onlinePlatforms":[6],"notToReceiveOfflinePushPlatforms":[3],"userID":"alice"}`),
	"POST /badge":                 own(`{"badge":5,"userID":"alice"}`),
	"GET /notification-settings":  {{"", "", 200, 0, 0}},
	"POST /notification-settings": own(`{"level":"none","userID":"alice"}`),
	"POST /blacklist-add":         own(`{"userIDs":["bob"],"userID":"alice"}`),
	"POST /blacklist-remove":      own(`{"userIDs":["mallory"],"userID":"alice"}`),
	"POST /blacklist-query":       own(`{"count":100,"userID":"alice"}`),
	"POST /blacklist-check":       {{`{"userID":"alice"}`, "", 200, 0, 0}}, // of mallory's own list

	"POST /send": {
		{strings.NewReplacer(`"bob"`, `"{}"`, `"conversationType":0`, `"conversationType":2`).Replace(sendBody), "g", 403, fault.GroupUserIsNotInTheGroup, fault.GroupDoesNotExist},
		{strings.Replace(sendBody, `{`, `{"senderUserID":"alice",`, 1), "", 400, fault.ParamsInvalid, 0},
	},
	"POST /system-send": own(strings.Replace(systemBody, `{`, `{"senderUserID":"alice",`, 1)),                  // more: TestSystemSendIsForBackends
	"POST /dry-run":     {{`{"fromUserID":"alice","send":` + sendBody + `}`, "", 403, fault.ParamsInvalid, 0}}, // more: TestDryRunIsForOperators

	"POST /message-revoke": {
		{`{"messageID":"{}","conversationID":"bob","conversationType":0}`, alicesMessage, 404, fault.TargetDoesNotExist, 0},
		{`{"messageID":"{}","conversationID":"alice","conversationType":0}`, alicesMessage, 404, fault.TargetDoesNotExist, 0},
		{`{"messageID":"` + alicesMessage + `","conversationID":"{}","conversationType":2}`, "g", 403, fault.GroupUserIsNotInTheGroup, fault.GroupDoesNotExist},
	},
	"POST /message-edit": {
		{`{"messageID":"{}","conversationID":"bob","conversationType":0,"message":{"type":1,"message":"x"}}`, alicesMessage, 404, fault.TargetDoesNotExist, 0},
		{`{"messageID":"` + alicesMessage + `","conversationID":"{}","conversationType":2,"message":{"type":1,"message":"x"}}`, "g", 403, fault.GroupUserIsNotInTheGroup, fault.GroupDoesNotExist},
	},

	"POST /group-create":              {{`{"groupInfo":{"groupID":"g","groupName":"n"},"userIDs":[]}`, "", 409, fault.GroupAlreadyExists, 0}},
	"POST /group-join":                {{`{"groupID":"{}"}`, "g", 403, fault.GroupForbidJoin, fault.GroupDoesNotExist}},
	"POST /group-leave":               {{`{"groupID":"{}"}`, "g", 200, 0, fault.GroupDoesNotExist}}, // who isn't in it has left
	"POST /group-info":                ofGroup(`{"groupID":"{}"}`),
	"POST /group-dismiss":             ofGroup(`{"groupID":"{}"}`),
	"POST /group-invite":              ofGroup(`{"groupID":"{}","userIDs":["mallory"]}`),
	"POST /group-kick":                ofGroup(`{"groupID":"{}","userIDs":["bob"]}`),
	"POST /group-members":             ofGroup(`{"groupID":"{}","count":100}`),
	"POST /group-mine":                own(`{"count":100,"userID":"alice"}`),
	"POST /group-notification-status": ofGroup(`{"status":2,"conversationID":"{}","conversationType":2}`),
	"POST /group-role":                ofGroup(`{"groupID":"{}","forUserID":"bob","role":2}`),
	"POST /group-transfer":            ofGroup(`{"groupID":"{}","toUserID":"mallory"}`),

	"POST /sync":          own(`{"count":100,"userID":"alice"}`), // more: TestForeignCursors
	"POST /conversations": own(`{"count":100,"userID":"alice"}`),
	"POST /read": {
		{`{"conversationID":"{}","conversationType":2}`, "g", 404, fault.ConversationDoesNotExist, 0},
		{`{"conversationID":"{}","conversationType":0}`, "alice", 404, fault.ConversationDoesNotExist, 0},
		{`{"conversationID":"{}","conversationType":0}`, alicesAndBobs, 404, fault.ConversationDoesNotExist, 0},
	},
	"POST /messages": {
		{`{"conversationID":"{}","conversationType":2}`, "g", 404, fault.ConversationDoesNotExist, 0},
		{`{"conversationID":"{}","conversationType":0}`, "alice", 404, fault.ConversationDoesNotExist, 0},
		{`{"conversationID":"{}","conversationType":0}`, alicesAndBobs, 404, fault.ConversationDoesNotExist, 0},
	},
	"GET /trace":                             {{"", "", 403, fault.ParamsInvalid, 0}}, // more: TestTraceIsForOperators
	"POST /conversation-notification-status": ofGroup(`{"status":2,"conversationID":"{}","conversationType":2}`),

	"POST /call-invite":    {{`{"callID":"c1","invitees":["bob"]}`, "", 409, fault.CallAlreadyExists, 0}},
	"POST /calling-invite": ofCall(`{"callID":"{}","invitees":["bob"]}`, fault.CallIsNotInvitor),
	"POST /call-cancel":    ofCall(`{"callID":"{}"}`, fault.CallIsNotInvitor),
	"POST /call-accept":    ofCall(`{"callID":"{}","deviceID":"d"}`, fault.CallIsNotInvitee),
	"POST /call-reject":    ofCall(`{"callID":"{}","deviceID":"d"}`, fault.CallIsNotInvitee),
	"POST /call-join":      ofCall(`{"callID":"{}","deviceID":"d"}`, fault.CallIsNotInvitee),
	"POST /call-quit":      ofCall(`{"callID":"{}"}`, fault.CallIsNotInvitee),
	"POST /call-end":       ofCall(`{"callID":"{}"}`, fault.CallIsNotInvitee),
	"POST /call-query":     {{`{"callID":"{}"}`, "c1", 404, fault.CallDoesNotExist, 0}},
}

var (
	alicesPhone   = device.PushID("alice", "d")
	alicesAndBobs = chat.CID(chat.Peer, "alice", "bob")
	alicesMessage = docid.New("message", alicesAndBobs, "alice", "l1")
	someMessage   = docid.New("some message")
)

// everyEndpoint is "METHOD /path" of all that clients can call.
func everyEndpoint() (out []string) {
	for _, table := range clientFunctions {
		for segment, m := range table {
			for method := range m {
				out = append(out, method+" /"+segment)
			}
		}
	}
	slices.Sort(out)
	return out
}

// company is alice, bob and carol, who have talked, called and made a group, and
// mallory, who has nothing but a device.
func company(t *testing.T) *store.Memory {
	t.Helper()
	db := callsOnMemory(t)
	call("mallory", "POST", "/register", strings.Replace(registerBody, `"T"`, `"T-mallory"`, 1))
	for _, step := range []struct{ user, path, body string }{
		{"alice", "/send", sendBody},
		{"alice", "/group-create", `{"groupInfo":{"groupID":"g","groupName":"s3cret name"},"userIDs":["bob"],"config":{"joinMode":2}}`},
		{"bob", "/send", strings.NewReplacer(`"bob"`, `"g"`, `"conversationType":0`, `"conversationType":2`).Replace(sendBody)},
		{"alice", "/call-invite", `{"callID":"c1","invitees":["bob"],"config":{"mode":1,"extendedData":"s3cret"}}`},
		{"alice", "/blacklist-add", `{"userIDs":["mallory"]}`},
	} {
		if resp := call(step.user, "POST", step.path, step.body); resp.StatusCode != 200 {
			got, _ := answer(t, resp)
			t.Fatalf("%s: %d %v", step.path, resp.StatusCode, got)
		}
	}
	return db
}

// belongings is all that is alice's and bob's, as they see it.
func belongings(t *testing.T, db *store.Memory) map[string]any {
	t.Helper()
	out := map[string]any{}
	for _, user := range []string{"alice", "bob"} {
		for path, body := range map[string]string{
			"/conversations": `{}`, "/sync": `{}`, "/messages": `{"conversationID":"g","conversationType":2}`,
			"/group-info": `{"groupID":"g"}`, "/group-members": `{"groupID":"g","count":100}`, "/call-query": `{"callID":"c1"}`,
			"/blacklist-query": `{"count":100}`,
		} {
			out[user+path], _ = answer(t, call(user, "POST", path, body))
		}
		users, err := db.Users(t.Context(), []string{user})
		if err != nil {
			t.Fatal(err)
		}
		out[user] = users[user]
	}
	told, err := db.Receipts(t.Context(), someMessage)
	if err != nil {
		t.Fatal(err)
	}
	out["receipts"] = told
	return out
}

// raw is a request and its answer's status, code and text.
func raw(t *testing.T, user, method, path, body string) (int, fault.Code, string) {
	t.Helper()
	resp := call(user, method, path, body)
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body = io.NopCloser(strings.NewReader(string(b)))
	_, e := answer(t, resp)
	return resp.StatusCode, e.Code, string(b)
}

// API1: nobody reads or changes what is others', and what a refusal says is no
// more than ZIM's codes say.
func TestForeignObjects(t *testing.T) {
	db := company(t)
	before := belongings(t, db)
	for _, name := range everyEndpoint() {
		attacks := foreign[name]
		if len(attacks) == 0 {
			t.Errorf("%s: what can be tried there isn't listed", name)
		}
		method, path, _ := strings.Cut(name, " ")
		for _, a := range attacks {
			with := func(id string) (int, fault.Code, string) {
				url, body := path, strings.ReplaceAll(a.body, "{}", id)
				if a.id == "" {
					body = a.body
				}
				if method == http.MethodDelete {
					url += "?pushID=" + id
				}
				return raw(t, "mallory", method, url, body)
			}
			status, code, text := with(a.id)
			if status != a.status || code != a.code {
				t.Errorf("%s %s: %d %d, want %d %d: %s", name, a.body, status, code, a.status, a.code, text)
			}
			if strings.Contains(text, "s3cret") || strings.Contains(text, "T-alice") {
				t.Errorf("%s %s tells %s", name, a.body, text)
			}
			if a.id == "" {
				continue
			}
			unknown := "unknown"
			if docid.Valid(a.id) { // what isn't even of its form is no ID
				unknown = docid.New(unknown)
			}
			unknownStatus, unknownCode, unknownText := with(unknown)
			same := unknownStatus == status && unknownCode == code && strings.ReplaceAll(unknownText, unknown, a.id) == text
			if a.tells == 0 && !same || a.tells != 0 && unknownCode != a.tells {
				t.Errorf("%s %s with an unknown ID: %d %s\nwith others': %d %s", name, a.body, unknownStatus, unknownText, status, text)
			}
		}
	}
	for name := range foreign {
		if !slices.Contains(everyEndpoint(), name) {
			t.Errorf("%s is listed and isn't there", name)
		}
	}
	after := belongings(t, db)
	for what := range before {
		if !reflect.DeepEqual(after[what], before[what]) {
			t.Errorf("%s was %v\nand is %v", what, before[what], after[what])
		}
	}
}

// A cursor is the client's own memory: another's, or one made up, shows nothing
// that isn't the caller's.
func TestForeignCursors(t *testing.T) {
	company(t)
	got, _ := answer(t, call("alice", "POST", "/sync", `{"count":1}`))
	cursor, _ := got["cursor"].(string)
	if cursor == "" {
		t.Fatalf("alice's sync answered %v", got)
	}
	for _, body := range []string{`{}`, fmt.Sprintf(`{"cursor":%q}`, cursor)} {
		resp := call("mallory", "POST", "/sync", body)
		got, _ := answer(t, resp)
		if resp.StatusCode == 200 && fmt.Sprint(got["messageList"], got["conversationList"], got["callList"]) != "[] [] []" {
			t.Errorf("%s shows mallory %v", body, got)
		}
	}
	for _, path := range []string{"/call-query", "/conversations"} {
		mine, _ := answer(t, call("alice", "POST", path, `{"count":1}`))
		flag, _ := mine["nextFlag"].(string)
		for _, body := range []string{`{"count":100}`, fmt.Sprintf(`{"count":100,"nextFlag":%q}`, flag)} {
			got, _ := answer(t, call("mallory", "POST", path, body))
			if list := fmt.Sprint(got["callList"], got["conversationList"]); list != "[] <nil>" && list != "<nil> []" {
				t.Errorf("%s %s shows mallory %v", path, body, got)
			}
		}
	}
}

// API2: no endpoint answers somebody who isn't signed in, whatever the method.
func TestEveryEndpointNeedsACaller(t *testing.T) {
	db := company(t)
	before := belongings(t, db)
	for _, name := range everyEndpoint() {
		method, path, _ := strings.Cut(name, " ")
		for what, authorization := range map[string]string{
			"nothing": "", "a name": "Bearer alice", "a password": "Basic YWxpY2U6cGFzc3dvcmQ=",
			"an old token": "Bearer " + idToken("alice", "demo", -time.Hour), "another project's": "Bearer " + idToken("alice", "other", time.Hour),
		} {
			body := ""
			if len(foreign[name]) > 0 {
				body = foreign[name][0].body
			}
			resp := call("alice", method, path, body, header("Authorization", authorization))
			if _, e := answer(t, resp); resp.StatusCode != 401 {
				t.Errorf("%s with %s: %d %+v", name, what, resp.StatusCode, e)
			}
		}
	}
	if after := belongings(t, db); !reflect.DeepEqual(after, before) {
		t.Errorf("it was %v\nand is %v", before, after)
	}
}

// permitted makes a user an operator for a path that reads nobody else's body.
func permitted(user, path string) func(*http.Request) {
	if path != "/dry-run" {
		return func(*http.Request) {}
	}
	return header("Authorization", "Bearer "+claimingToken(user, "demo", time.Hour, map[string]any{operatorClaim: true}))
}

// API3: nothing can be set that a request doesn't have, and no answer holds what
// is the server's own.
func TestEveryEndpointIsStrict(t *testing.T) {
	company(t)
	for _, name := range everyEndpoint() {
		method, path, _ := strings.Cut(name, " ")
		if method != http.MethodPost {
			continue
		}
		for _, field := range []string{"senderUserID", "callerUserID", "isAdmin", "orderKey", "expireAt", "__proto__", "$where"} {
			resp := call("mallory", method, path, fmt.Sprintf(`{%q:"alice"}`, field), permitted("mallory", path))
			if _, e := answer(t, resp); resp.StatusCode != 400 || e.Field != field {
				t.Errorf("%s with %s: %d %+v", name, field, resp.StatusCode, e)
			}
		}
	}
	for _, user := range []string{"alice", "bob"} {
		for path, body := range map[string]string{
			"/conversations": `{}`, "/sync": `{}`, "/messages": `{"conversationID":"g","conversationType":2}`, "/group-info": `{"groupID":"g"}`,
			"/group-members": `{"groupID":"g","count":100}`, "/group-mine": `{"count":100}`, "/call-query": `{"count":100}`, "/register": registerBody,
		} {
			_, _, text := raw(t, user, "POST", path, body)
			for _, internal := range []string{"T-alice", "T-bob", "leaseUntil", "expireAt", `"push"`, "forcePush", "fanout", "chunks", "dueShard", "answeredBy", "blacklist", "mallory"} {
				if strings.Contains(text, internal) {
					t.Errorf("%s by %s tells %s: %s", path, user, internal, text)
				}
			}
		}
	}
}

// API4: every endpoint has a limit on how often and how much.
func TestEveryEndpointIsLimited(t *testing.T) {
	onMemory(t)
	now := clock
	limited(t, map[string]limit.Rate{config.AnyPath: {PerSecond: 0.001, Burst: 1}}, &now)
	for _, name := range everyEndpoint() {
		method, path, _ := strings.Cut(name, " ")
		user := strings.NewReplacer(" ", "-", "/", "-").Replace(name) // the methods of a path share its limit
		for _, want := range []bool{false, true} {
			if resp := call(user, method, path, "x"); (resp.StatusCode == 429) != want {
				t.Errorf("%s: %d, limited %t", name, resp.StatusCode, want)
			}
		}
		if method != http.MethodPost {
			continue
		}
		for what, tc := range map[string]struct {
			body string
			want int
		}{
			"large": {`{"x":"` + strings.Repeat("x", maxBodyBytes) + `"}`, 413},
			"deep":  {strings.Repeat(`{"x":[`, 50_000)[:maxBodyBytes], 400},
		} {
			if resp := call(user+what, method, path, tc.body, permitted(user+what, path)); resp.StatusCode != tc.want {
				t.Errorf("%s with a %s body: %d", name, what, resp.StatusCode)
			}
		}
	}
}

// API5: what only Google's services may call is not among what clients can.
func TestEventFunctionsAreNoEndpoints(t *testing.T) {
	for name := range Events {
		if _, ok := clientFunctions[name]; ok || isPath(name) {
			t.Errorf("%s is also an endpoint", name)
		}
	}
}

// Somebody who learns another's token and registers it gets its pushes, as
// somebody who holds the phone does; they don't learn whose it was, and its
// owner's device, now without one, is gone rather than ringing for both.
func TestTokenTheft(t *testing.T) {
	db := company(t)
	body := func(token string) string {
		return fmt.Sprintf(`{"token":%q,"platform":"web","deviceID":"stolen"}`, token)
	}
	status, _, fresh := raw(t, "mallory", "POST", "/register", body("never-seen"))
	stolenStatus, _, stolen := raw(t, "mallory", "POST", "/register", body("T-alice"))
	if status != 200 || stolenStatus != status || stolen != fresh {
		t.Errorf("a new token: %d %s\nalice's: %d %s", status, fresh, stolenStatus, stolen)
	}
	if d := devices(t, db, "alice"); len(d) != 0 {
		t.Errorf("alice keeps %+v", d)
	}
	// It comes back the same way, and then mallory's is gone.
	call("alice", "POST", "/register", strings.Replace(registerBody, `"T"`, `"T-alice"`, 1))
	holder := func(user string) (n int) {
		for _, d := range devices(t, db, user) {
			if d.Target.Value == "T-alice" {
				n++
			}
		}
		return n
	}
	if holder("alice") != 1 || holder("mallory") != 0 {
		t.Errorf("alice holds it %d times, mallory %d", holder("alice"), holder("mallory"))
	}
}

// A request that is sent again leaves what the first left: nothing rings twice,
// nobody is added twice, and the invitation to a call that is over rings nobody.
func TestReplayedRequests(t *testing.T) {
	db := company(t)
	invite := `{"callID":"c2","invitees":["carol"],"config":{"mode":1}}`
	for _, step := range []struct{ user, path, body string }{
		{"alice", "/send", sendBody},
		{"alice", "/system-send", systemBody},
		{"alice", "/message-edit", strings.Replace(editBody, bobsMessage, alicesMessage, 1)},
		{"alice", "/message-revoke", strings.Replace(revokeBody, bobsMessage, alicesMessage, 1)},
		{"alice", "/register", strings.Replace(registerBody, `"T"`, `"T-alice"`, 1)},
		{"alice", "/presence", `{"deviceID":"d","state":"online"}`},
		{"alice", "/receipts", `{"receipts":[{"id":"` + someMessage + `","kind":"message","event":"shown","at":1}]}`},
		{"alice", "/push-rule", `{"onlinePlatforms":[6],"notToReceiveOfflinePushPlatforms":[3]}`},
		{"alice", "/badge", `{"badge":5}`},
		{"alice", "/notification-settings", `{"level":"none"}`},
		{"alice", "/blacklist-add", `{"userIDs":["mallory","dave"]}`},
		{"alice", "/blacklist-remove", `{"userIDs":["dave"]}`},
		{"alice", "/group-invite", `{"groupID":"g","userIDs":["carol"]}`},
		{"alice", "/group-role", `{"groupID":"g","forUserID":"bob","role":2}`},
		{"alice", "/group-kick", `{"groupID":"g","userIDs":["carol"]}`},
		{"bob", "/group-notification-status", `{"status":2,"conversationID":"g","conversationType":2}`},
		{"bob", "/conversation-notification-status", `{"status":2,"conversationID":"alice","conversationType":0}`},
		{"bob", "/read", `{"conversationID":"g","conversationType":2}`},
		{"alice", "/call-invite", invite},
		{"bob", "/call-accept", `{"callID":"c1","deviceID":"d"}`},
		{"bob", "/call-quit", `{"callID":"c1"}`},
		{"alice", "/call-end", `{"callID":"c2"}`},
		{"alice", "/call-invite", invite}, // from before the end: rings nobody any more
	} {
		status, code, first := raw(t, step.user, "POST", step.path, step.body)
		before := belongings(t, db)
		again, codeAgain, second := raw(t, step.user, "POST", step.path, step.body)
		if status != again || code != codeAgain {
			t.Errorf("%s: %d %s\nthen %d %s", step.path, status, first, again, second)
		}
		if after := belongings(t, db); !reflect.DeepEqual(after, before) {
			t.Errorf("%s played again changed\n%v\nto\n%v", step.path, before, after)
		}
	}
	c2, err := db.Call(t.Context(), "c2")
	if err != nil || c2.RingsFor("carol", clock) {
		t.Errorf("an ended call rings again: %+v, %v", c2, err)
	}
}
