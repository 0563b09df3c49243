package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/fcm"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/store"
)

// What goes wrong: a tenth of the requests is answered 503, and of so many
// requests so many in a row 429, with the time to stay away.
const (
	unavailable = 0.1
	burstEvery  = 10_000
	burst       = 150
	stayAway    = 2 * time.Second
	faultyDelay = 20 * time.Millisecond // FCM's time for an answer
)

// faulty is a stand-in's plan for so many pushes.
func faulty(pushes int) standin.Plan {
	p := standin.Plan{Seed: 1, Latency: standin.Latency{Base: standin.Delay(faultyDelay)}}
	for at := burstEvery; at < pushes; at += burstEvery {
		for range burst { // a rule counts what the rules before it have let through
			p.Rules = append(p.Rules, standin.Rule{
				Match: standin.Match{Nth: at}, Action: standin.Action{Error: standin.ProjectQuota, RetryAfter: standin.Delay(stayAway)},
			})
		}
	}
	p.Rules = append(p.Rules, standin.Rule{
		Match: standin.Match{Probability: unavailable}, Action: standin.Action{Error: standin.Unavailable},
	})
	return p
}

type faultsParams struct {
	Edge   edge
	Sender string
	Pushes int
}

// faultsResult is what one sender made of the faults.
type faultsResult struct {
	Seconds float64
	Told    float64 // seconds in which the sender knew that it was to stay away
	Inside  int     // requests it began in them all the same
	Lost    int     // pushes that were given up
}

// wait is what a sender knows of FCM's Retry-After.
type wait struct {
	mu     sync.Mutex
	until  time.Time
	told   time.Duration
	inside int
}

// begin counts a request.
func (w *wait) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Now().Before(w.until) {
		w.inside++
	}
}

// answered hears a Retry-After, which may be empty.
func (w *wait) answered(retryAfter string) {
	seconds, err := strconv.Atoi(retryAfter)
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	until := now.Add(time.Duration(seconds) * time.Second)
	if w.until.After(now) {
		now = w.until
	}
	if until.After(now) {
		w.told, w.until = w.told+until.Sub(now), until
	}
}

func (w *wait) result(began time.Time, lost int) faultsResult {
	return faultsResult{Seconds: time.Since(began).Seconds(), Told: w.told.Seconds(), Inside: w.inside, Lost: lost}
}

// waiting is a client that looks when requests begin.
type waiting struct {
	*fcm.Client
	wait
}

func (c *waiting) Send(ctx context.Context, body []byte) (string, error) {
	c.begin()
	name, err := c.Client.Send(ctx, body)
	var answer *fcm.Error
	if errors.As(err, &answer) {
		c.answered(answer.RetryAfter)
	}
	return name, err
}

// waitingTransport is the same for the Admin SDK.
type waitingTransport struct {
	http.RoundTripper
	wait
}

func (t *waitingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.begin()
	resp, err := t.RoundTripper.RoundTrip(r)
	if err == nil {
		t.answered(resp.Header.Get("Retry-After"))
	}
	return resp, err
}

// measureFaults is the process of one sender.
func measureFaults(ctx context.Context, params []byte, out io.Writer) error {
	var p faultsParams
	if err := json.Unmarshal(params, &p); err != nil {
		return err
	}
	slog.SetDefault(slog.New(slog.DiscardHandler))
	run := faultyOurs
	if p.Sender != oursName {
		run = faultySDK
	}
	r, err := run(ctx, p.Edge, batches(p.Pushes, devices))
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

// redelivery is how long Pub/Sub waits before it repeats a batch that failed.
const redelivery = 10 * time.Second

// faultyOurs is the dispatcher with a ledger in memory, given each batch again for
// as long as it asks for it.
func faultyOurs(ctx context.Context, e edge, all []push.Batch) (faultsResult, error) {
	client, err := e.client()
	if err != nil {
		return faultsResult{}, err
	}
	w, ledger := &waiting{Client: client}, &store.Memory{}
	d := dispatcher(w, ledger)
	began := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(dispatching)
	for _, b := range all {
		g.Go(func() error {
			b.PlannedAt = time.Now().UnixMilli()
			for d.Dispatch(ctx, b) != nil {
				select {
				case <-time.After(redelivery):
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return faultsResult{}, err
	}
	lost, why := 0, map[string]int{}
	for _, entry := range ledger.Deliveries() {
		for _, o := range entry.Outcomes {
			if o.Status != delivery.Sent {
				lost++
				why[string(o.Status)+" "+o.Detail]++
			}
		}
	}
	if lost > 0 {
		fmt.Fprintln(os.Stderr, "not sent:", why)
	}
	return w.result(began, lost), nil
}

// faultySDK is 16 calls of SendEach at once, each batch given to it once.
func faultySDK(ctx context.Context, e edge, all []push.Batch) (faultsResult, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig, t.ForceAttemptHTTP2, t.MaxIdleConnsPerHost = e.tls(), true, 100
	w := &waitingTransport{RoundTripper: t}
	client, err := adminSDK(ctx, e, w)
	if err != nil {
		return faultsResult{}, err
	}
	calls := rendered(all)
	var lost atomic.Int64
	began := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for _, messages := range calls {
		g.Go(func() error {
			answer, err := client.SendEach(ctx, messages)
			if err == nil {
				lost.Add(int64(answer.FailureCount))
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return faultsResult{}, err
	}
	return w.result(began, int(lost.Load())), nil
}

func benchFaults(ctx context.Context, s settings) error {
	fmt.Fprintf(s.out, "%d pushes; FCM answers after %v, a tenth of the requests with 503, and every %d requests %d in a row with 429 and `Retry-After: %.0f`\n\n",
		s.stream, faultyDelay, burstEvery, burst, stayAway.Seconds())
	fmt.Fprintln(s.out, "| | taken by FCM | given up | a second | while it didn't have to wait | requests a push taken | arrived inside a Retry-After | begun though the sender knew |")
	fmt.Fprintln(s.out, "|---|--:|--:|--:|--:|--:|--:|--:|")
	for _, name := range []string{"16 SendEach", oursName} {
		e, stop, err := startEdge(ctx, edgeParams{Devices: devices, Faults: faulty(s.stream)})
		if err != nil {
			return err
		}
		r, err := ask[faultsResult](ctx, "faults", faultsParams{e, name, s.stream})
		if err != nil {
			stop()
			return err
		}
		st, err := e.stats(ctx)
		stop()
		if err != nil {
			return err
		}
		taken := float64(st.Accepted)
		fmt.Fprintf(s.out, "| %s | %d | %d | %.0f/s | %.0f/s | %.3f | %d | %d |\n", name, st.Accepted, r.Lost, taken/r.Seconds, taken/(r.Seconds-r.Told),
			float64(st.Requests)/taken, st.InRetryAfter, r.Inside)
		if name == oursName && (int(st.Accepted) != s.stream || r.Lost > 0) {
			return fmt.Errorf("FCM took %d messages, want %d; %d are lost", st.Accepted, s.stream, r.Lost)
		}
	}
	return nil
}
