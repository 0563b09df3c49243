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
	Receipts    float64 // times that a device tells of a push: the browser's once when it is shown, once when it is clicked
	// InstanceMS is the time an instance is busy for a request that it doesn't
	// share, in ms. It is not measured here: it depends on the region and the load.
	InstanceMS float64
}

// Check reports what can't be.
func (u Use) Check() error {
	switch {
	case u.DAU < 0 || u.Messages < 0 || u.GroupSent < 0 || u.OnlineHours < 0 || u.Starts < 0 || u.Read < 0 || u.Receipts < 0 || u.InstanceMS < 0:
		return fmt.Errorf("numbers of people, messages, receipts, starts, conversations and hours can't be negative")
	case u.OnlineHours > 24:
		return fmt.Errorf("a day has 24 hours, not %v", u.OnlineHours)
	case u.Offline < 0 || u.Offline > 1:
		return fmt.Errorf("the share of those who are away is between 0 and 1, not %v", u.Offline)
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
	USD        float64    `json:"usd"`
}

// Month is a month's bill, with what it is made of; the last line is the sum.
func (u Use) Month(p Prices) []Line {
	people := float64(u.DAU) * days
	lines := []Line{
		{What: "one-to-one messages", Times: people * u.Messages, Operations: PeerMessage(u.Offline)},
		{What: "group messages", Times: people * u.GroupSent},
		{What: "heartbeats", Times: people * u.OnlineHours * 3600 / float64(u.Beat), Operations: Heartbeat()},
		{What: "receipts", Times: people * u.Messages * u.Offline * u.Receipts, Operations: Receipt()},
		{What: "app starts", Times: people * u.Starts, Operations: Register().Plus(Sync())},
		{What: "conversations read", Times: people * u.Read, Operations: Read()},
	}
	if u.GroupSent > 0 {
		lines[1].Operations = GroupMessage(u.GroupSize, u.Offline)
		lines[3].Times += people * u.GroupSent * float64(u.GroupSize-1) * u.Offline * u.Receipts
	}
	sum := Line{What: "sum"}
	for i := range lines {
		l := &lines[i]
		l.Operations = l.Operations.Times(l.Times)
		l.USD = p.USD(l.Operations, u.InstanceMS)
		sum.Operations, sum.USD, sum.Times = sum.Operations.Plus(l.Operations), sum.USD+l.USD, sum.Times+l.Times
	}
	return append(lines, sum)
}
