package store

import (
	"bytes"
	"context"
	"time"

	"cloud.google.com/go/firestore"

	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/resource"
)

// The operator's resources are one document: a process reads all of them at once,
// and sees one version or the other.
const (
	resourcesCollection = "resources"
	resourcesDocument   = "applied"
)

type resourcesDoc struct {
	Version int       `firestore:"version"`
	Set     []byte    `firestore:"set"`
	At      time.Time `firestore:"at"`
}

func (d resourcesDoc) applied() resource.Applied {
	return resource.Applied{Version: d.Version, Set: d.Set, At: d.At}
}

// next is the document after set was applied, and whether it is another.
func (d resourcesDoc) next(set []byte, at time.Time) (resourcesDoc, bool) {
	if d.Version > 0 && bytes.Equal(d.Set, set) {
		return d, false
	}
	return resourcesDoc{Version: d.Version + 1, Set: set, At: at}, true
}

// Resources implements resource.Store: a read.
func (s *Firestore) Resources(ctx context.Context) (_ resource.Applied, err error) {
	defer fault.Wrap(&err, "read resources")
	var d resourcesDoc
	_, _, err = read(ctx, nil, s.doc(resourcesCollection, resourcesDocument), &d)
	return d.applied(), err
}

// ApplyResources implements resource.Store: a read, and a write where it changes.
func (s *Firestore) ApplyResources(ctx context.Context, set []byte, at time.Time) (_ resource.Applied, changed bool, err error) {
	defer fault.Wrap(&err, "apply resources")
	ref := s.doc(resourcesCollection, resourcesDocument)
	var d resourcesDoc
	err = s.client.RunTransaction(ctx, func(ctx context.Context, tx *firestore.Transaction) error {
		d = resourcesDoc{}
		if _, _, err := read(ctx, tx, ref, &d); err != nil {
			return err
		}
		if d, changed = d.next(set, at); !changed {
			return nil
		}
		return tx.Set(ref, d)
	})
	return d.applied(), changed, err
}

// Resources implements resource.Store.
func (s *Memory) Resources(context.Context) (resource.Applied, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resources.applied(), nil
}

// ApplyResources implements resource.Store.
func (s *Memory) ApplyResources(_ context.Context, set []byte, at time.Time) (_ resource.Applied, changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resources, changed = s.resources.next(bytes.Clone(set), at)
	return s.resources.applied(), changed, nil
}
