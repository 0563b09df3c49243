package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/revision"
)

// Memory is Firestore's behaviour without Firestore, for simulations that run
// through more messages than an emulator can. The zero value is ready to use.
type Memory struct {
	mu            sync.Mutex
	users         map[string]*presence.User
	owners        map[string]presence.Owner // by device.Target.Hash
	conversations map[string]chat.Conversation
	members       map[string]map[string]group.Member           // by cid and user ID
	roster        map[string]map[string]map[string]group.Entry // by cid, chunk and user ID
	messages      map[string]chat.Message                      // by cid/mid
	deliveries    map[string]delivery.Entry
	calls         map[string]call.Call  // by callID
	receipts      map[string]receiptDoc // by the ID of the message or call
	secrets       map[string][]byte
	resources     resourcesDoc
	pause         delivery.Pause
}

// put stores v under key in the map at m, making the map on first use.
func put[V any](m *map[string]V, key string, v V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = v
}

// Change implements presence.Store. Writes take effect together, after f.
func (s *Memory) Change(_ context.Context, f func(presence.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx := &memoryTx{store: s}
	if err := f(tx); err != nil {
		return err
	}
	for _, write := range tx.writes {
		write()
	}
	return nil
}

// Users implements presence.Store.
func (s *Memory) Users(_ context.Context, userIDs []string) (map[string]*presence.User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]*presence.User{}
	for _, id := range userIDs {
		if u, ok := s.users[id]; ok {
			out[id] = cloneUser(u)
		}
	}
	return out, nil
}

// RemoveTarget implements dispatch.Bindings with the rule of package presence.
func (s *Memory) RemoveTarget(ctx context.Context, userID, pushID string, dead device.Target) (bool, error) {
	return (&presence.Registry{Store: s}).RemoveTarget(ctx, userID, pushID, dead)
}

func cloneUser(u *presence.User) *presence.User {
	c := *u
	c.Devices = maps.Clone(u.Devices)
	c.Reads, c.Mutes, c.Blacklist = maps.Clone(u.Reads), maps.Clone(u.Mutes), maps.Clone(u.Blacklist)
	c.Levels, c.Bursts = maps.Clone(u.Levels), maps.Clone(u.Bursts)
	return &c
}

// memoryTx reads the state as it was before the transaction, as Firestore's do.
type memoryTx struct {
	store  *Memory
	writes []func()
}

func (t *memoryTx) User(userID string) (*presence.User, error) {
	if u, ok := t.store.users[userID]; ok {
		return cloneUser(u), nil
	}
	return &presence.User{UserID: userID}, nil
}

func (t *memoryTx) Owner(hash string) (*presence.Owner, error) {
	o, ok := t.store.owners[hash]
	if !ok {
		return nil, nil
	}
	return &o, nil
}

func (t *memoryTx) PutUser(u *presence.User) error {
	c := cloneUser(u)
	t.writes = append(t.writes, func() { put(&t.store.users, c.UserID, c) })
	return nil
}

func (t *memoryTx) PutOwner(hash string, o presence.Owner) error {
	t.writes = append(t.writes, func() { put(&t.store.owners, hash, o) })
	return nil
}

func (t *memoryTx) DeleteOwner(hash string) error {
	t.writes = append(t.writes, func() { delete(t.store.owners, hash) })
	return nil
}

// AddMessage implements chat.Store.
func (s *Memory) AddMessage(_ context.Context, m chat.Message) (chat.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := m.CID() + "/" + m.MessageID
	if stored, ok := s.messages[key]; ok {
		return stored, nil
	}
	c, ok := s.conversations[m.CID()]
	sender, member := s.members[m.CID()][m.SenderUserID]
	if m.ConversationType == chat.Group {
		var known *chat.Conversation
		if ok {
			known = &c
		}
		if err := chat.MaySend(known, m, member); err != nil {
			return m, err
		}
	}
	if !ok {
		c = newConversation(m)
	}
	c = cloneConversation(c)
	c.Append(&m, sender.ReadSeq)
	put(&s.conversations, m.CID(), c)
	put(&s.messages, key, m)
	return m, nil
}

