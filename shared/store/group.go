package store

import (
	"context"

	"cloud.google.com/go/firestore"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
)

// chunk is a document of the roster.
type chunk struct {
	Members map[string]group.Entry `firestore:"members"`
}

func (s *Firestore) member(cid, userID string) *firestore.DocumentRef {
	return s.conversation(cid).Collection(membersCollection).Doc(userID)
}

func (s *Firestore) chunk(cid string, n int) *firestore.DocumentRef {
	return s.conversation(cid).Collection(rosterCollection).Doc(chunkID(n))
}

// ChangeGroup implements group.Store: one batched get of the conversation and
// the members, and one commit with a write for each member and each roster
// chunk that changes.
func (s *Firestore) ChangeGroup(ctx context.Context, cid string, userIDs []string, f func(*chat.Conversation, map[string]group.Member) (*group.Change, error)) (err error) {
	defer fault.Wrap(&err, "change group")
	return s.transact(ctx, cid, func(_ context.Context, tx *firestore.Transaction) error {
		docs, err := tx.GetAll(s.groupRefs(cid, userIDs))
		if err != nil {
			return err
		}
		c, members, err := decodeGroup(docs)
		if err != nil {
			return err
		}
		change, err := f(c, members)
		if err != nil || change == nil {
			return err
		}
		return s.writeGroup(tx, cid, change)
	})
}

// ReadGroup implements group.Store with one batched get.
func (s *Firestore) ReadGroup(ctx context.Context, cid string, userIDs []string) (_ *chat.Conversation, _ map[string]group.Member, err error) {
	defer fault.Wrap(&err, "read group")
	docs, err := s.client.GetAll(ctx, s.groupRefs(cid, userIDs))
	if err != nil {
		return nil, nil, err
	}
	return decodeGroup(docs)
}

// groupRefs is the conversation, then the members.
func (s *Firestore) groupRefs(cid string, userIDs []string) []*firestore.DocumentRef {
	refs := []*firestore.DocumentRef{s.conversation(cid)}
	for _, id := range userIDs {
		refs = append(refs, s.member(cid, id))
	}
	return refs
}

// decodeGroup decodes the documents at groupRefs.
func decodeGroup(docs []*firestore.DocumentSnapshot) (c *chat.Conversation, members map[string]group.Member, err error) {
	if docs[0].Exists() {
		c = &chat.Conversation{}
		if err := docs[0].DataTo(c); err != nil {
			return nil, nil, err
		}
	}
	members = map[string]group.Member{}
	for _, doc := range docs[1:] {
		if !doc.Exists() {
			continue
		}
		var m group.Member
		if err := doc.DataTo(&m); err != nil {
			return nil, nil, err
		}
		members[m.UserID] = m
	}
	return c, members, nil
}

func (s *Firestore) writeGroup(tx *firestore.Transaction, cid string, change *group.Change) error {
	if change.Conversation != nil {
		if err := tx.Set(s.conversation(cid), change.Conversation); err != nil {
			return err
		}
	}
	roster := map[int]map[string]any{} // what to merge, by chunk and user ID
	enter := func(m group.Member, v any) {
		if roster[m.Chunk] == nil {
			roster[m.Chunk] = map[string]any{}
		}
		roster[m.Chunk][m.UserID] = v
	}
	for _, m := range change.Put {
		if err := tx.Set(s.member(cid, m.UserID), m); err != nil {
			return err
		}
		e := m.Entry()
		// Each of Entry's fields, also where it is empty: what is merged doesn't
		// clear what is left out.
		enter(m, map[string]any{
			"role": int(e.Role), "muted": e.Muted, "mutedUntil": e.MutedUntil, "level": string(e.Level), "joinSeq": e.JoinSeq,
		})
	}
	for _, m := range change.Delete {
		if err := tx.Delete(s.member(cid, m.UserID)); err != nil {
			return err
		}
		enter(m, firestore.Delete)
	}
	for n := range change.DropChunks {
		if err := tx.Delete(s.chunk(cid, n)); err != nil {
			return err
		}
	}
	for n, entries := range roster {
		if err := tx.Set(s.chunk(cid, n), map[string]any{"members": entries}, firestore.MergeAll); err != nil {
			return err
		}
	}
	return nil
}

