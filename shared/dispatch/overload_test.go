package dispatch

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Ten times what the workers can send comes for twenty seconds. It waits at the
// queue, not in the workers: these hold as many requests and goroutines as ever.
// What rings on is sent, the rest of the calls is dropped as expired, and of the
// messages none is lost or sent twice.
func TestOverload(t *testing.T) {
	const workers, concurrency, seconds = 4, 10, 20
	const perSecond = 10 * concurrency * 5 // a slot makes five requests a second
	inBubble(t, func(b *bench) {
		b.fcm.latency, b.d.Concurrency = time.Second/5, concurrency
		rings := time.Now().Add(time.Minute)
		queue := make(chan push.Batch, 1<<20)
		var backlog, peak, goroutines atomic.Int64
		idle := runtime.NumGoroutine()
		var all sync.WaitGroup
		for range workers {
			all.Go(func() {
				for batch := range queue {
					for n := 0; b.d.Dispatch(b.Context(), batch) != nil; n++ {
						if n > 20 {
							t.Error("a batch isn't done after 20 deliveries")
							return
						}
						time.Sleep(time.Second)
					}
					backlog.Add(-1)
					goroutines.Store(max(goroutines.Load(), int64(runtime.NumGoroutine())))
				}
			})
		}

		// Each second: messages in batches of 50, and one call in ten.
		var batches []push.Batch
		until := rings.UnixMilli()
		for second := range seconds {
			for n := range perSecond / 50 {
				name := fmt.Sprintf("%d-%d", second, n)
				batch := b.batchOf("m"+name, "m"+name, 45)
				ring := b.batchOf("c"+name, "c"+name, 5)
				c := call.Call{CallID: name, Caller: "alice", State: call.Started, Pushes: map[string]chat.PushConfig{"1": {Title: "t", Content: "c"}}, Users: map[string]call.User{}}
				for _, target := range ring.Targets {
					c.Users[target.UserID] = call.User{State: call.Inviting, Inviter: "alice", Push: "1", At: time.Now().UnixMilli(), ExpiresAt: until}
				}
				if _, err := b.db.CreateCall(b.Context(), c); err != nil {
					t.Fatal(err)
				}
				ring = push.Batches(push.OfCall(c, ring.Targets[0].UserID), "ring", ring.Targets, time.Now())[0]
				for _, one := range []push.Batch{batch, ring} {
					batches = append(batches, one)
					peak.Store(max(peak.Load(), backlog.Add(1)))
					queue <- one
				}
			}
			time.Sleep(time.Second)
		}
		close(queue)
		all.Wait()

		expired, took := 0, map[string]int{}
		for _, r := range b.fcm.requests {
			if took[r.token]++; r.token[0] == 'c' && r.at.After(rings) {
				t.Errorf("%s rings %v after its end", r.token, r.at.Sub(rings))
			}
		}
		for _, batch := range batches {
			e := b.db.Deliveries()[batch.ID]
			for _, target := range batch.Targets {
				o, took := e.Outcomes[target.PushID], took[target.Value]
				switch {
				case o.Status == delivery.Sent && took == 1:
				case o.Status == delivery.Skipped && o.Detail == "expired" && took == 0 && target.Value[0] == 'c':
					expired++
				default:
					t.Fatalf("%s: %s %s, FCM took it %d times", target.Value, o.Status, o.Detail, took)
				}
			}
		}
		t.Logf("%d batches, at most %d waiting; %d requests and %d goroutines at once; %d rings expired", len(batches), peak.Load(), b.fcm.most, goroutines.Load()-int64(idle), expired)
		if peak.Load() < int64(len(batches)*8/10) || expired == 0 || expired == seconds*perSecond/10 {
			t.Error("that was no overload")
		}
		if b.fcm.most > concurrency || goroutines.Load()-int64(idle) > workers+concurrency+workers {
			t.Error("the backlog is in the workers")
		}
		if len(b.dead.batches) > 0 {
			t.Errorf("%d dead letters", len(b.dead.batches))
		}
	})
}

// batchOf is a batch to new devices whose tokens begin alike.
func (b *bench) batchOf(id, prefix string, n int) push.Batch {
	tokens := make([]string, n)
	for i := range tokens {
		tokens[i] = fmt.Sprintf("%s-%d", prefix, i)
	}
	return b.batch(id, tokens...)
}
