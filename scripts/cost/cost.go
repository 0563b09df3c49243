// Package cost is what Doorbell costs, as code: the operations of each thing
// that happens, and what a month of them comes to at list prices. The counts are
// held to those measured on the emulators by TestCostModel (functions).
package cost

import "fmt"

// Operations is what is billed of something that happens.
type Operations struct {
	Reads, Writes, Deletes float64 // Firestore's documents; deletes are those of TTL policies
	Published              float64 // Pub/Sub messages
	Invocations            float64 // of functions
}

// Plus is both.
func (o Operations) Plus(p Operations) Operations {
	return Operations{o.Reads + p.Reads, o.Writes + p.Writes, o.Deletes + p.Deletes, o.Published + p.Published, o.Invocations + p.Invocations}
}

// Times is o, n times over.
func (o Operations) Times(n float64) Operations {
	return Operations{o.Reads * n, o.Writes * n, o.Deletes * n, o.Published * n, o.Invocations * n}
}

// Send is a message as it is stored: the conversation and whether the receiver
// has blocked the sender (or the membership) are read, the message and the
// conversation written. In the end the message's time is over.
func Send() Operations { return Operations{Reads: 2, Writes: 2, Deletes: 1, Invocations: 1} }

// Plan is on-message for one receiver: their presence.
func Plan() Operations { return Operations{Reads: 1, Invocations: 1} }

// Dispatch is a batch to one receiver: their presence is read again, its ledger
// entry written twice, and deleted in the end.
func Dispatch() Operations {
	return Operations{Reads: 1, Writes: 2, Deletes: 1, Published: 1, Invocations: 1}
}

// Heartbeat keeps a device's lease.
func Heartbeat() Operations { return Operations{Reads: 1, Writes: 1, Invocations: 1} }

// PeerMessage is a one-to-one message with a push; offline is the share of
// receivers with a device that is to ring, 0 to 1.
func PeerMessage(offline float64) Operations {
	return Send().Plus(Plan()).Plus(Dispatch().Times(offline))
}

// How a group is fanned out: members in a roster chunk, targets in a batch, and
// chunks in a task of a group that is over the threshold.
const (
	chunkMembers = 250
	batchTargets = 500
	taskChunks   = 14
	threshold    = 2000
)

// GroupMessage is a message with a push to a group of so many members, each with
// one device.
func GroupMessage(members int, offline float64) Operations {
	chunks := (members + chunkMembers - 1) / chunkMembers
	o := Send().Plus(Operations{Reads: float64(chunks + members - 1), Invocations: 1})
	tasks := 1
	if members > threshold {
		tasks = (chunks + taskChunks - 1) / taskChunks
		o = o.Plus(Operations{Published: float64(tasks), Invocations: float64(tasks)})
	}
	targets := offline * float64(members-1)
	batches := 0.0
	if targets > 0 { // each task's last batch is on average half full
		batches = max(1, targets/batchTargets+float64(tasks)/2)
	}
	return o.Plus(Operations{Writes: 2, Deletes: 1, Published: 1, Invocations: 1}.Times(batches))
}

// Use is what people do. Rates are per person and day.
type Use struct {
	DAU         int     // people a day
	Messages    float64 // sent to one person
	GroupSent   float64 // sent to a group
	GroupSize   int     // members of a group
	OnlineHours float64 // with the app open
	Offline     float64 // share of receivers who are away, 0 to 1
	Beat        int     // seconds between heartbeats
	// InstanceMS is the time an instance is busy for a request that it doesn't
	// share, in ms. It is not measured here: it depends on the region and the load.
	InstanceMS float64
}

// Check reports what can't be.
func (u Use) Check() error {
	switch {
	case u.DAU < 0 || u.Messages < 0 || u.GroupSent < 0 || u.OnlineHours < 0 || u.InstanceMS < 0:
		return fmt.Errorf("numbers of people, messages and hours can't be negative")
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
	}
	if u.GroupSent > 0 {
		lines[1].Operations = GroupMessage(u.GroupSize, u.Offline)
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
