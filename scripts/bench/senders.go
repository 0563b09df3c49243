package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	firebase "firebase.google.com/go/v4"
	"firebase.google.com/go/v4/messaging"
	"golang.org/x/sync/errgroup"
	"google.golang.org/api/option"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/dispatch"
	"github.com/doorbell-push/doorbell/shared/fcm"
	"github.com/doorbell-push/doorbell/shared/push"
)

// connections and streams are what the ceiling and ours may use.
const connections = 8

// a sender prepares to send batches, which is not measured, and returns what
// sends those from one index up to another.
type sender func(ctx context.Context, e edge, all []push.Batch) (send, error)

type send func(ctx context.Context, from, to int) error

// senders are what is compared, in the order of the table. Of a slow one a part
// of the stream says as much.
var senders = []struct {
	name    string
	part    int // one in so many
	prepare sender
}{
	{"one SendEach", 10, sendEach(1)},
	{"16 SendEach", 1, sendEach(16)},
	{"SDK, our network", 1, sdkOnOurs},
	{ceilingName, 1, plain},
	{oursName, 1, ours},
}

const ceilingName, oursName = "plain HTTP/2", "Doorbell"

// sendEach is the Admin SDK as its documentation uses it, with so many calls
// of SendEach at once.
func sendEach(parallel int) sender {
	return func(ctx context.Context, e edge, all []push.Batch) (send, error) {
		// The SDK's own default but for the certificate it trusts.
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.TLSClientConfig, t.ForceAttemptHTTP2, t.MaxIdleConnsPerHost = e.tls(), true, 100
		client, err := adminSDK(ctx, e, t)
		if err != nil {
			return nil, err
		}
		calls := rendered(all)
		return func(ctx context.Context, from, to int) error {
			g, ctx := errgroup.WithContext(ctx)
			g.SetLimit(parallel)
			for _, messages := range calls[from:to] {
				g.Go(func() error {
					answer, err := client.SendEach(ctx, messages)
					if err == nil && answer.FailureCount > 0 {
						err = fmt.Errorf("%d failed", answer.FailureCount)
					}
					return err
				})
			}
			return g.Wait()
		}, nil
	}
}

// rendered is each batch's messages in the Admin SDK's types.
func rendered(all []push.Batch) [][]*messaging.Message {
	messages := make([][]*messaging.Message, len(all))
	for i, b := range all {
		for _, t := range b.Targets {
			messages[i] = append(messages[i], push.Renderer{}.Render(b.Announcement, t, time.Now()))
		}
	}
	return messages
}

func adminSDK(ctx context.Context, e edge, t http.RoundTripper) (*messaging.Client, error) {
	app, err := firebase.NewApp(ctx, &firebase.Config{ProjectID: project}, option.WithEndpoint(e.endpoint()), option.WithHTTPClient(&http.Client{Transport: t}))
	if err != nil {
		return nil, err
	}
	return app.Messaging(ctx)
}

// plain is the ceiling: bodies encoded before, a fixed number of connections
// with all the streams FCM allows, answers thrown away.
func plain(ctx context.Context, e edge, all []push.Batch) (send, error) {
	lanes, target, err := dial(ctx, e)
	if err != nil {
		return nil, err
	}
	bodies := make([][][]byte, len(all))
	for i, b := range all {
		encoder := push.Renderer{}.Encoder(b.Announcement)
		for _, t := range b.Targets {
			bodies[i] = append(bodies[i], encoder.Encode(t, time.Now()))
		}
	}
	request := &http.Request{Method: http.MethodPost, URL: target, Host: target.Host, Header: http.Header{"Content-Type": {"application/json"}}}
	return func(ctx context.Context, from, to int) error {
		g, ctx := errgroup.WithContext(ctx)
		next := make(chan []byte)
		for i := range connections * fcm.MaxStreams {
			g.Go(func() error {
				for body := range next {
					r := request.WithContext(ctx)
					r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
					resp, err := lanes[i%connections].RoundTrip(r)
					if err != nil {
						return err
					}
					_, err = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					if err != nil || resp.StatusCode != http.StatusOK {
						return fmt.Errorf("%s, %w", resp.Status, err)
					}
				}
				return nil
			})
		}
		g.Go(func() error {
			defer close(next)
			for _, body := range slices.Concat(bodies[from:to]...) {
				select {
				case next <- body:
				case <-ctx.Done():
					return nil
				}
			}
			return nil
		})
		return g.Wait()
	}, nil
}

