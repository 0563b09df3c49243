package chaos

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/dispatch"
	"github.com/doorbell-push/doorbell/shared/fanout"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/inbox"
	"github.com/doorbell-push/doorbell/shared/lapse"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// process is one instance of a function: the real code on a clock, a database
// and a bus of its own. It can die at any operation; from then on nothing that
// still runs in it has an effect.
type process struct {
	w        *World
	function string
	skew     time.Duration
	ctx      context.Context // ends when it dies
	die      context.CancelFunc

	registry   *presence.Registry
	sender     *chat.Sender
	groups     *group.Service
	inbox      *inbox.Service
	lapses     *lapse.Sweeper
	calls      *call.Service
	fan        *fanout.Fanout
	dispatcher *dispatch.Dispatcher
}

func (p *process) now() time.Time { return time.Now().Add(p.skew) }

// job is one attempt to handle an event or a request, as a context carries it.
type job struct {
	id      string
	subject string // what the trace files it under
	attempt int

	mu    sync.Mutex
	count map[string]int // operations by name
}

type jobKey struct{}

// nth counts the job's operations of a name.
func (j *job) nth(name string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.count == nil {
		j.count = map[string]int{}
	}
	j.count[name]++
	return j.count[name]
}

var (
	errDied     = errors.New("the process died")
	errDown     = status.Error(codes.Unavailable, "injected: the service is unavailable")
	errAborted  = status.Error(codes.Aborted, "injected: too much contention on these documents")
	errNoAnswer = status.Error(codes.Unavailable, "injected: the answer was lost")
)

// fateOf is the fate of the job's next operation of a name.
func (p *process) fateOf(ctx context.Context, name string) (*job, fate) {
	j, ok := ctx.Value(jobKey{}).(*job)
	if !ok {
		panic("an operation outside of any job: " + name)
	}
	return j, p.w.dice.roll(j.id, strconv.Itoa(j.attempt), name, strconv.Itoa(j.nth(name)))
}

// op runs an operation on Firestore or Pub/Sub: it takes its time, it may fail
// before or after it took effect, and the process may die at it.
func (p *process) op(ctx context.Context, name string, do func() error) error {
	j, f := p.fateOf(ctx, name)
	wild := p.w.wild() && j.attempt <= lastFault
	wait := f.between(howLong, time.Millisecond, 20*time.Millisecond)
	if wild && f.hits(isSlow, p.w.weather.Slow) {
		wait += f.between(howSlow, time.Second, 12*time.Second)
	}
	if err := p.wait(ctx, wait); err != nil {
		p.w.note(j, p, name, err.Error())
		return err
	}
	if !wild {
		err := do()
		p.w.note(j, p, name, text(err))
		return err
	}
	if f.hits(dies, p.w.weather.Kill) {
		if f.hits(diesBefore, 0.5) {
			p.w.note(j, p, name, "DIES before it")
		} else {
			err := do()
			p.w.note(j, p, name, "DIES after it, "+text(err))
		}
		p.w.bury(p)
		return errDied
	}
	if f.hits(fails, p.w.weather.Fail) {
		switch d := f.draw(failsBefore); {
		case d < 0.25:
			p.w.note(j, p, name, "ABORTED")
			return errAborted
		case d < 0.5:
			p.w.note(j, p, name, "UNAVAILABLE")
			return errDown
		}
		err := do()
		p.w.note(j, p, name, "ANSWER LOST, "+text(err))
		return errNoAnswer
	}
	err := do()
	p.w.note(j, p, name, text(err))
	return err
}

func text(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}

// wait is for what takes time. It fails when the process dies or ctx ends.
func (p *process) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-p.ctx.Done():
	}
	if p.ctx.Err() != nil {
		return errDied
	}
	return ctx.Err()
}

// serve runs f as one job. It returns when f does or, with errDied, when the
// process dies, whatever f is at.
func (p *process) serve(j *job, timeout time.Duration, f func(context.Context, *process) error) error {
	ctx, cancel := context.WithTimeout(context.WithValue(p.ctx, jobKey{}, j), timeout)
	done := make(chan error, 1)
	go func() {
		defer cancel()
		done <- f(ctx, p)
	}()
	select {
	case err := <-done:
		if p.ctx.Err() != nil {
			return errDied
		}
		return err
	case <-p.ctx.Done():
		return errDied
	}
}

// run starts a process of a function, number n of this world.
func (w *World) run(function string, n int) *process {
	f := w.dice.roll("process", function, strconv.Itoa(n))
	p := &process{w: w, function: fmt.Sprintf("%s#%d", function, n), skew: f.between(skewed, -w.weather.Skew, w.weather.Skew+1)}
	p.ctx, p.die = context.WithCancel(context.Background())
	db := database{Memory: &w.db, p: p}
	p.registry = &presence.Registry{Store: db, Now: p.now, Lease: lease, MaxDevices: 25}
	p.sender = &chat.Sender{Store: db, Now: p.now, MaxText: 2048, Retention: retention, CheckPush: func(chat.Message) error { return nil }}
	p.groups = &group.Service{Store: db, Now: p.now, MaxMembers: 10_000}
	p.calls = &call.Service{
		Store: db, Presence: db, Now: p.now, MaxInvitees: 9, Retention: retention, CheckPush: func(call.Call, string, chat.PushConfig) error { return nil },
	}
	t := topics{p}
	p.inbox = &inbox.Service{Store: db, Presence: db, Reads: &fanout.Reader{Positions: p.registry, Publisher: t, Now: p.now, PushTTL: pushTTL}, Now: p.now}
	p.lapses = &lapse.Sweeper{Lapses: db, Leases: p.registry, Inbox: p.inbox, Calls: db, Ledger: db, Publisher: t, Now: p.now, PushTTL: pushTTL}
	p.fan = &fanout.Fanout{
		Presence: db, Roster: db, Rings: db, Marks: db, Publisher: t, Tasks: t, Sweeps: t, Now: p.now,
		PushTTL: pushTTL, Retention: retention, Threshold: w.Size.Threshold,
	}
	var once sync.Mutex
	random := w.dice.stream("retries", p.function)
	p.dispatcher = &dispatch.Dispatcher{
		Ledger: db, Sender: sender{p}, Bindings: db, Calls: db, Messages: db, Members: db, DeadLetters: t, Pauses: db, Now: p.now,
		Random: func(below time.Duration) time.Duration {
			once.Lock()
			defer once.Unlock()
			return within(random, below)
		},
		Retention: retention, MaxAttempts: w.weather.MaxAttempts, Concurrency: w.weather.Concurrency, Rate: w.weather.Rate,
	}
	if w.broken.Process != nil {
		w.broken.Process(p)
	}
	return p
}

// pick is the process that a job goes to.
func (w *World) pick(function string, f fate) *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	pool := w.pools[function]
	for len(pool) < instances {
		pool = append(pool, w.run(function, w.counted("process "+function)))
		w.pools[function] = pool
	}
	return pool[int(f.draw(whichInstance)*float64(len(pool)))]
}

// instances is how many processes a function has.
const instances = 2

// bury ends a process and starts another in its place.
func (w *World) bury(p *process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.ctx.Err() != nil {
		return
	}
	p.die()
	w.Result.Kills++
	for function, pool := range w.pools {
		for i, other := range pool {
			if other == p {
				pool[i] = w.run(function, w.counted("process "+function))
			}
		}
	}
}

// counted counts things of a name, from 1. w.mu is held.
func (w *World) counted(name string) int {
	w.counts[name]++
	return w.counts[name]
}
