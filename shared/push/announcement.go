// Package push is what travels to devices: the announcement of a message or a
// call, the batches it is published in, the FCM message each device gets, and
// what FCM's answers mean.
package push

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/docid"
)

// Kind is what an announcement is about. It is also FCM's analytics label, so
// that the Firebase console reports each kind by itself.
type Kind string

// The kinds of announcement.
const (
	KindMessage Kind = "message"
	KindCall    Kind = "call"     // rings
	KindCallEnd Kind = "call_end" // replaces what rang
	KindSummary Kind = "summary"  // of messages that quiet hours held back
	KindEdit    Kind = "edit"     // replaces what is shown of a message
	KindRevoke  Kind = "revoke"   // takes away what is shown of a message, or replaces it by the sender's words
	KindRead    Kind = "read"     // takes away what is shown of a conversation, which was read elsewhere
)

// Valid reports whether k is one of the kinds above.
func (k Kind) Valid() bool {
	return k == KindMessage || k == KindSummary || k == KindCall || k.Follows()
}

// OfCall reports whether k is about a call.
func (k Kind) OfCall() bool { return k == KindCall || k == KindCallEnd }

// Follows reports whether k changes what a device shows already: it rings nobody,
// and goes to the devices that were rung.
func (k Kind) Follows() bool { return k == KindEdit || k.Ends() }

// Ends reports whether k ends what a device shows: that is owed to whoever was
// rung, whatever has become of them since.
func (k Kind) Ends() bool { return k == KindCallEnd || k == KindRevoke || k == KindRead }

// Announcement is what all targets of a batch are told.
type Announcement struct {
	Kind Kind `json:"kind"`
	// ID names what is announced: a message's ID, a call's document ID, or of a
	// summary the hash of its user and time.
	ID           string `json:"id"`
	SenderUserID string `json:"sender"`
	// CID is the conversation document's ID, ConversationID the ID a receiver
	// knows the conversation by. Of a call they are the call's.
	CID              string                `json:"cid"`
	ConversationID   string                `json:"conversationID"`
	ConversationType chat.ConversationType `json:"conversationType"`
	// Seq is a message's OrderKey: who has read the conversation up to there is
	// not told of it. Of KindRead it is the last one read. 0 of what is no message.
	Seq int64 `json:"seq,omitempty"`
	// After is, of KindRead, the last message that was read before.
	After int64 `json:"after,omitempty"`
	// Tags is, of KindRead, the tags of what may show it, the latest first, with
	// spaces between.
	Tags string `json:"tags,omitempty"`
	// Summary is, of KindRead, the ID of the summary of which all is read by that, if
	// any.
	Summary  string          `json:"summary,omitempty"`
	Priority chat.Priority   `json:"priority"`
	Push     chat.PushConfig `json:"push"`
	CallEnd  CallEnd         `json:"callEnd,omitempty"` // of KindCallEnd
	// Bundle is, of several messages told of together, what is said of them: how many
	// there are. The rest is that of the last of them.
	Bundle string `json:"bundle,omitempty"`
	// Count is that number, and that of a summary, and More whether there are more than
	// that. What says it here is English: a device is told in its language. 0: in a
	// batch of an older version, which is told as it is.
	Count int  `json:"count,omitempty"`
	More  bool `json:"more,omitempty"`
	// Digest: it was made when a window ended, of messages that are older.
	Digest bool `json:"digest,omitempty"`
	// Held is, of KindSummary, the messages it counts.
	Held *Held `json:"held,omitempty"`
	// Filter is which devices ring; nil: any.
	Filter *device.Sealed `json:"filter,omitempty"`
	// Collapse is the tag where the sender chose what is replaced; else it is ID.
	Collapse string `json:"collapse,omitempty"`
	// CreatedAt and ExpiresAt are the server's clock in milliseconds since 1970. Of a
	// change of a message CreatedAt is its ChangedAt.
	CreatedAt int64 `json:"createdAt"`
	ExpiresAt int64 `json:"expiresAt"`
}

// Held is messages that quiet hours held back: the OrderKey of the last one of each
// conversation, by cid. Who has read all of them is not told.
type Held struct {
	Last map[string]int64 `json:"last"`
}

// OfMessage announces m, which has a push configuration, for ttl.
func OfMessage(m chat.Message, ttl time.Duration) Announcement {
	a := Announcement{
		Kind: KindMessage, ID: m.MessageID, SenderUserID: m.SenderUserID,
		CID: m.CID(), ConversationID: m.ConversationID, ConversationType: m.ConversationType,
		Seq: m.OrderKey, Priority: m.Priority, Push: *m.Push, Filter: m.DeviceFilter,
		CreatedAt: m.Timestamp, ExpiresAt: m.Timestamp + ttl.Milliseconds(),
	}
	if m.ConversationType == chat.Peer {
		a.ConversationID = m.SenderUserID
	}
	if m.CollapseID != "" {
		// By conversation and sender: nobody replaces another's.
		a.Collapse = docid.New("collapse", a.CID, m.SenderUserID, m.CollapseID)
	}
	return a
}

// Withdraws reports whether a takes away what is shown, and shows nothing itself.
func (a Announcement) Withdraws() bool { return a.Kind.Ends() && a.Push.Silent }

// Tells reports whether a shows a message, alone or with others: what is taken away
// once that is read.
func (a Announcement) Tells() bool { return a.Kind == KindMessage && !a.Push.Silent && a.Seq > 0 }