// dial opens connections by net/http alone.
func dial(ctx context.Context, e edge) (lanes []http.RoundTripper, target *url.URL, err error) {
	if target, err = url.Parse(e.endpoint() + "/projects/" + project + "/messages:send"); err != nil {
		return nil, nil, err
	}
	t := &http.Transport{TLSClientConfig: e.tls(), Protocols: new(http.Protocols), DisableCompression: true}
	t.Protocols.SetHTTP2(true)
	for range connections {
		c, err := t.NewClientConn(ctx, target.Scheme, target.Host)
		if err != nil {
			return nil, nil, err
		}
		lanes = append(lanes, c)
	}
	return lanes, target, nil
}

// dispatching is how many batches ours has under way: what one instance is
// given at once.
const dispatching = 10

// ours is the dispatcher as functions/deps.go wires it, but for the ledger, and
// without the pace, which would keep any sender to FCM's quota.
func ours(_ context.Context, e edge, all []push.Batch) (send, error) {
	client, err := e.client()
	if err != nil {
		return nil, err
	}
	d := dispatcher(client, &ledger{})
	return func(ctx context.Context, from, to int) error {
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(dispatching)
		for _, b := range all[from:to] {
			g.Go(func() error {
				now := time.Now().UnixMilli() // what is told late is looked up
				b.PlannedAt, b.Announcement.CreatedAt = now, now
				return d.Dispatch(ctx, b)
			})
		}
		return g.Wait()
	}, nil
}

func (e edge) client() (*fcm.Client, error) {
	return fcm.New(fcm.Options{Project: project, Endpoint: e.endpoint(), TLS: e.tls(), Connections: connections})
}

func dispatcher(sender dispatch.Sender, l dispatch.Ledger) *dispatch.Dispatcher {
	return &dispatch.Dispatcher{
		Ledger: l, Sender: sender, Bindings: everybody{}, Members: everybody{}, Now: time.Now, Retention: time.Hour, MaxAttempts: 10, Concurrency: connections * fcm.MaxStreams,
	}
}

// sdkOnOurs is the Admin SDK's encoding, answers and errors on our kind of
// network: what its client could reach at best.
func sdkOnOurs(ctx context.Context, e edge, all []push.Batch) (send, error) {
	lanes, _, err := dial(ctx, e)
	if err != nil {
		return nil, err
	}
	client, err := adminSDK(ctx, e, &inTurn{lanes: lanes})
	if err != nil {
		return nil, err
	}
	messages := rendered(all)
	return func(ctx context.Context, from, to int) error {
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(connections * fcm.MaxStreams)
		for _, m := range slices.Concat(messages[from:to]...) {
			g.Go(func() error {
				_, err := client.Send(ctx, m)
				return err
			})
		}
		return g.Wait()
	}, nil
}

// inTurn uses connections in turn.
type inTurn struct {
	mu    sync.Mutex
	next  int
	lanes []http.RoundTripper
}

func (t *inTurn) RoundTrip(r *http.Request) (*http.Response, error) {
	t.mu.Lock()
	t.next++
	lane := t.lanes[t.next%len(t.lanes)]
	t.mu.Unlock()
	return lane.RoundTrip(r)
}

// ledger takes every batch for new, and counts what became of the devices.
type ledger struct {
	mu       sync.Mutex
	outcomes map[delivery.Status]int
}

func (l *ledger) Begin(_ context.Context, e delivery.Entry, _ []string, _ time.Time) (delivery.Entry, error) {
	return e, nil
}

func (l *ledger) Rung(context.Context, string, string, int64, int64, []string, int) ([]delivery.Entry, error) {
	return nil, nil
}

func (l *ledger) Finish(_ context.Context, e delivery.Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.outcomes == nil {
		l.outcomes = map[delivery.Status]int{}
	}
	for _, o := range e.Outcomes {
		l.outcomes[o.Status]++
	}
	return nil
}
