package store

import (
	"context"
	"time"

	"cloud.google.com/go/firestore"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
)

func (s *Firestore) conversation(cid string) *firestore.DocumentRef {
	return s.doc(conversationsCollection, cid)
}

// AddMessage implements chat.Store: one document read and one commit of two
// writes; a repeated message costs a second read.
func (s *Firestore) AddMessage(ctx context.Context, m chat.Message) (_ chat.Message, err error) {
	defer fault.Wrap(&err, "add message %s", m.MessageID)
	conversation := s.conversation(m.CID())
	message := conversation.Collection(messagesCollection).Doc(m.MessageID)
	err = s.client.RunTransaction(ctx, func(ctx context.Context, tx *firestore.Transaction) error {
		c := newConversation(m)
		if _, _, err := read(ctx, tx, conversation, &c); err != nil {
			return err
		}
		m.OrderKey = advance(&c, m)
		if err := tx.Set(conversation, c); err != nil {
			return err
		}
		// Create fails the commit where the message is stored already: the
		// conversation then keeps its LastSeq too.
		return tx.Create(message, m)
	})
	if !isExists(err) {
		return m, err
	}
	stored := chat.Message{}
	_, _, err = read(ctx, nil, message, &stored)
	return stored, err
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

// advance counts m into c and returns its order key.
func advance(c *chat.Conversation, m chat.Message) int64 {
	c.LastSeq++
	c.LastAt = time.UnixMilli(m.Timestamp).UTC()
	return c.LastSeq
}
