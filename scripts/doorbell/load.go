package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorbell-push/doorbell/scripts/system"
)

// tokensVariable holds the senders' ID tokens, which a command line would show to
// every user of the machine.
const tokensVariable = "DOORBELL_ID_TOKENS"

// mostInFlight bounds the requests that wait for an answer.
const mostInFlight = 1000

// load is messages to send at a rate.
type load struct {
	URL      string // of the functions
	To       string
	Tokens   []string // of the senders, who take turns
	Rate     float64  // messages a second
	Duration time.Duration
	Push     bool
	Run      string // of this run, in its message IDs
	HTTP     *http.Client
	Progress *bar
}

// loadResult is what became of them. Times are in ms, of those that were stored.
type loadResult struct {
	Stored  int            `json:"stored"`
	Failed  map[string]int `json:"failed"` // by HTTP status, or "no answer"
	Seconds float64        `json:"seconds"`
	P50     float64        `json:"p50"`
	P95     float64        `json:"p95"`
	P99     float64        `json:"p99"`
	Max     float64        `json:"max"`
	example string         // of a failure
}

func loadCommand(o *options) *cobra.Command {
	l := load{}
	senders := 0
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Sends messages at a rate and says how long their answers take",
		Long: `Sends messages to a user at a rate, through a system that runs, and says how long
each took from when it was to be sent until its answer: p50, p95, p99. A system that
is slower than the rate is so not spared. The messages are stored like any others;
with --push the receiver's devices ring for each.

With --local as many users as --senders says send. To a deployment (--url) the users
do whose Firebase ID tokens stand in ` + tokensVariable + `, separated by spaces. A user may
send 10 messages a second for long (DOORBELL_RATE_LIMITS): more are answered 429. All messages of one sender are in one
conversation, whose writes wait for each other: for a high rate give many senders.`,
		Example: "  doorbell --local load --to bob --rate 50 --duration 30s --senders 10",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := l.settle(cmd.Context(), o.local, senders, os.Getenv(tokensVariable)); err != nil {
				return err
			}
			l.Progress = o.bar(cmd)
			return printLoad(cmd.OutOrStdout(), l.run(cmd.Context()), o.json)
		},
	}
	cmd.Flags().StringVar(&l.URL, "url", "", "of the functions; with --local http://localhost:8090")
	cmd.Flags().StringVar(&l.To, "to", "", "the receiver's user ID")
	cmd.Flags().Float64Var(&l.Rate, "rate", 10, "messages a second")
	cmd.Flags().DurationVar(&l.Duration, "duration", 10*time.Second, "for how long")
	cmd.Flags().IntVar(&senders, "senders", 1, "how many users send, with --local")
	cmd.Flags().BoolVar(&l.Push, "push", false, "ask for a push of each")
	if err := cmd.MarkFlagRequired("to"); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

// settle checks the flags and has the senders signed in.
func (l *load) settle(ctx context.Context, local bool, senders int, tokens string) error {
	switch {
	case !(l.Rate > 0 && l.Rate <= 10_000):
		return errors.New("--rate is above 0 and at most 10000")
	case l.Duration <= 0 || l.Duration > 24*time.Hour:
		return errors.New("--duration is above 0 and at most 24h")
	case senders < 1 || senders > 1000:
		return errors.New("--senders is from 1 to 1000")
	}
	l.Run = strconv.FormatInt(time.Now().UnixMilli(), 36)
	l.HTTP = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: mostInFlight}}
	if !local {
		if l.Tokens = strings.Fields(tokens); l.URL == "" || len(l.Tokens) == 0 {
			return fmt.Errorf("which system? give --local, or --url with the senders' ID tokens in %s", tokensVariable)
		}
		return nil
	}
	if l.URL == "" {
		l.URL = "http://localhost:8090"
	}
	for i := range senders {
		token, err := system.SignIn(ctx, "127.0.0.1:8093", "load-"+strconv.Itoa(i))
		if err != nil {
			return fmt.Errorf("is \"doorbell local\" running? %w", err)
		}
		l.Tokens = append(l.Tokens, token)
	}
	return nil
}

