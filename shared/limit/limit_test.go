package limit_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/limit"
)

var start = time.UnixMilli(1_700_000_000_000)

func TestTake(t *testing.T) {
	now := start
	l := limit.New(10, func() time.Time { return now })
	two := limit.Rate{PerSecond: 2, Burst: 3}
	for _, step := range []struct {
		at   time.Duration
		key  string
		wait time.Duration
	}{
		{0, "a", 0}, {0, "a", 0}, {0, "a", 0}, // the burst
		{0, "a", 500 * time.Millisecond},
		{0, "a", 500 * time.Millisecond}, // a refusal costs nothing
		{0, "b", 0},                      // nor does it concern others
		{499 * time.Millisecond, "a", time.Millisecond},
		{500 * time.Millisecond, "a", 0},
		{500 * time.Millisecond, "a", 500 * time.Millisecond},
		{time.Second, "a", 0},
		{time.Hour, "a", 0}, {time.Hour, "a", 0}, {time.Hour, "a", 0}, // rest fills up, not beyond the burst
		{time.Hour, "a", 500 * time.Millisecond},
		{time.Hour - time.Minute, "b", 0}, // a clock that is set back locks nobody out for long
		{time.Hour - time.Second, "a", 1500 * time.Millisecond},
	} {
		now = start.Add(step.at)
		if got := l.Take(step.key, two); got != step.wait {
			t.Errorf("%s at %v: wait %v, want %v", step.key, step.at, got, step.wait)
		}
	}
}

// The rule by itself: what is refused changes nothing, what is spent is owed.
func TestRateOfABucket(t *testing.T) {
	r, second := limit.Rate{PerSecond: 1, Burst: 2}, time.Second
	for name, tc := range map[string]struct {
		emptyIn, after, wait time.Duration
		spent                time.Duration
	}{
		"empty":    {0, second, 0, second},
		"long ago": {-time.Hour, second, 0, second},
		"half":     {second, 2 * second, 0, 2 * second},
		"full":     {2 * second, 2 * second, second, 3 * second},
		"a bit":    {1100 * time.Millisecond, 1100 * time.Millisecond, 100 * time.Millisecond, 2100 * time.Millisecond},
		"overdue":  {9 * second, 9 * second, 8 * second, 10 * second},
	} {
		after, wait := r.Take(start.Add(tc.emptyIn), start)
		if after.Sub(start) != tc.after || wait != tc.wait {
			t.Errorf("%s: full until %v, wait %v", name, after.Sub(start), wait)
		}
		if spent := r.Spend(start.Add(tc.emptyIn), start).Sub(start); spent != tc.spent {
			t.Errorf("%s: spent until %v", name, spent)
		}
	}
}

// However requests fall, in any stretch of time no more go through than the
// burst and the rate allow; and who waits as told gets through.
func TestTakeIsNeverGenerous(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	for range 50 {
		r := limit.Rate{PerSecond: 0.1 + 20*random.Float64(), Burst: 1 + random.IntN(20)}
		now := start
		l := limit.New(1, func() time.Time { return now })
		var passed []time.Time
		for range 500 {
			now = now.Add(time.Duration(random.ExpFloat64() / r.PerSecond / 2 * float64(time.Second)))
			if wait := l.Take("k", r); wait == 0 {
				passed = append(passed, now)
			} else if random.IntN(4) == 0 {
				now = now.Add(wait)
				if l.Take("k", r) != 0 {
					t.Fatalf("%+v: refused after the wait", r)
				}
				passed = append(passed, now)
			}
		}
		for i := range passed {
			for j := i; j < len(passed); j++ {
				most := float64(r.Burst) + passed[j].Sub(passed[i]).Seconds()*r.PerSecond + 0.001
				if n := j - i + 1; float64(n) > most {
					t.Fatalf("%+v: %d in %v, at most %.1f", r, n, passed[j].Sub(passed[i]), most)
				}
			}
		}
	}
}

// The key that asked longest ago makes room, whether it was let through or not.
func TestMemoryIsBounded(t *testing.T) {
	l := limit.New(3, func() time.Time { return start })
	one := limit.Rate{PerSecond: 1, Burst: 1}
	take := func(key string, passes bool) {
		t.Helper()
		if got := l.Take(key, one) == 0; got != passes {
			t.Errorf("%s passes: %t", key, got)
		}
	}
	take("a", true)
	take("b", true)
	take("c", true)
	take("a", false) // and is the one asked last now
	take("d", true)  // b makes room
	take("a", false)
	take("c", false)
	take("b", true) // forgotten; d made room
	take("d", true)
	if l.Len() != 3 {
		t.Errorf("%d keys", l.Len())
	}
}

func TestMemoryOfAFullLimiter(t *testing.T) {
	const keys = 20_000
	l := limit.New(keys, time.Now)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range 3 * keys {
		l.Take(fmt.Sprintf("conversation-notification-status\x00%0128d", i), limit.Rate{PerSecond: 1, Burst: 1})
	}
	each := (heap() - before) / keys
	t.Logf("%d bytes a key", each)
	if l.Len() != keys || each > 600 {
		t.Errorf("%d keys at %d bytes", l.Len(), each)
	}
}

func TestConcurrentTakes(t *testing.T) {
	l := limit.New(10, func() time.Time { return start })
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for range 10 {
				if l.Take("k", limit.Rate{PerSecond: 1, Burst: 100}) == 0 {
					passed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if passed.Load() != 100 {
		t.Errorf("%d of 500 passed, want 100", passed.Load())
	}
}
