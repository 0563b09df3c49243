// Package trace tells the story of a message or a call: what was decided for
// each device, what FCM answered to each try, and what the device told of it.
package trace

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/receipt"
)

// Story is what happened to the pushes for a message or a call.
type Story struct {
	ID        string     `json:"id"`   // the messageID or callID
	Kind      string     `json:"kind"` // "message" or "call"
	From      string     `json:"from"`
	To        string     `json:"to"`
	At        time.Time  `json:"at"` // when it was stored
	Asked     bool       `json:"pushAsked"`
	SubjectID string     `json:"subjectID"` // what the ledger and the log call it
	Receivers []Receiver `json:"receivers"`
	// Receipts counts what the devices told of the pushes.
	Receipts receipt.Summary `json:"receipts"`
}

// Receiver is what happened for one person.
type Receiver struct {
	UserID  string   `json:"userID"`
	Devices []Device `json:"devices"`
}

// Device is what happened for one device, in the order of time. Where the reason
// concerns the person, PushID is empty.
type Device struct {
	PushID   string  `json:"pushID,omitempty"`
	DeviceID string  `json:"deviceID,omitempty"` // as the app calls it; empty where it is gone
	Platform string  `json:"platform,omitempty"`
	Events   []Event `json:"events"`
}

// Step is which part of a push's way an event is of.
type Step string

// The steps.
const (
	Decided Step = "decided" // it was planned to push to the device
	Tried   Step = "tried"   // FCM answered something else than yes, and was asked again; Detail is the class of its answer
	Became  Step = "became"  // what became of it; Status says what
	Heard   Step = "heard"   // the device told of it; Receipt says what
)

// Event is one thing that the ledger holds of a device, or that the device told.
type Event struct {
	At   time.Time `json:"at"`
	What push.Kind `json:"what"`
	Step Step      `json:"step"`
	// Status and Detail are the ledger's; Receipt and its reason, as Detail, are
	// what the device told, by a clock of its own.
	Status  delivery.Status `json:"status,omitempty"`
	Receipt receipt.Event   `json:"receipt,omitempty"`
	Detail  string          `json:"detail"`
	// Text says it in words.
	Text  string `json:"text"`
	Tries int    `json:"tries,omitempty"`
	Batch string `json:"batch,omitempty"`
}

// Told is what devices told of their pushes, by PushID.
type Told map[string][]receipt.Receipt

// Tell adds to s what the entries hold and what devices told, of userID only
// unless that is empty. What a device told counts where the ledger knows it: any
// device may claim anything of any message. Users are those whose devices can be
// named.
func (s *Story) Tell(entries []delivery.Entry, told Told, users map[string]*presence.User, userID string) {
	devices := map[[2]string]*Device{}
	for _, e := range entries {
		for key, o := range e.Outcomes {
			if userID != "" && o.UserID != userID {
				continue
			}
			at := [2]string{o.UserID, key}
			d := devices[at]
			if d == nil {
				d = named(o.UserID, users[o.UserID], key)
				devices[at] = d
			}
			d.Events = append(d.Events, events(e, key, o)...)
		}
	}
	receivers := map[string]*Receiver{}
	for at, d := range devices {
		for _, r := range told[at[1]] {
			d.Events = append(d.Events, Event{
				At: time.UnixMilli(r.At).UTC(), What: r.Kind, Step: Heard, Receipt: r.Event, Detail: r.Reason, Text: receiptText(r),
			})
		}
		s.Receipts.Add(told[at[1]])
		slices.SortStableFunc(d.Events, func(a, b Event) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Batch, b.Batch)) })
		r := receivers[at[0]]
		if r == nil {
			r = &Receiver{UserID: at[0]}
			receivers[at[0]] = r
		}
		r.Devices = append(r.Devices, *d)
	}
	for _, r := range receivers {
		slices.SortFunc(r.Devices, func(a, b Device) int {
			return cmp.Or(cmp.Compare(a.DeviceID, b.DeviceID), cmp.Compare(a.PushID, b.PushID))
		})
		s.Receivers = append(s.Receivers, *r)
	}
	slices.SortFunc(s.Receivers, func(a, b Receiver) int { return cmp.Compare(a.UserID, b.UserID) })
}

// events is what the ledger's entry holds of a device, in the order of time. That
// a device is skipped as the message is planned is the decision.
func events(e delivery.Entry, key string, o delivery.Outcome) (list []Event) {
	kind := push.Kind(e.Kind)
	if !e.PlannedAt.IsZero() && (o.Status != delivery.Skipped || o.At.After(e.PlannedAt)) {
		list = append(list, Event{At: e.PlannedAt, What: kind, Step: Decided, Text: decided(kind), Batch: e.ID})
	}
	asked := 0
	for _, r := range e.Refusals[key] {
		asked++
		if r.At.Equal(o.At) && r.Class == o.Detail {
			break // it is what the outcome says
		}
		list = append(list, Event{
			At: r.At, What: kind, Step: Tried, Detail: r.Class, Text: "try " + strconv.Itoa(asked) + ": " + push.Class(r.Class).Explain(), Batch: e.ID,
		})
	}
	if o.Status == delivery.Sent {
		asked++
	}
	o.Tries = max(o.Tries, asked)
	return append(list, Event{
		At: o.At, What: kind, Step: Became, Status: o.Status, Detail: o.Detail, Text: text(kind, e.PlannedAt, o), Tries: o.Tries, Batch: e.ID,
	})
}

// named is the device under an outcome's key.
func named(userID string, u *presence.User, key string) *Device {
	if key == delivery.UserKey(userID) {
		return &Device{}
	}
	d := &Device{PushID: key}
	if known, ok := u.Device(key); ok {
		d.DeviceID, d.Platform = known.DeviceID, known.Platform.String()
	}
	return d
}

// receiptText is a receipt in words.
func receiptText(r receipt.Receipt) string {
	words := map[receipt.Event]string{
		receipt.Arrived: "arrived on the device", receipt.Shown: "shown", receipt.Clicked: "clicked", receipt.Dropped: "not shown",
	}[r.Event]
	if r.Reason != "" {
		words += ": " + r.Reason
	}
	return words
}

// decided is a decision in words.
func decided(kind push.Kind) string {
	switch kind {
	case push.KindRead:
		return "decided: to be taken away, since it was read elsewhere"
	case push.KindRevoke:
		return "decided: to be taken away or replaced, since it was revoked"
	}
	return "decided: to be pushed to"
}

// text is an outcome in words. At planned it was read, where it tells of that.
func text(kind push.Kind, planned time.Time, o delivery.Outcome) string {
	did, not := "pushed", "not pushed"
	switch kind {
	case push.KindRead:
		did, not = "taken away, since it was read elsewhere at "+planned.UTC().Format(time.RFC3339), "not taken away"
	case push.KindRevoke:
		did, not = "taken away, or replaced by the sender's words, since it was revoked", "not taken away"
	}
	switch o.Status {
	case delivery.Sent:
		return did + ": FCM took it" + tries(o.Tries) + " as " + o.Detail
	case delivery.Skipped:
		return not + ": " + plan.Reason(o.Detail).Explain()
	case delivery.Failed:
		return not + ": " + push.Class(o.Detail).Explain()
	case delivery.DeadLetter:
		return "in the dead letters" + tries(o.Tries) + ": " + push.Class(o.Detail).Explain()
	case delivery.Pending:
		return "to be tried again" + tries(o.Tries) + ": " + push.Class(o.Detail).Explain()
	}
	return string(o.Status) + " " + o.Detail
}

func tries(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return " at the first try"
	}
	return " after " + strconv.Itoa(n) + " tries"
}
