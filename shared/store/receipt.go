package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/firestore"

	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/receipt"
)

// What these hold is read by its ID, so nothing of it is indexed. Receipts stand
// apart from the ledger because its entries are read whenever a call stops ringing
// or a lease lapses: there they would be a read more each.
const (
	receiptsCollection = "receipts"
	secretsCollection  = "secrets"
)

// receiptDoc is receipts by PushID and receiptKey: when, and why where a reason
// was given.
type receiptDoc struct {
	At  map[string]map[string]int64  `firestore:"at"`
	Why map[string]map[string]string `firestore:"why"`
}

type secretDoc struct {
	Key []byte `firestore:"key"`
}

// receiptKey is the key of a receipt among its device's.
func receiptKey(r receipt.Receipt) string { return string(r.Kind) + " " + string(r.Event) }

// tell adds to told what d holds of a message or call.
func (d receiptDoc) tell(subjectID string, told map[string][]receipt.Receipt) {
	for pushID, events := range d.At {
		for key, at := range events {
			kind, event, _ := strings.Cut(key, " ")
			told[pushID] = append(told[pushID], receipt.Receipt{
				ID: subjectID, Kind: push.Kind(kind), Event: receipt.Event(event), At: at, Reason: d.Why[pushID][key],
			})
		}
		slices.SortFunc(told[pushID], receipt.Compare)
	}
}

// AddReceipts implements receipt.Store: a write for each message or call that is
// told of, and no read. That the earliest stands is left to the database, which
// takes the minimum.
func (s *Firestore) AddReceipts(ctx context.Context, pushID string, receipts []receipt.Receipt, expireAt time.Time) (err error) {
	defer fault.Wrap(&err, "keep receipts")
	type mine struct{ at, why map[string]any }
	bySubject := map[string]mine{}
	for _, r := range receipts {
		m, ok := bySubject[r.ID]
		if !ok {
			m = mine{map[string]any{}, map[string]any{}}
			bySubject[r.ID] = m
		}
		m.at[receiptKey(r)] = firestore.FieldTransformMinimum(r.At)
		if r.Reason != "" {
			m.why[receiptKey(r)] = r.Reason
		}
	}
	set := func(put func(ref *firestore.DocumentRef, doc map[string]any) error) error {
		for id, m := range bySubject {
			doc := map[string]any{"at": map[string]any{pushID: m.at}, "expireAt": expireAt}
			if len(m.why) > 0 {
				doc["why"] = map[string]any{pushID: m.why}
			}
			if err := put(s.doc(receiptsCollection, receipt.DocID(id, receipt.Shard(pushID))), doc); err != nil {
				return err
			}
		}
		return nil
	}
	if len(bySubject) == 1 { // a transaction would be a request more
		return set(func(ref *firestore.DocumentRef, doc map[string]any) error {
			_, err := ref.Set(ctx, doc, firestore.MergeAll)
			return err
		})
	}
	return s.client.RunTransaction(ctx, func(_ context.Context, tx *firestore.Transaction) error {
		return set(func(ref *firestore.DocumentRef, doc map[string]any) error {
			return tx.Set(ref, doc, firestore.MergeAll)
		})
	})
}

// receiptRefs is the documents that hold what devices told of a subject.
func receiptRefs(s *Firestore, subjectID string) []*firestore.DocumentRef {
	refs := make([]*firestore.DocumentRef, receipt.Shards)
	for i := range refs {
		refs[i] = s.doc(receiptsCollection, receipt.DocID(subjectID, i))
	}
	return refs
}

// Receipts implements receipt.Store: a read for each shard, in one request.
func (s *Firestore) Receipts(ctx context.Context, subjectID string) (_ map[string][]receipt.Receipt, err error) {
	defer fault.Wrap(&err, "read receipts of %s", subjectID)
	docs, err := s.client.GetAll(ctx, receiptRefs(s, subjectID))
	if err != nil {
		return nil, err
	}
	told := map[string][]receipt.Receipt{}
	for _, doc := range docs {
		if !doc.Exists() {
			continue
		}
		var d receiptDoc
		if err := doc.DataTo(&d); err != nil {
			return nil, err
		}
		d.tell(subjectID, told)
	}
	return told, nil
}

// Secret implements receipt.Store: a read, and the first time a write.
func (s *Firestore) Secret(ctx context.Context, name string, fresh []byte) (_ []byte, err error) {
	defer fault.Wrap(&err, "secret %s", name)
	ref := s.doc(secretsCollection, name)
	var stored secretDoc
	if _, ok, err := read(ctx, nil, ref, &stored); ok || err != nil {
		return stored.Key, err
	}
	if _, err = ref.Create(ctx, secretDoc{Key: fresh}); !isExists(err) {
		return fresh, err
	}
	_, _, err = read(ctx, nil, ref, &stored) // another was first
	return stored.Key, err
}
