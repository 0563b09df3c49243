//go:build integration

package functions_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/shared/chat"
)

// An operator is told what became of a push; nobody else is.
func TestTraceEndpoint(t *testing.T) {
	alice, bob, olga := someone(t, "alice"), someone(t, "bob"), someone(t, "olga")
	d := bob.newPhone("phone", "android")
	id := alice.send(bob, "hello", "1")
	waitLogged(t, "dispatched", id)
	path := "/trace?messageID=" + id + "&userID=" + bob.ID
	if status, raw := olga.Do(http.MethodGet, path, nil); status != http.StatusForbidden {
		t.Errorf("without the claim: %d %s", status, raw)
	}
	token, err := world.SignInOperator(t.Context(), olga.ID)
	if err != nil {
		t.Fatal(err)
	}
	world.secrets.add(token)
	olga.Token = token
	settle(t)
	before := world.firestore.Snapshot()
	status, raw := olga.Do(http.MethodGet, path, nil)
	asked := world.firestore.Snapshot().Sub(before)
	var story struct {
		From      string
		Receivers []struct {
			Devices []struct {
				DeviceID string
				Events   []struct{ Step, Status string }
			}
		}
	}
	if err := json.Unmarshal(raw, &story); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s, %v", status, raw, err)
	}
	if got := fmt.Sprint(story); got != fmt.Sprintf("{%s [{[{%s [{decided } {became sent}]}]}]}", alice.ID, d.deviceID) {
		t.Errorf("the story is %s of %s", got, raw)
	}
	// The message, its ledger entry, 32 documents of receipts, bob, and that nothing took
	// it away.
	if asked.Calls["RunQuery"] != 3 || asked.Calls["BatchGetDocuments"] != 1 || len(asked.Calls) != 2 || asked.Reads != 1+1+32+1+1 {
		t.Errorf("Firestore was asked %v", asked)
	}
}

// That a device was told to take a message away is told with it: since its user read it
// elsewhere, which an entry of its own says, or since it was revoked.
func TestTraceOfDismissals(t *testing.T) {
	alice, bob, olga := someone(t, "alice"), someone(t, "bob"), someone(t, "olga")
	mobile, tablet := bob.newPhone("phone", "android"), bob.newPhone("tablet", "ios")
	token, err := world.SignInOperator(t.Context(), olga.ID)
	if err != nil {
		t.Fatal(err)
	}
	world.secrets.add(token)
	olga.Token = token
	first, second, third := alice.send(bob, "one", "1"), alice.send(bob, "two", "2"), alice.send(bob, "three", "3")
	for _, d := range []phone{mobile, tablet} {
		waitShade(t, d, first, second, third)
	}
	bob.read(alice.ID, chat.Peer, 2)
	alice.revoke(third, chat.Peer, bob.ID, nil)
	for _, tc := range []struct{ what, id, want string }{
		{"the last one read", second, "read taken away, since it was read elsewhere at 20"},
		{"one before it", first, "read taken away, since it was read elsewhere at 20"},
		{"a revoked one", third, "revoke taken away, or replaced by the sender's words, since it was revoked: FCM took it"},
	} {
		err := harness.Poll(t.Context(), within, func(context.Context) error {
			var story struct {
				Receivers []struct {
					Devices []struct {
						DeviceID string
						Events   []struct{ What, Step, Text string }
					}
				}
			}
			status, raw := olga.Do(http.MethodGet, "/trace?messageID="+tc.id, nil)
			if err := json.Unmarshal(raw, &story); err != nil || status != http.StatusOK || len(story.Receivers) != 1 || len(story.Receivers[0].Devices) != 2 {
				return fmt.Errorf("%d %s, %v", status, raw, err)
			}
			for _, d := range story.Receivers[0].Devices {
				if n := len(d.Events); n != 4 || !strings.HasPrefix(d.Events[n-1].What+" "+d.Events[n-1].Text, tc.want) {
					return fmt.Errorf("of %s %+v", d.DeviceID, d.Events)
				}
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", tc.what, err)
		}
	}
}

// All that the functions log of a message or a call is found under the trace of
// the request it came with.
func TestOneTrace(t *testing.T) {
	const traceID = "0af7651916cd43dd8448eb211c80319c"
	alice, bob := someone(t, "alice"), someone(t, "bob")
	bob.newPhone("phone", "android")
	alice.Header = http.Header{"Traceparent": {"00-" + traceID + "-b7ad6b7169203331-01"}}
	alice.send(bob, "hello", "1")
	alice.call(http.MethodPost, "/call-invite", callTo(70, bob))
	want := []string{`"planned","kind":"message"`, `"dispatched"`, `"planned","kind":"call"`}
	err := harness.Poll(t.Context(), within, func(context.Context) error {
		var missing []string
		for _, words := range want {
			found := false
			for line := range bytes.Lines(world.log.Bytes()) {
				found = found || bytes.Contains(line, []byte(words)) && bytes.Contains(line, []byte("/traces/"+traceID+`"`))
			}
			if !found {
				missing = append(missing, words)
			}
		}
		if len(missing) > 0 {
			return fmt.Errorf("not in the trace: %q", missing)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
