package store

import (
	"context"

	"cloud.google.com/go/firestore"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
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

// Owners is up to limit owners of FCM targets, by the target's hash, from the one
// behind after on: a read each.
func (s *Firestore) Owners(ctx context.Context, after string, limit int) (_ map[string]presence.Owner, err error) {
	defer fault.Wrap(&err, "list owners")
	q := s.client.Collection(tokensCollection).OrderBy(firestore.DocumentID, firestore.Asc).Limit(limit)
	if after != "" {
		q = q.StartAfter(after)
	}
	docs, err := q.Documents(ctx).GetAll()
	if err != nil {
		return nil, err
	}
	out := make(map[string]presence.Owner, len(docs))
	for _, doc := range docs {
		var o presence.Owner
		if err := doc.DataTo(&o); err != nil {
			return nil, err
		}
		out[doc.Ref.ID] = o
	}
	return out, nil
}
