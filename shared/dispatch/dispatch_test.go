package dispatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/docid"
)

func TestOncePerDevice(t *testing.T) {
	inBubble(t, func(b *bench) {
		batch := b.batch("m", "A", "B")
		batch.Targets = append(batch.Targets, batch.Targets[0]) // planned twice
		for range 3 {
			b.dispatch(batch, false)
		}
		b.wantRequests("A", 1, "B", 1)
		b.want(batch, true, "A", "sent", "B", "sent")
		e := b.db.Deliveries()[batch.ID]
		if o := e.Outcomes[batch.Targets[0].PushID]; o.Detail != "projects/demo/messages/1" || o.Tries != 1 || o.UserID != "user-A" || !o.At.Equal(time.Now()) {
			t.Errorf("outcome %+v", o)
		}
		if e.Kind != "message" || e.SubjectID != "m" || e.Attempt != 1 || !e.ExpireAt.Equal(time.Now().Add(24*time.Hour)) {
			t.Errorf("entry %+v", e)
		}
	})
}

func TestOncePerDeviceConcurrently(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.fcm.latency = time.Second
		batch := b.batch("m", "A")
		errs := make(chan error, 5)
		for range cap(errs) {
			other := b.dispatcher()
			go func() { errs <- other.Dispatch(b.Context(), batch) }()
		}
		busy := 0
		for range cap(errs) {
			if err := <-errs; errors.Is(err, delivery.ErrBusy) {
				busy++
			} else if err != nil {
				t.Error(err)
			}
		}
		if busy != cap(errs)-1 {
			t.Errorf("%d were told that the batch is busy, want all but one", busy)
		}
		b.wantRequests("A", 1)
		b.want(batch, true, "A", "sent")
	})
}

func TestRetriesWithinAnAttempt(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.fcm.answer = func(token string, try int) answer {
			if token == "B" && try < 4 {
				return broken
			}
			return ok
		}
		batch := b.batch("m", "A", "B", "C")
		b.dispatch(batch, false)
		b.wantRequests("A", 1, "B", 4, "C", 1)
		b.want(batch, true, "A", "sent", "B", "sent", "C", "sent")
		if tries := b.db.Deliveries()[batch.ID].Outcomes[batch.Targets[1].PushID].Tries; tries != 4 {
			t.Errorf("%d tries recorded", tries)
		}
		refused := b.db.Deliveries()[batch.ID].Refusals
		if got := refused[batch.Targets[1].PushID]; len(refused) != 1 || len(got) != 3 || got[0].Class != "internal" || !got[0].At.Before(got[1].At) {
			t.Errorf("refusals %+v", refused)
		}
		// Back-off doubles from half a second, spread over its upper half.
		requests := b.fcm.of("B")
		for i, most := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second} {
			if gap := requests[i+1].at.Sub(requests[i].at); gap < most/2 || gap >= most {
				t.Errorf("wait %d was %v, want from %v to %v", i+1, gap, most/2, most)
			}
		}
	})
}

// What failed is tried again by the redelivery, what was sent is not.
func TestPartialFailure(t *testing.T) {
	inBubble(t, func(b *bench) {
		works := false
		b.fcm.answer = func(token string, _ int) answer {
			switch {
			case token == "dead":
				return unregistered
			case token == "ill" && !works:
				return broken
			}
			return ok
		}
		batch := b.batch("m", "A", "ill", "dead")
		b.dispatch(batch, true)
		b.want(batch, false, "A", "sent", "ill", "pending internal", "dead", "failed unregistered")
		tried := len(b.fcm.of("ill"))
		works = true
		b.dispatch(batch, false)
		b.want(batch, true, "A", "sent", "ill", "sent", "dead", "failed unregistered")
		b.wantRequests("A", 1, "ill", tried+1, "dead", 1)
		if e := b.db.Deliveries()[batch.ID]; e.Attempt != 2 {
			t.Errorf("attempt %d, want 2", e.Attempt)
		}
	})
}