// Tag is the tag of the notification: a device shows one of a tag, the latest.
func (a Announcement) Tag() string { return cmp.Or(a.Collapse, a.ID) }

// Expired reports whether what a announces is over at now.
func (a Announcement) Expired(now time.Time) bool { return now.UnixMilli() >= a.ExpiresAt }

// TTL is how long FCM may keep a push for a, seen from now: whole seconds, 0 to
// four weeks (FCM REST reference, AndroidConfig.ttl).
func (a Announcement) TTL(now time.Time) time.Duration {
	left := time.Duration(a.ExpiresAt-now.UnixMilli()) * time.Millisecond
	return min(max(left, 0), 4*7*24*time.Hour).Truncate(time.Second)
}

// Worded reports whether what a device with the privacy is told may depend on its
// language: by a resource, or in Doorbell's own words.
func (a Announcement) Worded(p device.Privacy) bool {
	return a.Push.ResourcesID != "" || a.Kind.OfCall() || a.speaks(p)
}

// Target is one device a batch goes to.
type Target struct {
	UserID   string          `json:"u"`
	PushID   string          `json:"p"`
	Platform device.Platform `json:"f"`
	Kind     string          `json:"k"`
	Value    string          `json:"v"`
	Badge    int             `json:"b,omitempty"` // the icon's number before this push, as the user's app set it; 0: it didn't
	// Counted: Unread is how much the user has not read, and the number that goes with
	// the push. It is counted when the push leaves, so a batch doesn't have it.
	Counted bool `json:"-"`
	Unread  int  `json:"-"`
	// Mentioned and Insisted say why the message may ring its user; see
	// plan.Receiver.
	Mentioned bool `json:"m,omitempty"`
	Insisted  bool `json:"i,omitempty"`
	// Gen is, of a call's push, which of the user's invitations to the call it is
	// about, from 1 (call.User).
	Gen int `json:"g,omitempty"`
	// Privacy is how much of the announcement the device is told; empty: all.
	Privacy device.Privacy `json:"y,omitempty"`
	// DataOnly: an Android app that shows its pushes itself.
	DataOnly bool `json:"d,omitempty"`
	// Locale is the device's language (BCP 47), where what it shows may depend on
	// it: see Announcement.Worded.
	Locale string `json:"l,omitempty"`
}

// Device is the FCM target t was planned for.
func (t Target) Device() device.Target { return device.Target{Kind: t.Kind, Value: t.Value} }

// MaxBatch is how many targets a batch holds: the most FCM's batch calls took
// (Admin SDK, SendEach) and some 150 kB as a Pub/Sub message of at most 10 MB.
const MaxBatch = 500

// Batch is one Pub/Sub message: an announcement and the devices to tell.
type Batch struct {
	// ID is the same whenever the same part of the same fan-out is planned
	// again; the ledger entry under it is why that sends nothing twice.
	ID           string       `json:"id"`
	Announcement Announcement `json:"announcement"`
	Targets      []Target     `json:"targets"`
	PlannedAt    int64        `json:"plannedAt"` // ms since 1970, before presence was read
	// Bulk: one of many batches that a fan-out makes.
	Bulk bool `json:"bulk,omitempty"`
}

// PushIDs is the devices b is to tell.
func (b Batch) PushIDs() []string {
	ids := make([]string, len(b.Targets))
	for i, t := range b.Targets {
		ids[i] = t.PushID
	}
	return ids
}

// UserIDs is whose devices b is to tell, each once, sorted.
func (b Batch) UserIDs() []string {
	ids := make([]string, len(b.Targets))
	for i, t := range b.Targets {
		ids[i] = t.UserID
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// BatchID is the ID of the batch number index of a part of the fan-out of what has
// an ID.
func BatchID(k Kind, id, part string, index int) string {
	return docid.New("batch", string(k), id, part, strconv.Itoa(index))
}

// LapsedPart is the part of a fan-out that rings the user's devices which turned
// out not to have been online.
func LapsedPart(userID string) string { return "lapsed " + userID }

// BundlePart is the part of a fan-out that tells the user of a message together with
// those before it.
func BundlePart(userID string) string { return "bundle " + userID }

// NewBatch is the batch number index of a part of a fan-out.
func NewBatch(a Announcement, part string, index int, targets []Target, now time.Time) Batch {
	return Batch{
		ID:           BatchID(a.Kind, a.ID, part, index),
		Announcement: a, Targets: targets, PlannedAt: now.UnixMilli(),
	}
}

// Urgent reports whether b must not wait behind others: what announces a call
// or has priority 3. A full batch, and one of many, is a part of a message to a
// great many: that is what the others would wait behind.
func (b Batch) Urgent() bool {
	return b.Announcement.Priority == chat.High && !b.Bulk && len(b.Targets) < MaxBatch
}

// Batches splits targets into batches. part names the part of the fan-out they
// come from, empty for all of it.
func Batches(a Announcement, part string, targets []Target, now time.Time) []Batch {
	var out []Batch
	for i := 0; len(targets) > 0; i++ {
		n := min(len(targets), MaxBatch)
		out = append(out, NewBatch(a, part, i, targets[:n], now))
		targets = targets[n:]
	}
	for i := range out {
		out[i].Bulk = len(out) > 1
	}
	return out
}
