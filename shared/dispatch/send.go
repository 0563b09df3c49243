package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/tracing"
)

// send tries every target left until it is settled or the deadline is near. A
// target gets a goroutine with its turn, not before: a batch that waits costs
// next to nothing.
func (d *Dispatcher) send(ctx context.Context, run *run, deadline time.Time) {
	waiting, cancel := context.WithTimeout(ctx, deadline.Sub(d.Now()))
	defer cancel()
	s := &sending{
		Dispatcher: d, run: run, encoder: d.Renderer.With(run.resource).Encoder(run.batch.Announcement),
		rank: rankOf(run.batch), ctx: ctx, waiting: waiting, deadline: deadline, looking: make(chan struct{}, 1),
	}
	defer s.limit.end()
	d.gate.crew.join()
	defer d.gate.crew.leave()
	for i := range run.states {
		if _, open := run.target(i); !open {
			continue
		}
		turn, ok := d.gate.enter(waiting, d.Now, deadline, s.rank)
		if !ok {
			run.wait(i, d.Now())
			continue
		}
		s.under.Add(1)
		d.gate.crew.do(func() {
			defer s.under.Done()
			s.to(i, turn)
		})
	}
	s.under.Wait()
}

// sending is the sends of one run.
type sending struct {
	*Dispatcher
	run      *run
	encoder  *push.Encoder
	rank     rank
	ctx      context.Context
	waiting  context.Context // ends with the deadline, unlike a try
	deadline time.Time
	limit    tryLimit
	looking  chan struct{} // holds one while somebody looks again
	blind    bool          // that failed; who looks may say so
	under    sync.WaitGroup
}

// to sends to the device of a target, whose turn it is, and again where FCM's
// answer allows it.
func (s *sending) to(i int, turn turn) {
	for tries := 1; ; tries++ {
		next, again := s.try(i, turn, tries)
		if !again {
			return
		}
		if !sleep(s.waiting, s.Now, next, s.deadline) {
			s.run.wait(i, s.Now())
			return
		}
		var ok bool
		if turn, ok = s.gate.enter(s.waiting, s.Now, s.deadline, s.rank); !ok {
			s.run.wait(i, s.Now())
			return
		}
	}
}

// try uses a turn, and ends it. It reports when to try again, and false where
// that is not to be.
func (s *sending) try(i int, turn turn, tries int) (next time.Time, again bool) {
	defer turn.end()
	t, at, ok := s.ready(i)
	now := s.Now()
	// That may have taken time, in which FCM told another that it wants a pause.
	if until := s.gate.pause.current(); until.After(at) {
		at = until
	}
	if ok && !at.After(now) {
		at, ok = s.share(i, t, now)
	}
	if !ok || at.After(now) {
		s.gate.pace.back(s.rank)
		return at, ok
	}
	if s.Pauses != nil && s.gate.herald.due(now, 1) {
		s.under.Go(func() { s.learn(s.ctx) })
	}
	s.run.ask(i)
	_, span := tracing.Begin(s.ctx, "FCM messages:send", tracing.Client)
	name, err := s.Sender.Send(s.limit.context(s.ctx, now), s.encoder.Encode(t, now))
	now = s.Now()
	v := push.Judge(err, now)
	span.Set("fcm.answer", string(v.Class))
	span.End(err != nil)
	if v.Class != push.Sent {
		s.run.refuse(i, v.Class, now)
	}
	next = now.Add(s.backoff(tries))
	switch {
	case v.Class == push.Sent:
		s.gate.quotas.accepted.Add(1)
		s.run.record(i, delivery.Sent, name, now, time.Time{})
		return now, false
	case v.Class.Retryable():
		at := s.gate.obey(t.Value, v, now)
		s.heard(v, at, now)
		s.run.record(i, delivery.Pending, string(v.Class), now, at)
		if at.After(next) {
			next = at
		}
		return next, true
	}
	if other, open := s.run.target(i); open && other.Device() != t.Device() {
		return next, true // it has a new target, of which that says nothing
	}
	s.run.record(i, delivery.Failed, string(v.Class), now, time.Time{})
	return now, false
}

// ready is the target of an index as it is to be sent to, and from when on. It
// reports false where it isn't, and has noted why.
func (s *sending) ready(i int) (t push.Target, at time.Time, ok bool) {
	if !s.look(s.Now()) {
		s.run.wait(i, s.Now())
		return t, at, false
	}
	if t, ok = s.run.target(i); !ok {
		return t, at, false
	}
	now := s.Now()
	if s.run.batch.Announcement.Expired(now) {
		s.run.record(i, delivery.Skipped, string(plan.Expired), now, time.Time{})
		return t, at, false
	}
	if at = s.leave(t); at.After(now) {
		s.run.record(i, delivery.Pending, string(push.Quota), now, at)
	}
	return t, at, true
}

// leave is until when FCM wants a target left in peace, as this process heard or
// another that had the batch.
func (s *sending) leave(t push.Target) time.Time {
	at := s.gate.quotas.left(t.Value)
	if o, ok := s.run.entry.Outcomes[t.PushID]; ok && o.RetryAt.After(at) {
		at = o.RetryAt
	}
	return at
}

// look looks at the targets again where that was done too long ago for a push
// to leave by it: who waited for their turn may have logged out meanwhile. It
// reads what the start of a run reads, for those left, once for all that wait,
// and reports false where that fails: then they are left to the redelivery.
func (s *sending) look(now time.Time) bool {
	if !s.run.stale(now) {
		return true
	}
	select {
	case s.looking <- struct{}{}:
		defer func() { <-s.looking }()
	case <-s.waiting.Done():
		return false
	}
	now = s.Now()
	if s.blind || !s.run.stale(now) {
		return !s.blind
	}
	ctx, cancel := context.WithTimeout(s.waiting, trust)
	defer cancel()
	if err := s.recheck(ctx, s.run, now); err != nil {
		s.blind = true
		if !errors.Is(err, context.Canceled) {
			slog.WarnContext(s.ctx, "not looked again", "batch", s.run.batch.ID, "error", err)
		}
	}
	return !s.blind
}

// tryLimit limits the time of tries to tryTimeout. Those that begin within a
// quarter of a second share a context and its timer, and the first of them gets
// so much more.
type tryLimit struct {
	mu     sync.Mutex
	ctx    context.Context
	until  time.Time // when a try needs a new one
	cancel []context.CancelFunc
}

func (l *tryLimit) context(ctx context.Context, now time.Time) context.Context {
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

func (l *tryLimit) end() {
	for _, cancel := range l.cancel {
		cancel()
	}
}
