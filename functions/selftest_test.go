package functions

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
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

// While FCM wants to hear nothing of the project, whoever was told so, a self-test says
// until when, and sends nothing.
func TestSelfTestWaits(t *testing.T) {
	db := onMemory(t)
	fcm := &takesAll{}
	replace(t, &selfTests, &selfTester{db, selftest.Tester{Sender: fcm, Pauses: db, Now: func() time.Time { return clock }}}, nil)
	call("alice", "POST", "/register", registerBody)
	if err := db.TellPause(t.Context(), delivery.NewPause(clock.Add(time.Minute), clock)); err != nil {
		t.Fatal(err)
	}
	got, e := answer(t, call("alice", "POST", "/self-test", `{"ring":true}`))
	if got["ok"] != false || !strings.Contains(fmt.Sprint(got["steps"]), "until 2023-11-14T22:14:21Z") || len(fcm.bodies) != 0 {
		t.Errorf("%v, %+v, FCM was given %q", got, e, fcm.bodies)
	}
}

func FuzzParseSelfTest(f *testing.F) {
	fuzzParse[selfTestRequest](f, `{"deviceID":"d","ring":true}`, `{"ring":1}`, `{"deviceID":null}`)
}
