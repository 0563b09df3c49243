package store

import (
	"context"
	"time"

	"github.com/doorbell-push/doorbell/shared/receipt"
)

// AddReceipts implements receipt.Store. Nothing expires in memory.
func (s *Memory) AddReceipts(_ context.Context, pushID string, receipts []receipt.Receipt, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range receipts {
		d, ok := s.receipts[r.ID]
		if !ok {
			d = receiptDoc{At: map[string]map[string]int64{}, Why: map[string]map[string]string{}}
			put(&s.receipts, r.ID, d)
		}
		if d.At[pushID] == nil {
			d.At[pushID], d.Why[pushID] = map[string]int64{}, map[string]string{}
		}
		key := receiptKey(r)
		if at, ok := d.At[pushID][key]; !ok || r.At < at {
			d.At[pushID][key] = r.At
		}
		if r.Reason != "" {
			d.Why[pushID][key] = r.Reason
		}
	}
	return nil
}

// Receipts implements receipt.Store.
func (s *Memory) Receipts(_ context.Context, subjectID string) (map[string][]receipt.Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := map[string][]receipt.Receipt{}
	s.receipts[subjectID].tell(subjectID, told)
	return told, nil
}

// Secret implements receipt.Store.
func (s *Memory) Secret(_ context.Context, name string, fresh []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.secrets[name]; !ok {
		put(&s.secrets, name, fresh)
	}
	return s.secrets[name], nil
}
