package cost

import "fmt"

// Use is what people do. Rates are per person and day.
type Use struct {
	DAU         int     // people a day
	Messages    float64 // sent to one person
	GroupSent   float64 // sent to a group
	GroupSize   int     // members of a group
	OnlineHours float64 // with the app open
	Offline     float64 // share of receivers who are away, 0 to 1
	Beat        int     // seconds between heartbeats
	Starts      float64 // of the app: it registers and syncs
	Read        float64 // conversations read
	Dismissed   float64 // share of these that another device, which is away, still shows, 0 to 1
	Badge       float64 // share of pushes, and dismissals, that say how much their user has not read, 0 to 1
	Peers       int     // people that a person has written with; for the badge
	Groups      int     // groups that a person is in and has not muted; for the badge
	Receipts    float64 // times that a device tells of a push: the browser's once when it is shown, once when it is clicked
	// WaitMS is the time, in ms, that an instance waits in an invocation, mostly for
	// Firestore, while it serves no other: that time is billed as the time in which it
	// computes is. It is not measured here: it depends on the region and the load.
	WaitMS float64
}

// Check reports what can't be.
func (u Use) Check() error {
	switch {
	case u.DAU < 0 || u.Messages < 0 || u.GroupSent < 0 || u.OnlineHours < 0 || u.Starts < 0 || u.Read < 0 || u.Receipts < 0 || u.WaitMS < 0:
		return fmt.Errorf("numbers of people, messages, receipts, starts, conversations and hours can't be negative")
	case u.OnlineHours > 24:
		return fmt.Errorf("a day has 24 hours, not %v", u.OnlineHours)
	case u.Offline < 0 || u.Offline > 1:
		return fmt.Errorf("the share of those who are away is between 0 and 1, not %v", u.Offline)
	case u.Dismissed < 0 || u.Dismissed > 1:
		return fmt.Errorf("the share of what is read that another device shows is between 0 and 1, not %v", u.Dismissed)
	case u.Badge < 0 || u.Badge > 1:
		return fmt.Errorf("the share of pushes with a badge is between 0 and 1, not %v", u.Badge)
	case u.Peers < 0 || u.Groups < 0:
		return fmt.Errorf("numbers of people written with and groups can't be negative")
	case u.GroupSent > 0 && u.GroupSize < 2:
		return fmt.Errorf("a group has at least 2 members, not %d", u.GroupSize)
	case u.Beat < 1:
		return fmt.Errorf("a heartbeat comes every 1 second or more, not %d", u.Beat)
	}
	return nil
}

const days = 30

// Line is a part of the bill.
type Line struct {
	What       string     `json:"what"`
	Times      float64    `json:"times"` // a month
	Operations Operations `json:"operations"`
	CPUSeconds float64    `json:"cpuSeconds"` // in which instances compute: measured
	CPUUSD     float64    `json:"cpuUSD"`     // of USD, for those
	WaitUSD    float64    `json:"waitUSD"`    // of USD, for instances that wait: assumed
	USD        float64    `json:"usd"`
}

// Month is a month's bill, with what it is made of; the last line is the sum.
func (u Use) Month(p Prices, c CPU) []Line {
	people := float64(u.DAU) * days
	pushes := people * u.Messages * u.Offline
	if u.GroupSent > 0 {
		pushes += people * u.GroupSent * float64(u.GroupSize-1) * u.Offline
	}
	// Of each, what happens once.
	lines := []Line{
		{What: "one-to-one messages", Times: people * u.Messages, Operations: PeerMessage(u.Offline), CPUSeconds: c.Peer(u.Offline) / 1000},
		{What: "group messages", Times: people * u.GroupSent},
		{What: "heartbeats", Times: people * u.OnlineHours * 3600 / float64(u.Beat), Operations: Heartbeat(), CPUSeconds: c.Heartbeat / 1000},
		{What: "receipts", Times: pushes * u.Receipts, Operations: Receipt(), CPUSeconds: c.Receipt / 1000},
		{What: "app starts", Times: people * u.Starts, Operations: Register().Plus(Sync()), CPUSeconds: (c.Register + c.Sync) / 1000},
		{What: "conversations read", Times: people * u.Read, Operations: Read(), CPUSeconds: c.Read / 1000},
		{What: "dismissals", Times: people * u.Read * u.Dismissed, Operations: Dismissal(), CPUSeconds: c.Dismissal() / 1000},
		{What: "badges", Times: (pushes + people*u.Read*u.Dismissed) * u.Badge, Operations: Badge(u.Peers, u.Groups, 0), CPUSeconds: c.Badge() / 1000},
	}
	if u.GroupSent > 0 {
		lines[1].Operations, lines[1].CPUSeconds = GroupMessage(u.GroupSize, u.Offline), c.Group(u.GroupSize, u.Offline)/1000
	}
	sum := Line{What: "sum"}
	for i := range lines {
		l := &lines[i]
		l.Operations, l.CPUSeconds = l.Operations.Times(l.Times), l.CPUSeconds*l.Times
		l.CPUUSD, l.WaitUSD = p.Instance(l.CPUSeconds), p.Instance(l.Operations.Invocations*u.WaitMS/1000)
		l.USD = p.USD(l.Operations) + l.CPUUSD + l.WaitUSD
		sum.add(*l)
	}
	return append(lines, sum)
}

func (l *Line) add(m Line) {
	l.Times, l.Operations = l.Times+m.Times, l.Operations.Plus(m.Operations)
	l.CPUSeconds, l.CPUUSD, l.WaitUSD, l.USD = l.CPUSeconds+m.CPUSeconds, l.CPUUSD+m.CPUUSD, l.WaitUSD+m.WaitUSD, l.USD+m.USD
}
