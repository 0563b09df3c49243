package store

import (
	"context"
	"maps"
	"slices"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/trace"
)

// FindMessage implements trace.Store.
func (s *Memory) FindMessage(_ context.Context, messageID string) (*chat.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		if m.MessageID == messageID {
			return &m, nil
		}
	}
	return nil, nil
}

// Taken implements trace.Store.
func (s *Memory) Taken(_ context.Context, keys []string) (out []delivery.Entry, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.deliveries)) {
		e := s.deliveries[id]
		if slices.ContainsFunc(e.Took, func(key string) bool { return slices.Contains(keys, key) }) {
			out = append(out, e)
		}
	}
	return out, nil
}

// Aftermath implements trace.Store.
func (s *Memory) Aftermath(ctx context.Context, subjectID, callID string, userIDs []string) (a trace.Aftermath, err error) {
	if a.Told, err = s.Receipts(ctx, subjectID); err != nil {
		return a, err
	}
	if a.Users, err = s.Users(ctx, userIDs); err != nil || callID == "" {
		return a, err
	}
	a.Call, err = s.Call(ctx, callID)
	return a, err
}
