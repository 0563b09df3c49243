package inbox

import (
	"context"
	"slices"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// HistoryRequest is the body of `messages`: ZIM's queryHistoryMessage.
type HistoryRequest struct {
	ConversationID   string                 `json:"conversationID"`
	ConversationType *chat.ConversationType `json:"conversationType"`
	// NextMessageSeq is the page's first message in the direction of reading: the
	// last answer's, or 0 for the newest (Reverse) or the oldest.
	NextMessageSeq int64 `json:"nextMessageSeq"`
	Count          *int  `json:"count"`   // 1 to MaxListCount; left out: MaxListCount
	Reverse        bool  `json:"reverse"` // towards older messages
}

// HistoryAnswer is ZIM's ZIMMessageQueriedResult. Its messages are in order,
// whichever way they were read.
type HistoryAnswer struct {
	ConversationID   string                `json:"conversationID"`
	ConversationType chat.ConversationType `json:"conversationType"`
	MessageList      []chat.Sent           `json:"messageList"`
	NextMessageSeq   int64                 `json:"nextMessageSeq"` // 0: there is no more that way
}

// History is a page of a conversation's messages by their OrderKeys. A group's
// members read all of it, as the security rules have it, those before they
// joined included. Cost: a read for the conversation, of a group two, and one
// for each message.
func (s *Service) History(ctx context.Context, caller string, r *HistoryRequest) (out HistoryAnswer, err error) {
	defer fault.Wrap(&err, "messages for %q", caller)
	cid, err := address(caller, r.ConversationID, r.ConversationType)
	if err != nil {
		return out, err
	}
	count, err := checkCount(r.Count, MaxListCount)
	if err != nil {
		return out, err
	}
	if r.NextMessageSeq < 0 {
		return out, fault.Invalid("nextMessageSeq", "is negative: give 0, or the nextMessageSeq of the page before")
	}
	b, err := s.open(ctx, caller, cid, *r.ConversationType)
	if err != nil {
		return out, err
	}
	var messages []chat.Message
	if r.Reverse {
		from := b.c.LastSeq
		if r.NextMessageSeq > 0 {
			from = min(from, r.NextMessageSeq)
		}
		messages, err = s.Store.MessagesBefore(ctx, cid, from+1, count)
		slices.Reverse(messages)
	} else {
		messages, err = s.Store.MessagesAfter(ctx, cid, max(r.NextMessageSeq, 1)-1, count)
	}
	if err != nil {
		return out, err
	}
	out = HistoryAnswer{r.ConversationID, *r.ConversationType, make([]chat.Sent, len(messages)), 0}
	for i, m := range messages {
		out.MessageList[i] = m.For(caller)
	}
	if len(messages) == count {
		out.NextMessageSeq = beyond(messages, r.Reverse, b.c.LastSeq)
	}
	return out, nil
}

// beyond is the OrderKey that comes after a full page of a conversation whose
// last is lastSeq, 0 if there is none.
func beyond(messages []chat.Message, reverse bool, lastSeq int64) int64 {
	first, last := messages[0].OrderKey, messages[len(messages)-1].OrderKey
	switch {
	case reverse:
		return first - 1
	case last < lastSeq:
		return last + 1
	}
	return 0
}

// open is the conversation as caller has it, read anew.
func (s *Service) open(ctx context.Context, caller, cid string, t chat.ConversationType) (*box, error) {
	var asked []string
	if t == chat.Group {
		asked = []string{caller}
	}
	c, members, err := s.Store.ReadGroup(ctx, cid, asked)
	if err != nil {
		return nil, err
	}
	if m, ok := members[caller]; ok {
		return seen(caller, cid, t, c, &m)
	}
	return seen(caller, cid, t, c, nil)
}
