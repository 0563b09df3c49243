package inbox

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// Tolerance is how much older than a page a message may be that the page could
// not show yet: the difference of the clocks of the instance that answered and
// the one that stored it, and the time a send takes from its look at the clock
// to its commit (bounded by a request's 20 seconds). Cloud Run keeps clocks far
// closer.
const Tolerance = 5 * time.Minute

// Limits of a cursor.
const (
	MaxPositions   = 1000
	MaxCursorBytes = 64 << 10 // MaxPositions need some 52,000
)

// cursor is what a client has: of each of its user's conversations, the
// messages up to some position. There may be thousands of conversations, so a
// cursor lists the positions of the few that were active lately and has one
// bound for all others. It rests on two facts:
//
//	(1) In a conversation, times grow strictly with the OrderKey, which has no
//	    gaps (chat.Conversation.Append). So a time is a position, and what comes
//	    after it stays after it.
//	(2) Who reads when its clock says R sees all messages there will ever be with
//	    a time ≤ R − Tolerance.
//
// and keeps this promise:
//
//	(P) Of a listed conversation the client has what lies up to at[cid], of any
//	    other what has a time ≤ bound, and nothing else.
//
// "Has" stands for messages that are none of its business too: those before the
// user joined a group.
//
// Pages keep (P), see next. A page holds messages in the order of their times
// and is asked for when the clock says R.
//
//   - The last page: all visible messages are on it or on an earlier one. Let
//     bound = R − Tolerance and list what has a position after it. Of another
//     conversation everything visible is ≤ bound and had, and by (2) nothing
//     ≤ bound comes to be.
//   - A page that breaks off behind a message of time T: let bound =
//     min(T, R) − Tolerance and list what has a position after it. Of another
//     conversation the client has nothing after bound, and everything up to it:
//     what was visible is ≤ T and was next in order; the rest is (2) again.
//
// In both a listed conversation goes on right after its position, by (1), however
// wrong the clocks. A message that becomes visible after a page, with a time
// before the page's end, is of a conversation with a position before that time
// (listed or not), so it comes with a later page: late, once, and in the order
// of its conversation. A cursor used twice promises the same both times: the
// second page has what the first had, and what has become visible since.
//
// Where more than MaxPositions conversations were active within Tolerance, bound
// rises to the last position that finds no room. (P) holds as before; (2) then
// for clocks and sends that differ by less than the time those MaxPositions span.
//
// The first run, from no cursor to the last page, is for what is unread. Until it
// comes to a conversation, what the user has read of it is none of its business;
// from then on it lists the conversation to the run's end, however old its
// position, so that what another device reads meanwhile leaves no gap.
type cursor struct {
	bound int64
	at    map[string]int64 // by cid
	first bool             // the first run isn't over
}

// next is the cursor after a page asked for at now whose last message is of the
// time last. at is the position of the conversations that the page, or one
// before it that c lists, came to; of the last page, of all. more says that the
// page broke off.
func (c cursor) next(now, last int64, more bool, at map[string]int64) cursor {
	seen := now
	if more {
		seen = min(now, last)
	}
	out := cursor{bound: max(c.bound, seen-Tolerance.Milliseconds()), at: maps.Clone(at), first: c.first && more}
	if !out.first {
		out.drop(out.bound)
	}
	if len(out.at) > MaxPositions {
		newest := slices.SortedFunc(maps.Values(out.at), func(a, b int64) int { return cmp.Compare(b, a) })
		out.drop(newest[MaxPositions])
		out.bound = max(out.bound, newest[MaxPositions])
	}
	return out
}

// drop drops the positions up to a time.
func (c cursor) drop(upTo int64) {
	maps.DeleteFunc(c.at, func(_ string, at int64) bool { return at <= upTo })
}

// wire is a cursor as JSON.
type wire struct {
	Version int              `json:"v"`
	User    string           `json:"u"`
	Bound   int64            `json:"b"`
	First   bool             `json:"f,omitempty"`
	At      map[string]int64 `json:"p,omitempty"` // later than Bound by this, by cid
}

const cursorVersion = 1

// userMark ties a cursor to its user. What a cursor says of others'
// conversations is not looked at: this is to find mix-ups, not a secret.
func userMark(userID string) string { return docid.New("cursor", userID)[:8] }

// encode is c as the client keeps it.
func (c cursor) encode(userID string) string {
	w := wire{Version: cursorVersion, User: userMark(userID), Bound: c.bound, First: c.first}
	if len(c.at) > 0 {
		w.At = make(map[string]int64, len(c.at))
	}
	for cid, at := range c.at {
		w.At[cid] = at - c.bound
	}
	b, err := json.Marshal(w)
	if err != nil {
		panic(err) // nothing in it that JSON can't say
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

var cidPattern = regexp.MustCompile(`^[a-z2-7]{26}$`)

// maxAhead bounds a position's distance from the bound, in milliseconds: a
// clock may be wrong, but not by a century.
const maxAhead = 100 * 365 * 24 * 3600 * 1000

// decodeCursor is the cursor that encode made for userID, or for an empty text
// the one that a client starts with. Only what encode writes is taken.
func decodeCursor(text, userID string, now time.Time) (cursor, error) {
	if text == "" {
		return cursor{first: true}, nil
	}
	none := fault.Invalid("cursor", "is none that was answered to you: give back the one of the page before, or none to start with what is unread")
	if len(text) > MaxCursorBytes {
		return cursor{}, none
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return cursor{}, none
	}
	var w wire
	if json.Unmarshal(b, &w) != nil {
		return cursor{}, none
	}
	c := cursor{bound: w.Bound, at: map[string]int64{}, first: w.First}
	if w.Version != cursorVersion || w.User != userMark(userID) || len(w.At) > MaxPositions ||
		w.Bound < 0 || w.Bound > now.UnixMilli() {
		return cursor{}, none
	}
	for cid, ahead := range w.At {
		if !cidPattern.MatchString(cid) || ahead > maxAhead || ahead < -w.Bound || ahead < 1 && !w.First {
			return cursor{}, none
		}
		c.at[cid] = c.bound + ahead
	}
	// Another spelling of the same (spaces, a name twice, fields we don't know,
	// something after the end) is nothing that encode writes.
	if c.encode(userID) != text {
		return cursor{}, none
	}
	return c, nil
}
