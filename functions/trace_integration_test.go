//go:build integration

package functions_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/doorbell-push/doorbell/scripts/harness"
)

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
