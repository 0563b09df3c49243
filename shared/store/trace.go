package store

import (
	"context"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// FindMessage is the message with the given ID in whichever conversation, nil if
// there is none: one read. It needs messageID indexed with collection-group
// scope.
func (s *Firestore) FindMessage(ctx context.Context, messageID string) (_ *chat.Message, err error) {
	defer fault.Wrap(&err, "find message %s", messageID)
	docs, err := s.client.CollectionGroup(messagesCollection).Where("messageID", "==", messageID).Limit(1).Documents(ctx).GetAll()
	if err != nil || len(docs) == 0 {
		return nil, err
	}
	m := &chat.Message{}
	return m, docs[0].DataTo(m)
}
