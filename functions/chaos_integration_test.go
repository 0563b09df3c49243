//go:build integration

package functions_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/scripts/system"
)

var (
	chaosSeeds = flag.Int("chaos-seeds", 1, "how many seeds TestChaos takes")
	chaosSeed  = flag.Uint64("chaos-seed", 1, "its first seed")
)

// chaos is one seed: people whose presence stays as it is, what they do, and
// what goes wrong meanwhile. The script and the faults are the seed's; how the
// processes play them is theirs.
type chaos struct {
	*storm
	seed  uint64
	r     *rand.Rand // of the script, which is made by one goroutine
	began time.Time

	people   []*chaosPerson
	phones   []*chaosPhone
	groups   []*chaosGroup
	messages []*chaosMessage
	calls    []*chaosCall

	mu    sync.Mutex
	trace []string
	rough []time.Time // when what costs a lease's time went wrong
}

// storm is the system that all seeds share, and the hands on its parts.
type storm struct {
	*testing.T
	*system.System
	firestore, pubsub *harness.RPCCounter
	log               *safeBuffer
	doorbell          string // the program of that name

	kills, replayed int
}

// Real processes are killed, events come twice, late and out of order, answers
// get lost, Firestore, Pub/Sub and FCM fail; in the end each device shows what an
// oracle says that knows only what was asked for and answered.
func TestChaos(t *testing.T) {
	s := newStorm(t)
	defer s.keepLog()
	var all []*chaos
	var sum chaosResult
	for n := range uint64(*chaosSeeds) {
		c := &chaos{storm: s, seed: *chaosSeed + n, r: rand.New(rand.NewPCG(*chaosSeed+n, 7))}
		all = append(all, c)
		took := time.Now()
		c.signUp()
		c.play()
		c.drain()
		result := c.judge()
		t.Logf("seed %d: %+v, in %v", c.seed, result, time.Since(took).Round(time.Second))
		sum.add(result)
		if t.Failed() {
			return
		}
	}
	for _, c := range all { // whatever came since
		c.judge()
	}
	t.Logf("%d seeds from %d on: %+v; %d processes killed, %d dead letters sent again", len(all), *chaosSeed, sum, s.kills, s.replayed)
	if s.kills < len(all) || sum.Expected < 20*len(all) || sum.Rings == 0 {
		t.Errorf("hardly anything happened: %+v", sum)
	}
	if bytes.Contains(s.log.Bytes(), []byte("DATA RACE")) {
		t.Errorf("the functions' process has a data race:\n%s", s.log.Bytes())
	}
	if err := world.secrets.in(string(s.log.Bytes())); err != nil {
		t.Error(err)
	}
}