func TestMaxAttempts(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.fcm.answer = func(token string, _ int) answer {
			if token == "ill" {
				return broken
			}
			return ok
		}
		batch := b.batch("m", "A", "ill")
		for _, again := range []bool{true, true, false} {
			if len(b.dead.batches) != 0 {
				t.Errorf("dead letters before the last attempt: %v", b.dead.batches)
			}
			b.dispatch(batch, again)
		}
		b.want(batch, true, "A", "sent", "ill", "dead_letter internal")
		dead := b.dead.batches["internal"]
		if len(dead) != 1 || len(dead[0].Targets) != 1 || dead[0].Targets[0].Value != "ill" || dead[0].Announcement != batch.Announcement {
			t.Fatalf("dead letters %+v", b.dead.batches)
		}
		tried := len(b.fcm.of("ill"))
		b.dispatch(batch, false) // a late repeat
		b.wantRequests("A", 1, "ill", tried)
		// An operator sends the dead letter again: it has an ID of its own, and is sent once.
		b.fcm.answer = nil
		b.dispatch(dead[0], false)
		b.dispatch(dead[0], false)
		b.wantRequests("A", 1, "ill", tried+1)
	})
}

// What only an operator can mend goes to the dead letters with its reason, at
// once, and no target is removed for it.
func TestDeadLetters(t *testing.T) {
	for reason, a := range map[string]answer{
		"credentials":      {status: 401},
		"third_party_auth": {status: 401, detail: "THIRD_PARTY_AUTH_ERROR"},
		"sender_mismatch":  {status: 403, detail: "SENDER_ID_MISMATCH"},
		"wrong_project":    {status: 404},
		"invalid_message":  {status: 400, field: "message.data"},
	} {
		inBubble(t, func(b *bench) {
			b.fcm.answer = func(token string, _ int) answer {
				if token == "A" {
					return ok
				}
				return a
			}
			batch := b.batch("m", "A", "B", "C")
			b.dispatch(batch, false)
			b.want(batch, true, "A", "sent", "B", "dead_letter "+reason, "C", "dead_letter "+reason)
			b.wantRequests("A", 1, "B", 1, "C", 1)
			for _, target := range batch.Targets {
				if b.bound(target) != target.Value {
					t.Errorf("%s: the target %s was removed", reason, target.Value)
				}
			}
			dead := b.dead.batches[reason]
			if len(b.dead.batches) != 1 || len(dead) != 1 || len(dead[0].Targets) != 2 || dead[0].ID != docid.New("dead", batch.ID, reason) {
				t.Errorf("%s: dead letters %+v", reason, b.dead.batches)
			}
		})
	}
	// 403 without FCM's detail, by itself for its class.
	inBubble(t, func(b *bench) {
		b.fcm.answer = func(string, int) answer { return answer{status: 403} }
		batch := b.batch("m", "A")
		b.dispatch(batch, false)
		b.want(batch, true, "A", "dead_letter credentials")
	})
}

// The worker dies after it published a dead letter, and another publishes it
// again: a replay of both sends once.
func TestDeadLetterMadeTwice(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.fcm.answer = func(string, int) answer { return answer{status: 403} }
		batch := b.batch("m", "A")
		b.d.Ledger = &ledger{Ledger: b.db, finish: func() error { return errors.New("killed") }}
		b.dispatch(batch, true)
		b.d = b.dispatcher()
		time.Sleep(lease)
		b.dispatch(batch, false)
		dead := b.dead.batches["credentials"]
		if len(dead) != 2 {
			t.Fatalf("%d dead letters", len(dead))
		}
		b.fcm.answer = nil
		for _, letter := range dead {
			b.dispatch(letter, false)
		}
		b.wantRequests("A", 3)
	})
}

// Pub/Sub refuses the dead letters: what was sent stays sent.
func TestDeadLettersNotTaken(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.fcm.answer = func(token string, _ int) answer {
			if token == "bad" {
				return answer{status: 403}
			}
			return ok
		}
		b.dead.err = errors.New("pubsub is down")
		batch := b.batch("m", "A", "bad")
		b.dispatch(batch, true)
		if got, done := b.outcomes(batch); done || got["A"] != "sent" || !strings.HasPrefix(got["bad"], "pending") {
			t.Errorf("done %t, outcomes %v", done, got)
		}
		b.dead.err = nil
		time.Sleep(lease)
		b.dispatch(batch, false)
		b.want(batch, true, "A", "sent", "bad", "dead_letter credentials")
		if len(b.fcm.of("A")) != 1 {
			t.Errorf("A was sent %d times", len(b.fcm.of("A")))
		}
	})
}

