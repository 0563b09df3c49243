package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

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

// StaleOwners implements presence.Store: a read per owner.
func (s *Firestore) StaleOwners(ctx context.Context, day int64, limit int) (_ map[string]presence.Owner, err error) {
	defer fault.Wrap(&err, "list stale owners")
	docs, err := s.client.Collection(tokensCollection).Where("day", "<=", day).OrderBy("day", firestore.Asc).Limit(limit).Documents(ctx).GetAll()
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

// StaleOwners is Firestore's.
func (s *Memory) StaleOwners(_ context.Context, day int64, limit int) (map[string]presence.Owner, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hashes := slices.Collect(maps.Keys(s.owners))
	slices.SortFunc(hashes, func(a, b string) int {
		return cmp.Or(cmp.Compare(s.owners[a].Day, s.owners[b].Day), cmp.Compare(a, b))
	})
	out := map[string]presence.Owner{}
	for _, hash := range hashes {
		if o := s.owners[hash]; o.Day <= day && len(out) < limit {
			out[hash] = o
		}
	}
	return out, nil
}

// LapsedUsers is up to limit users of a shard whose SweepAt is until or before:
// the earliest first, from the one behind after on, nil for the first. It costs a
// read per user. A user without sweepAt is not in the index.
func (s *Firestore) LapsedUsers(ctx context.Context, shard int, until time.Time, after *presence.User, limit int) (_ []*presence.User, err error) {
	defer fault.Wrap(&err, "list lapsed users")
	q := s.client.Collection(presenceCollection).Where("shard", "==", shard).Where("sweepAt", "<=", until).
		OrderBy("sweepAt", firestore.Asc).OrderBy(firestore.DocumentID, firestore.Asc).Limit(limit)
	if after != nil {
		q = q.StartAfter(after.SweepAt, after.UserID)
	}
	docs, err := q.Documents(ctx).GetAll()
	if err != nil {
		return nil, err
	}
	out := make([]*presence.User, len(docs))
	for i, doc := range docs {
		out[i] = &presence.User{UserID: doc.Ref.ID}
		if err := doc.DataTo(out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// LapsedUsers is Firestore's.
func (s *Memory) LapsedUsers(_ context.Context, shard int, until time.Time, after *presence.User, limit int) ([]*presence.User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []*presence.User{}
	for _, u := range s.users {
		if u.Shard == shard && !u.SweepAt.IsZero() && !u.SweepAt.After(until) {
			out = append(out, cloneUser(u))
		}
	}
	order := func(a, b *presence.User) int {
		return cmp.Or(a.SweepAt.Compare(b.SweepAt), cmp.Compare(a.UserID, b.UserID))
	}
	slices.SortFunc(out, order)
	if after != nil {
		out = slices.DeleteFunc(out, func(u *presence.User) bool { return order(u, after) <= 0 })
	}
	return out[:min(limit, len(out))], nil
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

func (t *presenceTx) Owner(hash string) (*presence.Owner, error) {
	o := &presence.Owner{}
	_, ok, err := read(t.ctx, t.tx, t.store.doc(tokensCollection, hash), o)
	if !ok {
		return nil, err
	}
	return o, err
}

func (t *presenceTx) PutUser(u *presence.User) error {
	return t.tx.Set(t.store.doc(presenceCollection, u.UserID), u)
}

func (t *presenceTx) PutOwner(hash string, o presence.Owner) error {
	return t.tx.Set(t.store.doc(tokensCollection, hash), o)
}

func (t *presenceTx) DeleteOwner(hash string) error {
	return t.tx.Delete(t.store.doc(tokensCollection, hash))
}
