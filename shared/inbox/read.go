package inbox

import (
	"context"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/push"
)

// ReadRequest is the body of `read`: ZIM's clearConversationUnreadMessageCount,
// and up to a message.
type ReadRequest struct {
	ConversationID   string                 `json:"conversationID"`
	ConversationType *chat.ConversationType `json:"conversationType"`
	MessageSeq       int64                  `json:"messageSeq"` // the last one read; 0: all there is
}

// ReadAnswer is the answer of `read`.
type ReadAnswer struct {
	ConversationID     string                `json:"conversationID"`
	ConversationType   chat.ConversationType `json:"conversationType"`
	UnreadMessageCount int64                 `json:"unreadMessageCount"`
}

// address is the cid of the conversation that caller calls by id and t.
func address(caller, id string, t *chat.ConversationType) (cid string, err error) {
	switch {
	case t == nil:
		return "", fault.Invalid("conversationType", "is required: 0 peer, 2 group")
	case *t != chat.Peer && *t != chat.Group:
		return "", fault.Invalid("conversationType", "is %d: give 0 (peer) or 2 (group)", *t)
	}
	if err := chat.CheckID("conversationID", id); err != nil {
		return "", err
	}
	if *t == chat.Peer && id == caller {
		return "", fault.Invalid("conversationID", "is the caller: give the other user's ID")
	}
	return chat.CID(*t, caller, id), nil
}

// seen is the conversation as caller has it, if it is one of theirs. One that
// isn't there and one that they aren't in are answered in the same words.
func seen(caller, cid string, t chat.ConversationType, c *chat.Conversation, m *group.Member) (*box, error) {
	if c == nil || c.Dismissed || (t == chat.Group) != (m != nil) {
		return nil, fault.New(fault.NotFound, fault.ConversationDoesNotExist, "you have no such conversation")
	}
	return &box{cid: cid, userID: caller, c: *c, member: m}, nil
}

// Read moves how far the caller has read a conversation. The position only
// moves forward, and not beyond the last message.
//
// It is safe to repeat, and to die in the middle: the conversation has the
// truth; then the plan is told, so that what is read before its push leaves
// isn't pushed, and what shows it elsewhere is taken away. A repeat finds the first
// done and does the second again. What is lost without one is that a push rings for
// something read, or stays.
func (s *Service) Read(ctx context.Context, caller string, r *ReadRequest) (out ReadAnswer, err error) {
	defer fault.Wrap(&err, "read by %q", caller)
	cid, err := address(caller, r.ConversationID, r.ConversationType)
	if err != nil {
		return out, err
	}
	if r.MessageSeq < 0 {
		return out, fault.Invalid("messageSeq", "is negative: give the messageSeq of the last message read, or 0 for all")
	}
	var position int64
	err = s.Store.SetRead(ctx, *r.ConversationType, cid, caller, func(c *chat.Conversation, m *group.Member) (int64, error) {
		b, err := seen(caller, cid, *r.ConversationType, c, m)
		if err != nil {
			return 0, err
		}
		position = b.readUpTo(r.MessageSeq)
		out = ReadAnswer{r.ConversationID, *r.ConversationType, b.c.LastSeq - position}
		return position, nil
	})
	if err != nil {
		return ReadAnswer{}, err
	}
	return out, s.Reads.MarkRead(ctx, push.Reading{
		UserID: caller, CID: cid, ConversationID: r.ConversationID, ConversationType: *r.ConversationType, Seq: position,
	})
}

// readUpTo is the user's position after they read up to the OrderKey seq, or
// for 0 everything.
func (b *box) readUpTo(seq int64) int64 {
	if seq == 0 {
		seq = b.c.LastSeq
	}
	return max(b.readSeq(), min(seq, b.c.LastSeq))
}
