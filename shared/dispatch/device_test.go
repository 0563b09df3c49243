package dispatch

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/limit"
	"github.com/doorbell-push/doorbell/shared/push"
)

func TestDeviceLimits(t *testing.T) {
	l := DeviceLimits{All: limit.Rate{PerSecond: 1, Burst: 3}, Collapsible: limit.Rate{PerSecond: 0.1, Burst: 2}}
	const message, collapsible, ring = "message", "collapsible", "ring"
	type step struct {
		at   time.Duration
		what string
		wait time.Duration
	}
	for name, steps := range map[string][]step{
		"messages":                     {{0, message, 0}, {0, message, 0}, {0, message, 0}, {0, message, time.Second}, {time.Second, message, 0}, {time.Second, message, time.Second}},
		"a rest fills up":              {{0, message, 0}, {0, message, 0}, {0, message, 0}, {time.Hour, message, 0}, {time.Hour, message, 0}, {time.Hour, message, 0}, {time.Hour, message, time.Second}},
		"collapsible ones":             {{0, collapsible, 0}, {0, collapsible, 0}, {0, collapsible, 10 * time.Second}, {9 * time.Second, collapsible, time.Second}, {10 * time.Second, collapsible, 0}},
		"they hold no others":          {{0, collapsible, 0}, {0, collapsible, 0}, {0, message, 0}, {0, message, time.Second}},
		"others hold them":             {{0, message, 0}, {0, message, 0}, {0, message, 0}, {0, collapsible, time.Second}, {time.Second, collapsible, 0}, {2 * time.Second, collapsible, 0}},
		"who waits uses nothing":       {{0, collapsible, 0}, {0, collapsible, 0}, {0, collapsible, 10 * time.Second}, {0, message, 0}},
		"calls never wait":             {{0, message, 0}, {0, message, 0}, {0, message, 0}, {0, ring, 0}, {0, ring, 0}, {0, ring, 0}},
		"calls count":                  {{0, ring, 0}, {0, ring, 0}, {0, ring, 0}, {0, ring, 0}, {0, message, 2 * time.Second}, {2 * time.Second, message, 0}},
		"a clock set back locks a bit": {{time.Minute, message, 0}, {0, message, 59 * time.Second}},
	} {
		var u use
		for i, s := range steps {
			var wait time.Duration
			if u, wait = l.take(u, s.what == collapsible, s.what == ring, epoch.Add(s.at)); wait != s.wait {
				t.Errorf("%s, step %d: wait %v, want %v", name, i, wait, s.wait)
			}
		}
	}
	if u, wait := (DeviceLimits{}).take(use{}, true, false, epoch); wait != 0 || u != (use{}) {
		t.Errorf("without limits: %v, %v", u, wait)
	}
}

// However pushes fall, FCM's limits for a device hold in any minute and any hour,
// and of collapsible ones in any time.
func TestDeviceLimitsAreFCMs(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	for _, gap := range []time.Duration{10 * time.Millisecond, 300 * time.Millisecond, time.Second, 30 * time.Second} {
		var u use
		var all, collapsible []time.Time
		now := epoch
		for range 20_000 {
			now = now.Add(time.Duration(random.ExpFloat64() * float64(gap)))
			folds := random.IntN(3) == 0
			var wait time.Duration
			if u, wait = FCMDeviceLimits.take(u, folds, false, now); wait > 0 {
				continue
			}
			all = append(all, now)
			if folds {
				collapsible = append(collapsible, now)
			}
		}
		for _, bound := range []struct {
			sent []time.Time
			in   time.Duration
			most int
		}{{all, time.Minute, 240}, {all, time.Hour, 5000}, {collapsible, 3*time.Minute - 1, 20}, {collapsible, 3 * time.Minute, 21}, {collapsible, time.Hour, 40}} {
			from, most := 0, 0
			for i, at := range bound.sent {
				for at.Sub(bound.sent[from]) > bound.in {
					from++
				}
				most = max(most, i-from+1)
			}
			if most > bound.most {
				t.Errorf("every %v: %d in %v, FCM takes %d", gap, most, bound.in, bound.most)
			}
			if gap < 100*time.Millisecond && bound.in == time.Minute && most < 200 {
				t.Errorf("every %v: only %d in a minute", gap, most)
			}
		}
	}
}

// A table keeps as many as it has room for and forgets those that weigh least.
func TestTableIsBounded(t *testing.T) {
	table := newTable[announced](64)
	for i := range 10_000 {
		*table.at(fmt.Sprint("device", i), "") = announced(i + 1)
	}
	kept, least := 0, 10_000
	for i := range table.rows {
		for _, s := range table.rows[i] {
			if s.key != 0 {
				kept, least = kept+1, min(least, int(s.value))
			}
		}
	}
	if kept != 64 || least < 9_000 {
		t.Errorf("%d are kept, the lightest is %d", kept, least)
	}
	if *table.at("device9999", "") != 10_000 || *table.at("device9999", "x") != 0 || *table.at("device0", "") != 0 {
		t.Error("what was kept isn't found, or something else")
	}
	if n := testing.AllocsPerRun(100, func() { table.at("device9999", "tag") }); n != 0 {
		t.Errorf("a look allocates %v times", n)
	}
}