// ChangeMessage implements revision.Store.
func (s *Memory) ChangeMessage(_ context.Context, t chat.ConversationType, cid, messageID, caller string, f func(revision.Stored) (*chat.Message, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var w revision.Stored
	if m, ok := s.messages[cid+"/"+messageID]; ok {
		w.Message = &m
	}
	if t == chat.Group {
		w.Group, w.Members = s.readGroup(cid, involved(caller, w.Message))
	}
	next, err := f(w)
	if err != nil || next == nil {
		return err
	}
	if c, ok := s.conversations[cid]; ok && t == chat.Peer {
		c.ChangedAt = next.ChangedAt
		s.conversations[cid] = c
	}
	s.messages[cid+"/"+messageID] = *next
	return nil
}

// Message implements dispatch.Messages.
func (s *Memory) Message(_ context.Context, cid, messageID string) (*chat.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.messages[cid+"/"+messageID]
	if !ok {
		return nil, nil
	}
	return &m, nil
}

// MarkChanged implements fanout.Marks.
func (s *Memory) MarkChanged(_ context.Context, e delivery.Entry, batchIDs []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range batchIDs {
		stored, ok := s.deliveries[id]
		if !ok {
			stored = delivery.Entry{ID: id}
		}
		stored.Kind, stored.SubjectID, stored.ExpireAt, stored.Changed = e.Kind, e.SubjectID, e.ExpireAt, true
		put(&s.deliveries, id, stored)
	}
	return nil
}

// Begin implements dispatch.Ledger.
func (s *Memory) Begin(_ context.Context, e delivery.Entry, wanted []string, now time.Time) (delivery.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, ok := s.deliveries[e.ID]
	switch {
	case !ok:
		e.Lease = 1
		put(&s.deliveries, e.ID, e)
		return e, nil
	case stored.Settles(wanted), stored.OwnedBy(e.Owner):
	case !stored.Done && now.Before(stored.LeaseUntil):
		return stored, delivery.ErrBusy
	default:
		reopen(&stored, e)
		kept := stored
		kept.Anew, kept.AskedBefore = false, nil // as Firestore keeps it
		s.deliveries[e.ID] = kept
	}
	stored.Outcomes = maps.Clone(stored.Outcomes)
	return stored, nil
}

// Finish implements dispatch.Ledger.
func (s *Memory) Finish(_ context.Context, e delivery.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, ok := s.deliveries[e.ID]
	if !ok {
		return nil
	}
	s.deliveries[e.ID] = stored.Absorb(e)
	return nil
}

// Entries implements fanout.Rings.
func (s *Memory) Entries(_ context.Context, subjectID string) ([]delivery.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []delivery.Entry
	for _, id := range slices.Sorted(maps.Keys(s.deliveries)) {
		if e := s.deliveries[id]; e.SubjectID == subjectID {
			e.Outcomes = maps.Clone(e.Outcomes)
			out = append(out, e)
		}
	}
	return out, nil
}

// Rung implements dispatch.Ledger.
func (s *Memory) Rung(_ context.Context, userID, cid string, after, upTo int64, pushIDs []string, limit int) ([]delivery.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []delivery.Entry
	for _, id := range slices.Sorted(maps.Keys(s.deliveries)) {
		e := s.deliveries[id]
		if e.CID != cid || e.Seq <= after || e.Seq > upTo || !slices.Contains(e.To, userID) {
			continue
		}
		few := delivery.Entry{ID: e.ID, Seq: e.Seq, Tag: e.Tag, Counts: e.Counts, Done: e.Done, LeaseUntil: e.LeaseUntil, Outcomes: maps.Clone(e.Outcomes)}
		maps.DeleteFunc(few.Outcomes, func(id string, _ delivery.Outcome) bool { return !slices.Contains(pushIDs, id) })
		out = append(out, few)
	}
	slices.SortStableFunc(out, func(a, b delivery.Entry) int { return cmp.Compare(b.Seq, a.Seq) })
	for i := range out {
		out[i].Seq = 0
	}
	return out[:min(len(out), limit)], nil
}

// Record implements fanout.Skips.
func (s *Memory) Record(_ context.Context, e delivery.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	put(&s.deliveries, e.ID, e)
	return nil
}

// Deliveries is a copy of the ledger.
func (s *Memory) Deliveries() map[string]delivery.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.deliveries)
}
