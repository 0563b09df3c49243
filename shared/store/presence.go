package store

import (
	"context"

	"cloud.google.com/go/firestore"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// Change implements presence.Store.
func (s *Firestore) Change(ctx context.Context, f func(presence.Tx) error) (err error) {
	defer fault.Wrap(&err, "change presence")
	return s.client.RunTransaction(ctx, func(ctx context.Context, tx *firestore.Transaction) error {
		return f(&presenceTx{ctx: ctx, store: s, tx: tx})
	})
}

// Users implements presence.Store with one batched get.
func (s *Firestore) Users(ctx context.Context, userIDs []string) (_ map[string]*presence.User, err error) {
	defer fault.Wrap(&err, "read presence of %d users", len(userIDs))
	refs := make([]*firestore.DocumentRef, len(userIDs))
	for i, id := range userIDs {
		refs[i] = s.doc(presenceCollection, id)
	}
	docs, err := s.client.GetAll(ctx, refs)
	if err != nil {
		return nil, err
	}
	out := make(map[string]*presence.User, len(docs))
	for _, doc := range docs {
		if !doc.Exists() {
			continue
		}
		u := &presence.User{UserID: doc.Ref.ID}
		if err := doc.DataTo(u); err != nil {
			return nil, err
		}
		out[u.UserID] = u
	}
	return out, nil
}

// RemoveTarget implements dispatch.Bindings with the rule of package presence.
func (s *Firestore) RemoveTarget(ctx context.Context, userID, pushID string, dead device.Target) (bool, error) {
	return (&presence.Registry{Store: s}).RemoveTarget(ctx, userID, pushID, dead)
}

type presenceTx struct {
	ctx   context.Context
	store *Firestore
	tx    *firestore.Transaction
}

func (t *presenceTx) User(userID string) (*presence.User, error) {
	u := &presence.User{}
	_, _, err := read(t.ctx, t.tx, t.store.doc(presenceCollection, userID), u)
	u.UserID = userID
	return u, err
}

func (t *presenceTx) Owner(target device.Target) (*presence.Owner, error) {
	o := &presence.Owner{}
	_, ok, err := read(t.ctx, t.tx, t.store.doc(tokensCollection, target.Hash()), o)
	if !ok {
		return nil, err
	}
	return o, err
}

func (t *presenceTx) PutUser(u *presence.User) error {
	return t.tx.Set(t.store.doc(presenceCollection, u.UserID), u)
}

func (t *presenceTx) PutOwner(target device.Target, o presence.Owner) error {
	return t.tx.Set(t.store.doc(tokensCollection, target.Hash()), o)
}

func (t *presenceTx) DeleteOwner(target device.Target) error {
	return t.tx.Delete(t.store.doc(tokensCollection, target.Hash()))
}
