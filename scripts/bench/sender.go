package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/shared/push"
)

// devices is how many the stand-in knows, in turn the target of pushes.
const devices = 5000

// warmUp is how many batches go before what is measured, singles how many are
// measured one by one.
const warmUp, singles = 4, 6

type senderParams struct {
	Edge   edge
	Sender string
	Pushes int
	// Profile is where a CPU and an allocation profile of the stream go, empty
	// for none.
	Profile string
}

// senderResult is what one round says of one sender.
type senderResult struct {
	Pushes      int
	Stream      usage
	Batch       float64 // seconds for one batch by itself, the median
	Connections int     // opened
}

func (r senderResult) rate() float64   { return float64(r.Pushes) / r.Stream.Seconds }
func (r senderResult) cpu() float64    { return float64(r.Stream.CPU) / float64(r.Pushes) }
func (r senderResult) bytes() float64  { return float64(r.Stream.Bytes) / float64(r.Pushes) }
func (r senderResult) allocs() float64 { return float64(r.Stream.Allocs) / float64(r.Pushes) }

// measureSender is the process of one sender.
func measureSender(ctx context.Context, params []byte, out io.Writer) error {
	var p senderParams
	if err := json.Unmarshal(params, &p); err != nil {
		return err
	}
	slog.SetDefault(slog.New(slog.DiscardHandler))
	all := batches((warmUp+singles)*push.MaxBatch+p.Pushes, devices)
	i := slices.IndexFunc(senders, func(s struct {
		name    string
		part    int
		prepare sender
	}) bool {
		return s.name == p.Sender
	})
	send, err := senders[i].prepare(ctx, p.Edge, all)
	if err != nil {
		return err
	}
	if err := send(ctx, 0, warmUp); err != nil {
		return err
	}
	r := senderResult{Pushes: p.Pushes}
	var single []float64
	for i := range singles {
		u, err := measure(func() error { return send(ctx, warmUp+i, warmUp+i+1) })
		if err != nil {
			return err
		}
		single = append(single, u.Seconds)
	}
	r.Batch = median(single)
	stop, err := profile(p.Profile, p.Sender)
	if err != nil {
		return err
	}
	if r.Stream, err = measure(func() error { return send(ctx, warmUp+singles, len(all)) }); err != nil {
		return err
	}
	if err := stop(); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

func benchSender(ctx context.Context, s settings) error {
	fmt.Fprintf(s.out, "Batch: 500 pushes by themselves. Stream: %d pushes, to one `SendEach` a tenth of them. Medians of %d.\n\n", s.stream, s.runs)
	fmt.Fprintln(s.out, "| FCM answers after | | batch | stream | Doorbell's rate to it | CPU a push | to the ceiling's | allocated a push | connections |")
	fmt.Fprintln(s.out, "|--:|---|--:|--:|--:|--:|--:|--:|--:|")
	for _, latency := range s.latencies {
		var plan standin.Plan
		plan.Latency.Base = standin.Delay(latency)
		e, stop, err := startEdge(ctx, edgeParams{Devices: devices, Faults: plan})
		if err != nil {
			return err
		}
		rounds, err := senderRounds(ctx, s, e)
		stop()
		if err != nil {
			return err
		}
		printSenders(s.out, latency, rounds)
	}
	return nil
}

// senderRounds has all senders take turns.
func senderRounds(ctx context.Context, s settings, e edge) (rounds []map[string]senderResult, err error) {
	for range s.runs {
		round := map[string]senderResult{}
		for _, candidate := range senders {
			before, err := e.stats(ctx)
			if err != nil {
				return nil, err
			}
			r, err := ask[senderResult](ctx, "sender", senderParams{e, candidate.name, s.stream / candidate.part, s.profile})
			if err != nil {
				return nil, err
			}
			after, err := e.stats(ctx)
			if err != nil {
				return nil, err
			}
			if got, want := after.Accepted-before.Accepted, uint64(r.Pushes+(warmUp+singles)*push.MaxBatch); got != want {
				return nil, fmt.Errorf("%s: FCM got %d messages, want %d", candidate.name, got, want)
			}
			r.Connections = int(after.Connections-before.Connections) - 1 // the one that asks
			round[candidate.name] = r
		}
		rounds = append(rounds, round)
	}
	return rounds, nil
}

func printSenders(out io.Writer, latency time.Duration, rounds []map[string]senderResult) {
	of := func(name string, f func(senderResult) float64) float64 {
		var all []float64
		for _, round := range rounds {
			all = append(all, f(round[name]))
		}
		return median(all)
	}
	// Ratios are taken within a round: the machine may be slower in the next.
	against := func(a, b string, f func(senderResult) float64) float64 {
		var all []float64
		for _, round := range rounds {
			all = append(all, f(round[a])/f(round[b]))
		}
		return median(all)
	}
	connections := func(r senderResult) float64 { return float64(r.Connections) }
	for _, c := range senders {
		fmt.Fprintf(out, "| %v | %s | %v | %.0f/s | %.2f× | %.1f µs | %.2f× | %.1f kB in %.0f | %.0f |\n", latency, c.name,
			time.Duration(of(c.name, func(r senderResult) float64 { return r.Batch })*1e9).Round(100*time.Microsecond),
			of(c.name, senderResult.rate), against(oursName, c.name, senderResult.rate),
			of(c.name, senderResult.cpu)/1e3, against(c.name, ceilingName, senderResult.cpu),
			of(c.name, senderResult.bytes)/1e3, of(c.name, senderResult.allocs), of(c.name, connections))
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
