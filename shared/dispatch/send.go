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
	waiting, cancel := context.WithTimeout(ctx, deadline.Sub(d.Now()))
	defer cancel()
	s := &sending{
		Dispatcher: d, announcement: &run.batch.Announcement, encoder: d.Renderer.Encoder(run.batch.Announcement),
		urgent: run.batch.Urgent(), waiting: waiting, deadline: deadline,
	}
	defer s.limit.end()
	d.gate.crew.join()
	defer d.gate.crew.leave()
	var wg sync.WaitGroup
	for _, t := range run.todo() {
		turn, ok := d.gate.enter(waiting, d.Now, deadline, s.urgent)
		if !ok {
			run.record(t, delivery.Outcome{Status: delivery.Pending, Detail: string(push.Unavailable), At: d.Now()})
			continue
		}
		wg.Add(1)
		d.gate.crew.do(func() {
			defer wg.Done()
			run.record(t, s.to(ctx, t, turn))
		})
	}
	wg.Wait()
}

// sending is the sends of one run.
type sending struct {
	*Dispatcher
	announcement *push.Announcement
	encoder      *push.Encoder
	urgent       bool
	waiting      context.Context // ends with the deadline, unlike a try
	deadline     time.Time
	limit        limit
}

// to sends to one device, whose turn it is, and again where FCM's answer allows
// it.
func (s *sending) to(ctx context.Context, t push.Target, turn turn) delivery.Outcome {
	var o delivery.Outcome
	for {
		now := s.Now()
		if s.announcement.Expired(now) {
			turn.end()
			return delivery.Outcome{Status: delivery.Skipped, Detail: string(plan.Expired), Tries: o.Tries, At: now}
		}
		name, err := s.Sender.Send(s.limit.context(ctx, now), s.encoder.Encode(t, now))
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
		if !sleep(s.waiting, s.Now, o.At.Add(s.backoff(o.Tries)), s.deadline) {
			return o
		}
		var ok bool
		if turn, ok = s.gate.enter(s.waiting, s.Now, s.deadline, s.urgent); !ok {
			o.At = s.Now()
			return o
		}
	}
}

// limit limits the time of tries to tryTimeout. Those that begin within a
// quarter of a second share a context and its timer, and the first of them gets
// so much more.
type limit struct {
	mu     sync.Mutex
	ctx    context.Context
	until  time.Time // when a try needs a new one
	cancel []context.CancelFunc
}

func (l *limit) context(ctx context.Context, now time.Time) context.Context {
	const share = time.Second / 4
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil || !now.Before(l.until) {
		var cancel context.CancelFunc
		l.ctx, cancel = context.WithTimeout(ctx, tryTimeout+share)
		l.until = now.Add(share)
		l.cancel = append(l.cancel, cancel)
	}
	return l.ctx
}

func (l *limit) end() {
	for _, cancel := range l.cancel {
		cancel()
	}
}
