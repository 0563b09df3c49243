// Package chaos proves Doorbell's promises under fire: nothing lost, nothing
// shown twice, no wrong recipient, no ringing after its end. It runs the real
// Sender, Registry, Fanout, Dispatcher and call Service on the store in memory,
// with a bus that delivers at least once and processes that die, in virtual
// time (testing/synctest), and compares what the devices show with an oracle
// that knows only what the clients asked for and were answered.
package chaos

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/store"
)

// Settings of the system, as config has them.
const (
	lease     = 2 * time.Minute
	pushTTL   = 28 * 24 * time.Hour
	retention = 30 * 24 * time.Hour
)

// World is one run: a system, its weather and its people. It lives in a
// synctest bubble.
type World struct {
	Seed   uint64
	Size   Size
	Result Result

	name    string
	dice    dice
	weather Weather
	broken  Variant
	began   time.Time
	stormy  atomic.Bool
	stop    chan struct{} // ends the clock
	clocks  sync.WaitGroup

	db     store.Memory
	fcm    *standin.Server
	writes sync.Mutex // orders the writes of calls and their events
	jobs   atomic.Int64

	phones []*phone
	people []*person
	rooms  []*room
	calls  []*invitation

	mu        sync.Mutex // guards what follows
	counts    map[string]int
	pools     map[string][]*process
	triggered map[string]bool      // message IDs
	versions  map[string][]version // of calls, by callID
	messages  []*said
	letters   []letter
	buried    map[string]bool   // subject and PushID of what ever became a dead letter
	owners    map[string]*phone // by target
	excused   map[string]int    // repeats that FCM's lost answers cause, by target and what it was told
	trace     []entry
	begins    map[string]time.Time // of the request, by the name that FCM gave the message
}

// version is a call as a write left it.
type version struct {
	at   time.Time
	call call.Call
}

// Variant is the system with something broken on purpose, to show that the
// harness notices.
type Variant struct {
	Name    string
	World   func(*World)   // nil: nothing
	Process func(*process) // of each that starts; nil: nothing
}

// Result is what a run came to.
type Result struct {
	Pairs    int // (message, device), each judged
	Expected int // pairs that had to be shown
	Shown    int // notifications of messages, repeats not counted
	Calls    int
	Rings    int // (invitation, device) that had to ring
	Late     int // (invitation, device) that had to be told when the system knew that the device was dead
	Pushes   int // FCM took
	Repeats  int // of these, what the device had already, same tag
	Excused  int // repeats that a lost answer or a death explains
	Kills    int

	DeadLetters int
	Failures    []Failure // the first is the first offender
}

// add adds what another run came to, but for its failures.
func (r *Result) add(o Result) {
	r.Pairs, r.Expected, r.Shown = r.Pairs+o.Pairs, r.Expected+o.Expected, r.Shown+o.Shown
	r.Calls, r.Rings, r.Late, r.Pushes = r.Calls+o.Calls, r.Rings+o.Rings, r.Late+o.Late, r.Pushes+o.Pushes
	r.Repeats, r.Excused, r.Kills = r.Repeats+o.Repeats, r.Excused+o.Excused, r.Kills+o.Kills
	r.DeadLetters += o.DeadLetters
}

// Failure is a broken promise.
type Failure struct {
	Promise string // which
	Subject string // of what message or call
	Phone   string // and on what phone
	Detail  string
	Trace   []string
}

// Failed reports whether a promise was broken.
func (r Result) Failed() bool { return len(r.Failures) > 0 }

// maxFailures is how many failures are kept; one is enough to look at.
const maxFailures = 20

// fail notes a broken promise.
func (w *World) fail(promise, subject, phone, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.Result.Failures) < maxFailures {
		w.Result.Failures = append(w.Result.Failures, Failure{Promise: promise, Subject: subject, Phone: phone, Detail: fmt.Sprintf(format, args...)})
	}
}

// entry is a line of the trace.
type entry struct {
	at             time.Duration
	subject        string
	who, what, how string
}

// note adds a line to the trace.
func (w *World) note(j *job, p *process, what, how string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trace = append(w.trace, entry{time.Since(w.began), j.subject, p.function, what, how})
}

