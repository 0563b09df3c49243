package dispatch

import (
	"fmt"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/push"
)

// One message of a batch always fails. The others are sent at once and once; it
// ends in the dead letters with its reason, and a replay, made twice, sends it
// once.
func TestPoisonBlocksNothingElse(t *testing.T) {
	inBubble(t, func(b *bench) {
		poisoned := true
		b.fcm.answer = func(token string, _ int) answer {
			if poisoned && token == "T7" {
				return broken
			}
			return ok
		}
		var tokens []string
		for i := range 20 {
			tokens = append(tokens, fmt.Sprintf("T%d", i))
		}
		batch, began := b.batch("m", tokens...), time.Now()
		deliveries := 1
		for b.d.Dispatch(b.Context(), batch) != nil {
			if deliveries++; deliveries > 10 {
				t.Fatal("it is delivered for ever")
			}
			time.Sleep(time.Minute)
		}
		requests := map[string]int{}
		for _, r := range b.fcm.requests {
			requests[r.token]++
			if r.token != "T7" && r.at.Sub(began) > time.Second {
				t.Errorf("%s waits %v", r.token, r.at.Sub(began))
			}
		}
		for _, token := range tokens {
			if n := requests[token]; (token == "T7") != (n > 1) || n == 0 {
				t.Errorf("%s: %d requests", token, n)
			}
		}
		letters := b.dead.batches[string(push.Internal)]
		if len(b.dead.batches) != 1 || len(letters) != 1 || len(letters[0].Targets) != 1 || letters[0].Targets[0].Value != "T7" {
			t.Fatalf("dead letters: %v", b.dead.batches)
		}
		poisoned = false
		for range 2 {
			if err := b.d.Dispatch(b.Context(), letters[0]); err != nil {
				t.Error(err)
			}
		}
		if got := len(b.fcm.requests) - 19 - requests["T7"]; got != 1 {
			t.Errorf("the replay sends %d times", got)
		}
	})
}
