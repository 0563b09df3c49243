//go:build integration

package functions_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/scripts/harness"
)

// refusal is the answer a bad request must get.
type refusal struct {
	status int
	code   int
	field  string
}

// edited is the JSON of a good request with the value at path ("a.b") replaced,
// or removed where v is nil.
func edited(good object, path string, v any) string {
	b, _ := json.Marshal(good)
	var root map[string]any
	_ = json.Unmarshal(b, &root)
	at := root
	names := strings.Split(path, ".")
	for _, n := range names[:len(names)-1] {
		at = at[n].(map[string]any)
	}
	last := names[len(names)-1]
	if at[last] = v; v == nil {
		delete(at, last)
	}
	b, _ = json.Marshal(root)
	return string(b)
}

// tokenOf is an unsigned ID token, as the Auth emulator issues them, with
// changed claims.
func tokenOf(t *testing.T, p person, change func(claims map[string]any)) string {
	t.Helper()
	parts := strings.Split(p.Token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	change(claims)
	raw, _ = json.Marshal(claims)
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString(raw) + "." + parts[2]
}

// The first issue's table: what no client may get through, with the exact
// answer to each.
func TestBadRequests(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	theirs := bob.newPhone("phone", "android")

	send := message(bob.ID, "hello", "1")
	reg := object{"token": "abc:def", "platform": "android", "deviceID": "d1"}
	beat := object{"deviceID": "d1", "platform": "web", "state": "online"}
	const p = 6000001
	bad := func(field string) refusal { return refusal{http.StatusBadRequest, p, field} }
	long := func(n int) string { return strings.Repeat("x", n) }
	nested := strings.Repeat("[", 20000) + strings.Repeat("]", 20000)

	for _, tc := range []struct {
		name, method, path string
		body               any
		want               refusal
	}{
		{"send: no body", "POST", "/send", "", bad("")},
		{"send: null", "POST", "/send", "null", bad("conversationType")},
		{"send: an array", "POST", "/send", "[]", bad("")},
		{"send: a string", "POST", "/send", `"x"`, bad("")},
		{"send: cut off", "POST", "/send", `{"message":`, bad("message")},
		{"send: two objects", "POST", "/send", "{}{}", bad("")},
		{"send: unknown field", "POST", "/send", edited(send, "extra", 1), bad("extra")},
		{"send: unknown nested field", "POST", "/send", edited(send, "config.pushConfig.sound", "x"), bad("config.pushConfig.sound")},
		{"send: field in another case", "POST", "/send", edited(send, "LocalMessageID", "x"), bad("LocalMessageID")},
		{"send: a name twice", "POST", "/send", `{"localMessageID":"a","localMessageID":"b"}`, bad("localMessageID")},
		{"send: invalid UTF-8", "POST", "/send", []byte("{\"localMessageID\":\"\xff\"}"), bad("localMessageID")},
		{"send: lone surrogate", "POST", "/send", `{"localMessageID":"\ud800"}`, bad("localMessageID")},
		{"send: deep nesting", "POST", "/send", `{"message":` + nested + `}`, bad("message")},
		{"send: deep nesting in a known array", "POST", "/send", `{"message":{"mentionedUserIDs":` + nested[19900:20100] + `}}`, bad("message.mentionedUserIDs.0")},
		{"send: no conversation type", "POST", "/send", edited(send, "conversationType", nil), bad("conversationType")},
		{"send: unknown conversation type", "POST", "/send", edited(send, "conversationType", 7), bad("conversationType")},
		{"send: negative conversation type", "POST", "/send", edited(send, "conversationType", -1), bad("conversationType")},
		{"send: conversation type as text", "POST", "/send", edited(send, "conversationType", "0"), bad("conversationType")},
		{"send: conversation type as fraction", "POST", "/send", edited(send, "conversationType", 0.5), bad("conversationType")},
		{"send: conversation type out of range", "POST", "/send", strings.Replace(edited(send, "conversationType", 123), "123", "1e99", 1), bad("conversationType")},
		{"send: to nobody", "POST", "/send", edited(send, "toConversationID", nil), bad("toConversationID")},
		{"send: to a number", "POST", "/send", edited(send, "toConversationID", 5), bad("toConversationID")},
		{"send: to oneself", "POST", "/send", edited(send, "toConversationID", alice.ID), bad("toConversationID")},
		{"send: to an ID with a slash", "POST", "/send", edited(send, "toConversationID", "a/b"), bad("toConversationID")},
		{"send: to a path", "POST", "/send", edited(send, "toConversationID", ".."), bad("toConversationID")},
		{"send: to a reserved ID", "POST", "/send", edited(send, "toConversationID", "__x__"), bad("toConversationID")},
		{"send: to an ID with a control character", "POST", "/send", edited(send, "toConversationID", "a\nb"), bad("toConversationID")},
		{"send: to too long an ID", "POST", "/send", edited(send, "toConversationID", long(129)), bad("toConversationID")},
		{"send: no local ID", "POST", "/send", edited(send, "localMessageID", nil), bad("localMessageID")},
		{"send: too long a local ID", "POST", "/send", edited(send, "localMessageID", long(65)), bad("localMessageID")},
		{"send: no message", "POST", "/send", edited(send, "message", nil), bad("message")},
		{"send: message as text", "POST", "/send", edited(send, "message", "hello"), bad("message")},
		{"send: unknown message type", "POST", "/send", edited(send, "message.type", 99), bad("message.type")},
		{"send: barrage to a person", "POST", "/send", edited(send, "message.type", 20), bad("message.type")},
		{"send: empty text", "POST", "/send", edited(send, "message.message", ""), bad("message.message")},
		{"send: text over 2 KB", "POST", "/send", edited(send, "message.message", long(2049)), bad("message.message")},
		{"send: text over 2 KB in few characters", "POST", "/send", edited(send, "message.message", strings.Repeat("語", 683)), bad("message.message")},
		{"send: text as object", "POST", "/send", edited(send, "message.message", object{"a": 1}), bad("message.message")},
		{"send: extendedData over 1 KB", "POST", "/send", edited(send, "message.extendedData", long(1025)), bad("message.extendedData")},
		{"send: no config", "POST", "/send", edited(send, "config", nil), bad("config")},
		{"send: no priority", "POST", "/send", edited(send, "config.priority", nil), bad("config.priority")},
		{"send: priority 0", "POST", "/send", edited(send, "config.priority", 0), bad("config.priority")},
		{"send: priority 4", "POST", "/send", edited(send, "config.priority", 4), bad("config.priority")},
		{"send: title without content", "POST", "/send", edited(send, "config.pushConfig.content", nil), bad("config.pushConfig.content")},
		{"send: content without title", "POST", "/send", edited(send, "config.pushConfig.title", ""), bad("config.pushConfig.title")},
		{"send: payload as object", "POST", "/send", edited(send, "config.pushConfig.payload", object{"a": 1}), bad("config.pushConfig.payload")},
		{"send: payload and extendedData differ", "POST", "/send", edited(send, "config.pushConfig.extendedData", "other"), bad("config.pushConfig.extendedData")},
		{"send: payload over FCM's limit", "POST", "/send", edited(send, "config.pushConfig.payload", long(4096)), bad("config.pushConfig.payload")},
		{"send: title over FCM's limit", "POST", "/send", edited(send, "config.pushConfig.title", long(4096)), bad("config.pushConfig.title")},
		{"send: resourcesID over 32", "POST", "/send", edited(send, "config.pushConfig.resourcesID", long(33)), bad("config.pushConfig.resourcesID")},
		{"send: threadID too long", "POST", "/send", edited(send, "config.pushConfig.threadID", long(65)), bad("config.pushConfig.threadID")},
		{"send: badge without enableBadge", "POST", "/send", edited(send, "config.pushConfig.badgeIncrement", 1), bad("config.pushConfig.badgeIncrement")},
		{"send: negative badge", "POST", "/send", edited(send, "config.pushConfig.badgeIncrement", -1), bad("config.pushConfig.badgeIncrement")},
		{"send: push of a room message", "POST", "/send", edited(send, "conversationType", 1), bad("config.pushConfig")},
		{"send: huge body", "POST", "/send", `{"localMessageID":"` + long(300<<10) + `"}`, refusal{http.StatusRequestEntityTooLarge, p, ""}},
		{"send: GET", "GET", "/send", nil, refusal{http.StatusMethodNotAllowed, p, ""}},
		{"send: PUT", "PUT", "/send", "{}", refusal{http.StatusMethodNotAllowed, p, ""}},

		{"register: no body", "POST", "/register", "", bad("")},
		{"register: no target", "POST", "/register", edited(reg, "token", nil), bad("token")},
		{"register: two targets", "POST", "/register", edited(reg, "fid", "f"), bad("fid")},
		{"register: token as number", "POST", "/register", edited(reg, "token", 1), bad("token")},
		{"register: token with a space", "POST", "/register", edited(reg, "token", "a b"), bad("token")},
		{"register: token too long", "POST", "/register", edited(reg, "token", long(4097)), bad("token")},
		{"register: no platform", "POST", "/register", edited(reg, "platform", nil), bad("platform")},
		{"register: unknown platform", "POST", "/register", edited(reg, "platform", "amiga"), bad("platform")},
		{"register: unknown platform number", "POST", "/register", edited(reg, "platform", 8), bad("platform")},
		{"register: platform FCM can't reach", "POST", "/register", edited(reg, "platform", "windows"), bad("platform")},
		{"register: platform as object", "POST", "/register", edited(reg, "platform", object{}), bad("platform")},
		{"register: no deviceID", "POST", "/register", edited(reg, "deviceID", nil), bad("deviceID")},
		{"register: deviceID with a line feed", "POST", "/register", edited(reg, "deviceID", "a\nb"), bad("deviceID")},
		{"register: deviceID too long", "POST", "/register", edited(reg, "deviceID", long(129)), bad("deviceID")},
		{"register: locale", "POST", "/register", edited(reg, "locale", "no such"), bad("locale")},
		{"register: popup as text", "POST", "/register", edited(reg, "popup", "yes"), bad("popup")},
		{"register: sdkVersion too long", "POST", "/register", edited(reg, "sdkVersion", long(65)), bad("sdkVersion")},
		{"register: PATCH", "PATCH", "/register", "{}", refusal{http.StatusMethodNotAllowed, p, ""}},
		{"unregister: nothing named", "DELETE", "/register", nil, bad("deviceID")},
		{"unregister: named twice over", "DELETE", "/register?pushID=a&deviceID=b", nil, bad("deviceID")},
		{"unregister: unknown parameter", "DELETE", "/register?token=a", nil, bad("token")},
		{"unregister: other user's device", "DELETE", "/register?pushID=" + theirs.pushID, nil, refusal{http.StatusForbidden, 6000401, ""}},

		{"presence: no body", "POST", "/presence", "", bad("")},
		{"presence: no device", "POST", "/presence", edited(beat, "deviceID", nil), bad("deviceID")},
		{"presence: device named twice over", "POST", "/presence", edited(beat, "pushID", "x"), bad("deviceID")},
		{"presence: no state", "POST", "/presence", edited(beat, "state", nil), bad("state")},
		{"presence: unknown state", "POST", "/presence", edited(beat, "state", "away"), bad("state")},
		{"presence: state as number", "POST", "/presence", edited(beat, "state", 1), bad("state")},
		{"presence: unknown field", "POST", "/presence", edited(beat, "lease", 1), bad("lease")},
		{"presence: unknown device", "POST", "/presence", edited(beat, "platform", nil), refusal{http.StatusNotFound, 6000401, ""}},
		{"presence: other user's device", "POST", "/presence", object{"pushID": theirs.pushID, "state": "offline"}, refusal{http.StatusForbidden, 6000401, ""}},
		{"presence: log out another's device", "POST", "/presence", object{"pushID": theirs.pushID, "state": "logout"}, refusal{http.StatusForbidden, 6000401, ""}},
		{"presence: GET", "GET", "/presence", nil, refusal{http.StatusMethodNotAllowed, p, ""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client := alice.Client
			client.TB = t
			status, raw := client.Do(tc.method, tc.path, tc.body)
			check(t, status, raw, tc.want)
		})
	}

	t.Run("wrong content type", func(t *testing.T) {
		for _, value := range []string{"text/plain", "application/x-www-form-urlencoded", "application/json; charset", "multipart/form-data"} {
			client := alice.Client
			client.TB, client.Header = t, http.Header{"Content-Type": {value}}
			status, raw := client.Do("POST", "/send", send)
			check(t, status, raw, refusal{http.StatusUnsupportedMediaType, p, ""})
		}
	})

	expired := func(c map[string]any) {
		c["iat"], c["auth_time"] = time.Now().Add(-2*time.Hour).Unix(), time.Now().Add(-2*time.Hour).Unix()
		c["exp"] = time.Now().Add(-time.Hour).Unix()
	}
	for _, path := range []string{"/send", "/register", "/presence"} {
		for _, tc := range []struct {
			name, authorization string
			want                refusal
		}{
			{"no token", "", refusal{http.StatusUnauthorized, 6000121, ""}},
			{"another scheme", "Basic YTpi", refusal{http.StatusUnauthorized, 6000121, ""}},
			{"no token after the scheme", "Bearer ", refusal{http.StatusUnauthorized, 6000121, ""}},
			{"not a token", "Bearer abc", refusal{http.StatusUnauthorized, 6000103, ""}},
			{"expired", "Bearer " + tokenOf(t, alice, expired), refusal{http.StatusUnauthorized, 6000106, ""}},
			{"another project's", "Bearer " + tokenOf(t, alice, func(c map[string]any) { c["aud"] = "other" }), refusal{http.StatusUnauthorized, 6000103, ""}},
			{"a user who doesn't exist", "Bearer " + tokenOf(t, alice, func(c map[string]any) { c["sub"], c["user_id"] = "ghost", "ghost" }), refusal{http.StatusUnauthorized, 6000103, ""}},
		} {
			t.Run(path+" "+tc.name, func(t *testing.T) {
				client := harness.Client{TB: t, BaseURL: world.FunctionsURL(), Header: http.Header{"Authorization": {tc.authorization}}}
				status, raw := client.Do("POST", path, "{}")
				check(t, status, raw, tc.want)
			})
		}
	}

	// None of it has done anything: bob's phone still rings, once.
	id := alice.send(bob, "hello", "good")
	waitShade(t, theirs, id)
}

func check(t *testing.T, status int, raw []byte, want refusal) {
	t.Helper()
	e, err := harness.DecodeError(raw)
	if err != nil {
		t.Fatalf("answered %d %s: %v", status, raw, err)
	}
	if got := (refusal{status, e.Code, e.Field}); got != want {
		t.Errorf("answered %+v (%s), want %+v", got, e.Message, want)
	}
	if e.Message == "" || e.Status == "" || len(e.Message) > 400 {
		t.Errorf("the error says %q, %q", e.Status, e.Message)
	}
	if strings.Contains(fmt.Sprint(e), "goroutine") {
		t.Errorf("the error tells internals: %v", e)
	}
}
