package store

import (
	"context"
	"errors"

	"cloud.google.com/go/firestore"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/revision"
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
	err = s.transact(ctx, m.CID(), func(ctx context.Context, tx *firestore.Transaction) error {
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

// ChangeMessage implements revision.Store: a read, of a group's message up to four,
// and where f changes it a write, of a Peer conversation two.
func (s *Firestore) ChangeMessage(ctx context.Context, t chat.ConversationType, cid, messageID, caller string, f func(revision.Stored) (*chat.Message, error)) (err error) {
	defer fault.Wrap(&err, "change message %s", messageID)
	ref := s.messages(cid).Doc(messageID)
	return s.transact(ctx, cid, func(ctx context.Context, tx *firestore.Transaction) error {
		var w revision.Stored
		m := chat.Message{}
		_, found, err := read(ctx, tx, ref, &m)
		if err != nil {
			return err
		}
		if found {
			w.Message = &m
		}
		if t == chat.Group {
			docs, err := tx.GetAll(s.groupRefs(cid, involved(caller, w.Message)))
			if err != nil {
				return err
			}
			if w.Group, w.Members, err = decodeGroup(docs); err != nil {
				return err
			}
		}
		next, err := f(w)
		if err != nil || next == nil {
			return err
		}
		if t == chat.Peer {
			if err := tx.Update(s.conversation(cid), []firestore.Update{{Path: "changedAt", Value: next.ChangedAt}}); err != nil {
				return err
			}
		}
		return tx.Set(ref, next)
	})
}

// involved is whose memberships say who may change a group's message.
func involved(caller string, m *chat.Message) []string {
	if m == nil || m.SenderUserID == caller {
		return []string{caller}
	}
	return []string{caller, m.SenderUserID}
}

// Message implements dispatch.Messages: one read.
func (s *Firestore) Message(ctx context.Context, cid, messageID string) (_ *chat.Message, err error) {
	defer fault.Wrap(&err, "read message %s", messageID)
	m := &chat.Message{}
	_, found, err := read(ctx, nil, s.messages(cid).Doc(messageID), m)
	if err != nil || !found {
		return nil, err
	}
	return m, nil
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
