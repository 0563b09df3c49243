package cost

import (
	"math"
	"regexp"
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
	u := Use{DAU: 1000, Messages: 10, GroupSent: 2, GroupSize: 50, OnlineHours: 1, Offline: 0.5, Beat: 60, Receipts: 1, Starts: 4, Read: 3, Dismissed: 0.5, Badge: 0.1, Peers: 20, Groups: 5, WaitMS: 10}
	if err := u.Check(); err != nil {
		t.Fatal(err)
	}
	lines := u.Month(USCentral1, Measured())
	// A day: 5,000 pushes of one-to-one messages, 49,000 of groups, and 1,500 dismissals.
	if len(lines) != 9 || lines[6].Times != 30*1000*3*0.5 || lines[6].Operations.Reads != 4*lines[6].Times || lines[7].Times != 30*(5_400+150) || lines[7].Operations.Reads != 31*lines[7].Times || lines[4].Operations.Reads != 30*1000*4*5 || lines[5].Operations.Writes != 30*1000*3*2 || lines[3].Times != 30*(5_000+49_000) || lines[3].Operations.Writes != lines[3].Times || lines[0].Times != 300_000 || lines[0].Operations.Reads != 1_050_000 || lines[2].Operations.Writes != 1_800_000 {
		t.Errorf("%+v", lines)
	}
	var sum, cpu float64
	for _, l := range lines[:8] {
		sum, cpu = sum+l.USD, cpu+l.CPUUSD
		if l.CPUSeconds <= 0 || l.CPUUSD+l.WaitUSD >= l.USD {
			t.Errorf("%+v", l)
		}
	}
	if last := lines[8]; math.Abs(last.USD-sum) > 1e-9 || math.Abs(last.CPUUSD-cpu) > 1e-9 || sum <= 0 {
		t.Errorf("the sum of %+v is %v", lines, last.USD)
	}
	// By hand: 1,000 heartbeats are 1,000 reads, writes and requests.
	if got, want := USCentral1.USD(Heartbeat().Times(1000)), 0.0003+0.0009+0.0004; math.Abs(got-want) > 1e-9 {
		t.Errorf("1,000 heartbeats cost %v, want %v", got, want)
	}
	// An hour of an instance, as terraform's README has it.
	if got, want := USCentral1.Instance(3600), 0.0864+0.009/2; math.Abs(got-want) > 1e-9 {
		t.Errorf("an hour costs %v, want %v", got, want)
	}
	// 100 heartbeats of 2 ms and 10 ms of waiting each.
	once := Use{DAU: 1, OnlineHours: 1, Beat: 1080, WaitMS: 10}.Month(USCentral1, CPU{Heartbeat: 2})[2]
	if once.Times != 100 || math.Abs(once.CPUSeconds-0.2) > 1e-9 || math.Abs(once.CPUUSD-USCentral1.Instance(0.2)) > 1e-12 ||
		math.Abs(once.USD-USCentral1.USD(Heartbeat().Times(100))-USCentral1.Instance(1.2)) > 1e-12 {
		t.Errorf("%+v", once)
	}
}

func TestCheck(t *testing.T) {
	good := Use{DAU: 1, Messages: 1, GroupSent: 1, GroupSize: 2, OnlineHours: 1, Offline: 1, Beat: 60}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Use){
		"people":    func(u *Use) { u.DAU = -1 },
		"hours":     func(u *Use) { u.OnlineHours = 25 },
		"offline":   func(u *Use) { u.Offline = 1.1 },
		"group":     func(u *Use) { u.GroupSize = 1 },
		"beat":      func(u *Use) { u.Beat = 0 },
		"starts":    func(u *Use) { u.Starts = -1 },
		"dismissed": func(u *Use) { u.Dismissed = 1.1 },
		"badge":     func(u *Use) { u.Badge = -0.1 },
		"peers":     func(u *Use) { u.Peers = -1 },
		"groups":    func(u *Use) { u.Groups = -1 },
		"receipts":  func(u *Use) { u.Receipts = -1 },
		"waiting":   func(u *Use) { u.WaitMS = -1 },
	} {
		bad := good
		change(&bad)
		if bad.Check() == nil {
			t.Errorf("%s: %+v is taken", name, bad)
		}
	}
}

// What was measured is whole, says where and when, and fits: the small group, of
// which the estimate knows nothing, is as it says, by and large.
func TestMeasured(t *testing.T) {
	c := Measured()
	if !regexp.MustCompile(`\d cores .*go1\..*; 20\d\d-\d\d-\d\d$`).MatchString(c.Measured) {
		t.Errorf("measured on %q", c.Measured)
	}
	for name, ms := range map[string]float64{
		"register": c.Register, "heartbeat": c.Heartbeat, "receipt": c.Receipt, "sync": c.Sync, "read": c.Read, "peer": c.PeerOnline,
		"push": c.PeerAway - c.PeerOnline, "small group": c.SmallGroup - c.PeerAway, "members": c.LargeOnline - c.SmallGroup,
		"pushes": c.LargeAway - c.LargeOnline, "call": c.Call - c.PeerAway, "badge": c.Badge(), "dismissal": c.Dismissal(),
	} {
		if ms <= 0 {
			t.Errorf("%s: %v ms", name, ms)
		}
	}
	got := c.Group(SmallMembers, float64(SmallAway)/(SmallMembers-1))
	if got < c.SmallGroup/1.5 || got > c.SmallGroup*1.5 {
		t.Errorf("a group of %d is said to take %v ms, and took %v", SmallMembers, got, c.SmallGroup)
	}
}

func TestCPUOfGroups(t *testing.T) {
	c := CPU{PeerOnline: 2, PeerAway: 4, LargeOnline: 2 + 9_998, LargeAway: 2 + 9_998 + 16_000} // a member 1 ms, a push 2
	for _, tc := range []struct {
		members       int
		offline, want float64
	}{
		{2, 0, 2}, {2, 1, 4}, {2, 0.5, 3}, {3, 0, 3}, {3, 1, 7}, {LargeMembers, 0, 10_000}, {LargeMembers, 8_000.0 / 9_999, 26_000},
	} {
		if got := c.Group(tc.members, tc.offline); math.Abs(got-tc.want) > 1e-9 {
			t.Errorf("%+v: %v", tc, got)
		}
	}
	if got := c.Peer(0.25); got != 2.5 {
		t.Errorf("%v", got)
	}
}
