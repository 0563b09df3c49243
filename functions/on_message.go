package functions

import (
	"context"
	"log/slog"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/doorbell-push/doorbell/shared/logs"
	"github.com/doorbell-push/doorbell/shared/store"
	"github.com/doorbell-push/doorbell/shared/tracing"
)

// eventTimeout bounds an event function: the framework's own deadline covers
// HTTP functions only.
const eventTimeout = 50 * time.Second

// onMessage plans and publishes the push of a message that was just stored.
// Safe to repeat: see fanout.Fanout.Stored.
func onMessage(ctx context.Context, e event.Event) error {
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	f, err := fan()
	if err != nil {
		return err
	}
	m, err := store.MessageCreated(e.Data())
	if err != nil {
		// It will never decode: retrying for a day would only cost. The document
		// is still there, and this line says which.
		slog.ErrorContext(ctx, logs.NotUnderstood, "eventID", e.ID(), "subject", e.Subject(), "error", err)
		return nil
	}
	ctx, span := enter(ctx, m.Traceparent, "plan message", tracing.Consumer)
	err = f.Stored(ctx, m)
	span.End(err != nil)
	return err
}
