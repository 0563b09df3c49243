package inbox

import (
	"context"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// Limits of a page of messages.
const (
	DefaultCount = 100
	MaxCount     = 500
)

// SyncRequest is the body of `sync`.
type SyncRequest struct {
	Cursor string `json:"cursor"` // the last answer's; empty: begin with what is unread
	Count  *int   `json:"count"`  // 1 to MaxCount; left out: DefaultCount
	// OnlineSince is when the client came online, ms since 1970: what is older is
	// an offline message. 0: now.
	OnlineSince int64 `json:"onlineSince"`
}

// SyncAnswer is the answer of `sync`. Times are ms since 1970.
type SyncAnswer struct {
	MessageList []Item `json:"messageList"`
	Cursor      string `json:"cursor"`
	HasMore     bool   `json:"hasMore"` // ask again at once
	// ConversationList is the conversations of MessageList, in that order.
	ConversationList []Info    `json:"conversationList"`
	CallList         []Ringing `json:"callList"`
	ServerTime       int64     `json:"serverTime"`
}

// Item is a message of a page.
type Item struct {
	chat.Sent
	IsOfflineMessage bool `json:"isOfflineMessage"`
}

func (r *SyncRequest) check() (count int, err error) {
	if r.OnlineSince < 0 {
		return 0, fault.Invalid("onlineSince", "is negative: give milliseconds since 1970, or 0 for now")
	}
	return checkCount(r.Count, MaxCount)
}

// checkCount is the count asked for, or the default.
func checkCount(n *int, most int) (int, error) {
	switch {
	case n == nil:
		return min(DefaultCount, most), nil
	case *n < 1 || *n > most:
		return 0, fault.Invalid("count", "is %d: 1 to %d", *n, most)
	}
	return *n, nil
}

// Sync is a page of what userID's client doesn't have yet, by the cursor it
// gives; see there for why nothing is missing and nothing comes twice. The
// user's own messages are among it, since another device may have sent them.
//
// It is safe to repeat: it writes nothing, and a cursor means the same however
// often it is used. Cost in reads: see boxes and merge; with messages on the
// page a read of the user's presence, and at least one for the calls.
func (s *Service) Sync(ctx context.Context, userID string, r *SyncRequest) (_ SyncAnswer, err error) {
	defer fault.Wrap(&err, "sync of %q", userID)
	now := s.Now() // before anything is read: see cursor
	count, err := r.check()
	if err != nil {
		return SyncAnswer{}, err
	}
	cur, err := decodeCursor(r.Cursor, userID, now)
	if err != nil {
		return SyncAnswer{}, err
	}
	all, err := s.boxes(ctx, userID, cur.bound)
	if err != nil {
		return SyncAnswer{}, err
	}
	p := newPage(cur, all)
	if err := p.read(ctx, s.Store, count); err != nil {
		return SyncAnswer{}, err
	}
	answer := SyncAnswer{
		MessageList: p.items(userID, offlineBefore(r.OnlineSince, now)), HasMore: p.more,
		Cursor: p.cursor(now.UnixMilli()).encode(userID), ServerTime: now.UnixMilli(),
	}
	if answer.ConversationList, err = s.infos(ctx, userID, p.boxes()); err != nil {
		return SyncAnswer{}, err
	}
	answer.CallList, err = s.ringing(ctx, userID, now)
	return answer, err
}

// offlineBefore is the time from which on messages came while the client was
// online.
func offlineBefore(onlineSince int64, now time.Time) int64 {
	if onlineSince == 0 {
		return now.UnixMilli()
	}
	return onlineSince
}

// page is a page of messages in the making.
type page struct {
	from     cursor
	streams  []*stream // of all conversations
	messages []chat.Message
	shown    []*stream // those with a message on the page, in order
	more     bool
}

// newPage has a stream from where the cursor is in each conversation.
func newPage(from cursor, all []*box) *page {
	p := &page{from: from}
	for _, b := range all {
		after, listed := from.at[b.cid]
		above := b.joinSeq()
		if !listed {
			after = from.bound
			if from.first {
				above = max(above, b.readSeq())
			}
		}
		p.streams = append(p.streams, newStream(b, after, above))
	}
	return p
}

// read has up to count messages on the page.
func (p *page) read(ctx context.Context, store Store, count int) (err error) {
	var pending []*stream
	for _, s := range p.streams {
		if s.pending() {
			pending = append(pending, s)
		}
	}
	size, shown := 0, map[*stream]bool{}
	p.more, err = merge(ctx, store, pending, count, func(s *stream, m chat.Message) bool {
		p.messages = append(p.messages, m)
		if !shown[s] {
			shown[s] = true
			p.shown = append(p.shown, s)
		}
		if m.OrderKey > s.c.LastSeq { // it came after the conversation was read
			s.c.LastSeq, s.c.LastAt = m.OrderKey, time.UnixMilli(m.Timestamp)
		}
		size += len(m.Message) + len(m.ExtendedData)
		return size < maxPageBytes
	})
	return err
}

// cursor is the one after the page, which was asked for at now.
func (p *page) cursor(now int64) cursor {
	at := map[string]int64{}
	for _, s := range p.streams {
		_, listed := p.from.at[s.cid]
		switch {
		case !p.more: // what was passed over or has expired is behind the client too
			at[s.cid] = max(s.at, s.c.LastAt.UnixMilli())
		case listed || s.at > p.from.bound:
			at[s.cid] = s.at
		}
	}
	last := int64(0)
	if len(p.messages) > 0 {
		last = p.messages[len(p.messages)-1].Timestamp
	}
	return p.from.next(now, last, p.more, at)
}

func (p *page) items(userID string, offlineBefore int64) []Item {
	out := make([]Item, len(p.messages))
	for i, m := range p.messages {
		out[i] = Item{Sent: m.For(userID), IsOfflineMessage: m.Timestamp < offlineBefore}
	}
	return out
}

func (p *page) boxes() []*box {
	out := make([]*box, len(p.shown))
	for i, s := range p.shown {
		out[i] = s.box
	}
	return out
}
