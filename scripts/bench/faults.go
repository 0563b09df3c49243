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
	"github.com/doorbell-push/doorbell/shared/dispatch"
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

// Where there are several processes, of so many requests one is answered 429: one
// process is told for all of them.
const stayAwayAll = 10 * time.Second

// faulty is a stand-in's plan for so many pushes, with so many 429s in a row.
func faulty(pushes, inARow int, away time.Duration) standin.Plan {
	p := standin.Plan{Seed: 1, Latency: standin.Latency{Base: standin.Delay(faultyDelay)}}
	for at := burstEvery; at < pushes; at += burstEvery {
		for range inARow { // a rule counts what the rules before it have let through
			p.Rules = append(p.Rules, standin.Rule{
				Match: standin.Match{Nth: at}, Action: standin.Action{Error: standin.ProjectQuota, RetryAfter: standin.Delay(away)},
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
	// Processes is how many dispatchers there are, each with connections of its own;
	// Tell: they tell each other what FCM wants.
	Processes int
	Tell      bool
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
	*wait // of all senders
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
	r, err := run(ctx, p, batches(p.Pushes, devices))
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

// redelivery is how long Pub/Sub waits before it repeats a batch that failed.
const redelivery = 10 * time.Second

// faultyOurs is dispatchers with a ledger in memory, given each batch again for as
// long as they ask for it.
func faultyOurs(ctx context.Context, p faultsParams, all []push.Batch) (faultsResult, error) {
	w, ledger := &wait{}, &store.Memory{}
	var processes []*dispatch.Dispatcher
	for range p.Processes {
		client, err := p.Edge.client()
		if err != nil {
			return faultsResult{}, err
		}
		d := dispatcher(&waiting{client, w}, ledger)
		if p.Tell {
			d.Pauses = ledger
		}
		processes = append(processes, d)
	}
	began := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(dispatching * p.Processes)
	for i, b := range all {
		d := processes[i%p.Processes]
		g.Go(func() error {
			now := time.Now().UnixMilli() // what is told late is looked up
			b.PlannedAt, b.Announcement.CreatedAt = now, now
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
func faultySDK(ctx context.Context, p faultsParams, all []push.Batch) (faultsResult, error) {
	e := p.Edge
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
	plan := faulty(s.stream, burst, stayAway)
	for _, name := range []string{"16 SendEach", oursName} {
		r, st, err := askFaults(ctx, plan, faultsParams{Sender: name, Pushes: s.stream, Processes: 1})
		if err != nil {
			return err
		}
		taken := float64(st.Accepted)
		fmt.Fprintf(s.out, "| %s | %d | %d | %.0f/s | %.0f/s | %.3f | %d | %d |\n", name, st.Accepted, r.Lost, taken/r.Seconds, taken/(r.Seconds-r.Told),
			float64(st.Requests)/taken, st.InRetryAfter, r.Inside)
	}
	return benchTold(ctx, s)
}

// benchTold is two processes of which FCM asks one to wait, for both.
func benchTold(ctx context.Context, s settings) error {
	fmt.Fprintf(s.out, "\nTwo processes, and every %d requests one 429 with `Retry-After: %.0f`, of which one process hears; %d pushes:\n\n", burstEvery, stayAwayAll.Seconds(), s.stream)
	fmt.Fprintln(s.out, "| | arrived inside a Retry-After | begun though one of them knew | of all requests |")
	fmt.Fprintln(s.out, "|---|--:|--:|--:|")
	var alone float64
	for _, tell := range []bool{false, true} {
		r, st, err := askFaults(ctx, faulty(s.stream, 1, stayAwayAll), faultsParams{Sender: oursName, Pushes: s.stream, Processes: 2, Tell: tell})
		if err != nil {
			return err
		}
		name, less := "each by itself", ""
		if tell {
			name, less = "**they tell each other**", fmt.Sprintf(", %.0f× fewer", alone/max(float64(r.Inside), 1))
		}
		alone = float64(r.Inside)
		fmt.Fprintf(s.out, "| %s | %d | %d%s | %.1f %% |\n", name, st.InRetryAfter, r.Inside, less, 100*float64(r.Inside)/float64(st.Requests))
	}
	return nil
}

// askFaults is what a sender makes of a plan, and FCM of it. Ours must lose nothing.
func askFaults(ctx context.Context, plan standin.Plan, p faultsParams) (r faultsResult, st standin.Stats, err error) {
	e, stop, err := startEdge(ctx, edgeParams{Devices: devices, Faults: plan})
	if err != nil {
		return r, st, err
	}
	defer stop()
	p.Edge = e
	if r, err = ask[faultsResult](ctx, "faults", p); err != nil {
		return r, st, err
	}
	if st, err = e.stats(ctx); err != nil {
		return r, st, err
	}
	if p.Sender == oursName && (int(st.Accepted) != p.Pushes || r.Lost > 0) {
		err = fmt.Errorf("FCM took %d messages, want %d; %d are lost", st.Accepted, p.Pushes, r.Lost)
	}
	return r, st, err
}
