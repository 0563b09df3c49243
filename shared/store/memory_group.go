package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/group"
)

// chunkID is the document ID of a roster chunk.
func chunkID(n int) string { return strconv.Itoa(n) }

func cloneConversation(c chat.Conversation) chat.Conversation {
	c.Members, c.Chunks, c.Read = slices.Clone(c.Members), slices.Clone(c.Chunks), maps.Clone(c.Read)
	return c
}

// ChangeGroup implements group.Store.
func (s *Memory) ChangeGroup(_ context.Context, cid string, userIDs []string, f func(*chat.Conversation, map[string]group.Member) (*group.Change, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	change, err := f(s.readGroup(cid, userIDs))
	if err != nil || change == nil {
		return err
	}
	if change.Conversation != nil {
		put(&s.conversations, cid, cloneConversation(*change.Conversation))
	}
	if s.members[cid] == nil {
		put(&s.members, cid, map[string]group.Member{})
		put(&s.roster, cid, map[string]map[string]group.Entry{})
	}
	for n := range change.DropChunks {
		delete(s.roster[cid], chunkID(n))
	}
	for _, m := range change.Put {
		s.members[cid][m.UserID] = m
		entries := s.roster[cid][chunkID(m.Chunk)]
		put(&entries, m.UserID, m.Entry())
		s.roster[cid][chunkID(m.Chunk)] = entries
	}
	for _, m := range change.Delete {
		delete(s.members[cid], m.UserID)
		delete(s.roster[cid][chunkID(m.Chunk)], m.UserID)
	}
	return nil
}

// ReadGroup implements group.Store.
func (s *Memory) ReadGroup(_ context.Context, cid string, userIDs []string) (*chat.Conversation, map[string]group.Member, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, members := s.readGroup(cid, userIDs)
	return c, members, nil
}

func (s *Memory) readGroup(cid string, userIDs []string) (*chat.Conversation, map[string]group.Member) {
	members := map[string]group.Member{}
	for _, id := range userIDs {
		if m, ok := s.members[cid][id]; ok {
			members[id] = m
		}
	}
	c, ok := s.conversations[cid]
	if !ok {
		return nil, members
	}
	c = cloneConversation(c)
	return &c, members
}

// Members implements group.Store.
func (s *Memory) Members(_ context.Context, cid string, after int64, limit int) ([]group.Member, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []group.Member
	for _, m := range s.members[cid] {
		if m.Number > after {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b group.Member) int { return cmp.Compare(a.Number, b.Number) })
	return out[:min(limit, len(out))], nil
}

// Memberships implements group.Store.
func (s *Memory) Memberships(_ context.Context, userID, afterCID string, limit int) ([]group.Member, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []group.Member
	for _, cid := range slices.Sorted(maps.Keys(s.members)) {
		if m, ok := s.members[cid][userID]; ok && cid > afterCID && len(out) < limit {
			out = append(out, m)
		}
	}
	return out, nil
}

// Groups implements group.Store.
func (s *Memory) Groups(_ context.Context, cids []string) (map[string]chat.Conversation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]chat.Conversation{}
	for _, cid := range cids {
		if c, ok := s.conversations[cid]; ok {
			out[cid] = cloneConversation(c)
		}
	}
	return out, nil
}

// ClearGroup implements group.Store.
func (s *Memory) ClearGroup(_ context.Context, cid string, limit int) (more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if members := s.members[cid]; len(members) > 0 {
		for _, id := range slices.Collect(maps.Keys(members))[:min(limit, len(members))] {
			delete(members, id)
		}
		return true, nil
	}
	if roster := s.roster[cid]; len(roster) > 0 {
		for _, n := range slices.Collect(maps.Keys(roster))[:min(limit, len(roster))] {
			delete(roster, n)
		}
		return true, nil
	}
	if c, ok := s.conversations[cid]; ok {
		c.Clearing = false
		put(&s.conversations, cid, c)
	}
	return false, nil
}

// ClearingGroups implements group.Store.
func (s *Memory) ClearingGroups(_ context.Context, limit int) (cids []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for cid, c := range s.conversations {
		if c.Clearing && len(cids) < limit {
			cids = append(cids, cid)
		}
	}
	return cids, nil
}

// Roster implements fanout.Roster.
func (s *Memory) Roster(_ context.Context, cid string, n int) (map[string]group.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.roster[cid][chunkID(n)]), nil
}
