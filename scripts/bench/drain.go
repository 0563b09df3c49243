package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/store"
)

// The drain's load: a group of which every fifth member is online, and calls beside
// its pushes, one at a time.
const (
	callEvery = 250 * time.Millisecond
	callers   = 20
)

// drainDelays are FCM's times for an answer: an ordinary one, at which the cores that
// all parts share here are what is short; and a slow one, at which it is the requests
// that a process may have under way.
var drainDelays = []time.Duration{60 * time.Millisecond, 500 * time.Millisecond}

// bulk are the functions that a group's message goes through. As in a deployment they
// share no process with those that a call goes through, nor their way to FCM: what
// they share here is the cores, and the emulators.
var bulk = []string{"on-message", "fan-out", "dispatch"}

// drainWorld is a world with a large group, and callers with whom to call.
type drainWorld struct {
	*world
	settings
	edge     edge // FCM, for the group
	owner    harness.Client
	callers  []harness.Client
	callees  []string
	messages int // sent to the group
	away     uint64
	ends     []func()
}

func (w *drainWorld) stop() {
	for _, end := range slices.Backward(w.ends) {
		end()
	}
}

func benchDrain(ctx context.Context, s settings) error {
	w, err := startDrain(ctx, s)
	if err != nil {
		return err
	}
	defer w.stop()
	fmt.Fprintf(s.out, "%d calls, one each %v, from the request to FCM. The functions that group messages go through are a process of their own here, and FCM for them another; all share the cores and the emulators.\n\n", s.calls, callEvery)
	fmt.Fprintln(s.out, "| FCM answers after | | p50 | p95 | p99 |\n|--:|---|--:|--:|--:|")
	for _, delay := range drainDelays {
		if err := w.compare(ctx, delay); err != nil {
			return err
		}
	}
	return nil
}

// compare has people called while nothing else happens, and while pushes drain.
func (w *drainWorld) compare(ctx context.Context, delay time.Duration) error {
	plan := standin.Plan{Latency: standin.Latency{Base: standin.Delay(delay)}}
	if err := errors.Join(w.FCM.SetFaults(plan), w.edge.setFaults(ctx, plan)); err != nil {
		return err
	}
	quiet, err := w.call(ctx)
	if err != nil {
		return err
	}
	before := w.messages
	during, stop := context.WithCancel(ctx)
	defer stop()
	first, drained := make(chan struct{}), make(chan error, 1)
	go func() { drained <- w.drain(during, first) }()
	<-first
	busy, err := w.call(ctx)
	if err != nil {
		return err
	}
	select {
	case err := <-drained: // it was not told to end
		return err
	default:
	}
	stop()
	<-drained
	row(w.out, fmt.Sprintf("%v | undisturbed", delay), quiet)
	row(w.out, fmt.Sprintf("%v | while %d messages to a group of %d, of %d pushes each, drain", delay, w.messages-before, w.members, w.away), busy)
	later := func(p float64) float64 { return percentile(busy, p) - percentile(quiet, p) }
	fmt.Fprintf(w.out, "| %v | **later by** | %+.0f ms | %+.0f ms | **%+.0f ms** |\n", delay, later(0.5), later(0.95), later(0.99))
	return w.quiet(ctx)
}

// quiet waits until the last pushes have left.
func (w *drainWorld) quiet(ctx context.Context) error {
	last := uint64(0)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Second):
		}
		st, err := w.edge.stats(ctx)
		if err != nil || st.Accepted == last {
			return err
		}
		last = st.Accepted
	}
}

