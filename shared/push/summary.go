package push

import (
	"strconv"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/docid"
)

// SummaryResource is the resourcesID of summaries: an operator who has such a resource
// says by it how they look and in which words.
const SummaryResource = "summary"

// OfHeld announces to userID, for ttl, the messages that their quiet hours held
// back and that they have not read: how many there are, or that there are more than
// that, and the last one of each conversation, by cid. until is when the hours
// ended; there is one such announcement of a user and a time.
func OfHeld(userID string, count int, more bool, last map[string]int64, until time.Time, ttl time.Duration) Announcement {
	at, said := until.UnixMilli(), dictionary[0].summary(count, more)
	said.ResourcesID = SummaryResource
	return Announcement{
		Kind: KindSummary, ID: docid.New("summary", userID, strconv.FormatInt(at, 10)), CID: docid.New("summaries", userID),
		Priority: chat.Medium, Push: said,
		Count: count, More: more, Held: &Held{Last: last}, CreatedAt: at, ExpiresAt: at + ttl.Milliseconds(),
	}
}

// summary is what a summary of so many messages says, to anyone: how many there are,
// and not what.
func (w words) summary(count int, more bool) chat.PushConfig {
	return chat.PushConfig{Title: w.counting(w.unread, count, more), Content: w.counting(w.held, count, more)}
}
