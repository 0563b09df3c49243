package store

import (
	"context"

	"cloud.google.com/go/firestore"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// FCM's last wish to hear nothing of the project is one document, which is replaced.
const (
	pausesCollection = "pauses"
	pausesDocument   = "fcm"
)

// Pause implements dispatch.Pauses: a read.
func (s *Firestore) Pause(ctx context.Context) (p delivery.Pause, err error) {
	defer fault.Wrap(&err, "read pause")
	_, _, err = read(ctx, nil, s.doc(pausesCollection, pausesDocument), &p)
	return p, err
}

// TellPause implements dispatch.Pauses: a read, and a write where it lengthens it.
func (s *Firestore) TellPause(ctx context.Context, p delivery.Pause) (err error) {
	defer fault.Wrap(&err, "tell pause")
	ref := s.doc(pausesCollection, pausesDocument)
	return s.client.RunTransaction(ctx, func(ctx context.Context, tx *firestore.Transaction) error {
		var old delivery.Pause
		if _, _, err := read(ctx, tx, ref, &old); err != nil {
			return err
		}
		if !p.Lengthens(old) {
			return nil
		}
		return tx.Set(ref, p)
	})
}

// Pause implements dispatch.Pauses.
func (s *Memory) Pause(context.Context) (delivery.Pause, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pause, nil
}

// TellPause implements dispatch.Pauses.
func (s *Memory) TellPause(_ context.Context, p delivery.Pause) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.Lengthens(s.pause) {
		s.pause = p
	}
	return nil
}
