package store

import (
	"context"
	"slices"

	"cloud.google.com/go/firestore"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// callsCollection is
//
//	calls/{call.ID of the callID}         call.Call. Its members may read it. TTL: expireAt.
//
// Its queries need the composite indexes members (array), createTime descending
// and dueShard, dueAt. By themselves createTime, dueAt and expireAt grow with
// the clock and users holds what nobody queries: exempt from indexing.
const callsCollection = "calls"

// CreateCall implements call.Store: one write; a repeat costs a read more.
func (s *Firestore) CreateCall(ctx context.Context, c call.Call) (_ call.Call, err error) {
	defer fault.Wrap(&err, "create call")
	ref := s.doc(callsCollection, call.ID(c.CallID))
	if _, err = ref.Create(ctx, c); !isExists(err) {
		return c, err
	}
	stored := call.Call{}
	_, _, err = read(ctx, nil, ref, &stored)
	return stored, err
}

// ChangeCall implements call.Store: one read, and one write where f changes
// the call.
func (s *Firestore) ChangeCall(ctx context.Context, callID string, f func(*call.Call) (*call.Call, error)) (err error) {
	defer fault.Wrap(&err, "change call")
	ref := s.doc(callsCollection, call.ID(callID))
	return s.transact(ctx, callID, func(ctx context.Context, tx *firestore.Transaction) error {
		c := &call.Call{}
		_, ok, err := read(ctx, tx, ref, c)
		if err != nil {
			return err
		}
		if !ok {
			c = nil
		}
		next, err := f(c)
		if err != nil || next == nil {
			return err
		}
		return tx.Set(ref, next)
	})
}

// Call implements dispatch.Calls: one read.
func (s *Firestore) Call(ctx context.Context, callID string) (_ *call.Call, err error) {
	defer fault.Wrap(&err, "read call")
	c := &call.Call{}
	_, ok, err := read(ctx, nil, s.doc(callsCollection, call.ID(callID)), c)
	if err != nil || !ok {
		return nil, err
	}
	return c, nil
}

// Calls implements call.Store: a read per call.
func (s *Firestore) Calls(ctx context.Context, userID string, after *call.Cursor, limit int) (_ []call.Call, err error) {
	defer fault.Wrap(&err, "list calls")
	q := s.client.Collection(callsCollection).Where("members", "array-contains", userID).
		OrderBy("createTime", firestore.Desc).OrderBy(firestore.DocumentID, firestore.Desc).Limit(limit)
	if after != nil {
		q = q.StartAfter(after.CreateTime, call.ID(after.CallID))
	}
	return decodeAll[call.Call](q.Documents(ctx).GetAll())
}

// CallsSince implements lapse.Calls: a read per call, and at least one.
func (s *Firestore) CallsSince(ctx context.Context, userID string, since int64, limit int) (_ []call.Call, err error) {
	defer fault.Wrap(&err, "list calls")
	q := s.client.Collection(callsCollection).Where("members", "array-contains", userID).Where("createTime", ">=", since).
		OrderBy("createTime", firestore.Desc).Limit(limit)
	return decodeAll[call.Call](q.Documents(ctx).GetAll())
}

// DueCalls implements call.Store: a read per call. A call without dueAt is not
// in the index.
func (s *Firestore) DueCalls(ctx context.Context, shard int, after call.Due, until int64, limit int) (_ []call.Due, err error) {
	defer fault.Wrap(&err, "list due calls")
	q := s.client.Collection(callsCollection).Select("callID", "dueAt").
		Where("dueShard", "==", shard).Where("dueAt", "<=", until).
		OrderBy("dueAt", firestore.Asc).OrderBy(firestore.DocumentID, firestore.Asc).Limit(limit)
	if after != (call.Due{}) {
		q = q.StartAfter(after.At, call.ID(after.CallID))
	}
	docs, err := q.Documents(ctx).GetAll()
	if err != nil {
		return nil, err
	}
	out := make([]call.Due, len(docs))
	for i, doc := range docs {
		c := call.Call{}
		if err := doc.DataTo(&c); err != nil {
			return nil, err
		}
		out[i] = call.Due{CallID: c.CallID, At: c.DueAt}
	}
	return out, nil
}

// CreateCall implements call.Store.
func (s *Memory) CreateCall(_ context.Context, c call.Call) (call.Call, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stored, ok := s.calls[c.CallID]; ok {
		return stored.Clone(), nil
	}
	put(&s.calls, c.CallID, c.Clone())
	return c, nil
}

// ChangeCall implements call.Store.
func (s *Memory) ChangeCall(_ context.Context, callID string, f func(*call.Call) (*call.Call, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var c *call.Call
	if stored, ok := s.calls[callID]; ok {
		stored = stored.Clone()
		c = &stored
	}
	next, err := f(c)
	if err == nil && next != nil {
		put(&s.calls, callID, next.Clone())
	}
	return err
}

// Call implements dispatch.Calls.
func (s *Memory) Call(_ context.Context, callID string) (*call.Call, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.calls[callID]
	if !ok {
		return nil, nil
	}
	c = c.Clone()
	return &c, nil
}

// Calls implements call.Store.
func (s *Memory) Calls(_ context.Context, userID string, after *call.Cursor, limit int) ([]call.Call, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []call.Call
	for _, c := range s.calls {
		if slices.Contains(c.Members, userID) && (after == nil || call.Compare(c.Cursor(), *after) > 0) {
			out = append(out, c.Clone())
		}
	}
	slices.SortFunc(out, func(a, b call.Call) int { return call.Compare(a.Cursor(), b.Cursor()) })
	return out[:min(limit, len(out))], nil
}

// CallsSince implements lapse.Calls.
func (s *Memory) CallsSince(_ context.Context, userID string, since int64, limit int) ([]call.Call, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []call.Call
	for _, c := range s.calls {
		if slices.Contains(c.Members, userID) && c.CreateTime >= since {
			out = append(out, c.Clone())
		}
	}
	slices.SortFunc(out, func(a, b call.Call) int { return call.Compare(a.Cursor(), b.Cursor()) })
	return out[:min(limit, len(out))], nil
}

// DueCalls implements call.Store.
func (s *Memory) DueCalls(_ context.Context, shard int, after call.Due, until int64, limit int) ([]call.Due, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []call.Due{}
	for _, c := range s.calls {
		d := call.Due{CallID: c.CallID, At: c.DueAt}
		behind := after == (call.Due{}) || d.Compare(after) > 0
		if c.DueShard == shard && c.DueAt != 0 && c.DueAt <= until && behind {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, call.Due.Compare)
	return out[:min(limit, len(out))], nil
}
