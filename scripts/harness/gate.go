package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path"
	"strings"
	"sync"
)

// Limits of a Gate.
const (
	maxEvent      = 32 << 20 // bytes of one event
	maxDeliveries = 10_000   // deliveries remembered per function; counts go on
	maxForwarded  = 100      // events at the functions server at a time; more wait
)

// Gate is a reverse proxy between the emulators and the functions server, with a hand on every function's events:
// it can hold, repeat, refuse them and lose their answers, and it remembers what was delivered.
//
// It stands in for Eventarc, too: the Firestore emulator delivers an event once, gives up on any failure and waits for the
// answer a short time only. So the Gate accepts a Firestore event at once and delivers it itself, again and again with a
// growing delay, until the functions server answers 2xx or the Gate is closed. A Pub/Sub push is answered with what the
// functions server answers, since the Pub/Sub emulator repeats pushes and keeps dead letters itself.
type Gate struct {
	server *http.Server
	addr   string
	client *http.Client
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	own    sync.WaitGroup // deliveries of accepted events

	mu        sync.Mutex
	changed   sync.Cond
	target    string
	targets   map[string]string // of functions that have one of their own
	functions map[string]*gated
}

// gated is the state of one function at the Gate.
type gated struct {
	paused       bool
	copies       int
	concurrently bool
	drop, fail   int
	counts       GateCounts
	log          []Delivery
}

// GateCounts says what came to one function since the Gate was made or Reset.
type GateCounts struct {
	Arrived   int // events from the emulators; a Pub/Sub repetition arrives again
	Held      int // events waiting now, because the function is paused or no target is set
	Refused   int // deliveries answered 503 by Fail
	Delivered int // tries the functions server answered 2xx, copies included
	Failed    int // tries it answered otherwise, or was not reached for
}

// NewGate serves a Gate on addr ("127.0.0.1:0" picks a port). Until SetTarget it holds every event.
func NewGate(addr string) (*Gate, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("gate: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	g := &Gate{
		addr:      listener.Addr().String(),
		client:    &http.Client{Transport: &http.Transport{MaxConnsPerHost: maxForwarded, MaxIdleConnsPerHost: maxForwarded}},
		ctx:       ctx,
		cancel:    cancel,
		functions: make(map[string]*gated),
		targets:   make(map[string]string),
	}
	g.changed.L = &g.mu
	g.server = &http.Server{Handler: g, BaseContext: func(net.Listener) context.Context { return ctx }}
	go g.server.Serve(listener)
	return g, nil
}

// Addr returns the host:port the Gate listens on.
func (g *Gate) Addr() string { return g.addr }

// Close stops the Gate; events it holds or still has to deliver are lost.
func (g *Gate) Close() {
	g.set(g.cancel)
	g.server.Close()
	g.own.Wait()
	g.client.CloseIdleConnections()
}

// SetTarget names the functions server, such as "http://127.0.0.1:8080"; "" holds every event until the next call.
func (g *Gate) SetTarget(url string) {
	g.set(func() { g.target = strings.TrimSuffix(url, "/") })
}

// SetTargetOf names the server of one function, where that is not the others'.
func (g *Gate) SetTargetOf(name, url string) {
	g.set(func() { g.targets[name] = strings.TrimSuffix(url, "/") })
}

// Pause holds the function's events until Resume. The Pub/Sub emulator repeats a push that is held longer than the
// subscription's acknowledgement deadline.
func (g *Gate) Pause(name string) { g.set(func() { g.function(name).paused = true }) }

// Resume lets held events go, in no particular order.
func (g *Gate) Resume(name string) { g.set(func() { g.function(name).paused = false }) }

// Duplicate delivers each of the function's events n times, one after the other or all at once; 1 turns it off. The
// event counts as accepted only when every copy was answered 2xx.
func (g *Gate) Duplicate(name string, n int, concurrently bool) {
	g.set(func() {
		f := g.function(name)
		f.copies, f.concurrently = n, concurrently
	})
}

// DropAnswer delivers the function's next n events but loses the answers, so that they come again. A negative n means all
// until the next call.
func (g *Gate) DropAnswer(name string, n int) { g.set(func() { g.function(name).drop = n }) }

// Fail refuses the function's next n deliveries with 503 before they reach it. A negative n means all until the next call.
func (g *Gate) Fail(name string, n int) { g.set(func() { g.function(name).fail = n }) }

// Reset ends every pause and fault and forgets counts and deliveries. Events on their way go on and are counted anew.
func (g *Gate) Reset() {
	g.set(func() {
		for _, f := range g.functions {
			*f = gated{counts: GateCounts{Held: f.counts.Held}}
		}
	})
}

// set changes the state and wakes whoever waits for it.
func (g *Gate) set(change func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change()
	g.changed.Broadcast()
}

// function returns the named function's state, made on first use. The caller holds mu.
func (g *Gate) function(name string) *gated {
	f := g.functions[name]
	if f == nil {
		f = new(gated)
		g.functions[name] = f
	}
	return f
}

// FunctionName tells whose event a request is: a Firestore event's from its path /functions/projects/{p}/triggers/{name}, a
// Pub/Sub push's from the last segment of its body's subscription, any other's from the last segment of its path.
func FunctionName(urlPath string, body []byte) string {
	var push struct {
		Subscription string `json:"subscription"`
	}
	if !isTrigger(urlPath) && json.Unmarshal(body, &push) == nil && push.Subscription != "" {
		return path.Base(push.Subscription)
	}
	return path.Base(urlPath)
}

// isTrigger reports whether the path is one the Firestore emulator delivers to.
func isTrigger(urlPath string) bool {
	return strings.HasPrefix(urlPath, "/functions/projects/") && path.Base(path.Dir(urlPath)) == "triggers"
}