// The last request ends with the lease: its dead letters and outcomes are kept all the same.
func TestSettlesAfterTheLease(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.d.MaxAttempts = 1
		b.fcm.latency = time.Hour
		batch := b.batch("m", "A")
		b.dispatch(batch, false)
		b.want(batch, true, "A", "dead_letter timeout")
	})
	inBubble(t, func(b *bench) {
		b.fcm.answer = func(token string, _ int) answer {
			if token == "bad" {
				return answer{status: 403}
			}
			return answer{status: 200, delay: time.Hour}
		}
		batch := b.batch("m", "bad", "slow")
		b.dispatch(batch, true)
		b.want(batch, false, "bad", "dead_letter credentials", "slow", "pending timeout")
	})
}

func TestUnregisteredIsRemoved(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.fcm.answer = func(string, int) answer { return unregistered }
		batch := b.batch("m", "A")
		b.dispatch(batch, false)
		b.want(batch, true, "A", "failed unregistered")
		if got := b.bound(batch.Targets[0]); got != "" {
			t.Errorf("the dead target %s is still stored", got)
		}
		if len(b.dead.batches) != 0 {
			t.Errorf("dead letters %v", b.dead.batches)
		}
	})
}

// The device registers a new token while FCM calls the old one dead.
func TestUnregisteredOnlyIfStillStored(t *testing.T) {
	inBubble(t, func(b *bench) {
		batch := b.batch("m", "A")
		b.fcm.answer = func(string, int) answer {
			d, _ := mustUser(b, "user-A").Device(batch.Targets[0].PushID)
			d.Target.Value = "new"
			if _, err := b.reg.Register(b.Context(), "user-A", d); err != nil {
				t.Error(err)
			}
			return unregistered
		}
		b.dispatch(batch, true)
		if got := b.bound(batch.Targets[0]); got != "new" {
			t.Errorf("the stored target is %q, want the new one", got)
		}
	})
}

// FCM's 400 that names the token is believed where the same platform accepted
// the same announcement.
func TestInvalidTokenIsBelieved(t *testing.T) {
	for name, tc := range map[string]struct {
		others  []string
		removed bool
	}{
		"alone":                    {nil, false},
		"another of the platform":  {[]string{"A"}, true},
		"another platform":         {[]string{"web-A"}, false},
		"another, refused like it": {[]string{"bad-2"}, false},
		"another of each":          {[]string{"web-A", "A"}, true},
	} {
		inBubble(t, func(b *bench) {
			b.fcm.answer = func(token string, _ int) answer {
				if strings.HasPrefix(token, "bad") {
					return badToken
				}
				return ok
			}
			batch := b.batch("m", append([]string{"bad"}, tc.others...)...)
			b.dispatch(batch, false)
			got, _ := b.outcomes(batch)
			want, stored := "dead_letter invalid_message", "bad"
			if tc.removed {
				want, stored = "failed invalid_target", ""
			}
			if got["bad"] != want || b.bound(batch.Targets[0]) != stored {
				t.Errorf("%s: %s, stored %q; want %s, stored %q", name, got["bad"], b.bound(batch.Targets[0]), want, stored)
			}
		})
	}
}

func TestConcurrencyIsTheProcesss(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.d.Concurrency = 7
		b.fcm.latency = 100 * time.Millisecond
		done := make(chan error)
		for i := range 3 {
			var tokens []string
			for j := range 20 {
				tokens = append(tokens, fmt.Sprintf("T%d-%d", i, j))
			}
			batch := b.batch(fmt.Sprint("m", i), tokens...)
			go func() { done <- b.d.Dispatch(context.Background(), batch) }()
		}
		for range 3 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if b.fcm.most != 7 || len(b.fcm.requests) != 60 {
			t.Errorf("%d requests, at most %d at once; want 60, 7", len(b.fcm.requests), b.fcm.most)
		}
	})
	inBubble(t, func(b *bench) { // a limit that was never set still lets one through
		b.d.Concurrency = 0
		b.dispatch(b.batch("m", "A", "B"), false)
		synctest.Wait()
		b.wantRequests("A", 1, "B", 1)
	})
}
