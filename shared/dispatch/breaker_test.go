package dispatch

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/doorbell-push/doorbell/shared/push"
)

var mismatch = answer{status: 403, detail: "SENDER_ID_MISMATCH"}

// sendEach sends n batches to one device each, and returns of how many the
// target was removed. Tokens are "prefix-i".
func (b *bench) sendEach(prefix string, n int) (removed int) {
	b.Helper()
	for i := range n {
		token := fmt.Sprintf("%s-%d", prefix, i)
		batch := b.batch("m-"+token, token)
		_ = b.d.Dispatch(b.Context(), batch)
		if b.bound(batch.Targets[0]) == "" {
			removed++
		}
	}
	return removed
}

// byPrefix answers by what a token starts with.
func byPrefix(answers map[string]answer) func(string, int) answer {
	return func(token string, _ int) answer {
		prefix, _, _ := strings.Cut(token, "-")
		if a, ok := answers[prefix]; ok {
			return a
		}
		return ok
	}
}

// Whatever is wrong, a process removes few targets before it stops, and none
// while it goes on; then dead ones are removed again.
func TestBreaker(t *testing.T) {
	for name, tc := range map[string]struct {
		good int // sends before it starts
		most int // targets removed wrongly
	}{
		"a new process":     {0, breakerLeast - 1},
		"one that has sent": {1000, 67},
	} {
		inBubble(t, func(b *bench) {
			b.fcm.answer = byPrefix(map[string]answer{"dead": unregistered, "gone": unregistered})
			if n := b.sendEach("good", tc.good); n != 0 {
				t.Errorf("%s: %d good targets removed", name, n)
			}
			removed := b.sendEach("dead", 500)
			t.Logf("%s: %d of 500 removed", name, removed)
			if removed > tc.most {
				t.Errorf("%s: %d of 500 targets removed before it stopped, want at most %d", name, removed, tc.most)
			}
			b.sendEach("fine", 200)
			if n := b.sendEach("gone", 10); n != 10 {
				t.Errorf("%s: after that was over, %d of 10 dead targets were removed", name, n)
			}
		})
	}
}

// A full batch of which all are called dead removes nothing, and says so.
func TestBreakerOfABatch(t *testing.T) {
	logger := slog.Default()
	defer slog.SetDefault(logger)
	var log bytes.Buffer
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log, nil)))
	inBubble(t, func(b *bench) {
		b.fcm.answer = byPrefix(map[string]answer{"dead": unregistered})
		var tokens []string
		for i := range push.MaxBatch {
			tokens = append(tokens, fmt.Sprintf("dead-%d", i))
		}
		batch := b.batch("m", tokens...)
		b.dispatch(batch, false)
		for _, target := range batch.Targets {
			if b.bound(target) == "" {
				t.Fatalf("%s was removed", target.Value)
			}
		}
		got, done := b.outcomes(batch)
		if !done || got["dead-0"] != "failed unregistered" {
			t.Errorf("the ledger says %s, done %t", got["dead-0"], done)
		}
	})
	if !strings.Contains(log.String(), `"level":"ERROR","msg":"too many targets are called dead: none is removed"`) || !strings.Contains(log.String(), `"kept":500,"percent":100`) {
		t.Errorf("logged %s", log.String())
	}
	if strings.Contains(log.String(), "dead-0") {
		t.Error("the log holds a token")
	}
}

// SENDER_ID_MISMATCH removes nothing, however few; and a burst of it, as after a
// deployment with another project's credentials, keeps what else seems dead.
func TestSenderMismatchTripsTheBreaker(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.fcm.answer = byPrefix(map[string]answer{"dead": unregistered, "foreign": mismatch})
		if n := b.sendEach("foreign", 300); n != 0 {
			t.Errorf("%d of 300 foreign targets removed", n)
		}
		if n := b.sendEach("dead", 20); n != 0 {
			t.Errorf("%d of 20 targets removed in the midst of it", n)
		}
		if n := len(b.dead.batches["sender_mismatch"]); n != 300 {
			t.Errorf("%d dead letters", n)
		}
	})
}

// What FCM is used to is no reason to stop: a third of the targets dead, or half
// of few. Nor are failures that don't blame a target.
func TestBreakerStaysClosed(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.fcm.answer = byPrefix(map[string]answer{"dead": unregistered, "broken": {status: 403}})
		for round := range 50 {
			b.sendEach(fmt.Sprint("good-", round), 2)
			b.sendEach(fmt.Sprint("broken-", round), 3)
			if n := b.sendEach(fmt.Sprint("dead-", round), 1); n != 1 {
				t.Fatalf("round %d: the dead target was kept", round)
			}
		}
	})
	inBubble(t, func(b *bench) {
		b.fcm.answer = byPrefix(map[string]answer{"dead": unregistered})
		if n := b.sendEach("dead", breakerLeast-1); n != breakerLeast-1 {
			t.Errorf("%d of a few dead targets were removed", n)
		}
	})
}

// The operator may know that most are dead, after an app was given up.
func TestBreakerSwitchedOff(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.d.MaxDead = 100
		b.fcm.answer = byPrefix(map[string]answer{"dead": unregistered})
		if n := b.sendEach("dead", 300); n != 300 {
			t.Errorf("%d of 300 dead targets removed", n)
		}
	})
}
