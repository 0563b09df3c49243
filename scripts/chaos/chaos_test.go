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

// weatherOf is the weather that a seed has.
func weatherOf(seed uint64) Weather { return []Weather{Calm, Faults, Storm, Storm}[seed%4] }

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

// A seed plays out the same way again, to the nanosecond.
func TestReplay(t *testing.T) {
	for s := range uint64(max(*seeds, 8)) {
		first := run(t, *seed+s, callsOnly, weatherOf(*seed+s), Variant{}).sorted()
		again := run(t, *seed+s, callsOnly, weatherOf(*seed+s), Variant{}).sorted()
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
