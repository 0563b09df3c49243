package store

import (
	"context"
	"time"

	"cloud.google.com/go/firestore"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// Begin implements dispatch.Ledger: one write for a new batch; a repeated one
// costs a read and a write more.
func (s *Firestore) Begin(ctx context.Context, e delivery.Entry, now time.Time) (_ delivery.Entry, err error) {
	defer fault.Wrap(&err, "begin batch %s", e.ID)
	ref := s.doc(deliveriesCollection, e.ID)
	if _, err = ref.Create(ctx, e); !isExists(err) {
		return e, err
	}
	stored := delivery.Entry{}
	doc, ok, err := read(ctx, nil, ref, &stored)
	if err != nil {
		return stored, err
	}
	stored.ID = e.ID
	if !ok || (!stored.Done && now.Before(stored.LeaseUntil)) {
		return stored, delivery.ErrBusy
	}
	if stored.Done {
		return stored, nil
	}
	stored.Attempt++
	stored.LeaseUntil = e.LeaseUntil
	_, err = ref.Update(ctx, []firestore.Update{
		{Path: "attempt", Value: stored.Attempt},
		{Path: "leaseUntil", Value: stored.LeaseUntil},
	}, firestore.LastUpdateTime(doc.UpdateTime))
	if isPrecondition(err) {
		return stored, delivery.ErrBusy // another took it over since the read
	}
	return stored, err
}

// Finish implements dispatch.Ledger. It adds to the stored outcomes: a worker
// whose lease ran out must not wipe out what its successor found.
func (s *Firestore) Finish(ctx context.Context, e delivery.Entry) (err error) {
	defer fault.Wrap(&err, "finish batch %s", e.ID)
	outcomes := make(map[string]any, len(e.Outcomes))
	for id, o := range e.Outcomes {
		outcomes[id] = map[string]any{"userID": o.UserID, "status": string(o.Status), "detail": o.Detail, "tries": o.Tries, "at": o.At}
	}
	_, err = s.doc(deliveriesCollection, e.ID).Set(ctx, map[string]any{
		"done": e.Done, "leaseUntil": e.LeaseUntil, "outcomes": outcomes,
	}, firestore.MergeAll)
	return err
}

// Record implements fanout.Skips. It overwrites: a plan made again replaces
// the first.
func (s *Firestore) Record(ctx context.Context, e delivery.Entry) (err error) {
	defer fault.Wrap(&err, "record skips %s", e.ID)
	_, err = s.doc(deliveriesCollection, e.ID).Set(ctx, e)
	return err
}