// traceOf is the lines about a subject and a phone, of FCM's about that phone.
func (w *World) traceOf(subject, phone string) (out []string) {
	for _, e := range w.trace {
		if to, fcm := strings.CutPrefix(e.what, "FCM "); fcm && phone != "" && to != phone {
			continue
		}
		if e.subject == subject || e.subject == phone {
			out = append(out, fmt.Sprintf("%12.3fs  %-18s %s: %s", e.at.Seconds(), e.who, e.what, e.how))
		}
	}
	return out
}

// Run plays a run to its end and judges it. It must be called in a synctest
// bubble: it takes hours of virtual time.
func Run(seed uint64, size Size, weather Weather, broken Variant) *World {
	w := &World{
		Seed: seed, Size: size, name: fmt.Sprint("s", seed), dice: dice(seed), weather: weather, broken: broken, began: time.Now(),
		counts: map[string]int{}, pools: map[string][]*process{}, triggered: map[string]bool{}, versions: map[string][]version{},
		owners: map[string]*phone{}, buried: map[string]bool{}, begins: map[string]time.Time{}, stop: make(chan struct{}), excused: map[string]int{}, fcm: newStandin(),
	}
	if w.weather.Concurrency == 0 {
		w.weather.Concurrency = 1000
	}
	if broken.World != nil {
		broken.World(w)
	}
	w.play()
	w.quiet()
	w.replay()
	time.Sleep(lease + 5*time.Minute) // the last leases lapse, and are swept
	w.quiet()
	w.end()
	w.judge()
	return w
}

// end stops the clock and whatever is still under way.
func (w *World) end() {
	close(w.stop)
	w.clocks.Wait()
	for w.jobs.Load() > 0 {
		time.Sleep(time.Minute)
	}
	for _, pool := range w.pools {
		for _, p := range pool {
			p.die()
		}
	}
}

// over reports whether it has been stopped.
func (w *World) over() bool {
	select {
	case <-w.stop:
		return true
	default:
		return false
	}
}

// going runs f, and keeps the run from ending before it does.
func (w *World) going(f func()) {
	w.jobs.Add(1)
	go func() {
		defer w.jobs.Add(-1)
		f()
	}()
}

// wild reports whether anything may go wrong now: not while the people sign up.
func (w *World) wild() bool { return w.stormy.Load() }

// mostTime is how long a run takes at most until nothing is under way.
const mostTime = 12 * time.Hour

// quiet waits until nothing is under way and no call rings.
func (w *World) quiet() {
	for time.Since(w.began) < mostTime {
		time.Sleep(67 * time.Second) // not in step with the sweeps
		if w.jobs.Load() == 0 && !w.ringing() {
			return
		}
	}
	w.fail("it comes to an end", "", "", "%d jobs are under way after %v, and calls ring: %t", w.jobs.Load(), mostTime, w.ringing())
}

func (w *World) ringing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, list := range w.versions {
		if len(list[len(list)-1].call.Ringing) > 0 {
			return true
		}
	}
	return false
}

// clock starts a sweep each minute, as Cloud Scheduler does.
func (w *World) clock() {
	tick := time.NewTicker(call.SweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			w.publishSweep()
		case <-w.stop:
			return
		}
	}
}

// replay publishes the dead letters again, each once, when nothing goes wrong
// any more.
func (w *World) replay() {
	w.stormy.Store(false)
	w.mu.Lock()
	letters := w.letters
	w.letters = nil
	w.mu.Unlock()
	for _, l := range letters {
		w.publishBatch(l.batch)
	}
}

func (w *World) owns(p *phone, target string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.owners[target] = p
}

// phoneOf names a target's phone.
func (w *World) phoneOf(target string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p := w.owners[target]; p != nil {
		return p.id
	}
	return "unknown"
}

// excuse counts a push that FCM took without saying so.
func (w *World) excuse(told string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.excused[told]++
}

// asked notes when the request for a message that FCM took began.
func (w *World) asked(name string, began time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begins[name] = began
}
