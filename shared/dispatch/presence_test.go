package dispatch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// shelf counts how many presence documents are read at once, and each of them.
type shelf struct {
	Bindings
	mu        sync.Mutex
	now, most int
	reads     map[string]int // by user
}

func (h *shelf) Users(ctx context.Context, ids []string) (map[string]*presence.User, error) {
	h.mu.Lock()
	h.now += len(ids)
	h.most = max(h.most, h.now)
	for _, id := range ids {
		h.reads[id]++
	}
	h.mu.Unlock()
	time.Sleep(10 * time.Millisecond) // in a bubble
	users, err := h.Bindings.Users(ctx, ids)
	h.mu.Lock()
	h.now -= len(ids)
	h.mu.Unlock()
	return users, err
}

// However many large batches are looked at again at once, a process holds no more
// presence documents than it has memory for, reads each once, and decides by all.
func TestPresenceHeldIsBounded(t *testing.T) {
	inBubble(t, func(b *bench) {
		h := &shelf{Bindings: b.db, reads: map[string]int{}}
		b.d.Bindings, b.d.Concurrency = h, 1000
		const atOnce = 10
		want := map[string]string{}
		var batches []push.Batch
		for n := range atOnce {
			batch := b.batchOf(fmt.Sprint("m", n), fmt.Sprint("m", n), push.MaxBatch)
			b.groupOf(&batch)
			for i, target := range batch.Targets {
				want[target.Value] = "sent"
				var err error
				switch i % 7 {
				case 0:
					_, err = b.reg.Heartbeat(b.Context(), target.UserID, presence.Beat{PushID: target.PushID, State: device.Online})
					want[target.Value] = "skipped online"
				case 1: // which the membership leaves to the user
					none := presence.Change[presence.Level]{Given: true, Value: presence.LevelNone}
					_, err = b.reg.ChangeSettings(b.Context(), target.UserID, presence.SettingsChange{GroupLevel: none})
					want[target.Value] = "skipped " + string(plan.LevelTooLow)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			batches = append(batches, batch)
		}
		time.Sleep(trust)
		var all sync.WaitGroup
		for _, batch := range batches {
			all.Go(func() { b.dispatch(batch, false) })
		}
		all.Wait()
		for _, batch := range batches {
			got, done := b.outcomes(batch)
			if !done || len(got) != push.MaxBatch {
				t.Errorf("done: %t with %d outcomes", done, len(got))
			}
			maps.DeleteFunc(got, func(value, outcome string) bool { return outcome == want[value] })
			if len(got) > 0 {
				t.Errorf("not as decided before: %v", got)
			}
		}
		b.wantHeld(h, atOnce*push.MaxBatch)
	})
}

// FCM calls all of a batch dead: whose they are now is looked at within the bound.
func TestPresenceOfTheDeadIsBounded(t *testing.T) {
	inBubble(t, func(b *bench) {
		h := &shelf{Bindings: b.db, reads: map[string]int{}}
		b.d.Bindings, b.d.Concurrency, b.fcm.latency = h, 1000, time.Second
		b.fcm.answer = func(token string, _ int) answer {
			if token == "new" {
				return ok
			}
			return unregistered
		}
		batch := b.batchOf("m", "m", push.MaxBatch)
		done := make(chan error, 1)
		go func() { done <- b.d.Dispatch(b.Context(), batch) }()
		time.Sleep(time.Second / 2)
		b.rotate(batch.Targets[push.MaxBatch-1], "new")
		if err := <-done; err == nil {
			t.Error("whose token is new is forgotten")
		}
		got, _ := b.outcomes(batch)
		failed := 0
		for _, outcome := range got {
			if outcome == "failed unregistered" {
				failed++
			}
		}
		if last := got[batch.Targets[push.MaxBatch-1].Value]; last != "pending unregistered" || failed != push.MaxBatch-1 {
			t.Errorf("%d are dead, and whose token is new is %q", failed, last)
		}
		b.wantHeld(h, push.MaxBatch)
	})
}

// wantHeld checks that h was full, no more than that, and read each of so many users once.
func (b *bench) wantHeld(h *shelf, users int) {
	b.Helper()
	if most := slices.Max(slices.Collect(maps.Values(h.reads))); h.most != presence.MaxHeld || len(h.reads) != users || most != 1 {
		b.Errorf("held up to %d at once, of %d users, one up to %d times; want %d, %d and once", h.most, len(h.reads), most, presence.MaxHeld, users)
	}
}
