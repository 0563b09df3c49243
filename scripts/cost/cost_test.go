package cost

import (
	"math"
	"testing"
)

// What TestLargeGroup measures: 10,000 members, 8,000 offline.
func TestGroupMessage(t *testing.T) {
	o := GroupMessage(10_000, 0.8)
	if o.Reads != 10_041 || o.Published != 3+20 || o.Writes != 2+2*20 || o.Invocations != 2+3+20 {
		t.Errorf("%+v", o)
	}
	// The bar of a group of 100, 60 of them away.
	if o := GroupMessage(100, 60.0/99); o != (Operations{Reads: 102, Writes: 4, Deletes: 2, Published: 1, Invocations: 3}) {
		t.Errorf("%+v", o)
	}
	// A batch to one receiver reads their presence again; of 1,001 targets the last range's.
	if more := GroupMessage(1002, 1); more.Reads != GroupMessage(1003, 1).Reads || more.Published != 3 {
		t.Errorf("%+v", more)
	}
	if two := GroupMessage(2, 1); two.Reads != 5 || two.Published != 1 || two.Invocations != 3 {
		t.Errorf("a group of two, one of them away: %+v", two)
	}
	if nobody := GroupMessage(2000, 0); nobody.Published != 0 || nobody.Writes != 2 {
		t.Errorf("a group with nobody away: %+v", nobody)
	}
}

func TestMonth(t *testing.T) {
	u := Use{DAU: 1000, Messages: 10, GroupSent: 2, GroupSize: 50, OnlineHours: 1, Offline: 0.5, Beat: 60, Receipts: 1, Starts: 4, Read: 3, InstanceMS: 10}
	if err := u.Check(); err != nil {
		t.Fatal(err)
	}
	lines := u.Month(USCentral1)
	// A day: 5,000 pushes of one-to-one messages, and 49,000 of groups.
	if len(lines) != 7 || lines[4].Operations.Reads != 30*1000*4*5 || lines[5].Operations.Writes != 30*1000*3*2 || lines[3].Times != 30*(5_000+49_000) || lines[3].Operations.Writes != lines[3].Times || lines[0].Times != 300_000 || lines[0].Operations.Reads != 1_050_000 || lines[2].Operations.Writes != 1_800_000 {
		t.Errorf("%+v", lines)
	}
	var sum float64
	for _, l := range lines[:6] {
		sum += l.USD
	}
	if last := lines[6]; math.Abs(last.USD-sum) > 1e-9 || sum <= 0 {
		t.Errorf("the sum of %+v is %v", lines, last.USD)
	}
	// By hand: 1,000 heartbeats are 1,000 reads, writes and requests.
	if got, want := USCentral1.USD(Heartbeat().Times(1000), 0), 0.0003+0.0009+0.0004; math.Abs(got-want) > 1e-9 {
		t.Errorf("1,000 heartbeats cost %v, want %v", got, want)
	}
}

func TestCheck(t *testing.T) {
	good := Use{DAU: 1, Messages: 1, GroupSent: 1, GroupSize: 2, OnlineHours: 1, Offline: 1, Beat: 60}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Use){
		"people":   func(u *Use) { u.DAU = -1 },
		"hours":    func(u *Use) { u.OnlineHours = 25 },
		"offline":  func(u *Use) { u.Offline = 1.1 },
		"group":    func(u *Use) { u.GroupSize = 1 },
		"beat":     func(u *Use) { u.Beat = 0 },
		"starts":   func(u *Use) { u.Starts = -1 },
		"receipts": func(u *Use) { u.Receipts = -1 },
	} {
		bad := good
		change(&bad)
		if bad.Check() == nil {
			t.Errorf("%s: %+v is taken", name, bad)
		}
	}
}
