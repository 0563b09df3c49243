// Package receipt is what devices tell of the pushes they got: that one arrived,
// was shown, was clicked, or could not be shown. FCM says that it took a push;
// what became of it then only the device knows.
package receipt

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Event is what became of a push on a device.
type Event string

// The events, in the order they happen.
const (
	Arrived Event = "arrived" // the device got it
	Shown   Event = "shown"   // its notification was shown
	Clicked Event = "clicked" // somebody clicked or tapped that
	Dropped Event = "dropped" // it was not shown, for Reason
)

var events = []Event{Arrived, Shown, Clicked, Dropped}

// Bounds of a request.
const (
	MaxReceipts    = 100 // in a request
	MaxReasonBytes = 64
)

// Receipt is one thing that became of a push.
type Receipt struct {
	// ID and Kind are data.id and data.kind of the push.
	ID    string    `json:"id"`
	Kind  push.Kind `json:"kind"`
	Event Event     `json:"event"`
	// At is when it happened, in ms since 1970, by the server's clock as far as
	// the device knows it.
	At int64 `json:"at"`
	// Reason is why the push was dropped, or shown as something else than it
	// asked for: printable ASCII, at most 64 bytes.
	Reason string `json:"reason,omitempty"`
}

// Request is what a device posts.
type Request struct {
	// Receipts is 1 to 100 of them, also of different pushes.
	Receipts []Receipt `json:"receipts"`
}

// Check reports what is wrong with r. An ID has to be of the form that messages
// and calls have; whether there is such a one isn't looked up, which would cost a
// read for each.
func (r *Request) Check() error {
	if n := len(r.Receipts); n < 1 || n > MaxReceipts {
		return fault.Invalid("receipts", "has %d entries: give 1 to %d", n, MaxReceipts)
	}
	for i, one := range r.Receipts {
		field := func(name string) string { return "receipts." + strconv.Itoa(i) + "." + name }
		switch {
		case !docid.Valid(one.ID):
			return fault.Invalid(field("id"), "must be data.id of a push: 26 of the characters a-z and 2-7")
		case !one.Kind.Valid():
			return fault.Invalid(field("kind"), "must be data.kind of a push: message, call or call_end")
		case !slices.Contains(events, one.Event):
			return fault.Invalid(field("event"), "must be arrived, shown, clicked or dropped")
		case one.At <= 0:
			return fault.Invalid(field("at"), "must be the time it happened, in ms since 1970")
		case !printable(one.Reason):
			return fault.Invalid(field("reason"), "must be at most %d printable ASCII characters", MaxReasonBytes)
		}
	}
	return nil
}

func printable(s string) bool {
	for _, r := range []byte(s) {
		if r < ' ' || r > '~' {
			return false
		}
	}
	return len(s) <= MaxReasonBytes
}

// within is r with its time held between earliest and latest: a device's clock may
// be anywhere, and what is told stays among what can have happened.
func (r Receipt) within(earliest, latest time.Time) Receipt {
	r.At = min(max(r.At, earliest.UnixMilli()), latest.UnixMilli())
	return r
}

// same reports whether a and b tell of the same.
func (r Receipt) same(b Receipt) bool { return r.ID == b.ID && r.Kind == b.Kind && r.Event == b.Event }

// Compare orders receipts by time, and those of the same moment as they happen.
func Compare(a, b Receipt) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(slices.Index(events, a.Event), slices.Index(events, b.Event)), cmp.Compare(a.Kind, b.Kind))
}

// Shards is over how many documents the receipts of one message are spread: a
// document takes about one write a second for long, and a message to a large
// group is answered by thousands of devices within seconds.
const Shards = 32

// Shard is where the receipts of a device stand, 0 to Shards-1.
func Shard(pushID string) int {
	h := fnv.New32a()
	h.Write([]byte(pushID))
	return int(h.Sum32() % Shards)
}

// DocID is the document that holds a shard's receipts of a message or call. It is
// found without a query, and so needs no index.
func DocID(subjectID string, shard int) string {
	return docid.New("receipts", subjectID, strconv.Itoa(shard))
}

// Summary counts the devices of a message or call.
type Summary struct {
	Arrived int `json:"arrived"`
	Shown   int `json:"shown"`
	Clicked int `json:"clicked"`
	// Dropped is those that dropped it and showed nothing.
	Dropped int `json:"dropped"`
}

// Add counts a device that told this.
func (s *Summary) Add(told []Receipt) {
	has := func(e Event) bool { return slices.ContainsFunc(told, func(r Receipt) bool { return r.Event == e }) }
	count := func(n *int, yes bool) {
		if yes {
			*n++
		}
	}
	// What was clicked was shown, and what was shown arrived, also where the
	// receipt that says so was lost.
	clicked := has(Clicked)
	shown := clicked || has(Shown)
	count(&s.Clicked, clicked)
	count(&s.Shown, shown)
	count(&s.Dropped, !shown && has(Dropped))
	count(&s.Arrived, len(told) > 0)
}
