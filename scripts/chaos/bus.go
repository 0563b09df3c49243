package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fanout"
	"github.com/doorbell-push/doorbell/shared/push"
)

// event is what Eventarc and Pub/Sub deliver: at least once, in any order, again
// and again until a process says that it is done.
type event struct {
	id       string // tells it from all others of the run
	function string
	subject  string
	timeout  time.Duration
	// most is how often it is delivered before it is given up, 0: no end. A
	// Firestore trigger is repeated for a day, a Pub/Sub message until it is
	// dead-lettered.
	most   int
	handle func(context.Context, *process) error
	dead   func() // what giving it up does
}

// Times of the functions, as package functions has them.
const (
	requestTimeout = 10 * time.Second
	eventTimeout   = 50 * time.Second
	sweepTimeout   = call.SweepEvery + 30*time.Second
)

// mostDeliveries is a subscription's maxDeliveryAttempts.
const mostDeliveries = 20

// post hands an event to the bus, which has it from now on.
func (w *World) post(e event) {
	f := w.dice.roll("event", e.id)
	w.going(func() { w.deliver(e, "", f.between(whenItComes, 0, 300*time.Millisecond)+w.late(f)) })
	if !w.wild() {
		return
	}
	if f.hits(isRepeated, w.weather.Repeat) {
		w.going(func() { w.deliver(e, " again", f.between(howLate, 0, 5*time.Second)) })
	}
	if f.hits(isRepeatedLate, w.weather.RepeatLate) {
		w.going(func() { w.deliver(e, " again, late", f.between(howLate, 0, 15*time.Minute)) })
	}
}

func (w *World) late(f fate) time.Duration {
	if w.wild() && f.hits(isSlow, w.weather.Late) {
		return f.between(howSlow, 0, 30*time.Second)
	}
	return 0
}

// deliver hands the event to a process until one has handled it.
func (w *World) deliver(e event, which string, after time.Duration) {
	time.Sleep(after)
	for attempt := 1; ; attempt++ {
		j := &job{id: e.id + which, subject: e.subject, attempt: attempt}
		f := w.dice.roll("delivery", j.id, strconv.Itoa(attempt))
		p := w.pick(e.function, f)
		w.note(j, p, "gets "+e.id+which, "attempt "+strconv.Itoa(attempt))
		err := p.serve(j, e.timeout, e.handle)
		if err == nil && w.wild() && attempt <= lastFault && f.hits(ackLost, w.weather.LostAck) {
			err = fmt.Errorf("the ack was lost")
		}
		w.note(j, p, "is through with "+e.id+which, text(err))
		if err == nil || w.over() {
			return
		}
		if attempt == e.most {
			e.dead()
			return
		}
		// Pub/Sub's retry policy: exponential from the minimum back-off on.
		wait := min(time.Second<<min(attempt-1, 9), 10*time.Minute)
		time.Sleep(wait + f.between(backsOff, 0, wait/5+time.Second))
	}
}

// messageCreated and callWritten are Firestore's triggers.
func (w *World) messageCreated(m chat.Message) {
	w.mu.Lock()
	again := w.triggered[m.MessageID]
	w.triggered[m.MessageID] = true
	w.mu.Unlock()
	if again {
		return // the request was repeated: nothing was created
	}
	w.post(event{
		id: "on-message " + m.MessageID, function: "on-message", subject: m.MessageID, timeout: eventTimeout,
		handle: func(ctx context.Context, p *process) error { return p.onMessage(ctx, m) },
	})
}

func (w *World) callWritten(before *call.Call, after call.Call) {
	w.mu.Lock()
	w.versions[after.CallID] = append(w.versions[after.CallID], version{time.Now(), after})
	w.mu.Unlock()
	id := call.ID(after.CallID)
	w.post(event{
		id: fmt.Sprintf("on-call %s %d", id, after.Rev), function: "on-call", subject: id, timeout: eventTimeout,
		handle: func(ctx context.Context, p *process) error { return p.onCall(ctx, before, after) },
	})
}

// topics is Pub/Sub as one process reaches it.
type topics struct{ p *process }

// Publish implements fanout.Publisher.
func (t topics) Publish(ctx context.Context, b push.Batch) error {
	return t.p.op(ctx, "publish "+b.ID, func() error {
		t.p.w.publishBatch(b)
		return nil
	})
}

// publishBatch has a batch delivered. It travels as JSON, as it would.
func (w *World) publishBatch(b push.Batch) {
	data, err := json.Marshal(b)
	if err != nil {
		panic(err)
	}
	function := "dispatch"
	if b.Urgent() {
		function = "dispatch-urgent"
	}
	w.post(event{
		id: w.numbered(function + " " + b.ID), function: function, subject: b.Announcement.ID, timeout: eventTimeout, most: mostDeliveries,
		handle: func(ctx context.Context, p *process) error {
			var b push.Batch
			if err := json.Unmarshal(data, &b); err != nil {
				return err
			}
			return p.dispatch(ctx, b)
		},
		dead: func() { w.deadLetter(b, "given up by the subscription") },
	})
}

// PublishDead implements dispatch.DeadLetters.
func (t topics) PublishDead(ctx context.Context, b push.Batch, reason string) error {
	return t.p.op(ctx, "publish dead "+b.ID, func() error {
		t.p.w.deadLetter(b, reason)
		return nil
	})
}

// PublishTask implements fanout.Tasks.
func (t topics) PublishTask(ctx context.Context, task fanout.Task) error {
	return t.p.op(ctx, "publish task "+task.ID, func() error {
		w := t.p.w
		w.post(event{
			id: w.numbered("fan-out " + task.ID), function: "fan-out", subject: task.Message.MessageID, timeout: eventTimeout,
			handle: func(ctx context.Context, p *process) error { return p.fan.Task(ctx, task) },
		})
		return nil
	})
}

// PublishSweep implements fanout.Sweeps.
func (t topics) PublishSweep(ctx context.Context, d call.Due) error {
	id := call.ID(d.CallID)
	return t.p.op(ctx, "publish sweep "+id, func() error {
		w := t.p.w
		w.post(event{
			id: w.numbered("sweep " + id), function: "sweep", subject: id, timeout: sweepTimeout,
			handle: func(ctx context.Context, p *process) error { return p.calls.EndWhenDue(ctx, d) },
		})
		return nil
	})
}

// publishSweep is the clock's.
func (w *World) publishSweep() {
	w.post(event{
		id: w.numbered("sweep"), function: "sweep", subject: "sweep", timeout: sweepTimeout,
		handle: func(ctx context.Context, p *process) error {
			_, missed := p.lapses.Sweep(ctx)
			_, ended := p.calls.Sweep(ctx, call.SweepEvery)
			return errors.Join(missed, ended)
		},
	})
}

// letter is what the topic of dead letters holds.
type letter struct {
	batch  push.Batch
	reason string
}

func (w *World) deadLetter(b push.Batch, reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.letters = append(w.letters, letter{b, reason})
	w.Result.DeadLetters++
	for _, t := range b.Targets {
		w.buried[b.Announcement.ID+t.PushID] = true
	}
}

// numbered is the name with how often it was asked for.
func (w *World) numbered(name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return name + " " + strconv.Itoa(w.counted(name))
}

// What the event functions do, beyond decoding.

func (p *process) onMessage(ctx context.Context, m chat.Message) error { return p.fan.Message(ctx, m) }

func (p *process) onCall(ctx context.Context, before *call.Call, after call.Call) error {
	return p.fan.Call(ctx, before, after)
}

func (p *process) dispatch(ctx context.Context, b push.Batch) error {
	return p.dispatcher.Dispatch(ctx, b)
}
