package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/scripts/system"
	"github.com/doorbell-push/doorbell/shared/push"
)

// benchMemory has the built server dispatch, with the Firestore emulator for its
// ledger and the stand-in over TLS: dispatching batches at once, what
// terraform/function_dispatch.tf gives an instance.
func benchMemory(ctx context.Context, s settings) error {
	sys, err := system.Start(ctx, system.Options{ProjectID: project, NoClock: true})
	if err != nil {
		return err
	}
	defer sys.Stop()
	plan := standin.Plan{Latency: standin.Latency{Base: standin.Delay(60 * time.Millisecond)}}
	e, stop, err := startEdge(ctx, edgeParams{Devices: devices, Faults: plan})
	if err != nil {
		return err
	}
	defer stop()
	program, remove, err := buildServer(ctx)
	if err != nil {
		return err
	}
	defer remove()
	cert := filepath.Join(filepath.Dir(program), "cert.pem")
	if err := os.WriteFile(cert, []byte(e.Cert), 0o600); err != nil {
		return err
	}
	server, _, err := startServer(ctx, program, "dispatch", "FIRESTORE_EMULATOR_HOST="+sys.FirestoreHost(), "PUBSUB_EMULATOR_HOST="+sys.PubSubHost(),
		"DOORBELL_FCM_ENDPOINT="+e.endpoint(), "SSL_CERT_FILE="+cert,
		"DOORBELL_FCM_RATE_PER_MINUTE=60000000") // as fast as it goes
	if err != nil {
		return err
	}
	defer server.stop()
	return memoryTable(ctx, s, server, e)
}

// memoryTable counts what FCM took: there is nobody in the database, so a batch that
// is looked at again, because it waited or came again, rings nobody.
func memoryTable(ctx context.Context, s settings, dispatcher *server, e edge) error {
	started, _, err := dispatcher.memory()
	if err != nil {
		return err
	}
	// One batch, and it has its clients and connections.
	if _, err := deliver(ctx, dispatcher, 0, push.MaxBatch); err != nil {
		return err
	}
	rest, _, err := dispatcher.memory()
	if err != nil {
		return err
	}
	first, err := e.stats(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	again, err := deliver(ctx, dispatcher, push.MaxBatch, s.memoryPushes)
	if err != nil {
		return err
	}
	seconds := time.Since(began).Seconds()
	last, err := e.stats(ctx)
	if err != nil {
		return err
	}
	taken := float64(last.Accepted - first.Accepted)
	time.Sleep(s.idle)
	after, peak, err := dispatcher.memory()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "| resident memory of the server of `dispatch` | |\n|---|--:|\n")
	fmt.Fprintf(s.out, "| started | %.0f MiB |\n| at rest, after one batch of %d | %.0f MiB |\n| at most through %d pushes, %d batches at once (FCM took %.0f, %.0f/s; %d batches given again) | %.0f MiB |\n| %v later | %.0f MiB |\n",
		started, push.MaxBatch, rest, s.memoryPushes, dispatching, taken, taken/seconds, again, peak, s.idle, after)
	return nil
}

// deliver gives the server n pushes as Pub/Sub does, from the given one on, and
// again what it asks for. Each batch is made when it is its turn: what is measured
// is another process, but this one has to fit beside it.
func deliver(ctx context.Context, s *server, from, n int) (again int, err error) {
	var repeats atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(dispatching)
	for at := from; at < from+n; at += push.MaxBatch {
		g.Go(func() error {
			b := batch(at/push.MaxBatch, push.MaxBatch, devices)
			for {
				now := time.Now().UnixMilli() // what is told late is looked up
				b.PlannedAt, b.Announcement.CreatedAt = now, now
				ok, err := deliverBatch(ctx, s, b)
				if ok || err != nil {
					return err
				}
				repeats.Add(1)
				time.Sleep(time.Second)
			}
		})
	}
	err = g.Wait()
	return int(repeats.Load()), err
}

func deliverBatch(ctx context.Context, s *server, b push.Batch) (ok bool, err error) {
	data, err := json.Marshal(b)
	if err != nil {
		return false, err
	}
	body, err := json.Marshal(map[string]any{
		"subscription": "projects/" + project + "/subscriptions/dispatch",
		"message":      map[string]any{"data": data, "messageId": b.ID, "publishTime": time.Now().UTC().Format(time.RFC3339)},
	})
	if err != nil {
		return false, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/projects/"+project+"/topics/push", bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode/100 == 2, err
}

func benchStart(ctx context.Context, s settings) error {
	program, remove, err := buildServer(ctx)
	if err != nil {
		return err
	}
	defer remove()
	fmt.Fprintf(s.out, "| from the start of the built server to its first answer, %d times | median | slowest |\n|---|--:|--:|\n", s.starts)
	for _, function := range []string{"send", "on-message", "dispatch"} {
		var took []float64
		for range s.starts {
			server, d, err := startServer(ctx, program, function)
			if err != nil {
				return err
			}
			server.stop()
			took = append(took, d.Seconds()*1e3)
		}
		fmt.Fprintf(s.out, "| `%s` | %.0f ms | %.0f ms |\n", function, median(took), slices.Max(took))
	}
	return nil
}
