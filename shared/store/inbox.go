package store

import (
	"context"
	"time"

	"cloud.google.com/go/firestore"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/inbox"
)

// What package inbox asks needs one composite index, of conversations: members
// (array), lastAt descending. By single fields, with collection scope: orderKey
// and timestamp of messages, ascending and orderKey descending too; ringing
// (array) of calls. These must not be exempt from indexing. The index on lastAt
// grows with the clock, behind a user's ID each.

// Peers implements inbox.Store with one query, which Firestore answers as of one
// moment: a read for each, and at least one.
func (s *Firestore) Peers(ctx context.Context, userID string, since int64) (_ []chat.Conversation, err error) {
	defer fault.Wrap(&err, "list conversations")
	q := s.peers(userID).Where("lastAt", ">", time.UnixMilli(since)).OrderBy("lastAt", firestore.Desc)
	return decodeAll[chat.Conversation](q.Documents(ctx).GetAll())
}

func (s *Firestore) peers(userID string) firestore.Query {
	return s.client.Collection(conversationsCollection).Where("members", "array-contains", userID)
}

// LatestPeers implements inbox.Store with one query.
func (s *Firestore) LatestPeers(ctx context.Context, userID string, after *inbox.Place, limit int) (_ []chat.Conversation, err error) {
	defer fault.Wrap(&err, "list conversations")
	q := s.peers(userID).OrderBy("lastAt", firestore.Desc).OrderBy(firestore.DocumentID, firestore.Desc).Limit(limit)
	if after != nil {
		q = q.StartAfter(time.UnixMilli(after.LastAt), after.CID)
	}
	return decodeAll[chat.Conversation](q.Documents(ctx).GetAll())
}

func (s *Firestore) messages(cid string) *firestore.CollectionRef {
	return s.conversation(cid).Collection(messagesCollection)
}

// MessagesAfter implements inbox.Store with one query.
func (s *Firestore) MessagesAfter(ctx context.Context, cid string, seq int64, limit int) (_ []chat.Message, err error) {
	defer fault.Wrap(&err, "read messages of %s", cid)
	q := s.messages(cid).Where("orderKey", ">", seq).OrderBy("orderKey", firestore.Asc).Limit(limit)
	return decodeAll[chat.Message](q.Documents(ctx).GetAll())
}

// MessagesSince implements inbox.Store with one query.
func (s *Firestore) MessagesSince(ctx context.Context, cid string, since int64, limit int) (_ []chat.Message, err error) {
	defer fault.Wrap(&err, "read messages of %s", cid)
	q := s.messages(cid).Where("timestamp", ">", since).OrderBy("timestamp", firestore.Asc).Limit(limit)
	return decodeAll[chat.Message](q.Documents(ctx).GetAll())
}

// MessagesBefore implements inbox.Store with one query.
func (s *Firestore) MessagesBefore(ctx context.Context, cid string, seq int64, limit int) (_ []chat.Message, err error) {
	defer fault.Wrap(&err, "read messages of %s", cid)
	q := s.messages(cid).Where("orderKey", "<", seq).OrderBy("orderKey", firestore.Desc).Limit(limit)
	return decodeAll[chat.Message](q.Documents(ctx).GetAll())
}

// LastMessages implements inbox.Store with one batched get.
func (s *Firestore) LastMessages(ctx context.Context, byCID map[string]string) (_ map[string]chat.Message, err error) {
	defer fault.Wrap(&err, "read %d messages", len(byCID))
	var refs []*firestore.DocumentRef
	for cid, id := range byCID {
		refs = append(refs, s.messages(cid).Doc(id))
	}
	docs, err := s.client.GetAll(ctx, refs)
	if err != nil {
		return nil, err
	}
	out := map[string]chat.Message{}
	for _, doc := range docs {
		if !doc.Exists() {
			continue
		}
		var m chat.Message
		if err := doc.DataTo(&m); err != nil {
			return nil, err
		}
		out[doc.Ref.Parent.Parent.ID] = m
	}
	return out, nil
}

// SetRead implements inbox.Store: one batched get of one document, of a group
// two, and one write where the position changes.
func (s *Firestore) SetRead(ctx context.Context, t chat.ConversationType, cid, userID string, f func(*chat.Conversation, *group.Member) (int64, error)) (err error) {
	defer fault.Wrap(&err, "read conversation %s", cid)
	var members []string
	if t == chat.Group {
		members = []string{userID}
	}
	return s.transact(ctx, cid, func(_ context.Context, tx *firestore.Transaction) error {
		docs, err := tx.GetAll(s.groupRefs(cid, members))
		if err != nil {
			return err
		}
		c, found, err := decodeGroup(docs)
		if err != nil {
			return err
		}
		m, ok := found[userID]
		if !ok {
			seq, err := f(c, nil)
			if err != nil || seq == c.Read[userID] {
				return err
			}
			return tx.Update(s.conversation(cid), []firestore.Update{{FieldPath: firestore.FieldPath{"read", userID}, Value: seq}})
		}
		seq, err := f(c, &m)
		if err != nil || seq == m.ReadSeq {
			return err
		}
		return tx.Update(s.member(cid, userID), []firestore.Update{{Path: "readSeq", Value: seq}})
	})
}

// RingingCalls implements inbox.Store with one query.
func (s *Firestore) RingingCalls(ctx context.Context, userID string, limit int) (_ []call.Call, err error) {
	defer fault.Wrap(&err, "list ringing calls")
	q := s.client.Collection(callsCollection).Where("ringing", "array-contains", userID).Limit(limit)
	return decodeAll[call.Call](q.Documents(ctx).GetAll())
}

// decodeAll decodes the documents of a query.
func decodeAll[T any](docs []*firestore.DocumentSnapshot, err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	out := make([]T, len(docs))
	for i, doc := range docs {
		if err := doc.DataTo(&out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}
