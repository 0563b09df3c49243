package functions

import (
	"context"
	"log/slog"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/doorbell-push/doorbell/shared/logs"
	"github.com/doorbell-push/doorbell/shared/store"
	"github.com/doorbell-push/doorbell/shared/tracing"
)

// onCall plans and publishes the pushes that a change of a call asks for. Safe
// to repeat: see fanout.Fanout.Call.
func onCall(ctx context.Context, e event.Event) error {
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	f, err := fan()
	if err != nil {
		return err
	}
	before, after, err := store.CallWritten(e.Data())
	if err != nil {
		// As in onMessage: it will never decode.
		slog.ErrorContext(ctx, logs.NotUnderstood, "eventID", e.ID(), "subject", e.Subject(), "error", err)
		return nil
	}
	if after == nil {
		return nil // its retention is over
	}
	ctx, span := enter(ctx, after.Traceparent, "plan call", tracing.Consumer)
	err = f.Call(ctx, before, *after)
	span.End(err != nil)
	return err
}
