package store

import (
	"context"
	"errors"

	"cloud.google.com/go/firestore"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
)

func (s *Firestore) conversation(cid string) *firestore.DocumentRef {
	return s.doc(conversationsCollection, cid)
}

// AddMessage implements chat.Store: one document read, of a group two in one
// batched get, and one commit of two writes; a repeated message costs a second
// read.
func (s *Firestore) AddMessage(ctx context.Context, m chat.Message) (_ chat.Message, err error) {
	defer fault.Wrap(&err, "add message %s", m.MessageID)
	conversation := s.conversation(m.CID())
	message := conversation.Collection(messagesCollection).Doc(m.MessageID)
	err = s.client.RunTransaction(ctx, func(ctx context.Context, tx *firestore.Transaction) error {
		c, read, err := s.addressed(ctx, tx, m)
		if err != nil {
			return err
		}
		c.Append(&m, read)
		if err := tx.Set(conversation, c); err != nil {
			return err
		}
		// Create fails the commit where the message is stored already: the
		// conversation then keeps its LastSeq too.
		return tx.Create(message, m)
	})
	var refused *fault.Error
	if !isExists(err) && !errors.As(err, &refused) {
		return m, err
	}
	// Who is refused may have sent it before they left, and have got no answer.
	stored := chat.Message{}
	_, found, failed := read(ctx, nil, message, &stored)
	if failed == nil && !found && refused != nil {
		return m, err
	}
	return stored, failed
}

// addressed is the conversation m is for, if its sender may send to it, and how
// far they have read a group by their membership.
func (s *Firestore) addressed(ctx context.Context, tx *firestore.Transaction, m chat.Message) (*chat.Conversation, int64, error) {
	if m.ConversationType != chat.Group {
		c := newConversation(m)
		_, _, err := read(ctx, tx, s.conversation(m.CID()), &c)
		return &c, 0, err
	}
	docs, err := tx.GetAll(s.groupRefs(m.CID(), []string{m.SenderUserID}))
	if err != nil {
		return nil, 0, err
	}
	c, members, err := decodeGroup(docs)
	if err != nil {
		return nil, 0, err
	}
	sender, member := members[m.SenderUserID]
	return c, sender.ReadSeq, chat.MaySend(c, m, member)
}

// newConversation is the conversation m starts where there is none yet.
func newConversation(m chat.Message) chat.Conversation {
	c := chat.Conversation{Type: m.ConversationType}
	if m.ConversationType == chat.Peer {
		c.Members = []string{min(m.SenderUserID, m.ConversationID), max(m.SenderUserID, m.ConversationID)}
	} else {
		c.ID = m.ConversationID
	}
	return c
}
