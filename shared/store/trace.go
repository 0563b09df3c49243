package store

import (
	"context"
	"log/slog"
	"slices"

	"cloud.google.com/go/firestore"
	"google.golang.org/grpc/codes"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/receipt"
	"github.com/doorbell-push/doorbell/shared/trace"
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

// takenMost is how many keys a query may name (array-contains-any).
const takenMost = 30

// Taken implements trace.Store: for each takenMost keys a request, and in it a read for
// each entry and at least one. It needs took indexed by itself: while that index is
// being made, as it is for minutes after the update that brings it, nothing is known of
// it, which the log says. The rest of a story is worth more.
func (s *Firestore) Taken(ctx context.Context, keys []string) (out []delivery.Entry, err error) {
	defer fault.Wrap(&err, "read what was taken away")
	known := map[string]bool{}
	for some := range slices.Chunk(keys, takenMost) {
		docs, err := s.client.Collection(deliveriesCollection).Where("took", "array-contains-any", some).Documents(ctx).GetAll()
		if code(err) == codes.FailedPrecondition {
			slog.WarnContext(ctx, "not known what was taken away: Firestore has no index yet", "error", err)
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		entries, err := entriesOf(docs)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if !known[e.ID] {
				known[e.ID], out = true, append(out, e)
			}
		}
	}
	return out, nil
}

// Aftermath implements trace.Store: in one request, a read for each shard of the
// receipts, for each user, and for the call where one is asked for.
func (s *Firestore) Aftermath(ctx context.Context, subjectID, callID string, userIDs []string) (a trace.Aftermath, err error) {
	defer fault.Wrap(&err, "read what became of %s", subjectID)
	refs := receiptRefs(s, subjectID)
	for _, id := range userIDs {
		refs = append(refs, s.doc(presenceCollection, id))
	}
	if callID != "" {
		refs = append(refs, s.doc(callsCollection, call.ID(callID)))
	}
	docs, err := s.client.GetAll(ctx, refs)
	if err != nil {
		return a, err
	}
	a = trace.Aftermath{Told: map[string][]receipt.Receipt{}, Users: map[string]*presence.User{}}
	for _, doc := range docs {
		if !doc.Exists() {
			continue
		}
		switch doc.Ref.Parent.ID {
		case receiptsCollection:
			var d receiptDoc
			if err := doc.DataTo(&d); err != nil {
				return a, err
			}
			d.tell(subjectID, a.Told)
		case presenceCollection:
			u := &presence.User{UserID: doc.Ref.ID}
			if err := doc.DataTo(u); err != nil {
				return a, err
			}
			a.Users[u.UserID] = u
		case callsCollection:
			a.Call = &call.Call{}
			if err := doc.DataTo(a.Call); err != nil {
				return a, err
			}
		}
	}
	return a, nil
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
