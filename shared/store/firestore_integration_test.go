//go:build integration

package store_test

import (
	"testing"

	"cloud.google.com/go/firestore"

	"github.com/doorbell-push/doorbell/scripts/system"
	"github.com/doorbell-push/doorbell/shared/store"
)

func TestFirestore(t *testing.T) {
	s, err := system.Start(t.Context(), system.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	t.Setenv("FIRESTORE_EMULATOR_HOST", s.FirestoreHost())
	client, err := firestore.NewClient(t.Context(), s.ProjectID)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	contract(t, store.NewFirestore(client))
}
