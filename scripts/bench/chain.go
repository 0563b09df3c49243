package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/shared/chat"
)

// pairs of people have a conversation each.
const pairs = 200

// chainBar is within which time 99 % of the pushes are to be at FCM.
const chainBar = 250 * time.Millisecond

// planLog takes from the functions' log when a message was planned.
type planLog struct {
	mu      sync.Mutex
	planned map[string]time.Time // by messageID
}

func (l *planLog) Write(p []byte) (int, error) {
	now := time.Now()
	for line := range bytes.Lines(p) {
		if !bytes.Contains(line, []byte(`"message":"planned"`)) {
			continue
		}
		var entry struct{ SubjectID string }
		if at := bytes.IndexByte(line, '{'); at >= 0 && json.Unmarshal(line[at:], &entry) == nil {
			l.mu.Lock()
			l.planned[entry.SubjectID] = now
			l.mu.Unlock()
		}
	}
	return len(p), nil
}

func (l *planLog) at(id string) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.planned[id]
}

// sent is a message that send has answered.
type sent struct {
	id          string // empty: it was refused
	began, done time.Time
}

// load sends messages to the receivers in turn at a rate, whether or not the answers
// keep up with it. It returns those that were taken, and how many were refused.
func load(ctx context.Context, senders []harness.Client, receivers []string, rate int, d time.Duration) (taken []sent, refused int, err error) {
	all := make([]sent, int(d.Seconds()*float64(rate)))
	var g sync.WaitGroup
	var first sync.Once
	start := time.Now()
	for i := range all {
		time.Sleep(time.Until(start.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		g.Go(func() {
			m := sent{began: time.Now()}
			var answer struct{ Message struct{ MessageID string } }
			err := post(ctx, senders[i%pairs], "/send", map[string]any{
				"message": map[string]any{"type": chat.Text, "message": "See you at the wall at seven"}, "toConversationID": receivers[i%pairs], "conversationType": chat.Peer,
				"localMessageID": fmt.Sprint(start.UnixNano(), "-", i),
				"config":         map[string]any{"priority": chat.Medium, "pushConfig": map[string]any{"title": "Alice", "content": "See you at the wall at seven", "payload": "{}"}},
			}, &answer)
			m.id, m.done = answer.Message.MessageID, time.Now()
			all[i] = m
			if err != nil {
				first.Do(func() { fmt.Fprintln(os.Stderr, "refused:", err) })
			}
		})
	}
	g.Wait()
	taken = slices.DeleteFunc(all, func(m sent) bool { return m.id == "" })
	return taken, len(all) - len(taken), ctx.Err()
}

// latencies are how long after its request each message was where at says, and how
// many never were.
func latencies(all []sent, at func(sent) time.Time) (ms []float64, missing int) {
	for _, m := range all {
		t := at(m)
		if t.IsZero() {
			missing++
			continue
		}
		ms = append(ms, t.Sub(m.began).Seconds()*1e3)
	}
	slices.Sort(ms)
	return ms, missing
}

// percentile is the least of sorted values that so many of them don't exceed.
func percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(int(math.Ceil(float64(len(sorted))*p)), 1)-1]
}

// row is a table's, of times in ms, sorted.
func row(out io.Writer, what string, ms []float64) {
	fmt.Fprintf(out, "| %s | %.0f ms | %.0f ms | %.0f ms |\n", what, percentile(ms, 0.5), percentile(ms, 0.95), percentile(ms, 0.99))
}

// chainWorld is a world with senders and receivers.
type chainWorld struct {
	*world
	settings
	senders      []harness.Client
	away, online []string
}

func benchChain(ctx context.Context, s settings) error {
	base, err := startWorld(ctx)
	if err != nil {
		return err
	}
	defer base.stop()
	w := &chainWorld{world: base, settings: s}
	if w.senders, err = w.signIn(ctx, "sender", pairs); err != nil {
		return err
	}
	if w.away, err = w.people(ctx, "away", pairs, func(int) bool { return false }); err != nil {
		return err
	}
	if w.online, err = w.people(ctx, "online", pairs, func(int) bool { return true }); err != nil {
		return err
	}
	// The emulators are to have compiled what they do.
	for _, receivers := range [][]string{w.online, w.away} {
		if _, _, err := load(ctx, w.senders, receivers, max(s.rate/2, 1), s.warm); err != nil {
			return err
		}
	}
	fmt.Fprintf(w.out, "Messages at a rate for %.0f s; how long after the request of `send`.\n\n", s.load.Seconds())
	fmt.Fprintln(w.out, "| a second | refused, lost | receivers | until | p50 | p95 | p99 |\n|--:|--:|---|---|--:|--:|--:|")
	if err := w.empty(ctx, s.rate); err != nil {
		return err
	}
	for rate := s.rate; ; rate /= 2 {
		met, err := w.pushes(ctx, rate)
		if err != nil || met {
			return err
		}
		if rate < 20 { // not even so few; the table says it
			return nil
		}
	}
}

// empty has nobody to ring: what remains is the emulators' and send's part.
func (w *chainWorld) empty(ctx context.Context, rate int) error {
	all, refused, err := load(ctx, w.senders, w.online, rate, w.load)
	if err != nil {
		return err
	}
	w.patience(ctx, func() bool { _, missing := latencies(all, w.planned); return missing == 0 })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	answered, _ := latencies(all, func(m sent) time.Time { return m.done })
	planned, lost := latencies(all, w.planned)
	is := fmt.Sprintf("%d | %d, %d | online: an empty plan | ", rate, refused, lost)
	row(w.out, is+"`send` has answered", answered)
	row(w.out, is+"planned", planned)
	return nil
}

// pushes has everybody to ring, and says whether that met the bar; if not, half the
// rate is tried.
func (w *chainWorld) pushes(ctx context.Context, rate int) (met bool, err error) {
	before := w.FCM.Stats().Accepted
	all, refused, err := load(ctx, w.senders, w.away, rate, w.load)
	if err != nil {
		return false, err
	}
	w.patience(ctx, func() bool { return w.FCM.Stats().Accepted >= before+uint64(len(all)) })
	w.patience(ctx, func() bool { _, missing := latencies(all, w.planned); return missing == 0 })
	taken := map[string]time.Time{}
	for _, id := range w.away {
		at, err := w.pushed(id, "id")
		if err != nil {
			return false, err
		}
		maps.Copy(taken, at)
	}
	atFCM := func(m sent) time.Time { return taken[m.id] }
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	answered, _ := latencies(all, func(m sent) time.Time { return m.done })
	planned, _ := latencies(all, w.planned)
	asked, lost := latencies(all, atFCM)
	is := fmt.Sprintf("%d | %d, %d | away | ", rate, refused, lost)
	row(w.out, is+"`send` has answered", answered)
	row(w.out, is+"planned", planned)
	row(w.out, is+"**FCM has the push**", asked)
	return refused+lost == 0 && percentile(asked, 0.99) <= float64(chainBar.Milliseconds()), nil
}

func (w *chainWorld) planned(m sent) time.Time { return w.log.at(m.id) }

// patience waits until all is there, for a minute: what isn't then is lost, and the
// table says so.
func (w *chainWorld) patience(ctx context.Context, all func() bool) {
	_ = harness.Poll(ctx, time.Minute, func(context.Context) error {
		if !all() {
			return errors.New("something is missing")
		}
		return nil
	})
}
