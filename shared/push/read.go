package push

import (
	"strconv"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/docid"
)

// Reading is how far a user has read a conversation.
type Reading struct {
	UserID           string
	CID              string
	ConversationID   string // that the user knows it by
	ConversationType chat.ConversationType
	Seq              int64 // the OrderKey of the last message read
}

// Part is the part of what is told of a user's reading that r is.
func (r Reading) Part() string { return strconv.FormatInt(r.Seq, 10) }

// OfRead announces, for ttl, that what a conversation showed up to r.Seq is to be
// taken away, where the user had read it up to after before. Its ID is that of the
// user in the conversation: where a device is off, the last reading is all it needs.
func OfRead(r Reading, after int64, now time.Time, ttl time.Duration) Announcement {
	return Announcement{
		Kind: KindRead, ID: docid.New("read", r.UserID, r.CID),
		CID: r.CID, ConversationID: r.ConversationID, ConversationType: r.ConversationType,
		Seq: r.Seq, After: after, Priority: chat.Medium, Push: chat.PushConfig{Silent: true},
		CreatedAt: now.UnixMilli(), ExpiresAt: now.Add(ttl).UnixMilli(),
	}
}
