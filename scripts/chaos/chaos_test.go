package chaos

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var (
	seeds = flag.Int("seeds", 0, "how many seeds a test takes; 0: as many as fit into a normal run")
	seed  = flag.Uint64("seed", 1, "the first seed")
)

func TestMain(m *testing.M) {
	flag.Parse()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// run plays one run in virtual time.
func run(t *testing.T, seed uint64, size Size, weather Weather, broken Variant) (w *World) {
	t.Helper()
	synctest.Test(t, func(*testing.T) { w = Run(seed, size, weather, broken) })
	return w
}

// report tells of a run that broke a promise, with the trace of the first
// offender and how to see it again.
func report(t *testing.T, w *World) {
	t.Helper()
	for _, f := range w.Result.Failures[:min(len(w.Result.Failures), 3)] {
		t.Errorf("seed %d, %s: %s: %s", w.Seed, w.weather.Name, f.Promise, f.Detail)
	}
	if w.Result.Failed() {
		t.Logf("the first offender:\n%s\nagain: go test ./scripts/chaos -run %s -seed %d -seeds 1",
			strings.Join(w.Result.Failures[0].Trace, "\n"), t.Name(), w.Seed)
	}
}

// weatherOf is the weather that a seed has; in one of ten there is little room.
func weatherOf(seed uint64) Weather {
	w := roomy(seed)
	if seed%10 == 3 {
		w = w.Tight()
	}
	return w
}

func roomy(seed uint64) Weather { return []Weather{Calm, Faults, Storm, Storm}[seed%4] }

var replayed = Size{People: 5, Groups: 2, Crowd: 5, Messages: 10, Calls: 6, For: 10 * time.Minute, Threshold: 8}

var callsOnly = Size{People: 4, Calls: 12, For: 10 * time.Minute, Threshold: 100}

// Issue 3's property: two and more devices per person accept, reject, cancel,
// leave, invite again and let time out in any order, at once, with requests,
// events and pushes repeated, reordered and lost on the way; in the end every
// device shows what the call's final state says.
func TestCallsOnDevices(t *testing.T) {
	n := *seeds
	if n == 0 {
		n = 16
	}
	var sum Result
	for s := range uint64(n) {
		w := run(t, *seed+s, callsOnly, weatherOf(*seed+s), Variant{})
		sum.Calls, sum.Rings, sum.Pushes, sum.Kills = sum.Calls+w.Result.Calls, sum.Rings+w.Result.Rings, sum.Pushes+w.Result.Pushes, sum.Kills+w.Result.Kills
		if report(t, w); t.Failed() {
			return
		}
	}
	t.Logf("%d calls, %d invitations that had to ring a device, %d pushes, %d processes killed", sum.Calls, sum.Rings, sum.Pushes, sum.Kills)
	if sum.Calls < 10*n || sum.Rings < n || sum.Pushes < 10*n {
		t.Errorf("hardly anything happened: %+v", sum)
	}
}

// sizeOf is how much happens in a seed: mostly some dozens of people, and in one
// of fifty seeds a group so large that its fan-out is split into several tasks.
func sizeOf(seed uint64) Size {
	s := Size{People: 8, Groups: 3, Crowd: 100, Messages: 60, Calls: 12, For: 10 * time.Minute, Threshold: 60}
	if seed%50 == 49 {
		s.Crowd, s.Messages = 3600, 12
	}
	return s
}

// Issue 7's property: messages and calls together, with everything that may
// fail failing, are neither lost nor shown twice nor shown to the wrong one, and
// nothing rings after its end.
func TestEverything(t *testing.T) {
	n := *seeds
	if n == 0 {
		n = 8
	}
	var sum, safe Result // safe: of runs without a killed process
	for s := range uint64(n) {
		weather := weatherOf(*seed + s)
		w := run(t, *seed+s, sizeOf(*seed+s), weather, Variant{})
		if sum.add(w.Result); weather.Kill == 0 {
			safe.add(w.Result)
			if n := w.Result.Repeats - w.Result.Excused; n > 10 {
				t.Logf("seed %d, %s: %d of %d pushes repeat another", w.Seed, weather.Name, n, w.Result.Pushes)
			}
		}
		if report(t, w); t.Failed() {
			return
		}
	}
	t.Logf("%d seeds from %d on: %+v", n, *seed, sum)
	t.Logf("of these without a killed process: %d pushes, %d repeated, %d of these after a lost answer", safe.Pushes, safe.Repeats, safe.Excused)
	if sum.Pairs < 500*n || sum.Expected < 200*n || sum.Calls < 9*n || sum.Pushes < 200*n {
		t.Errorf("hardly anything happened: %+v", sum)
	}
	if unexplained := safe.Repeats - safe.Excused; unexplained*1000 > safe.Pushes {
		t.Errorf("%d of %d pushes without a crash repeat another", unexplained, safe.Pushes)
	}
}

// A seed plays out the same way again, to the nanosecond, where no request waits
// for another.
func TestReplay(t *testing.T) {
	for s := range uint64(max(*seeds, 8)) {
		first := run(t, *seed+s, replayed, roomy(*seed+s), Variant{}).sorted()
		again := run(t, *seed+s, replayed, roomy(*seed+s), Variant{}).sorted()
		for i := range max(len(first), len(again)) {
			if i >= len(first) || i >= len(again) || first[i] != again[i] {
				t.Fatalf("seed %d plays out differently the second time, from step %d on:\n%s\n%s", *seed+s, i,
					strings.Join(first[i:min(i+3, len(first))], "\n"), strings.Join(again[i:min(i+3, len(again))], "\n"))
			}
		}
	}
}

// sorted is the trace, its lines of one instant in a fixed order: they are of
// goroutines that ended together.
func (w *World) sorted() []string {
	var out []string
	for _, e := range w.trace {
		out = append(out, fmt.Sprintf("%015d %s %s %s %s", e.at, e.subject, e.who, e.what, e.how))
	}
	slices.Sort(out)
	return out
}