func TestDevicesAtOnce(t *testing.T) {
	d := newDevices(FCMDeviceLimits)
	var passed [2]int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 400 {
		wg.Go(func() {
			wait, _ := d.take(fmt.Sprint("device", i%2), push.Announcement{}, false, epoch)
			mu.Lock()
			defer mu.Unlock()
			if wait == 0 {
				passed[i%2]++
			}
		})
	}
	wg.Wait()
	if passed != [2]int{159, 159} {
		t.Errorf("%v passed", passed)
	}
}

// More is sent to a device than FCM takes for one: the rest waits its turn, here
// and across deliveries, which are no attempts; nothing is lost or sent twice, and
// neither another device of the same batch nor a call waits with it.
func TestBurstToOneDevice(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.d.PerDevice = FCMDeviceLimits
		start := time.Now()
		var wg sync.WaitGroup
		batches := make([]push.Batch, 250)
		for i := range batches {
			batches[i] = b.batch(fmt.Sprint("m", i), "A", fmt.Sprint("B", i))
		}
		for _, batch := range batches {
			wg.Go(func() {
				for b.d.Dispatch(b.Context(), batch) != nil {
					time.Sleep(10 * time.Second)
				}
			})
		}
		time.Sleep(time.Second)
		_, ring := b.ringing("A")
		rang := time.Now()
		b.dispatch(ring, false)
		if time.Since(rang) != 0 {
			t.Errorf("the call waited %v", time.Since(rang))
		}
		wg.Wait()
		to := b.fcm.of("A")
		if len(to) != len(batches)+1 || len(b.fcm.requests) != 2*len(batches)+1 || len(b.dead.batches) != 0 {
			t.Errorf("%d pushes to A, %d in all, dead %v", len(to), len(b.fcm.requests), b.dead.batches)
		}
		atOnce, inAMinute := 0, 0
		for _, r := range b.fcm.requests {
			switch at := r.at.Sub(start); {
			case r.token != "A" && at != 0:
				t.Errorf("%s waited %v", r.token, at)
			case r.token == "A" && at == 0:
				atOnce++
				fallthrough
			case r.token == "A" && at <= time.Minute:
				inAMinute++
			}
		}
		if atOnce != 159 || inAMinute > 240 {
			t.Errorf("%d at once, %d in a minute", atOnce, inAMinute)
		}
		for _, batch := range batches {
			e := b.db.Deliveries()[batch.ID]
			if !e.Done || e.Attempt != 1 && e.Attempt != 2 { // the first reached B, the last A
				t.Errorf("%s: %+v", batch.ID, e)
			}
		}
	})
}

// Pushes that replace one another: a burst goes, then the newest alone waits; the
// others would never be seen. A message beside them doesn't wait.
func TestBurstOfCollapsiblePushes(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.d.PerDevice = FCMDeviceLimits
		collapsible := func(i int) push.Batch {
			batch := b.batch(fmt.Sprint("m", i), "A")
			batch.Announcement.Collapse = "score"
			return batch
		}
		var waiting []push.Batch
		for i := range 23 {
			time.Sleep(time.Millisecond)
			batch := collapsible(i)
			b.dispatch(batch, i >= 20)
			if i >= 20 {
				b.want(batch, false, "A", "pending device_limit")
				waiting = append(waiting, batch)
			} else {
				b.want(batch, true, "A", "sent")
			}
		}
		b.wantRequests("A", 20)
		for _, batch := range waiting {
			if e := b.db.Deliveries()[batch.ID]; e.Attempt != 0 || time.Until(e.LeaseUntil) < 2*time.Minute {
				t.Errorf("%+v", e)
			}
		}
		b.dispatch(b.batch("other", "A"), false)
		b.wantRequests("A", 21)

		waitForLease(b, waiting[2])
		for i, batch := range waiting {
			b.dispatch(batch, false)
			b.want(batch, true, "A", []string{"skipped superseded", "skipped superseded", "sent"}[i])
		}
		b.wantRequests("A", 22)
		if late := collapsible(0); !slices.Equal(late.PushIDs(), waiting[0].PushIDs()) {
			t.Error("it isn't the same device")
		}
	})
}

// A tag is of one device: what is newer elsewhere is nothing to this one.
func TestNewestIsOfADevice(t *testing.T) {
	d := newDevices(FCMDeviceLimits)
	for i, tc := range []struct {
		device, tag string
		at          int64
		superseded  bool
	}{
		{"A", "x", 5, false}, {"A", "x", 5, false}, {"A", "x", 4, true}, {"B", "x", 4, false}, {"A", "y", 4, false}, {"A", "", 1, false},
		{"A", "x", 6, false}, {"A", "x", 5, true},
	} {
		_, superseded := d.take(tc.device, push.Announcement{Collapse: tc.tag, CreatedAt: tc.at}, false, epoch)
		if superseded != tc.superseded {
			t.Errorf("step %d: superseded %t", i, superseded)
		}
	}
}
