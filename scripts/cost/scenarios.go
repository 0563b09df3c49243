package cost

// CallInvitation is a call that rings so many people, each on one device: all of
// them are looked up to see whom the caller can ring, and again for who is away;
// the call is written, and read before it rings. A single one is read a third time,
// as by a message.
func CallInvitation(invitees int) Operations {
	o := Operations{Reads: 2*float64(invitees) + 1, Writes: 3, Deletes: 2, Published: 1, Invocations: 3}
	if invitees == 1 {
		o.Reads++
	}
	return o
}

// CallAccept is an invitation that is accepted by one who rings on so many other
// devices: the call changes, the ledger says what rang, and the others are told in
// one batch of the call and the person as they are then.
func CallAccept(otherDevices int) Operations {
	o := Operations{Reads: 3, Writes: 1, Invocations: 2}
	if otherDevices > 0 {
		o = o.Plus(Operations{Reads: 2, Writes: 2, Deletes: 1, Published: 1, Invocations: 1})
	}
	return o
}

// CallCancel is a call that its caller cancels while it rings so many people, each
// on one device: as accepting it, but for all of them at once.
func CallCancel(ringing int) Operations {
	o := Operations{Reads: 3 + float64(ringing), Writes: 3, Deletes: 1, Published: 1, Invocations: 3}
	if ringing == 1 {
		o.Reads++
	}
	return o
}

// Badge is what a push costs besides that says how much its user has not read, of a
// user with so many peer conversations and groups, of which they muted some: their
// presence, and what inbox.Service.Unread reads. Each of a query's results is a read,
// and a query without any is one.
func Badge(peers, groups, muted int) Operations {
	const most = 50 // inbox.MaxCounted
	reads := 1 + max(1, min(peers, most)) + max(1, min(groups, most+1))
	if groups <= most {
		reads += groups - muted
	}
	return Operations{Reads: float64(reads)}
}

// The naive design reads the presence of each device by itself, publishes a
// message for each receiver who is away, and writes what became of each device to
// the ledger. It gets its list of members for nothing, looks at nothing again
// before it sends and takes no lease, so it would ring twice and too late.

// naive is what happens beyond the request that starts it.
func naive(devices, away float64) Operations {
	return Operations{Reads: devices, Invocations: 1}.
		Plus(Operations{Writes: 1, Deletes: 1, Published: 1, Invocations: 1}.Times(away))
}

// NaiveMessage is a message to so many receivers with a device each, of whom so
// many are away.
func NaiveMessage(receivers, away int) Operations {
	return Send().Plus(naive(float64(receivers), float64(away)))
}

// NaiveCallInvitation is a call that rings so many people.
func NaiveCallInvitation(invitees int) Operations {
	return Operations{Writes: 1, Deletes: 1, Invocations: 1}.Plus(naive(float64(invitees), float64(invitees)))
}

// NaiveCallChange is a call that changes, of which so many devices are told.
func NaiveCallChange(devices int) Operations {
	return Operations{Reads: 1, Writes: 1, Invocations: 1}.Plus(naive(float64(devices), float64(devices)))
}

// Scenario is something that happens, and what it takes by each design.
type Scenario struct {
	What        string
	Ours, Naive Operations
}

// Scenarios are what is compared. Each of ours is exactly what the emulators are
// asked: TestCostModel, TestCostOf… and TestGroupOfTenThousand (functions).
func Scenarios() []Scenario {
	return []Scenario{
		{"message to one person, online", PeerMessage(0), NaiveMessage(1, 0)},
		{"message to one person, away", PeerMessage(1), NaiveMessage(1, 1)},
		{"message to a group of 2, the other away", GroupMessage(2, 1), NaiveMessage(1, 1)},
		{"message to a group of 100, 60 away", GroupMessage(100, 60.0/99), NaiveMessage(99, 60)},
		{"message to a group of 10,000, 8,000 away", GroupMessage(10_000, 0.8), NaiveMessage(9_999, 8_000)},
		{"call to 9 people, all away", CallInvitation(9), NaiveCallInvitation(9)},
		{"call accepted on a person's only device", CallAccept(0), NaiveCallChange(0)},
		{"call accepted, one more of the person's devices rings", CallAccept(1), NaiveCallChange(1)},
		{"call to 9 people cancelled", CallCancel(9), NaiveCallChange(9)},
	}
}
