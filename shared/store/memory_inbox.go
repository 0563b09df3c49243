package store

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/inbox"
)

// Peers implements inbox.Store.
func (s *Memory) Peers(_ context.Context, userID string, since int64) ([]chat.Conversation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []chat.Conversation
	for _, p := range s.peers(userID) {
		if p.LastAt > since {
			out = append(out, cloneConversation(s.conversations[p.CID]))
		}
	}
	return out, nil
}

// peers is userID's peer conversations, the one with the latest message first.
func (s *Memory) peers(userID string) []inbox.Place {
	var out []inbox.Place
	for cid, c := range s.conversations {
		if slices.Contains(c.Members, userID) {
			out = append(out, inbox.Place{LastAt: c.LastAt.UnixMilli(), CID: cid})
		}
	}
	slices.SortFunc(out, inbox.Place.Compare)
	return out
}

// LatestPeers implements inbox.Store.
func (s *Memory) LatestPeers(_ context.Context, userID string, after *inbox.Place, limit int) ([]chat.Conversation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []chat.Conversation
	for _, p := range s.peers(userID) {
		if (after == nil || p.Compare(*after) > 0) && len(out) < limit {
			out = append(out, cloneConversation(s.conversations[p.CID]))
		}
	}
	return out, nil
}

// messagesOf is a conversation's messages that are wanted, in order.
func (s *Memory) messagesOf(cid string, want func(chat.Message) bool) []chat.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []chat.Message
	for key, m := range s.messages {
		if strings.HasPrefix(key, cid+"/") && want(m) {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b chat.Message) int { return cmp.Compare(a.OrderKey, b.OrderKey) })
	return out
}

// MessagesAfter implements inbox.Store.
func (s *Memory) MessagesAfter(_ context.Context, cid string, seq int64, limit int) ([]chat.Message, error) {
	all := s.messagesOf(cid, func(m chat.Message) bool { return m.OrderKey > seq })
	return all[:min(limit, len(all))], nil
}

// MessagesSince implements inbox.Store.
func (s *Memory) MessagesSince(_ context.Context, cid string, since int64, limit int) ([]chat.Message, error) {
	all := s.messagesOf(cid, func(m chat.Message) bool { return m.Timestamp > since })
	return all[:min(limit, len(all))], nil
}

// MessagesBefore implements inbox.Store.
func (s *Memory) MessagesBefore(_ context.Context, cid string, seq int64, limit int) ([]chat.Message, error) {
	all := s.messagesOf(cid, func(m chat.Message) bool { return m.OrderKey < seq })
	slices.Reverse(all)
	return all[:min(limit, len(all))], nil
}

// LastMessages implements inbox.Store.
func (s *Memory) LastMessages(_ context.Context, byCID map[string]string) (map[string]chat.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]chat.Message{}
	for cid, id := range byCID {
		if m, ok := s.messages[cid+"/"+id]; ok {
			out[cid] = m
		}
	}
	return out, nil
}

// SetRead implements inbox.Store.
func (s *Memory) SetRead(_ context.Context, t chat.ConversationType, cid, userID string, f func(*chat.Conversation, *group.Member) (int64, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, members := s.readGroup(cid, []string{userID})
	m, ok := members[userID]
	if !ok || t != chat.Group {
		seq, err := f(c, nil)
		if err == nil {
			put(&c.Read, userID, seq)
			s.conversations[cid] = *c
		}
		return err
	}
	seq, err := f(c, &m)
	if err == nil {
		m.ReadSeq = seq
		s.members[cid][userID] = m
	}
	return err
}

// RingingCalls implements inbox.Store.
func (s *Memory) RingingCalls(_ context.Context, userID string, limit int) ([]call.Call, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []call.Call
	for _, c := range s.calls {
		if slices.Contains(c.Ringing, userID) && len(out) < limit {
			out = append(out, c.Clone())
		}
	}
	return out, nil
}
