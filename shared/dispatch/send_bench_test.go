package dispatch

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/push"
)

// BenchmarkDispatch is what a push costs beside the network and the stores.
func BenchmarkDispatch(b *testing.B) {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewJSONHandler(io.Discard, nil)))
	targets := make([]push.Target, push.MaxBatch)
	for i := range targets {
		targets[i] = push.Target{
			UserID: fmt.Sprint("user", i), PushID: fmt.Sprintf("pushid%020d", i), Platform: []device.Platform{device.Android, device.IPhoneOS, device.Web}[i%3],
			Kind: device.KindToken, Value: fmt.Sprintf("%0163d", i),
		}
	}
	d := &Dispatcher{Ledger: blank{}, Sender: blank{}, Now: time.Now, Retention: time.Hour, MaxAttempts: 1, Concurrency: 800}
	batch := push.NewBatch(announcement(), "", 0, targets, time.Now())
	b.ReportAllocs()
	for i := 0; i < b.N; i += len(targets) {
		batch.PlannedAt = time.Now().UnixMilli()
		if err := d.Dispatch(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
}

// blank takes everything and keeps nothing.
type blank struct{}

func (blank) Send(context.Context, []byte) (string, error) { return "projects/demo/messages/1", nil }

func (blank) Begin(_ context.Context, e delivery.Entry, _ []string, _ time.Time) (delivery.Entry, error) {
	return e, nil
}

func (blank) Finish(context.Context, delivery.Entry) error { return nil }

func announcement() push.Announcement {
	return push.OfMessage(chat.Message{
		MessageID: "q6xkqkqp3v5jzrqfkq3pmuzxpe", SenderUserID: "alice", ConversationID: "climbing", ConversationType: chat.Group,
		Timestamp: time.Now().UnixMilli(), Priority: chat.Medium,
		Push: &chat.PushConfig{Title: "Alice in Climbing", Content: "See you at the wall at seven, bring the long rope.", Payload: `{"page":"chat"}`},
	}, time.Hour)
}
