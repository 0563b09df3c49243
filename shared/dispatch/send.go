package dispatch

import (
	"context"
	"sync"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/push"
)

// send tries every target left until it is settled or the deadline is near. A
// target gets a goroutine with its turn, not before: a batch that waits costs
// next to nothing.
func (d *Dispatcher) send(ctx context.Context, run *run, deadline time.Time) {
	d.once.Do(func() { d.gate = newGate(d.Concurrency, d.Rate) })
	s := &sending{Dispatcher: d, encoder: d.Renderer.Encoder(run.batch.Announcement), urgent: run.batch.Urgent(), deadline: deadline}
	var wg sync.WaitGroup
	for _, t := range run.todo() {
		turn, ok := d.gate.enter(ctx, d.Now, deadline, s.urgent)
		if !ok {
			run.record(t, delivery.Outcome{Status: delivery.Pending, Detail: string(push.Unavailable), At: d.Now()})
			continue
		}
		wg.Go(func() { run.record(t, s.to(ctx, t, turn)) })
	}
	wg.Wait()
}

// sending is the sends of one run.
type sending struct {
	*Dispatcher
	encoder  *push.Encoder
	urgent   bool
	deadline time.Time
}

// to sends to one device, whose turn it is, and again where FCM's answer allows
// it.
func (s *sending) to(ctx context.Context, t push.Target, turn turn) delivery.Outcome {
	var o delivery.Outcome
	for {
		now := s.Now()
		if s.encoder.Announcement().Expired(now) {
			turn.end()
			return delivery.Outcome{Status: delivery.Skipped, Detail: string(plan.Expired), Tries: o.Tries, At: now}
		}
		name, err := s.try(ctx, s.encoder.Encode(t, now))
		o.Tries++
		o.At = s.Now()
		v := push.Judge(err, o.At)
		if v.RetryAfter > 0 {
			// FCM asks the project, not the device, to wait: whoever gets the turn
			// next has to know.
			s.gate.hold(o.At, o.At.Add(v.RetryAfter))
		}
		turn.end()
		switch {
		case v.Class == push.Sent:
			o.Status, o.Detail = delivery.Sent, name
			return o
		case !v.Class.Retryable():
			o.Status, o.Detail = delivery.Failed, string(v.Class)
			return o
		}
		o.Status, o.Detail = delivery.Pending, string(v.Class)
		if !sleep(ctx, s.Now, o.At.Add(s.backoff(o.Tries)), s.deadline) {
			return o
		}
		var ok bool
		if turn, ok = s.gate.enter(ctx, s.Now, s.deadline, s.urgent); !ok {
			o.At = s.Now()
			return o
		}
	}
}

func (s *sending) try(ctx context.Context, body []byte) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	return s.Sender.Send(ctx, body)
}
