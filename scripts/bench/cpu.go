package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/doorbell-push/doorbell/scripts/cost"
	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/store"
)

// cpuWorld is a world with people who do what is measured.
type cpuWorld struct {
	*world
	clients  []harness.Client // of users who send, and who have a device each
	receipts []harness.Client // those devices
	tokens   []string         // of those devices
	cursors  []any            // of their syncs
	owner    harness.Client   // of the groups
	n        int              // of the next thing that happens
	large    bool             // there is a large group
	written  bool             // the users have conversations with each other
}

// cpuCase is something that happens, and whose CPU time is measured.
type cpuCase struct {
	what       string
	operations cost.Operations
	result     *float64 // ms each
	times      int      // in a run
	atOnce     int
	large      bool // it happens to the large group
	do         func(w *cpuWorld, ctx context.Context, n int) error
	prepare    func(w *cpuWorld, ctx context.Context) error // a run; may be nil
}

// cpuUsers is how many do things in turn: none comes near the limit of a user.
const cpuUsers = 100

func benchCPU(ctx context.Context, s settings) error {
	w, err := startCPU(ctx, s.largeGroup)
	if err != nil {
		return err
	}
	defer w.stop()
	result := cost.CPU{Measured: machine()}
	fmt.Fprintf(s.out, "CPU time, user and system, of the process that serves all functions, beside emulators: no TLS is in it. Medians of %d; %s.\n\n", s.runs, time.Now().UTC().Format(time.DateOnly))
	fmt.Fprintln(s.out, "| | invocations | CPU | an invocation | USD a million, CPU | its operations |\n|---|--:|--:|--:|--:|--:|")
	for _, c := range append(cpuMessages(&result), cpuAccounts(&result)...) {
		if c.large && !w.large {
			continue
		}
		if err := w.measure(ctx, c, s.runs); err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
		ms, prices := *c.result, cost.USCentral1
		fmt.Fprintf(s.out, "| %s | %.0f | %.1f ms | %.1f ms | **%.2f** | %.2f |\n",
			c.what, c.operations.Invocations, ms, ms/c.operations.Invocations, prices.Instance(ms/1000)*1e6, prices.USD(c.operations)*1e6)
	}
	if s.cpu == "" {
		return nil
	}
	text, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.cpu, append(text, '\n'), 0o644)
}

func startCPU(ctx context.Context, large bool) (w *cpuWorld, err error) {
	base, err := startWorld(ctx)
	if err != nil {
		return nil, err
	}
	w = &cpuWorld{world: base, large: large}
	defer func() {
		if err != nil {
			base.stop()
		}
	}()
	if w.clients, err = w.signIn(ctx, "sender", cpuUsers); err != nil {
		return nil, err
	}
	if _, err = w.people(ctx, "away", cpuUsers, func(int) bool { return false }); err != nil {
		return nil, err
	}
	if _, err = w.people(ctx, "online", cpuUsers, func(int) bool { return true }); err != nil {
		return nil, err
	}
	for _, c := range w.clients {
		phone, err := w.FCM.NewDevice(standin.Device{Platform: standin.Android})
		if err != nil {
			return nil, err
		}
		var answer struct{ ReceiptToken string }
		if err := post(ctx, c, "/register", map[string]any{"token": phone.Token, "platform": "android", "deviceID": "phone"}, &answer); err != nil {
			return nil, err
		}
		w.tokens = append(w.tokens, phone.Token)
		w.receipts = append(w.receipts, harness.Client{BaseURL: c.BaseURL, HTTP: c.HTTP, Token: answer.ReceiptToken})
	}
	w.cursors = make([]any, cpuUsers)
	return w, w.groups(ctx)
}

// groups makes the two that are sent to. Nobody is in both.
func (w *cpuWorld) groups(ctx context.Context) error {
	owner, err := w.signIn(ctx, "olga", 1)
	if err != nil {
		return err
	}
	w.owner = owner[0]
	small, err := w.people(ctx, "small", cost.SmallMembers-1, func(i int) bool { return i >= cost.SmallAway })
	if err != nil {
		return err
	}
	members := map[string][]string{"small": small}
	if w.large {
		if members["large"], err = w.people(ctx, "large", cost.LargeMembers-1, func(int) bool { return true }); err != nil {
			return err
		}
	}
	if _, err := w.people(ctx, "callee", cost.Invitees*callers, func(int) bool { return false }); err != nil {
		return err
	}
	groups := &group.Service{Store: store.NewFirestore(w.db), Now: time.Now, MaxMembers: cost.LargeMembers}
	for id, members := range members {
		if _, err := groups.Create(ctx, "olga0", &group.CreateRequest{GroupInfo: &group.BaseInfo{GroupID: id, GroupName: "n"}}); err != nil {
			return err
		}
		for some := range slices.Chunk(members, group.MaxUsers) {
			if _, err := groups.Invite(ctx, "olga0", &group.UsersRequest{GroupID: id, UserIDs: some}); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure has it happen in several runs, of which the median counts, after one that
// doesn't.
func (w *cpuWorld) measure(ctx context.Context, c cpuCase, runs int) error {
	var each []float64
	for run := range runs + 1 {
		times := c.times
		if run == 0 {
			times = max(times/3, 1)
		}
		if c.prepare != nil {
			if err := c.prepare(w, ctx); err != nil {
				return err
			}
		}
		before, err := w.FunctionsCPU()
		if err != nil {
			return err
		}
		if err := w.happen(ctx, c, times); err != nil {
			return err
		}
		after, err := w.FunctionsCPU()
		if err != nil {
			return err
		}
		if run > 0 {
			each = append(each, (after-before).Seconds()*1e3/float64(times))
		}
	}
	*c.result = math.Round(median(each)*100) / 100
	return nil
}

// happen has it happen so many times, and waits until all that it begins is over:
// until as many invocations were answered as the model has.
func (w *cpuWorld) happen(ctx context.Context, c cpuCase, times int) error {
	want := w.answered() + times*int(c.operations.Invocations-1)
	g, doing := errgroup.WithContext(ctx)
	g.SetLimit(c.atOnce)
	for range times {
		n := w.n
		w.n++
		g.Go(func() error { return c.do(w, doing, n) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return harness.Poll(ctx, time.Minute, func(context.Context) error {
		switch got := w.answered(); {
		case got < want:
			return errors.New("something is under way")
		case got > want:
			return fmt.Errorf("%d invocations more than the model has", got-want)
		}
		return nil
	})
}

// answered is how many events the functions have taken.
func (w *cpuWorld) answered() (n int) {
	for _, name := range []string{"on-message", "on-message-change", "on-call", "fan-out", "dispatch", "dispatch-urgent", "sweep"} {
		n += w.Gate.Counts(name).Delivered
	}
	return n
}
