package cost

// Register is a device that registers, for the first time or again as it is: the
// person and the token's owner are read and written.
func Register() Operations { return Operations{Reads: 2, Writes: 2, Invocations: 1} }

// Read is a one-to-one conversation that is read: it and the person are read and
// written. That is all where they have no other device that is away.
func Read() Operations { return Operations{Reads: 2, Writes: 2, Invocations: 1} }

// Dismissal is what comes with it where another device of the person's is away and
// shows a message that was read: the person three times and the ledger's entry of one
// message are read, and a batch is published and sent. Where the message's push said how
// much is not read, it says so as well: Badge comes with it.
func Dismissal() Operations {
	return Operations{Reads: 4, Writes: 2, Deletes: 1, Published: 1, Invocations: 1}
}

// NothingToDismiss is what comes with it where another device is away and shows
// nothing of the conversation.
func NothingToDismiss() Operations { return Operations{Reads: 3, Published: 1, Invocations: 1} }

// Sync is a client that comes back and finds nothing new, of a person in no group.
// What is new is a read a message, and a group is one.
func Sync() Operations { return Operations{Reads: 3, Invocations: 1} }

// GroupCreate is a group of so many members that is made, up to a roster chunk's:
// its conversation and its members are read and written, and its roster written.
func GroupCreate(members int) Operations {
	return Operations{Reads: float64(members) + 1, Writes: float64(members) + 2, Invocations: 1}
}
