package functions

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/selftest"
)

// takesAll is FCM, which takes every push.
type takesAll struct{ bodies []string }

func (f *takesAll) Send(_ context.Context, body []byte) (string, error) {
	f.bodies = append(f.bodies, string(body))
	return "projects/demo/messages/1", nil
}

// A user's own devices are tested and nobody else's; FCM delivers only where it is
// to ring.
func TestSelfTest(t *testing.T) {
	db := onMemory(t)
	fcm := &takesAll{}
	replace(t, &selfTests, &selfTester{db, selftest.Tester{Sender: fcm, Now: func() time.Time { return clock }}}, nil)
	call("alice", "POST", "/register", registerBody)
	for _, tc := range []struct {
		user, body string
		ok         bool
		steps      string
		asked      int
		delivered  bool
	}{
		{"alice", `{}`, true, "registered rules target fcm", 1, false},
		{"alice", `{"deviceID":"d"}`, true, "registered rules target fcm", 1, false},
		{"alice", `{"deviceID":"d","ring":true}`, true, "registered rules target fcm", 1, true},
		{"alice", `{"deviceID":"other"}`, false, "registered", 0, false},
		{"mallory", `{"deviceID":"d","ring":true}`, false, "registered", 0, false},
		{"mallory", `{}`, false, "registered", 0, false},
	} {
		fcm.bodies = nil
		got, e := answer(t, call(tc.user, "POST", "/self-test", tc.body))
		var steps []string
		list, _ := got["steps"].([]any)
		for _, s := range list {
			steps = append(steps, fmt.Sprint(s.(map[string]any)["step"]))
		}
		if got["ok"] != tc.ok || strings.Join(steps, " ") != tc.steps || len(fcm.bodies) != tc.asked {
			t.Errorf("%s %s: %v, %+v, FCM was asked %d times", tc.user, tc.body, got, e, len(fcm.bodies))
		}
		for _, body := range fcm.bodies {
			if strings.Contains(body, "validate_only") == tc.delivered {
				t.Errorf("%s %s: FCM was given %s", tc.user, tc.body, body)
			}
		}
	}
	resp := call("alice", "POST", "/self-test", `{"deviceID":"`+strings.Repeat("x", 129)+`"}`)
	if _, e := answer(t, resp); resp.StatusCode != 400 || e.Field != "deviceID" {
		t.Errorf("a long deviceID: %d %+v", resp.StatusCode, e)
	}
}

func FuzzParseSelfTest(f *testing.F) {
	fuzzParse[selfTestRequest](f, `{"deviceID":"d","ring":true}`, `{"ring":1}`, `{"deviceID":null}`)
}
