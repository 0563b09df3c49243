package functions

import (
	"context"
	"log/slog"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/doorbell-push/doorbell/shared/logs"
	"github.com/doorbell-push/doorbell/shared/store"
	"github.com/doorbell-push/doorbell/shared/tracing"
)

// onMessageChange tells the devices that were rung for a message that it was revoked
// or edited. Safe to repeat: see fanout.Fanout.Changed.
func onMessageChange(ctx context.Context, e event.Event) error {
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	f, err := fan()
	if err != nil {
		return err
	}
	before, after, err := store.MessageChanged(e.Data())
	if err != nil {
		// As in onMessage: it will never decode.
		slog.ErrorContext(ctx, logs.NotUnderstood, "eventID", e.ID(), "subject", e.Subject(), "error", err)
		return nil
	}
	return f.Changed(tracing.Continue(ctx, after.Traceparent), before, after)
}
