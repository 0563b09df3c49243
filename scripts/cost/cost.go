// Package cost is what Doorbell costs, as code: the operations of each thing
// that happens, and what a month of them comes to at list prices. The counts are
// held to those measured on the emulators by TestCostModel and its like (functions).
package cost

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

// Receipt is a device that tells what became of a push. The document it is told in
// is deleted in the end.
func Receipt() Operations { return Operations{Writes: 1, Deletes: 1, Invocations: 1} }

// PeerMessage is a one-to-one message with a push; offline is the share of
// receivers with a device that is to ring, 0 to 1.
func PeerMessage(offline float64) Operations {
	return Send().Plus(Plan()).Plus(Dispatch().Times(offline))
}

// How a group is fanned out: members in a roster chunk, members that a batch is for,
// and members in a task of a group that is over the threshold.
const (
	chunkMembers = 250
	rangeMembers = 500
	taskMembers  = 7 * rangeMembers
	threshold    = 2000
)

// GroupMessage is a message with a push to a group of so many members, each with
// one device; offline is the share of the others that is to ring, evenly spread. What
// an instance of dispatch reads once a second while it has much to send, for what FCM
// told others, isn't in it: it is of no message.
func GroupMessage(members int, offline float64) Operations {
	chunks := (members + chunkMembers - 1) / chunkMembers
	o := Send().Plus(Operations{Reads: float64(chunks + members - 1), Invocations: 1})
	tasks := 1
	if members > threshold {
		tasks = (members + taskMembers - 1) / taskMembers
		o = o.Plus(Operations{Published: float64(tasks), Invocations: float64(tasks)})
	}
	for first := 0; first < members; first += rangeMembers {
		others := min(rangeMembers, members-first-1) // of the last range, who sent it is taken out
		o = o.Plus(groupBatch(offline * float64(others)))
	}
	return o
}

// groupBatch is what a range's targets take from on-message or fan-out to FCM, soon
// enough that the plan is followed as it is: only a batch to one receiver has their
// presence read again.
func groupBatch(targets float64) Operations {
	if targets <= 0 {
		return Operations{}
	}
	o := Operations{Writes: 2, Deletes: 1, Published: 1, Invocations: 1}
	if targets <= 1 {
		o.Reads++
	}
	return o
}
