package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Pauses is where the processes of a project tell each other of FCM's Retry-After.
type Pauses interface {
	// Pause is what was told last, the zero Pause where nothing was.
	Pause(ctx context.Context) (delivery.Pause, error)
	// TellPause keeps p where it lengthens what is kept. It may be repeated.
	TellPause(ctx context.Context, p delivery.Pause) error
}

// A process looks for what others were told while it has much to send: before a
// batch of lookFrom targets, or one that has waited (trust), and when it has begun
// lookFrom requests within lookEvery; and when FCM refuses a request and doesn't say
// whether it means the project. In each lookEvery it looks once. So it costs at most
// a read a second and a read for each 100 pushes, and nothing where messages come one
// by one: who sends so few learns from its own first refusal.
const (
	lookEvery = time.Second
	lookFrom  = 100
	// learning and telling are how long that may take: a run waits for it.
	learning = time.Second
	telling  = 2 * time.Second
)

// herald is what a process knows of the pauses that are told.
type herald struct {
	mu    sync.Mutex
	from  time.Time // a time of lookEvery began then
	begun int       // requests in it
	done  bool      // somebody has looked in it

	known  time.Time // until then all are told to wait
	busy   bool      // somebody tells
	longer time.Time // until then they are to wait as came out meanwhile
	mute   time.Time // nobody tells before, since that failed
}

// due counts requests, and reports whether to look now.
func (h *herald) due(now time.Time, requests int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d := now.Sub(h.from); d >= lookEvery || d < 0 {
		h.from, h.begun, h.done = now, 0, false
	}
	h.begun += requests
	if h.done || h.begun < lookFrom {
		return false
	}
	h.done = true
	return true
}

// learn is until when p holds this process, and false where that is known or over.
func (h *herald) learn(p delivery.Pause, now time.Time) (until time.Time, news bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	end := p.End(now)
	if !end.After(h.known) {
		return end, false
	}
	h.known = end
	return end, true
}

// news is what to tell when FCM wants the project to wait until a time, and false
// where that is told already, or by who tells just now. Who gets true tells, and says
// how it went (told).
func (h *herald) news(until, now time.Time) (delivery.Pause, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.busy && until.After(h.longer) {
		h.longer = until
	}
	if h.busy || now.Before(h.mute) || !until.After(h.known) {
		return delivery.Pause{}, false
	}
	h.busy = true
	return delivery.NewPause(until, now), true
}

// told notes how telling went. Where FCM asked for longer meanwhile, it is what to tell
// next: until that is over, no request leaves that could have it told.
func (h *herald) told(p delivery.Pause, now time.Time, err error) (next delivery.Pause, more bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	longer := h.longer
	h.busy, h.longer = false, time.Time{}
	if err != nil {
		h.mute = now.Add(lookEvery)
		return next, false
	}
	if end := p.End(now); end.After(h.known) {
		h.known = end
	}
	if next = delivery.NewPause(longer, now); !longer.After(h.known) || !next.Lengthens(p) {
		return next, false
	}
	h.busy = true
	return next, true
}

// lookFirst looks, where there is a reason to before a batch is begun, beside what
// is done until wait is called.
func (d *Dispatcher) lookFirst(ctx context.Context, targets int, plannedAt, now time.Time) (wait func()) {
	reason := targets >= lookFrom || now.Sub(plannedAt) >= trust
	if d.Pauses == nil || !reason || !d.gate.herald.due(now, lookFrom) {
		return func() {}
	}
	var learnt sync.WaitGroup
	learnt.Go(func() { d.learn(ctx) })
	return learnt.Wait
}

// learn has this process wait where another was told to. Where it can't be read, what
// this process is told itself stands.
func (d *Dispatcher) learn(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, learning)
	defer cancel()
	p, err := d.Pauses.Pause(ctx)
	now := d.Now()
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			slog.WarnContext(ctx, "not known whether FCM wants the project to wait", "error", err)
		}
		return
	}
	if until, news := d.gate.herald.learn(p, now); news {
		slog.InfoContext(ctx, "FCM told another that it wants the project to wait", "until", until)
		d.gate.hold(now, until)
	}
}

// heard passes on that FCM wants the project to wait until a time. Where it may mean
// the one target, others may know better; a guess isn't passed on, so that it stops
// no more than this process. The run doesn't end before.
func (s *sending) heard(v push.Verdict, until, now time.Time) {
	h := &s.gate.herald
	switch {
	case s.Pauses == nil || until.IsZero():
	case v.Everyone:
		if p, news := h.news(until, now); news {
			s.under.Go(func() {
				for more := true; more; {
					p, more = s.tell(p)
				}
			})
		}
	case h.due(now, lookFrom):
		s.under.Go(func() { s.learn(s.ctx) })
	}
}

// tell tells the others, and is what to tell them next. Where it fails, they learn from
// their own first refusal.
func (s *sending) tell(p delivery.Pause) (next delivery.Pause, more bool) {
	ctx, cancel := context.WithTimeout(s.ctx, telling)
	defer cancel()
	err := s.Pauses.TellPause(ctx, p)
	next, more = s.gate.herald.told(p, s.Now(), err)
	if err != nil {
		slog.WarnContext(ctx, "others aren't told that FCM wants the project to wait", "until", p.Until, "error", err)
		return next, more
	}
	slog.WarnContext(ctx, "FCM wants the project to wait", "until", p.Until)
	return next, more
}
