// Package delivery is the ledger: per batch, what became of each device. It is
// what keeps a repeated batch from being sent again, and what the trace of a
// message reads.
package delivery

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/doorbell-push/doorbell/shared/docid"
)

// Status is what became of a device in a batch.
type Status string

// The statuses of a device. Only Pending is not final.
const (
	Sent       Status = "sent"        // FCM took it; Detail is FCM's message name
	Skipped    Status = "skipped"     // not pushed; Detail is the plan's reason
	Failed     Status = "failed"      // FCM refused it for good; Detail is the class of its answer
	DeadLetter Status = "dead_letter" // went to the dead-letter topic; Detail is the class of FCM's last answer
	Pending    Status = "pending"     // to be tried again; Detail is the class of FCM's last answer, or that it wasn't asked
)

// Outcome is what became of one device.
type Outcome struct {
	UserID string    `firestore:"userID" json:"userID"`
	Status Status    `firestore:"status" json:"status"`
	Detail string    `firestore:"detail" json:"detail"`
	Tries  int       `firestore:"tries,omitempty" json:"tries,omitempty"` // FCM requests made
	At     time.Time `firestore:"at" json:"at"`
	// RetryAt is, of Pending, before when FCM wants to hear nothing of the device's
	// target; zero: it said nothing.
	RetryAt time.Time `firestore:"retryAt,omitempty" json:"retryAt,omitzero"`
	// Unsure: somebody had the lease before, and may have sent it and died
	// before saying so.
	Unsure bool `firestore:"unsure,omitempty" json:"unsure,omitempty"`
}

// Refusal is an answer of FCM's other than yes, or that there was none.
type Refusal struct {
	At    time.Time `firestore:"at" json:"at"`
	Class string    `firestore:"class" json:"class"` // push.Class
}

// MaxRefusals bounds what an entry keeps of a device's: some 500 bytes, of the
// 1 MiB that Firestore gives a batch of 500 devices.
const MaxRefusals = 10

// Entry is deliveries/{id}.
type Entry struct {
	ID string `firestore:"-" json:"id"`
	// Kind and SubjectID name what was announced: the message's ID.
	Kind      string `firestore:"kind" json:"kind"`
	SubjectID string `firestore:"subjectID" json:"subjectID"`
	Attempt   int    `firestore:"attempt" json:"attempt"` // those in which FCM was asked, or somebody died; with a lease, this one too
	Done      bool   `firestore:"done" json:"done"`
	Lease     int    `firestore:"lease" json:"lease"` // counts who had it, from 1
	// Owner is who has the lease, a word of their own: a request for it that is
	// repeated, as its answer was lost, so knows that it has it.
	Owner     string    `firestore:"owner" json:"owner,omitempty"`
	CreatedAt time.Time `firestore:"createdAt" json:"createdAt"`
	// PlannedAt is when it was decided whom the batch tells; of a skip, when that
	// was.
	PlannedAt time.Time `firestore:"plannedAt" json:"plannedAt,omitzero"`
	// LeaseUntil keeps others from the batch: while it is worked on, and until
	// FCM's Retry-After is over.
	LeaseUntil time.Time `firestore:"leaseUntil" json:"leaseUntil"`
	// Outcomes is by PushID.
	Outcomes map[string]Outcome `firestore:"outcomes" json:"outcomes"`
	// Refusals is, by PushID, what FCM answered other than yes, in all runs: the
	// latest MaxRefusals. Mostly there are none.
	Refusals map[string][]Refusal `firestore:"refusals,omitempty" json:"refusals,omitempty"`
	// Asked is, of a ring, the devices that anybody who had the lease set out to
	// send to: who died at it may have sent to each of them.
	Asked []string `firestore:"asked,omitempty" json:"asked,omitempty"`
	// Changed: what the batch announces is not what it was when the batch was made, so
	// who takes the lease looks at it. It may be noted before anybody has: then
	// there is nothing else here, and Lease is 0.
	Changed bool `firestore:"changed,omitempty" json:"changed,omitempty"`
	// To is, where the batch shows a message, whom it tells, so that those of its
	// entries are found who read it; CID and Seq are the message's, Tag is what it
	// shows under. Of a summary CID is its ID, and Seq 1.
	To  []string `firestore:"to,omitempty" json:"-"`
	CID string   `firestore:"cid,omitempty" json:"-"`
	Seq int64    `firestore:"seq,omitempty" json:"-"`
	Tag string   `firestore:"tag,omitempty" json:"-"`
	// Counts: where the batch shows a message, it says how much is not read, so that what
	// takes that away says it, too.
	Counts bool `firestore:"counts,omitempty" json:"-"`
	// Took is, where the batch takes away what was read elsewhere, the TookKeys of what
	// that is, so that it is found by what it took; Seq is the last message read.
	Took []string `firestore:"took,omitempty" json:"-"`
	// ExpireAt is when Firestore's TTL policy removes the entry.
	ExpireAt time.Time `firestore:"expireAt" json:"-"`
	// Version is the stored entry's version that this one was read or written as.
	Version time.Time `firestore:"-" json:"-"`
	// Anew: the batch was done when this lease was taken, so nobody has sent to the
	// devices that it has no outcome of.
	Anew bool `firestore:"-" json:"-"`
	// AskedBefore is Asked as it was when this lease was taken.
	AskedBefore []string `firestore:"-" json:"-"`
}

