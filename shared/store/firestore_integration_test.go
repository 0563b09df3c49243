//go:build integration

package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"golang.org/x/sync/errgroup"

	"github.com/doorbell-push/doorbell/scripts/system"
	"github.com/doorbell-push/doorbell/shared/chat"
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
	t.Run("busy conversation", func(t *testing.T) { busyConversation(t, store.NewFirestore(client)) })
}

// Many who write to one conversation at once are all done soon: transactions that read
// it and then wait for each other to write it would each wait for a lock's time-out.
func busyConversation(t *testing.T, s *store.Firestore) {
	const senders = 60
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	began := time.Now()
	var g errgroup.Group
	for i := range senders {
		g.Go(func() error {
			_, err := s.AddMessage(ctx, chat.Message{
				MessageID: fmt.Sprint("m", i), SenderUserID: "alice", ConversationID: "bob", ConversationType: chat.Peer,
				Type: chat.Text, Message: "hello", Timestamp: began.UnixMilli(), ExpireAt: began.Add(time.Hour),
			})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d messages in %v", senders, time.Since(began).Round(time.Millisecond))
}
