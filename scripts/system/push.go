package system

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"golang.org/x/sync/errgroup"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// The emulator's own push delivers two messages of a subscription at a time, looks
// for new ones ten times a second, and waits for an answer for ever: 100 messages a
// second are a queue to it, and one function that hangs stops a subscription. Pub/Sub
// does none of that, so its subscriptions are pulled here and pushed by the system.
const (
	// pushes is how many messages of a subscription are under way at once. Pub/Sub
	// begins with few and goes up to 3,000 and more.
	pushes = 200
	// ackDeadline is how long a function may take before its message is delivered
	// again, while it still runs.
	ackDeadline = 60 * time.Second
)

// pushRequest is what Pub/Sub posts:
// https://docs.cloud.google.com/pubsub/docs/push#receive_push
type pushRequest struct {
	DeliveryAttempt int         `json:"deliveryAttempt,omitempty"`
	Message         pushMessage `json:"message"`
	Subscription    string      `json:"subscription"`
}

// pushMessage has two names for two of its fields, as Pub/Sub has.
type pushMessage struct {
	Attributes   map[string]string `json:"attributes,omitempty"`
	Data         []byte            `json:"data,omitempty"`
	MessageID    string            `json:"messageId"`
	MessageID2   string            `json:"message_id"`
	PublishTime  time.Time         `json:"publishTime"`
	PublishTime2 time.Time         `json:"publish_time"`
}

// push delivers the messages of all topics to the functions until the system stops.
func (s *System) push() error {
	client, err := pubsub.NewClient(context.Background(), s.ProjectID, option.WithEndpoint(s.PubSubHost()), option.WithoutAuthentication(),
		option.WithTelemetryDisabled(), option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		return err
	}
	// Its connections are kept: by default two of a host are.
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: pushes, DisableCompression: true}}
	ctx, cancel := context.WithCancel(context.Background())
	var g errgroup.Group
	for _, t := range topicTriggers {
		name := s.resource("subscriptions", t.function)
		from := client.Subscriber(name)
		from.ReceiveSettings.MaxOutstandingMessages = t.atOnce
		url := s.opts.Deliver + t.path(s.ProjectID)
		g.Go(func() error {
			return from.Receive(ctx, func(_ context.Context, m *pubsub.Message) { s.pushOne(ctx, web, url, name, m) })
		})
	}
	s.stopPush = func() {
		cancel()
		_ = g.Wait()
		client.Close()
		web.CloseIdleConnections()
	}
	go func() {
		if err := g.Wait(); err != nil && ctx.Err() == nil {
			s.failed <- fmt.Errorf("deliver from Pub/Sub: %w", err)
		}
	}()
	return nil
}

// pushOne posts a message, and gives it back if that fails.
func (s *System) pushOne(ctx context.Context, web *http.Client, url, subscription string, m *pubsub.Message) {
	in := pushRequest{Subscription: subscription, Message: pushMessage{
		Attributes: m.Attributes, Data: m.Data, MessageID: m.ID, MessageID2: m.ID, PublishTime: m.PublishTime, PublishTime2: m.PublishTime,
	}}
	attempt := 1
	if m.DeliveryAttempt != nil {
		attempt = *m.DeliveryAttempt
		in.DeliveryAttempt = attempt
	}
	if posted(ctx, web, url, in) {
		m.Ack()
		return
	}
	if attempt == 1 { // from the second on, the emulator waits by its retry policy
		select {
		case <-time.After(s.opts.MinBackoff):
		case <-ctx.Done():
		}
	}
	m.Nack()
}

// posted reports whether a function took what is pushed.
func posted(ctx context.Context, web *http.Client, url string, in pushRequest) bool {
	ctx, cancel := context.WithTimeout(ctx, ackDeadline)
	defer cancel()
	body, err := json.Marshal(in)
	if err != nil {
		return false
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return false
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := web.Do(r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	switch answer.StatusCode {
	case http.StatusProcessing, http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		return true // https://docs.cloud.google.com/pubsub/docs/push#receive_push
	}
	return false
}