// run sends, each message at its time whatever became of those before, and waits
// for the answers. Ended early it tells of what was sent.
func (l *load) run(ctx context.Context) loadResult {
	r := loadResult{Failed: map[string]int{}}
	var took []float64
	var lock sync.Mutex
	var sending sync.WaitGroup
	inFlight := make(chan struct{}, mostInFlight)
	began := time.Now()
	count := max(1, int(l.Rate*l.Duration.Seconds()))
	answered := 0
	for i := range count {
		due := began.Add(time.Duration(float64(i) / l.Rate * float64(time.Second)))
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(due)):
		}
		if ctx.Err() != nil {
			break
		}
		inFlight <- struct{}{}
		sending.Go(func() {
			problem, example := l.send(i)
			ms := float64(time.Since(due).Microseconds()) / 1000
			<-inFlight
			lock.Lock()
			defer lock.Unlock()
			answered++
			if problem == "" {
				took = append(took, ms)
			} else {
				r.Failed[problem]++
				r.example = example
			}
			l.Progress.show(float64(answered)/float64(count), fmt.Sprintf("%d of %d answered, the last after %.0f ms", answered, count, ms))
		})
	}
	sending.Wait()
	l.Progress.end()
	r.Stored, r.Seconds = len(took), time.Since(began).Seconds()
	slices.Sort(took)
	r.P50, r.P95, r.P99, r.Max = percentile(took, 50), percentile(took, 95), percentile(took, 99), percentile(took, 100)
	return r
}

// send sends the message with a number, and says what went wrong. It isn't tried
// again: that would hide how the system does.
func (l *load) send(i int) (problem, example string) {
	config := map[string]any{"priority": 2}
	if l.Push {
		config["pushConfig"] = map[string]any{"title": "Load test", "content": "Message " + strconv.Itoa(i)}
	}
	body, err := json.Marshal(map[string]any{
		"message": map[string]any{"type": 1, "message": "load test " + strconv.Itoa(i)}, "toConversationID": l.To, "conversationType": 0,
		"config": config, "localMessageID": "load-" + l.Run + "-" + strconv.Itoa(i),
	})
	if err != nil {
		return "no request", err.Error()
	}
	request, err := http.NewRequest(http.MethodPost, strings.TrimSuffix(l.URL, "/")+"/send", bytes.NewReader(body))
	if err != nil {
		return "no request", err.Error()
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+l.Tokens[i%len(l.Tokens)])
	answer, err := l.HTTP.Do(request)
	if err != nil {
		return "no answer", err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	switch {
	case err != nil:
		return "no answer", err.Error()
	case answer.StatusCode != http.StatusOK:
		return strconv.Itoa(answer.StatusCode), fmt.Sprintf("%.300s", bytes.TrimSpace(text))
	}
	return "", ""
}

// percentile is the smallest of sorted values that p percent are not above; of
// none it is 0.
func percentile(sorted []float64, p int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

func printLoad(w io.Writer, r loadResult, asJSON bool) error {
	failed := 0
	for _, n := range r.Failed {
		failed += n
	}
	if asJSON {
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		if err := out.Encode(r); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(w, "%d stored in %.1f s\n", r.Stored, r.Seconds)
		if r.Stored > 0 {
			fmt.Fprintf(w, "answered after  p50 %.1f ms  p95 %.1f ms  p99 %.1f ms  at most %.1f ms\n", r.P50, r.P95, r.P99, r.Max)
		}
		for _, problem := range slices.Sorted(maps.Keys(r.Failed)) {
			fmt.Fprintf(w, "failed: %d, %s\n", r.Failed[problem], problem)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d were not stored, such as: %s", failed, failed+r.Stored, r.example)
	}
	return nil
}
