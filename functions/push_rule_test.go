package functions

import (
	"errors"
	"reflect"
	"testing"

	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
)

func TestPushRule(t *testing.T) {
	onMemory(t)
	rule := func(online, not []any) map[string]any {
		return map[string]any{"offlinePushRule": map[string]any{"onlinePlatforms": online, "notToReceiveOfflinePushPlatforms": not}}
	}
	none := rule([]any{}, []any{})
	current := none
	for _, tc := range []struct {
		body   string
		status int
		field  string
		want   map[string]any // nil: as before
	}{
		// The documentation's sample: online on Windows, macOS or Linux, nothing to iOS, Android and iPadOS.
		{`{"onlinePlatforms":[1,4,5],"notToReceiveOfflinePushPlatforms":[2,3,9]}`, 200, "", rule([]any{1., 4., 5.}, []any{2., 3., 9.})},
		{`{"onlinePlatforms":["web","Windows",6],"notToReceiveOfflinePushPlatforms":["android"]}`, 200, "", rule([]any{1., 6.}, []any{3.})},
		{`{"onlinePlatforms":[6],"notToReceiveOfflinePushPlatforms":[8]}`, 400, "notToReceiveOfflinePushPlatforms.0", nil},
		{`{"onlinePlatforms":[6,"nokia"],"notToReceiveOfflinePushPlatforms":[3]}`, 400, "onlinePlatforms.1", nil},
		{`{"onlinePlatforms":[32],"notToReceiveOfflinePushPlatforms":[3]}`, 400, "onlinePlatforms.0", nil},
		{`{"onlinePlatforms":6,"notToReceiveOfflinePushPlatforms":[3]}`, 400, "onlinePlatforms", nil},
		{`{"onlinePlatforms":[6]}`, 400, "notToReceiveOfflinePushPlatforms", nil},
		{`{"onlinePlatforms":null,"notToReceiveOfflinePushPlatforms":[3]}`, 400, "onlinePlatforms", nil},
		{`{"onlinePlatforms":[6],"notToReceiveOfflinePushPlatforms":[3],"userID":"bob"}`, 400, "userID", nil},
		{`{"onlinePlatforms":[],"notToReceiveOfflinePushPlatforms":[]}`, 200, "", none},
	} {
		resp := call("alice", "POST", "/push-rule", tc.body)
		got, e := answer(t, resp)
		if resp.StatusCode != tc.status || e.Field != tc.field || (tc.status == 400 && e.Code != fault.ParamsInvalid) {
			t.Errorf("%s: %d %+v", tc.body, resp.StatusCode, e)
		}
		if tc.want != nil {
			current = tc.want
			if !reflect.DeepEqual(got, current) {
				t.Errorf("%s: answered %v", tc.body, got)
			}
		}
		if got, _ := answer(t, call("alice", "GET", "/push-rule", "")); !reflect.DeepEqual(got, current) {
			t.Errorf("after %s: %v", tc.body, got)
		}
		if got, _ := answer(t, call("bob", "GET", "/push-rule", "")); !reflect.DeepEqual(got, none) {
			t.Errorf("after %s bob has %v", tc.body, got)
		}
	}
}

func TestPushRuleFails(t *testing.T) {
	onMemory(t)
	replace(t, &registry, nil, errors.New("configuration"))
	for method, body := range map[string]string{"POST": `{"onlinePlatforms":[],"notToReceiveOfflinePushPlatforms":[]}`, "GET": ""} {
		if resp := call("alice", method, "/push-rule", body); resp.StatusCode != 500 {
			t.Errorf("%s: %d", method, resp.StatusCode)
		}
	}
}

func FuzzParsePushRule(f *testing.F) {
	fuzzParse[presence.PushRule](f, `{"onlinePlatforms":[1,"web"],"notToReceiveOfflinePushPlatforms":[]}`, `{"onlinePlatforms":[1e9,null]}`)
}
