package functions

import (
	"context"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/doorbell-push/doorbell/shared/queue"
	"github.com/doorbell-push/doorbell/shared/tracing"
)

// dispatchBatch sends a batch to FCM. Safe to repeat: see
// dispatch.Dispatcher.Dispatch. A message that holds no batch fails until
// Pub/Sub moves it to the dead-letter topic.
func dispatchBatch(ctx context.Context, e event.Event) (err error) {
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	ctx, span := enter(ctx, queue.Traceparent(e.Data()), "dispatch", tracing.Consumer)
	defer func() { span.End(err != nil) }()
	d, err := dispatcher()
	if err != nil {
		return err
	}
	b, err := queue.Decode(e.Data())
	if err != nil {
		return err
	}
	return d.Dispatch(ctx, b)
}
