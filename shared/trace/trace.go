// Package trace tells the story of a message or a call: what was decided for
// each device and what FCM said, from the ledger. It only puts into words what
// is recorded there, without I/O.
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

// Event is one thing that the ledger holds of a device, or that the device told.
type Event struct {
	At   time.Time `json:"at"`
	What string    `json:"what"` // message, call or call_end
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
			d.Events = append(d.Events, Event{
				At: o.At, What: e.Kind, Status: o.Status, Detail: o.Detail, Text: text(o), Tries: o.Tries, Batch: e.ID,
			})
		}
	}
	receivers := map[string]*Receiver{}
	for at, d := range devices {
		for _, r := range told[at[1]] {
			d.Events = append(d.Events, Event{
				At: time.UnixMilli(r.At).UTC(), What: string(r.Kind), Receipt: r.Event, Detail: r.Reason, Text: receiptText(r),
			})
		}
		s.Receipts.Add(told[at[1]])
		slices.SortFunc(d.Events, func(a, b Event) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Batch, b.Batch)) })
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

// text is an outcome in words.
func text(o delivery.Outcome) string {
	switch o.Status {
	case delivery.Sent:
		return "pushed: FCM took it" + tries(o.Tries) + " as " + o.Detail
	case delivery.Skipped:
		return "not pushed: " + plan.Reason(o.Detail).Explain()
	case delivery.Failed:
		return "not pushed: " + push.Class(o.Detail).Explain()
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
