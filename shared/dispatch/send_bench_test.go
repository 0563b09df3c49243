package dispatch

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
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
	d, batch := benchmarked()
	b.ReportAllocs()
	for i := 0; i < b.N; i += len(batch.Targets) {
		batch.PlannedAt = time.Now().UnixMilli()
		if err := d.Dispatch(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
}

// benchmarked is a dispatcher to which all that is around it costs nothing, and a
// full batch for all platforms.
func benchmarked() (*Dispatcher, push.Batch) {
	targets := make([]push.Target, push.MaxBatch)
	for i := range targets {
		targets[i] = push.Target{
			UserID: fmt.Sprint("user", i), PushID: fmt.Sprintf("pushid%020d", i), Platform: []device.Platform{device.Android, device.IPhoneOS, device.Web}[i%3],
			Kind: device.KindToken, Value: fmt.Sprintf("%0163d", i),
		}
	}
	d := &Dispatcher{Ledger: blank{}, Sender: blank{}, Now: time.Now, Retention: time.Hour, MaxAttempts: 1, Concurrency: 800}
	return d, push.NewBatch(announcement(), "", 0, targets, time.Now())
}

// blank takes everything and keeps nothing.
type blank struct{}

func (blank) Send(context.Context, []byte) (string, error) { return "projects/demo/messages/1", nil }

func (blank) Begin(_ context.Context, e delivery.Entry, _ []string, _ time.Time) (delivery.Entry, error) {
	return e, nil
}

func (blank) Rung(context.Context, string, string, int64, int64, []string, int) ([]delivery.Entry, error) {
	return nil, nil
}

func (blank) Finish(context.Context, delivery.Entry) error { return nil }

func announcement() push.Announcement {
	return push.OfMessage(chat.Message{
		MessageID: "q6xkqkqp3v5jzrqfkq3pmuzxpe", SenderUserID: "alice", ConversationID: "climbing", ConversationType: chat.Group,
		Timestamp: time.Now().UnixMilli(), Priority: chat.Medium,
		Push: &chat.PushConfig{Title: "Alice in Climbing", Content: "See you at the wall at seven, bring the long rope.", Payload: `{"page":"chat"}`},
	}, time.Hour)
}

// What a push may allocate beside the network and the stores. Of FCM's 6 kB
// that it may take in all, a plain HTTP/2 request has 3.8. Measured are up to
// 1,380 bytes in 3.9, idle, on a busy machine or with -race: one allocation more
// for each push is too many.
const (
	mostBytes  = 1600
	mostAllocs = 4.5
)

func TestAllocations(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler))
	d, batch := benchmarked()
	dispatch := func() {
		batch.PlannedAt = time.Now().UnixMilli()
		if err := d.Dispatch(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	dispatch() // starts the crew
	const runs = 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		dispatch()
	}
	runtime.ReadMemStats(&after)
	pushes := uint64(runs * len(batch.Targets))
	bytes, allocs := (after.TotalAlloc-before.TotalAlloc)/pushes, float64(after.Mallocs-before.Mallocs)/float64(pushes)
	t.Logf("%d bytes in %.1f allocations a push", bytes, allocs)
	if bytes > mostBytes || allocs > mostAllocs {
		t.Errorf("%d bytes in %.1f allocations a push, want at most %d in %.1f", bytes, allocs, mostBytes, mostAllocs)
	}
}