// Members implements group.Store with one query.
func (s *Firestore) Members(ctx context.Context, cid string, after int64, limit int) (_ []group.Member, err error) {
	defer fault.Wrap(&err, "read members")
	query := s.conversation(cid).Collection(membersCollection).OrderBy("number", firestore.Asc).StartAfter(after).Limit(limit)
	return decodeMembers(query.Documents(ctx).GetAll())
}

// Memberships implements group.Store with one query over all groups. It needs
// an index of the field userID with collection-group scope.
func (s *Firestore) Memberships(ctx context.Context, userID, afterCID string, limit int) (_ []group.Member, err error) {
	defer fault.Wrap(&err, "read memberships of %q", userID)
	query := s.client.CollectionGroup(membersCollection).Where("userID", "==", userID).OrderBy(firestore.DocumentID, firestore.Asc).Limit(limit)
	if afterCID != "" {
		query = query.StartAfter(s.member(afterCID, userID))
	}
	return decodeMembers(query.Documents(ctx).GetAll())
}

func decodeMembers(docs []*firestore.DocumentSnapshot, err error) ([]group.Member, error) {
	if err != nil {
		return nil, err
	}
	out := make([]group.Member, len(docs))
	for i, doc := range docs {
		if err := doc.DataTo(&out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Groups implements group.Store with one batched get.
func (s *Firestore) Groups(ctx context.Context, cids []string) (_ map[string]chat.Conversation, err error) {
	defer fault.Wrap(&err, "read %d groups", len(cids))
	refs := make([]*firestore.DocumentRef, len(cids))
	for i, cid := range cids {
		refs[i] = s.conversation(cid)
	}
	docs, err := s.client.GetAll(ctx, refs)
	if err != nil {
		return nil, err
	}
	out := map[string]chat.Conversation{}
	for _, doc := range docs {
		if !doc.Exists() {
			continue
		}
		var c chat.Conversation
		if err := doc.DataTo(&c); err != nil {
			return nil, err
		}
		out[doc.Ref.ID] = c
	}
	return out, nil
}

// ClearGroup implements group.Store. Its writes needn't be together: what is
// left of a dismissed group is found by the next step.
func (s *Firestore) ClearGroup(ctx context.Context, cid string, limit int) (more bool, err error) {
	defer fault.Wrap(&err, "clear group")
	for _, collection := range []string{membersCollection, rosterCollection} {
		// Without fields: only the names are needed.
		docs, err := s.conversation(cid).Collection(collection).Select().Limit(limit).Documents(ctx).GetAll()
		if err != nil {
			return true, err
		}
		if len(docs) == 0 {
			continue
		}
		writer := s.client.BulkWriter(ctx)
		jobs := make([]*firestore.BulkWriterJob, len(docs))
		for i, doc := range docs {
			if jobs[i], err = writer.Delete(doc.Ref); err != nil {
				return true, err
			}
		}
		writer.End()
		for _, job := range jobs {
			if _, err := job.Results(); err != nil {
				return true, err
			}
		}
		return true, nil
	}
	_, err = s.conversation(cid).Update(ctx, []firestore.Update{{Path: "clearing", Value: firestore.Delete}})
	return false, err
}

// ClearingGroups implements group.Store with one query, of names only.
func (s *Firestore) ClearingGroups(ctx context.Context, limit int) (_ []string, err error) {
	defer fault.Wrap(&err, "read groups to clear")
	query := s.client.Collection(conversationsCollection).Select().Where("clearing", "==", true).Limit(limit)
	docs, err := query.Documents(ctx).GetAll()
	if err != nil {
		return nil, err
	}
	cids := make([]string, len(docs))
	for i, doc := range docs {
		cids[i] = doc.Ref.ID
	}
	return cids, nil
}

// Roster implements fanout.Roster with one read.
func (s *Firestore) Roster(ctx context.Context, cid string, n int) (_ map[string]group.Entry, err error) {
	defer fault.Wrap(&err, "read roster chunk %d", n)
	var c chunk
	_, _, err = read(ctx, nil, s.chunk(cid, n), &c)
	return c.Members, err
}