func newStorm(t *testing.T) *storm {
	s := &storm{T: t, log: &safeBuffer{}, doorbell: filepath.Join(t.TempDir(), "doorbell")}
	counter := func() *harness.RPCCounter {
		c, err := harness.NewRPCCounter("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	s.firestore, s.pubsub = counter(), counter()
	var err error
	s.System, err = system.Start(t.Context(), system.Options{
		Race: true, Log: s.log, FirestoreVia: s.firestore.Addr(), PubSubVia: s.pubsub.Addr(),
		MinBackoff: 100 * time.Millisecond, MaxBackoff: 5 * time.Second, DeadLetterAfter: 100, // 100 is the most there may be
		Env: []string{"DOORBELL_LEASE_SECONDS=3600", "DOORBELL_FANOUT_THRESHOLD=5"}, // large groups go by tasks
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	for counter, host := range map[*harness.RPCCounter]string{s.firestore: s.FirestoreHost(), s.pubsub: s.PubSubHost()} {
		if err := counter.SetTarget(host); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", s.doorbell, "../scripts/doorbell").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return s
}

// keepLog leaves what all parts printed in a file where the test failed.
func (s *storm) keepLog() {
	if !s.T.Failed() {
		return
	}
	name := filepath.Join(os.TempDir(), fmt.Sprintf("doorbell-chaos-%d.log", os.Getpid()))
	s.Logf("the log of all parts is in %s: %v", name, os.WriteFile(name, s.log.Bytes(), 0o600))
}

// note adds a line to the trace.
func (c *chaos) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trace = append(c.trace, fmt.Sprintf("%8.3fs  ", time.Since(c.began).Seconds())+fmt.Sprintf(format, args...))
}

// calm ends what goes wrong.
func (c *chaos) calm() {
	c.FCM.ClearFaults()
	for _, name := range eventFunctions {
		c.Gate.Duplicate(name, 1, false)
		c.Gate.DropAnswer(name, 0)
		c.Gate.Fail(name, 0)
		c.Gate.Resume(name)
	}
	for _, method := range []string{"BatchGetDocuments", "Commit", "RunQuery", "BeginTransaction", "Publish"} {
		for _, at := range []*harness.RPCCounter{c.firestore, c.pubsub} {
			at.Fail(method, codes.OK, 0)
			at.FailAfter(method, codes.OK, 0)
			at.Delay(method, 0)
		}
	}
}

// drained is how long what the script began may take when nothing goes wrong any
// more: the lease of a killed worker, Pub/Sub's back-off, calls that ring on.
const drained = 2 * time.Minute

// drain waits until everything is as it should be, sending dead letters again,
// and nothing is under way any more. What isn't so by then, judge tells.
func (c *chaos) drain() {
	c.calm()
	c.note("nothing goes wrong any more")
	for until := time.Now().Add(drained); time.Now().Before(until) && c.Context().Err() == nil; {
		err := harness.Poll(c.Context(), 5*time.Second, func(context.Context) error { return c.look() })
		if c.replay(); err == nil {
			break
		}
	}
	const quiet = 2 * time.Second
	last, since := "", time.Now()
	_ = harness.Poll(c.Context(), within, func(context.Context) error {
		now := fmt.Sprint(c.firestore.Snapshot().Calls, c.pubsub.Snapshot().Calls)
		if now != last {
			last, since = now, time.Now()
		}
		if time.Since(since) < quiet {
			return fmt.Errorf("the emulators are still asked: %s", now)
		}
		return nil
	})
}

var sentAgain = regexp.MustCompile(`(\d+) of \d+ sent again`)

// replay sends the dead letters again as an operator does. Each is gone then.
func (c *chaos) replay() {
	cmd := exec.CommandContext(c.Context(), c.doorbell, "dead-letter", "replay", "--project", c.ProjectID)
	cmd.Env = append(os.Environ(), "PUBSUB_EMULATOR_HOST="+c.PubSubHost(), "FIRESTORE_EMULATOR_HOST="+c.FirestoreHost())
	out, err := cmd.CombinedOutput()
	found := sentAgain.FindSubmatch(out)
	if err != nil || found == nil {
		c.Errorf("dead-letter replay: %v\n%s", err, out)
		return
	}
	if n, _ := strconv.Atoi(string(found[1])); n > 0 {
		c.replayed += n
		c.note("%d dead letters are sent again", n)
	}
}

// fail tells of a broken promise; of the first, also what happened to its subject.
func (c *chaos) fail(promise, subject string, p *chaosPhone, format string, args ...any) {
	c.Helper()
	if c.T.Failed() {
		c.Errorf("seed %d: %s: %s", c.seed, promise, fmt.Sprintf(format, args...))
		return
	}
	var out strings.Builder
	for _, line := range c.trace {
		fmt.Fprintln(&out, line)
	}
	c.Errorf("seed %d: %s: %s\nwhat happened:\n%swhat the functions say of it:\n%s%s%sagain: go test -tags integration -run TestChaos ./functions -chaos-seed %d",
		c.seed, promise, fmt.Sprintf(format, args...), out.String(), c.logged(subject), c.delivered(subject), c.shown(p), c.seed)
}

var batchOf = regexp.MustCompile(`"batch":"([^"]+)"`)

// logged is what the functions' log says of a subject and its batches.
func (c *chaos) logged(subject string) string {
	names, out := []string{subject}, ""
	for line := range strings.Lines(string(c.log.Bytes())) {
		if slices.ContainsFunc(names, func(name string) bool { return strings.Contains(line, name) }) {
			out += line
			if found := batchOf.FindStringSubmatch(line); found != nil {
				names = append(names, found[1])
			}
		}
	}
	return out
}

// delivered is the tries to hand a subject's batches and tasks to the functions.
func (c *chaos) delivered(subject string) string {
	out := "how it was delivered:\n"
	for _, name := range eventFunctions {
		for _, d := range c.Gate.Deliveries(name) {
			var pushed struct{ Message struct{ Data []byte } }
			_ = json.Unmarshal(d.Body, &pushed)
			if bytes.Contains(d.Body, []byte(subject)) || bytes.Contains(pushed.Message.Data, []byte(subject)) {
				out += fmt.Sprintf("%8.3fs  %s answers %d\n", d.At.Sub(c.began).Seconds(), name, d.Status)
			}
		}
	}
	return out
}

func (c *chaos) shown(p *chaosPhone) string {
	if p == nil {
		return ""
	}
	out := "what FCM took for the device:\n"
	for _, m := range c.FCM.Messages(p.token) {
		out += fmt.Sprintf("%8.3fs  %s %.80q\n", m.AcceptedAt.Sub(c.began).Seconds(), m.Tag, m.Body)
	}
	return out
}