// Absorb is e, written by others since, with what the worker of report found
// out: a final outcome stands against one that isn't, and Sent against all.
// Whether the batch is done, until when it is kept from others and how many
// attempts there were is said by who has the lease.
func (e Entry) Absorb(report Entry) Entry {
	outcomes := maps.Clone(e.Outcomes)
	if outcomes == nil {
		outcomes = map[string]Outcome{}
	}
	for id, o := range report.Outcomes {
		if !e.Final(id) || o.Status == Sent {
			outcomes[id] = o
		}
	}
	e.Outcomes = outcomes
	if len(report.Refusals) > 0 {
		refusals := maps.Clone(e.Refusals)
		if refusals == nil {
			refusals = map[string][]Refusal{}
		}
		maps.Copy(refusals, report.Refusals)
		e.Refusals = refusals
	}
	if report.Lease == e.Lease {
		e.Done, e.LeaseUntil, e.Attempt = report.Done, report.LeaseUntil, report.Attempt
	}
	return e
}

// Refused is e's refusals of a device with those of a run after them.
func (e Entry) Refused(pushID string, by []Refusal) []Refusal {
	all := append(slices.Clip(e.Refusals[pushID]), by...)
	return all[max(0, len(all)-MaxRefusals):]
}

// UserKey is the key of an outcome that concerns the user rather than one of
// their devices: no device has it.
func UserKey(userID string) string { return docid.New("user", userID) }

// TookKey names what a user's devices showed under a tag, in Entry.Took.
func TookKey(userID, tag string) string { return docid.New("took", userID, tag) }

// Final reports whether the device needs nothing more.
func (e Entry) Final(pushID string) bool {
	o, ok := e.Outcomes[pushID]
	return ok && o.Status != Pending
}

// MayHaveShown reports whether the device may show what the batch announced:
// FCM took it, or was asked to and never refused, as far as is known. It is for
// entries that keep Asked.
func (e Entry) MayHaveShown(pushID string) bool {
	o, ok := e.Outcomes[pushID]
	switch {
	case !ok:
		return slices.Contains(e.Asked, pushID)
	case o.Status == Failed:
		return false
	case o.Status == Sent:
		return true
	}
	return o.Tries > 0 || o.Unsure
}

// Shown reports whether the device may show what the batch announced, of an entry that
// doesn't keep Asked; and whether that is known, as it isn't while somebody at now
// sends it. Who died at it may have sent to anybody.
func (e Entry) Shown(pushID string, now time.Time) (shown, known bool) {
	if _, told := e.Outcomes[pushID]; told || e.Done {
		return e.MayHaveShown(pushID), true
	}
	return true, !now.Before(e.LeaseUntil)
}

// OwnedBy reports whether it is owner that took the lease of e.
func (e Entry) OwnedBy(owner string) bool {
	return e.Owner != "" && e.Owner == owner && !e.Done
}

// Settles reports whether the batch is done and each of the wanted devices
// needs nothing more. A fan-out made again may put a device into another batch
// than before, since who is online has changed; so a batch may be done and yet
// know nothing of a device it is to tell now.
func (e Entry) Settles(wanted []string) bool {
	return e.Done && !slices.ContainsFunc(wanted, func(pushID string) bool { return !e.Final(pushID) })
}

// ErrBusy is returned for a batch that another worker has the lease of.
var ErrBusy = errors.New("batch is leased to another worker")
