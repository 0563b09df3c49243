package store

import (
	"context"
	"slices"
	"time"

	"cloud.google.com/go/firestore"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// Begin implements dispatch.Ledger: one write for a new batch; a repeated one
// costs a read and a write more. The client repeats a write whose answer was
// lost, and then meets its own: that is told by its owner.
func (s *Firestore) Begin(ctx context.Context, e delivery.Entry, wanted []string, now time.Time) (_ delivery.Entry, err error) {
	defer fault.Wrap(&err, "begin batch %s", e.ID)
	ref := s.doc(deliveriesCollection, e.ID)
	e.Lease = 1
	created, err := ref.Create(ctx, e)
	if err == nil {
		e.Version = created.UpdateTime
	}
	if !isExists(err) {
		return e, err
	}
	stored, ok, err := s.entry(ctx, ref)
	if err != nil || stored.OwnedBy(e.Owner) {
		return stored, err
	}
	if !ok || (!stored.Done && now.Before(stored.LeaseUntil)) {
		return stored, delivery.ErrBusy
	}
	if stored.Settles(wanted) {
		return stored, nil
	}
	read := stored.Version
	reopen(&stored, e)
	updates := []firestore.Update{
		{Path: "done", Value: false},
		{Path: "attempt", Value: stored.Attempt},
		{Path: "lease", Value: stored.Lease},
		{Path: "owner", Value: stored.Owner},
		{Path: "leaseUntil", Value: stored.LeaseUntil},
	}
	if len(stored.Asked) > 0 {
		updates = append(updates, firestore.Update{Path: "asked", Value: stored.Asked})
	}
	if len(e.To) > 0 {
		updates = append(updates, firestore.Update{Path: "to", Value: stored.To},
			firestore.Update{Path: "cid", Value: stored.CID}, firestore.Update{Path: "seq", Value: stored.Seq}, firestore.Update{Path: "tag", Value: stored.Tag},
			firestore.Update{Path: "counts", Value: stored.Counts})
	}
	if len(e.Took) > 0 {
		updates = append(updates, firestore.Update{Path: "took", Value: stored.Took}, firestore.Update{Path: "seq", Value: stored.Seq})
	}
	updated, err := ref.Update(ctx, updates, firestore.LastUpdateTime(read))
	if isPrecondition(err) {
		if stored, _, err = s.entry(ctx, ref); err == nil && !stored.OwnedBy(e.Owner) {
			err = delivery.ErrBusy // another took it over since the read
		}
		return stored, err
	}
	if err == nil {
		stored.Version = updated.UpdateTime
	}
	return stored, err
}

// entry reads an entry; it reports false where there is none.
func (s *Firestore) entry(ctx context.Context, ref *firestore.DocumentRef) (e delivery.Entry, ok bool, err error) {
	doc, ok, err := read(ctx, nil, ref, &e)
	e.ID = ref.ID
	if ok {
		e.Version = doc.UpdateTime
	}
	return e, ok, err
}

// reopen gives the stored entry the lease of e, and adds whom e sets out to
// send to.
func reopen(stored *delivery.Entry, e delivery.Entry) {
	if stored.Anew = stored.Done; stored.Anew {
		stored.Attempt = 0
	}
	stored.Attempt++
	stored.Lease++
	stored.Done, stored.Owner, stored.LeaseUntil = false, e.Owner, e.LeaseUntil
	stored.AskedBefore = stored.Asked
	stored.Asked = union(stored.Asked, e.Asked)
	if len(e.To) > 0 {
		stored.To, stored.CID, stored.Seq, stored.Tag = union(stored.To, e.To), e.CID, e.Seq, e.Tag
		stored.Counts = stored.Counts || e.Counts
	}
	if len(e.Took) > 0 {
		stored.Took, stored.Seq = union(stored.Took, e.Took), e.Seq
	}
}

// union is all with those of more that it hasn't.
func union(all, more []string) []string {
	for _, id := range more {
		if !slices.Contains(all, id) {
			all = append(slices.Clip(all), id)
		}
	}
	return all
}

// Finish implements dispatch.Ledger: one write, and where another wrote since
// Begin, a read more to add to what it found.
func (s *Firestore) Finish(ctx context.Context, e delivery.Entry) (err error) {
	defer fault.Wrap(&err, "finish batch %s", e.ID)
	ref := s.doc(deliveriesCollection, e.ID)
	updates := []firestore.Update{{Path: "done", Value: e.Done}, {Path: "leaseUntil", Value: e.LeaseUntil}, {Path: "attempt", Value: e.Attempt}}
	for id, o := range e.Outcomes {
		updates = append(updates, firestore.Update{FieldPath: firestore.FieldPath{"outcomes", id}, Value: o})
	}
	for id, list := range e.Refusals {
		updates = append(updates, firestore.Update{FieldPath: firestore.FieldPath{"refusals", id}, Value: list})
	}
	_, err = ref.Update(ctx, updates, firestore.LastUpdateTime(e.Version))
	if !isPrecondition(err) {
		return err
	}
	return s.client.RunTransaction(ctx, func(ctx context.Context, tx *firestore.Transaction) error {
		stored := delivery.Entry{}
		if _, ok, err := read(ctx, tx, ref, &stored); err != nil || !ok {
			return err // gone: its retention is over
		}
		return tx.Set(ref, stored.Absorb(e))
	})
}

// changedMost is how many entries a request marks: a commit may hold 500 writes.
const changedMost = 400

// MarkChanged implements fanout.Marks: a write for each batch, and no read. An entry
// that isn't there yet is made, as one that nobody has had the lease of.
func (s *Firestore) MarkChanged(ctx context.Context, e delivery.Entry, batchIDs []string) (err error) {
	defer fault.Wrap(&err, "mark %d batches of %s", len(batchIDs), e.SubjectID)
	doc := map[string]any{"kind": e.Kind, "subjectID": e.SubjectID, "expireAt": e.ExpireAt, "changed": true}
	for some := range slices.Chunk(batchIDs, changedMost) {
		err := s.client.RunTransaction(ctx, func(_ context.Context, tx *firestore.Transaction) error {
			for _, id := range some {
				if err := tx.Set(s.doc(deliveriesCollection, id), doc, firestore.MergeAll); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Entries implements fanout.Rings and more: a read per entry. It needs subjectID
// indexed by itself.
func (s *Firestore) Entries(ctx context.Context, subjectID string) (_ []delivery.Entry, err error) {
	defer fault.Wrap(&err, "read deliveries of %s", subjectID)
	docs, err := s.client.Collection(deliveriesCollection).Where("subjectID", "==", subjectID).Documents(ctx).GetAll()
	if err != nil {
		return nil, err
	}
	return entriesOf(docs)
}

func entriesOf(docs []*firestore.DocumentSnapshot) ([]delivery.Entry, error) {
	out := make([]delivery.Entry, len(docs))
	for i, doc := range docs {
		if err := doc.DataTo(&out[i]); err != nil {
			return nil, err
		}
		out[i].ID, out[i].Version = doc.Ref.ID, doc.UpdateTime
	}
	return out, nil
}

// Rung implements dispatch.Ledger: a read for each entry, and at least one. It needs
// to, cid, seq indexed together.
func (s *Firestore) Rung(ctx context.Context, userID, cid string, after, upTo int64, pushIDs []string, limit int) (_ []delivery.Entry, err error) {
	defer fault.Wrap(&err, "read what rang %q of %s", userID, cid)
	// An entry has up to 500 devices.
	fields := []firestore.FieldPath{{"tag"}, {"counts"}, {"done"}, {"leaseUntil"}}
	for _, id := range pushIDs {
		fields = append(fields, firestore.FieldPath{"outcomes", id})
	}
	docs, err := s.client.Collection(deliveriesCollection).
		Where("to", "array-contains", userID).Where("cid", "==", cid).Where("seq", ">", after).Where("seq", "<=", upTo).
		OrderBy("seq", firestore.Desc).Limit(limit).SelectPaths(fields...).Documents(ctx).GetAll()
	if err != nil {
		return nil, err
	}
	return entriesOf(docs)
}

// Record implements fanout.Skips. It overwrites: a plan made again replaces
// the first.
func (s *Firestore) Record(ctx context.Context, e delivery.Entry) (err error) {
	defer fault.Wrap(&err, "record skips %s", e.ID)
	_, err = s.doc(deliveriesCollection, e.ID).Set(ctx, e)
	return err
}
