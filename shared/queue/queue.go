// Package queue carries push batches over Pub/Sub.
package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"cloud.google.com/go/pubsub/v2"
	jsonv2 "github.com/go-json-experiment/json"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/fanout"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/tracing"
)

// Names are the names of the topics.
type Names struct {
	Push       string // batches
	Urgent     string // batches that must not wait behind those
	Dead       string // what is undeliverable of both
	Fanout     string // fan-out tasks
	FanoutDead string // what is undeliverable of those
	Sweep      string // what starts a sweep: of all, or of one call
}

// Topics publishes to the topics.
type Topics struct {
	push, urgent, dead, fanout, fanoutDead, sweep *pubsub.Publisher
}

// NewTopics publishes through client, which stays its caller's to close.
func NewTopics(client *pubsub.Client, names Names) *Topics {
	return &Topics{
		push: publisher(client, names.Push), urgent: publisher(client, names.Urgent), dead: publisher(client, names.Dead),
		fanout: publisher(client, names.Fanout), fanoutDead: publisher(client, names.FanoutDead), sweep: publisher(client, names.Sweep),
	}
}

func publisher(client *pubsub.Client, topic string) *pubsub.Publisher {
	p := client.Publisher(topic)
	// A batch is a message of its own already; waiting to gather more of them
	// would only delay the first.
	p.PublishSettings.DelayThreshold = time.Millisecond
	return p
}

// Publish implements fanout.Publisher.
func (t *Topics) Publish(ctx context.Context, b push.Batch) (err error) {
	defer fault.Wrap(&err, "publish batch %s", b.ID)
	if b.Urgent() {
		return publish(ctx, t.urgent, b, nil)
	}
	return publish(ctx, t.push, b, nil)
}

// PublishDead implements dispatch.DeadLetters: the reason travels as an
// attribute.
func (t *Topics) PublishDead(ctx context.Context, b push.Batch, reason string) (err error) {
	defer fault.Wrap(&err, "publish dead batch %s", b.ID)
	return publish(ctx, t.dead, b, map[string]string{"reason": reason})
}

// PublishTask implements fanout.Tasks.
func (t *Topics) PublishTask(ctx context.Context, task fanout.Task) (err error) {
	defer fault.Wrap(&err, "publish fan-out task %s", task.ID)
	return publishJSON(ctx, t.fanout, task, taskAttributes(task))
}

// PublishDeadTask implements fanout.Unplanned: the reason travels as an attribute.
func (t *Topics) PublishDeadTask(ctx context.Context, task fanout.Task, reason string) (err error) {
	defer fault.Wrap(&err, "publish dead fan-out task %s", task.ID)
	all := taskAttributes(task)
	all["reason"] = reason
	return publishJSON(ctx, t.fanoutDead, task, all)
}

func taskAttributes(task fanout.Task) map[string]string {
	return map[string]string{"task": task.ID, "kind": string(push.KindMessage), "subjectID": task.Message.MessageID}
}

// PublishSweep implements fanout.Sweeps.
func (t *Topics) PublishSweep(ctx context.Context, d call.Due) (err error) {
	defer fault.Wrap(&err, "ask for a sweep")
	return publishJSON(ctx, t.sweep, d, map[string]string{"kind": string(push.KindCall), "subjectID": call.ID(d.CallID)})
}

func publish(ctx context.Context, p *pubsub.Publisher, b push.Batch, attributes map[string]string) error {
	all := map[string]string{"batch": b.ID, "kind": string(b.Announcement.Kind), "subjectID": b.Announcement.ID}
	for k, v := range attributes {
		all[k] = v
	}
	return publishJSON(ctx, p, b, all)
}

func publishJSON(ctx context.Context, p *pubsub.Publisher, v any, attributes map[string]string) (err error) {
	ctx, span := tracing.Begin(ctx, "publish", tracing.Producer)
	span.Set("messaging.destination.name", p.String())
	defer func() { span.End(err != nil) }()
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if traceparent := tracing.Traceparent(ctx); traceparent != "" {
		all := map[string]string{tracing.Key: traceparent}
		maps.Copy(all, attributes)
		attributes = all
	}
	_, err = p.Publish(ctx, &pubsub.Message{Data: data, Attributes: attributes}).Get(ctx)
	return err
}

// Decode reads the data of a push message's event: the batch inside the
// Pub/Sub envelope (google.events.cloud.pubsub.v1.MessagePublishedData).
func Decode(data []byte) (b push.Batch, err error) {
	defer fault.Wrap(&err, "decode push batch")
	if err := open(data, &b); err != nil {
		return b, err
	}
	switch {
	case b.ID == "" || b.Announcement.ID == "":
		return b, fmt.Errorf("no batch in the message")
	case len(b.Targets) == 0 || len(b.Targets) > push.MaxBatch:
		return b, fmt.Errorf("batch %s has %d targets: 1 to %d", b.ID, len(b.Targets), push.MaxBatch)
	}
	return b, nil
}

// DecodeTask reads the data of a fan-out task's event.
func DecodeTask(data []byte) (t fanout.Task, err error) {
	defer fault.Wrap(&err, "decode fan-out task")
	if err := open(data, &t); err != nil {
		return t, err
	}
	switch {
	case t.ID == "" || t.Message.MessageID == "" || t.Message.Push == nil:
		return t, fmt.Errorf("no fan-out task in the message")
	case t.FirstChunk == 0 && t.Chunks == 0: // all of a message
	case t.FirstChunk < 0 || t.Chunks < 1 || t.Chunks > fanout.TaskChunks:
		return t, fmt.Errorf("task %s has %d chunks from %d on: 1 to %d from 0 on", t.ID, t.Chunks, t.FirstChunk, fanout.TaskChunks)
	case t.Message.Fanout == nil:
		return t, fmt.Errorf("task %s has chunks of a message that is for no group", t.ID)
	}
	return t, nil
}

// DecodeSweep reads the data of a sweep's event: the call that it is for, or the
// zero Due of the clock's message, an empty object, which is for all.
func DecodeSweep(data []byte) (d call.Due, err error) {
	defer fault.Wrap(&err, "decode sweep")
	if err := open(data, &d); err != nil || d == (call.Due{}) {
		return d, err
	}
	return d, d.Check()
}

// Traceparent is the trace that the publisher of an event's message was in; empty
// where the event has none.
func Traceparent(data []byte) string {
	var envelope struct {
		Message struct {
			Attributes map[string]string `json:"attributes"`
		} `json:"message"`
	}
	// Of a full batch, encoding/json takes a third of what decoding it does.
	_ = jsonv2.Unmarshal(data, &envelope) // what can't be read says so where it is decoded
	return envelope.Message.Attributes[tracing.Key]
}

// open decodes the data inside the Pub/Sub envelope into out. It is as strict as
// requests are read (repeated names, names in another case, invalid UTF-8 and
// trailing data are errors) but for unknown fields: while a deployment rolls,
// a newer publisher's batch reaches an older reader, and is to be sent without
// what that doesn't know rather than to end in the dead letters.
func open(data []byte, out any) error {
	var envelope struct {
		Message struct {
			Data []byte `json:"data"`
		} `json:"message"`
	}
	if err := jsonv2.Unmarshal(data, &envelope); err != nil {
		return err
	}
	return jsonv2.Unmarshal(envelope.Message.Data, out)
}
