package dispatch

import (
	"fmt"
	"runtime"
	"slices"
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
// queue, not in the workers: these hold as many requests, goroutines and bytes as
// ever. What rings on is sent, the rest of the calls is dropped as expired, and of
// the messages none is lost or sent twice. So it is where FCM is the bound, and
// where the pace is.
func TestOverload(t *testing.T) {
	t.Run("FCM is the bound", func(t *testing.T) { overload(t, 10, 0) })
	t.Run("the pace is the bound", func(t *testing.T) { overload(t, 100, 50) })
}

const (
	overloadFor   = 20  // seconds
	overloadRate  = 500 // targets a second that come: ten times what can be sent
	overloadBytes = 4 << 20
)

// wave is what comes in a second.
type wave []push.Batch

// waves is messages in batches of 50 targets, and one call in ten, that rings
// until then.
func (b *bench) waves(rings time.Time) (out []wave) {
	until := rings.UnixMilli()
	for second := range overloadFor {
		var w wave
		for n := range overloadRate / 50 {
			name := fmt.Sprintf("%d-%d", second, n)
			ring := b.batchOf("c"+name, "c"+name, 5)
			c := call.Call{CallID: name, Caller: "alice", State: call.Started, Pushes: map[string]chat.PushConfig{"1": {Title: "t", Content: "c"}}, Users: map[string]call.User{}}
			for _, target := range ring.Targets {
				c.Users[target.UserID] = call.User{State: call.Inviting, Inviter: "alice", Push: "1", At: time.Now().UnixMilli(), ExpiresAt: until}
			}
			if _, err := b.db.CreateCall(b.Context(), c); err != nil {
				b.Fatal(err)
			}
			ring = push.Batches(push.OfCall(c, ring.Targets[0].UserID), "ring", ring.Targets, time.Now())[0]
			text := b.batchOf("m"+name, "m"+name, 45)
			text.Announcement.Priority = chat.Medium // which waits for the pace
			w = append(w, text, ring)
		}
		out = append(out, w)
	}
	return out
}

// held is how many bytes are in use.
func held() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func overload(t *testing.T, concurrency int, rate float64) {
	const workers = 4
	inBubble(t, func(b *bench) {
		b.fcm.latency, b.d.Concurrency, b.d.Rate = time.Second/5, concurrency, rate
		rings := time.Now().Add(time.Minute)
		waves := b.waves(rings)
		queue := make(chan push.Batch, overloadFor*overloadRate)
		var backlog, peak, goroutines atomic.Int64
		idle, before := runtime.NumGoroutine(), held()
		var all sync.WaitGroup
		for range workers {
			all.Go(func() {
				for batch := range queue {
					for n := 0; b.d.Dispatch(b.Context(), batch) != nil; n++ {
						if n > 100 {
							t.Error("a batch isn't done after 100 deliveries")
							return
						}
						time.Sleep(time.Second)
					}
					backlog.Add(-1)
					goroutines.Store(max(goroutines.Load(), int64(runtime.NumGoroutine())))
				}
			})
		}
		var grown int64
		for _, w := range waves {
			for _, batch := range w {
				peak.Store(max(peak.Load(), backlog.Add(1)))
				queue <- batch
			}
			time.Sleep(time.Second)
			grown = max(grown, held()-before)
		}
		close(queue)
		all.Wait()

		batches := slices.Concat(waves...)
		expired := b.drained(batches, rings)
		t.Logf("%d batches, at most %d waiting; %d requests and %d goroutines at once; %d KiB more than idle; %d rings expired; drained in %v",
			len(batches), peak.Load(), b.fcm.most, goroutines.Load()-int64(idle), grown>>10, expired, time.Since(rings.Add(-time.Minute)).Round(time.Second))
		if peak.Load() < int64(len(batches)*8/10) || expired == 0 || expired == overloadFor*overloadRate/10 {
			t.Error("that was no overload")
		}
		if b.fcm.most > concurrency || goroutines.Load()-int64(idle) > int64(workers+concurrency+workers) || grown > overloadBytes {
			t.Error("the backlog is in the workers")
		}
		if len(b.dead.batches) > 0 {
			t.Errorf("%d dead letters", len(b.dead.batches))
		}
	})
}

// drained checks that each target was told once, but for the rings dropped as
// expired, which it counts.
func (b *bench) drained(batches []push.Batch, rings time.Time) (expired int) {
	took := map[string]int{}
	for _, r := range b.fcm.requests {
		if took[r.token]++; r.token[0] == 'c' && r.at.After(rings) {
			b.Errorf("%s rings %v after its end", r.token, r.at.Sub(rings))
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
				b.Fatalf("%s: %s %s, FCM took it %d times", target.Value, o.Status, o.Detail, took)
			}
		}
	}
	return expired
}

// batchOf is a batch to new devices whose tokens begin alike.
func (b *bench) batchOf(id, prefix string, n int) push.Batch {
	tokens := make([]string, n)
	for i := range tokens {
		tokens[i] = fmt.Sprintf("%s-%d", prefix, i)
	}
	return b.batch(id, tokens...)
}
