package functions

import (
	"context"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/doorbell-push/doorbell/shared/queue"
	"github.com/doorbell-push/doorbell/shared/tracing"
)

// fanOut plans and publishes a part of a large group's message. Safe to repeat:
// see fanout.Fanout.Task. A message that holds no task fails until Pub/Sub moves
// it to the dead-letter topic.
func fanOut(ctx context.Context, e event.Event) (err error) {
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	ctx, span := enter(ctx, queue.Traceparent(e.Data()), "fan out", tracing.Consumer)
	defer func() { span.End(err != nil) }()
	f, err := fan()
	if err != nil {
		return err
	}
	t, err := queue.DecodeTask(e.Data())
	if err != nil {
		return err
	}
	return f.Task(ctx, t)
}