func startDrain(ctx context.Context, s settings) (_ *drainWorld, err error) {
	w := &drainWorld{settings: s}
	defer func() {
		if err != nil {
			w.stop()
		}
	}()
	dir, err := os.MkdirTemp("", "doorbell-bench-")
	if err != nil {
		return nil, err
	}
	w.ends = append(w.ends, func() { os.RemoveAll(dir) })
	var stopEdge func()
	if w.edge, stopEdge, err = startEdge(ctx, edgeParams{Devices: s.members}); err != nil {
		return nil, err
	}
	w.ends = append(w.ends, stopEdge)
	cert := filepath.Join(dir, "cert.pem")
	if err := os.WriteFile(cert, []byte(w.edge.Cert), 0o600); err != nil {
		return nil, err
	}
	if w.world, err = startWorldWith(ctx, bulk, []string{"DOORBELL_FCM_ENDPOINT=" + w.edge.endpoint(), "SSL_CERT_FILE=" + cert}); err != nil {
		return nil, err
	}
	w.ends = append(w.ends, w.world.stop)
	if w.callees, err = w.people(ctx, "callee", callers, func(int) bool { return false }); err != nil {
		return nil, err
	}
	if w.callers, err = w.signIn(ctx, "caller", callers); err != nil {
		return nil, err
	}
	owner, err := w.signIn(ctx, "olga", 1)
	if err != nil {
		return nil, err
	}
	w.owner = owner[0]
	var tokens []string
	for i := range s.members - 1 {
		tokens = append(tokens, token(i))
	}
	members, err := w.peopleWith(ctx, "member", tokens, func(i int) bool {
		if i%5 != 0 {
			w.away++
		}
		return i%5 == 0
	})
	if err != nil {
		return nil, err
	}
	groups := &group.Service{Store: store.NewFirestore(w.db), Now: time.Now, MaxMembers: s.members}
	if _, err := groups.Create(ctx, "olga0", &group.CreateRequest{GroupInfo: &group.BaseInfo{GroupID: "g", GroupName: "n"}}); err != nil {
		return nil, err
	}
	for some := range slices.Chunk(members, group.MaxUsers) {
		if _, err := groups.Invite(ctx, "olga0", &group.UsersRequest{GroupID: "g", UserIDs: some}); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// drain sends one message to the group after the other, each when the pushes of the
// one before have reached FCM, and closes first when the first of them do.
func (w *drainWorld) drain(ctx context.Context, first chan struct{}) error {
	var once sync.Once
	defer once.Do(func() { close(first) })
	for {
		before, err := w.edge.stats(ctx)
		if err != nil {
			return err
		}
		err = post(ctx, w.owner, "/send", map[string]any{
			"message": map[string]any{"type": chat.Text, "message": "hi"}, "toConversationID": "g", "conversationType": chat.Group, "localMessageID": fmt.Sprint(w.messages),
			"config": map[string]any{"priority": chat.Medium, "pushConfig": map[string]any{"title": "t", "content": "c", "payload": "{}"}},
		}, &struct{}{})
		if err != nil {
			return err
		}
		w.messages++
		err = harness.Poll(ctx, time.Minute, func(ctx context.Context) error {
			st, err := w.edge.stats(ctx)
			if err == nil && st.Accepted > before.Accepted {
				once.Do(func() { close(first) })
			}
			if err == nil && st.Accepted < before.Accepted+w.away {
				err = errors.New("pushes are under way")
			}
			return err
		})
		if err != nil {
			return err
		}
	}
}

// call has people called one after the other, and returns how long after the
// request FCM had each push, in ms.
func (w *drainWorld) call(ctx context.Context) ([]float64, error) {
	type made struct {
		id, to string
		began  time.Time
	}
	var all []made
	start := time.Now()
	for i := range w.calls {
		time.Sleep(time.Until(start.Add(time.Duration(i) * callEvery)))
		m := made{to: w.callees[i%callers], began: time.Now()}
		var answer struct{ CallID string }
		err := post(ctx, w.callers[i%callers], "/call-invite", map[string]any{
			"invitees": []string{m.to}, "config": map[string]any{"timeout": 90, "pushConfig": map[string]any{"title": "Alice", "content": "Video call", "payload": "{}"}},
		}, &answer)
		if err != nil {
			return nil, err
		}
		m.id = answer.CallID
		all = append(all, m)
	}
	var ms []float64
	err := harness.Poll(ctx, time.Minute, func(context.Context) error {
		ms = nil
		for _, m := range all {
			at, err := w.pushed(m.to, "callID")
			if err != nil {
				return err
			}
			if at[m.id].IsZero() {
				return fmt.Errorf("call %s hasn't reached FCM", m.id)
			}
			ms = append(ms, at[m.id].Sub(m.began).Seconds()*1e3)
		}
		return nil
	})
	slices.Sort(ms)
	return ms, err
}
