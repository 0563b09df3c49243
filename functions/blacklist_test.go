package functions

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/doorbell-push/doorbell/shared/fault"
)

func TestBlacklist(t *testing.T) {
	onMemory(t)
	names := func(n int, prefix string) string {
		var ids []string
		for i := range n {
			ids = append(ids, fmt.Sprintf("%q", fmt.Sprint(prefix, i)))
		}
		return `{"userIDs":[` + strings.Join(ids, ",") + `]}`
	}
	done := map[string]any{"errorUserList": []any{}}
	list := func(next float64, ids ...string) map[string]any {
		users := []any{}
		for _, id := range ids {
			users = append(users, map[string]any{"userID": id})
		}
		return map[string]any{"blacklist": users, "nextFlag": next}
	}
	is := func(v bool) map[string]any { return map[string]any{"isUserInBlacklist": v} }
	for _, tc := range []struct {
		path, body string
		field      string // of a 400
		want       map[string]any
	}{
		{"/blacklist-query", `{"count":100}`, "", list(0)},
		{"/blacklist-add", `{"userIDs":["bob"]}`, "", done},
		{"/blacklist-add", `{"userIDs":["bob","carol","dave"]}`, "", done},
		{"/blacklist-query", `{"nextFlag":0,"count":2}`, "", list(2, "bob", "carol")},
		{"/blacklist-query", `{"nextFlag":2,"count":2}`, "", list(0, "dave")},
		{"/blacklist-check", `{"userID":"bob"}`, "", is(true)},
		{"/blacklist-remove", `{"userIDs":["bob","nobody"]}`, "", done},
		{"/blacklist-remove", `{"userIDs":["bob"]}`, "", done},
		{"/blacklist-check", `{"userID":"bob"}`, "", is(false)},
		{"/blacklist-query", `{"count":100}`, "", list(0, "carol", "dave")},

		{"/blacklist-add", names(20, "u"), "", done},
		{"/blacklist-add", names(21, "u"), "userIDs", nil},
		{"/blacklist-remove", names(21, "u"), "userIDs", nil},
		{"/blacklist-add", `{}`, "userIDs", nil},
		{"/blacklist-add", `{"userIDs":[]}`, "userIDs", nil},
		{"/blacklist-add", `{"userIDs":["x","a/b"]}`, "userIDs.1", nil},
		{"/blacklist-add", `{"userIDs":["x","alice"]}`, "userIDs.1", nil},
		{"/blacklist-add", `{"userIDs":[null]}`, "userIDs.0", nil},
		{"/blacklist-add", `{"userIDs":"bob"}`, "userIDs", nil},
		{"/blacklist-add", `{"userIDs":["bob"],"userID":"carol"}`, "userID", nil},
		{"/blacklist-remove", `{"userIDs":[""]}`, "userIDs.0", nil},
		{"/blacklist-query", `{}`, "count", nil},
		{"/blacklist-query", `{"count":101}`, "count", nil},
		{"/blacklist-query", `{"count":1,"nextFlag":-1}`, "nextFlag", nil},
		{"/blacklist-query", `{"count":1,"userID":"bob"}`, "userID", nil},
		{"/blacklist-check", `{}`, "userID", nil},
		{"/blacklist-check", `{"userID":"a\nb"}`, "userID", nil},
	} {
		resp := call("alice", "POST", tc.path, tc.body)
		got, e := answer(t, resp)
		if tc.want != nil && (resp.StatusCode != 200 || !reflect.DeepEqual(got, tc.want)) {
			t.Errorf("%s %s: %d %v, want %v", tc.path, tc.body, resp.StatusCode, got, tc.want)
		}
		if tc.want == nil && (resp.StatusCode != 400 || e.Field != tc.field || e.Code != fault.ParamsInvalid) {
			t.Errorf("%s %s: %d %+v", tc.path, tc.body, resp.StatusCode, e)
		}
	}
	// Nobody's list but the caller's was looked at or changed.
	if got, _ := answer(t, call("bob", "POST", "/blacklist-query", `{"count":100}`)); !reflect.DeepEqual(got, list(0)) {
		t.Errorf("bob's is %v", got)
	}
	for n := 0; n < 1000; n += 20 {
		call("alice", "POST", "/blacklist-add", names(20, fmt.Sprint("v", n, "-")))
	}
	got, _ := answer(t, call("alice", "POST", "/blacklist-add", `{"userIDs":["carol","more"]}`))
	if want := map[string]any{"errorUserList": []any{map[string]any{"userID": "more", "reason": 6000021.}}}; !reflect.DeepEqual(got, want) {
		t.Errorf("with a full list: %v", got)
	}
}

func TestBlacklistFails(t *testing.T) {
	onMemory(t)
	replace(t, &registry, nil, errors.New("configuration"))
	for path, body := range map[string]string{
		"/blacklist-add": `{"userIDs":["bob"]}`, "/blacklist-remove": `{"userIDs":["bob"]}`,
		"/blacklist-query": `{"count":1}`, "/blacklist-check": `{"userID":"bob"}`,
	} {
		if resp := call("alice", "POST", path, body); resp.StatusCode != 500 {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

func FuzzParseBlacklistUsers(f *testing.F) { fuzzParse[blacklistUsers](f, `{"userIDs":["bob",null]}`) }
func FuzzParseBlacklistPage(f *testing.F) {
	fuzzParse[blacklistPage](f, `{"nextFlag":9007199254740993,"count":100}`)
}
func FuzzParseBlacklistUser(f *testing.F) { fuzzParse[blacklistUser](f, `{"userID":"bob"}`) }
