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
func (s *Firestore) Begin(ctx context.Context, e delivery.Entry, wanted []string, now time.Time) (_ delivery.Entry, err error) {
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
	if stored.Settles(wanted) {
		return stored, nil
	}
	reopen(&stored, e)
	_, err = ref.Update(ctx, []firestore.Update{
		{Path: "done", Value: false},
		{Path: "attempt", Value: stored.Attempt},
		{Path: "leaseUntil", Value: stored.LeaseUntil},
	}, firestore.LastUpdateTime(doc.UpdateTime))
	if isPrecondition(err) {
		return stored, delivery.ErrBusy // another took it over since the read
	}
	return stored, err
}

// reopen gives the stored entry the lease of e.
func reopen(stored *delivery.Entry, e delivery.Entry) {
	if stored.Done {
		stored.Attempt = 0
	}
	stored.Attempt++
	stored.Done, stored.LeaseUntil = false, e.LeaseUntil
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
