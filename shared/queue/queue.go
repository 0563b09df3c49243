// Package queue carries push batches over Pub/Sub.
package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Topics publishes to the push topic and to its dead-letter topic.
type Topics struct {
	push, dead *pubsub.Publisher
}

// NewTopics publishes through client, which stays its caller's to close.
func NewTopics(client *pubsub.Client, pushTopic, deadTopic string) *Topics {
	return &Topics{push: publisher(client, pushTopic), dead: publisher(client, deadTopic)}
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
	return publish(ctx, t.push, b, nil)
}

// PublishDead implements dispatch.DeadLetters: the reason travels as an
// attribute.
func (t *Topics) PublishDead(ctx context.Context, b push.Batch, reason string) (err error) {
	defer fault.Wrap(&err, "publish dead batch %s", b.ID)
	return publish(ctx, t.dead, b, map[string]string{"reason": reason})
}

func publish(ctx context.Context, p *pubsub.Publisher, b push.Batch, attributes map[string]string) error {
	data, err := json.Marshal(b)
	if err != nil {
		return err
	}
	all := map[string]string{"batch": b.ID, "kind": string(b.Announcement.Kind), "subjectID": b.Announcement.ID}
	for k, v := range attributes {
		all[k] = v
	}
	_, err = p.Publish(ctx, &pubsub.Message{Data: data, Attributes: all}).Get(ctx)
	return err
}

// Decode reads the data of a push message's event: the batch inside the
// Pub/Sub envelope (google.events.cloud.pubsub.v1.MessagePublishedData).
func Decode(data []byte) (b push.Batch, err error) {
	defer fault.Wrap(&err, "decode push batch")
	var envelope struct {
		Message struct {
			Data []byte `json:"data"`
		} `json:"message"`
	}
	if err := json.Unmarshal(data, &envelope); err != nil {
		return b, err
	}
	if err := json.Unmarshal(envelope.Message.Data, &b); err != nil {
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
