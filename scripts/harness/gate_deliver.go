package harness

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Delays before an accepted event is delivered again: the first, doubled each time up to the last.
const (
	firstRedelivery = 50 * time.Millisecond
	lastRedelivery  = 2 * time.Second
)

// Delivery is one try to hand an event to the functions server.
type Delivery struct {
	Function string
	Path     string // with the query
	Header   http.Header
	Body     []byte
	Status   int       // what the functions server answered; 0 if it was not reached
	At       time.Time // when it did
}

// ServeHTTP takes one event from an emulator.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	event := Delivery{
		Function: FunctionName(r.URL.Path, body),
		Path:     r.URL.RequestURI(),
		Header:   r.Header,
		Body:     body,
	}
	g.set(func() { g.function(event.Function).counts.Arrived++ })

	if isTrigger(r.URL.Path) {
		g.set(func() {
			if g.ctx.Err() == nil { // else Close may be waiting for own already
				g.own.Go(func() { g.deliverUntilAccepted(event) })
			}
		})
		return
	}
	w.WriteHeader(g.deliver(r.Context(), event))
}

// deliverUntilAccepted is what Eventarc does with an event.
func (g *Gate) deliverUntilAccepted(event Delivery) {
	for delay := firstRedelivery; !accepted(g.deliver(g.ctx, event)); delay = min(2*delay, lastRedelivery) {
		select {
		case <-time.After(delay):
		case <-g.ctx.Done():
			return
		}
	}
}

// deliver passes one event on as the function's settings say, and returns the status to answer the emulator with. ctx
// bounds only the time it is held: once sent, an event takes its course.
func (g *Gate) deliver(ctx context.Context, event Delivery) (status int) {
	pass, ok := g.admit(ctx, event.Function)
	if !ok {
		return http.StatusServiceUnavailable
	}
	statuses := make([]int, pass.copies)
	var copies sync.WaitGroup
	for i := range statuses {
		send := func() { statuses[i] = g.send(pass.target, event) }
		if pass.concurrently {
			copies.Go(send)
		} else {
			send()
		}
	}
	copies.Wait()

	if pass.drop {
		return http.StatusInternalServerError
	}
	for _, status = range statuses {
		if !accepted(status) {
			break
		}
	}
	if status == 0 {
		return http.StatusBadGateway
	}
	return status
}

// pass is how one event goes through.
type pass struct {
	target       string
	copies       int
	concurrently bool
	drop         bool
}

// admit waits while the function is paused and takes the faults set for it; not ok means refused.
func (g *Gate) admit(ctx context.Context, name string) (p pass, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := g.function(name)
	target := func() string { return cmp.Or(g.targets[name], g.target) }
	if f.paused || target() == "" {
		f.counts.Held++
		g.changed.Broadcast()
		err := g.await(ctx, func() bool { return !f.paused && target() != "" })
		f.counts.Held--
		if err != nil {
			return pass{}, false
		}
	}
	if take(&f.fail) {
		f.counts.Refused++
		g.changed.Broadcast()
		return pass{}, false
	}
	return pass{target: target(), copies: max(f.copies, 1), concurrently: f.concurrently, drop: take(&f.drop)}, true
}

// take uses up one of n, which never ends when it is negative.
func take(n *int) bool {
	if *n > 0 {
		*n--
		return true
	}
	return *n < 0
}

// send makes one try, records it and returns its status, 0 if the server was not reached.
func (g *Gate) send(target string, event Delivery) int {
	event.Status = g.post(target, event)
	event.At = time.Now()
	g.set(func() {
		f := g.function(event.Function)
		if accepted(event.Status) {
			f.counts.Delivered++
		} else {
			f.counts.Failed++
		}
		if len(f.log) < maxDeliveries {
			f.log = append(f.log, event)
		}
	})
	return event.Status
}

func (g *Gate) post(target string, event Delivery) int {
	request, err := http.NewRequestWithContext(g.ctx, http.MethodPost, target+event.Path, bytes.NewReader(event.Body))
	if err != nil {
		return 0
	}
	for key, values := range event.Header {
		// Connection is between the emulator and the Gate only; with Accept-Encoding passed on the answer could not be read.
		if key != "Connection" && !strings.HasPrefix(key, "Accept") {
			request.Header[key] = values
		}
	}
	response, err := g.client.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	io.Copy(io.Discard, response.Body) // read to the end, so that the connection is used again
	return response.StatusCode
}

func accepted(status int) bool { return status >= 200 && status < 300 }
