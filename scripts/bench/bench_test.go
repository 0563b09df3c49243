package main

import (
	"maps"
	"testing"
	"time"
)

func TestParseBench(t *testing.T) {
	for line, want := range map[string]measured{
		"BenchmarkPlan/protobuf/100-2  94  2514808 ns/op  10854 B/receiver  202.4 allocs/receiver": {"ns/op": 2514808, "B/receiver": 10854, "allocs/receiver": 202.4},
		"BenchmarkPlan/protobuf/100 1 7 ns/op":                                                     {"ns/op": 7},
		"BenchmarkPlanner/protobuf/100-2 94 5 ns/op":                                               nil,
		"BenchmarkPlan/protobuf/100-2 94 much ns/op":                                               nil,
		"ok  	github.com/doorbell-push/doorbell	1.0s":                                              nil,
		"": nil,
	} {
		part, got := parseBench(line, "BenchmarkPlan")
		if !maps.Equal(got, want) || want != nil && part != "protobuf/100" {
			t.Errorf("%q: %q %v, want %v", line, part, got, want)
		}
	}
}

func TestPercentile(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(i + 1)
	}
	for p, want := range map[float64]float64{0.5: 50, 0.95: 95, 0.99: 99, 1: 100} {
		if got := percentile(hundred, p); got != want {
			t.Errorf("%v of 1 to 100 is %v, want %v", p, got, want)
		}
	}
	if got := percentile([]float64{7}, 0.5); got != 7 {
		t.Errorf("of one value: %v", got)
	}
}

// What FCM asks for is counted once where it asks twice, and a request in it is
// inside.
func TestWait(t *testing.T) {
	var w wait
	w.begin()
	w.answered("")
	w.answered("10")
	w.answered("10")
	w.answered("5")
	w.begin()
	if w.inside != 1 || w.told < 10*time.Second || w.told > 10*time.Second+time.Second {
		t.Errorf("%d inside of %v", w.inside, w.told)
	}
}

// The bursts come in a row: a rule sees only what the ones before it let through.
func TestFaulty(t *testing.T) {
	p := faulty(2*burstEvery+1, burst, stayAway)
	if err := p.Validate(); err != nil || len(p.Rules) != 2*burst+1 {
		t.Errorf("%d rules, %v", len(p.Rules), err)
	}
	if full := faulty(50_000, burst, stayAway); full.Validate() != nil {
		t.Error("the plan of a stream isn't valid")
	}
}

func TestPlanLog(t *testing.T) {
	l := planLog{planned: map[string]time.Time{}}
	lines := "functions: {\"message\":\"planned\",\"subjectID\":\"m1\"}\nfunctions: {\"message\":\"dispatched\",\"subjectID\":\"m2\"}\nplanned\n"
	if n, err := l.Write([]byte(lines)); n != len(lines) || err != nil {
		t.Errorf("wrote %d, %v", n, err)
	}
	if l.at("m1").IsZero() || !l.at("m2").IsZero() {
		t.Errorf("planned %v", l.planned)
	}
}

func TestPlace(t *testing.T) {
	text := "a\n<!-- measured: x -->\nold\n<!-- end -->\nb\n<!-- measured: y -->\nkept\n<!-- end -->\n<!-- measured: open -->\n"
	want := "a\n<!-- measured: x -->\n\nnew\n\n<!-- end -->\nb\n<!-- measured: y -->\nkept\n<!-- end -->\n<!-- measured: open -->\n"
	if got := place(text, map[string]string{"x": "new\n", "z": "nowhere", "open": "no end"}); got != want {
		t.Errorf("got %q", got)
	}
}
