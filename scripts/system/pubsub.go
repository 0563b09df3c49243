package system

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// startPubSub starts the Pub/Sub emulator and creates for each trigger its
// topic, the subscription whose messages are pushed to the function, and a dead-letter
// topic whose subscription, of the same name, keeps what the function kept failing on.
func (s *System) startPubSub(ctx context.Context, java string) error {
	err := pubsubEmulator.start(ctx, s, "pubsub", java, s.PubSubHost(),
		"--host="+host, "--port="+strconv.Itoa(s.ports.PubSub))
	if err != nil {
		return err
	}
	made := map[string]bool{}
	for _, t := range topicTriggers {
		if err := s.subscribe(ctx, t, made); err != nil {
			return fmt.Errorf("subscribe %s to %s: %w", t.function, t.topic, err)
		}
	}
	return s.push()
}

// subscribe creates what a trigger needs and is not made yet.
func (s *System) subscribe(ctx context.Context, t topicTrigger, made map[string]bool) error {
	topic, dead := s.resource("topics", t.topic), s.resource("topics", t.topic+"-dead")
	if !made[t.topic] {
		made[t.topic] = true
		for _, name := range []string{topic, dead} {
			if err := s.putPubSub(ctx, name, map[string]any{}); err != nil {
				return err
			}
		}
		keep := map[string]any{"topic": dead, "ackDeadlineSeconds": 60}
		if err := s.putPubSub(ctx, s.resource("subscriptions", t.topic+"-dead"), keep); err != nil {
			return err
		}
	}
	return s.putPubSub(ctx, s.resource("subscriptions", t.function), map[string]any{
		"topic":              topic,
		"ackDeadlineSeconds": int(ackDeadline.Seconds()),
		"retryPolicy":        map[string]any{"minimumBackoff": seconds(s.opts.MinBackoff), "maximumBackoff": seconds(s.opts.MaxBackoff)},
		"deadLetterPolicy":   map[string]any{"deadLetterTopic": dead, "maxDeliveryAttempts": s.opts.DeadLetterAfter},
	})
}

// sweep starts a sweep each minute until the system stops, as Cloud Scheduler does.
func (s *System) sweep() {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-s.ended:
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		err := s.Sweep(ctx)
		cancel()
		if err != nil {
			fmt.Fprintln(s.log, "clock: sweep not started:", err)
		}
	}
}

// Sweep starts a sweep now.
func (s *System) Sweep(ctx context.Context) error {
	return call(ctx, http.MethodPost, "http://"+s.PubSubHost()+"/v1/"+s.resource("topics", sweepTopic)+":publish",
		map[string]any{"messages": []any{map[string]any{"data": []byte("{}")}}}, nil)
}

func (s *System) putPubSub(ctx context.Context, name string, in any) error {
	return call(ctx, http.MethodPut, "http://"+s.PubSubHost()+"/v1/"+name, in, nil)
}

// resource is the full name of a topic or subscription.
func (s *System) resource(kind, name string) string {
	return "projects/" + s.ProjectID + "/" + kind + "/" + name
}

// seconds is a duration as the API's JSON wants it.
func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s"
}
