package dispatch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/logs"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// ledger and bindings are the store with a call replaced.
type ledger struct {
	Ledger
	begin  func() error
	finish func() error
}

func (l *ledger) Begin(ctx context.Context, e delivery.Entry, wanted []string, now time.Time) (delivery.Entry, error) {
	if l.begin != nil {
		if err := l.begin(); err != nil {
			return e, err
		}
	}
	return l.Ledger.Begin(ctx, e, wanted, now)
}

func (l *ledger) Finish(ctx context.Context, e delivery.Entry) error {
	if l.finish != nil {
		if err := l.finish(); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return l.Ledger.Finish(ctx, e)
}

type bindings struct {
	Bindings
	reads  [][]string
	wait   time.Duration
	err    error
	remove func() (bool, error)
}

func (b *bindings) Users(ctx context.Context, ids []string) (map[string]*presence.User, error) {
	b.reads = append(b.reads, ids)
	time.Sleep(b.wait)
	if b.err != nil {
		return nil, b.err
	}
	return b.Bindings.Users(ctx, ids)
}

func (b *bindings) RemoveTarget(ctx context.Context, userID, pushID string, dead device.Target) (bool, error) {
	if b.remove != nil {
		return b.remove()
	}
	return b.Bindings.RemoveTarget(ctx, userID, pushID, dead)
}

func mustUser(b *bench, id string) *presence.User {
	users, err := b.db.Users(context.Background(), []string{id})
	if err != nil {
		b.Fatal(err)
	}
	return users[id]
}

func TestLedgerDownBeforeSending(t *testing.T) {
	inBubble(t, func(b *bench) {
		down := errors.New("ledger is down")
		b.d.Ledger = &ledger{Ledger: b.db, begin: func() error { return down }}
		batch := b.batch("m", "A")
		if err := b.d.Dispatch(b.Context(), batch); !errors.Is(err, down) {
			t.Errorf("got %v", err)
		}
		b.wantRequests()
	})
}

// unheard is a ledger whose answers to the first so many Begins are lost.
type unheard struct {
	Ledger
	lost int
}

func (u *unheard) Begin(ctx context.Context, e delivery.Entry, wanted []string, now time.Time) (delivery.Entry, error) {
	entry, err := u.Ledger.Begin(ctx, e, wanted, now)
	if u.lost--; u.lost >= 0 {
		return delivery.Entry{}, errors.New("the answer was lost")
	}
	return entry, err
}

// The ledger's answer is lost, to the first delivery or to one that takes over:
// it has the lease, and doesn't wait for its own.
func TestLedgerAnswerLost(t *testing.T) {
	inBubble(t, func(b *bench) {
		start := time.Now()
		b.d.Ledger = &unheard{b.db, 1}
		_, batch := b.ringing("A")
		b.dispatch(batch, false)
		b.want(batch, true, "A", "sent")
		second := b.batch("m2", "B")
		b.d.Ledger = &ledger{Ledger: b.db, finish: func() error { return errors.New("killed") }}
		_ = b.d.Dispatch(b.Context(), second)
		time.Sleep(lease)
		b.d.Ledger = &unheard{b.db, 1}
		b.dispatch(second, false)
		if e := b.db.Deliveries()[second.ID]; e.Attempt != 2 || e.Lease != 2 {
			t.Errorf("%+v", e)
		}
		if at := b.fcm.of("A")[0].at; !at.Equal(start) {
			t.Errorf("it rings after %v", at.Sub(start))
		}
	})
}

// It dies after FCM's answer: nobody else has the batch until the lease is
// over, then it is sent again, as FCM has no idempotency key.
func TestDyingBeforeFinish(t *testing.T) {
	inBubble(t, func(b *bench) {
		dies := errors.New("killed")
		b.d.Ledger = &ledger{Ledger: b.db, finish: func() error { return dies }}
		batch := b.batch("m", "A")
		over := time.Now().Add(lease)
		if err := b.d.Dispatch(b.Context(), batch); !errors.Is(err, dies) {
			t.Errorf("got %v", err)
		}
		next := b.dispatcher()
		time.Sleep(time.Until(over) - 1)
		if err := next.Dispatch(b.Context(), batch); !errors.Is(err, delivery.ErrBusy) {
			t.Errorf("inside the lease: %v", err)
		}
		time.Sleep(time.Nanosecond)
		if err := next.Dispatch(b.Context(), batch); err != nil {
			t.Error(err)
		}
		b.want(batch, true, "A", "sent")
		b.wantRequests("A", 2)
	})
}

// The ledger fails for a moment, or is slow: it is told again, and FCM isn't.
func TestLedgerFailsForAMoment(t *testing.T) {
	for name, fails := range map[string]func() error{
		"unavailable": func() error { return errors.New("unavailable") },
		"slow":        func() error { time.Sleep(finishTimeout); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				tries := 0
				b.d.Ledger = &ledger{Ledger: b.db, finish: func() error {
					if tries++; tries < 3 {
						return fails()
					}
					return nil
				}}
				batch := b.batch("m", "A")
				for range 2 {
					if err := b.d.Dispatch(b.Context(), batch); err != nil {
						t.Error(err)
					}
				}
				b.want(batch, true, "A", "sent")
				b.wantRequests("A", 1)
			})
		})
	}
}

// The instance is told to stop in the middle: what FCM answered is kept.
func TestContextCancelled(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.d.Ledger = &ledger{Ledger: b.db}
		ctx, cancel := context.WithCancel(b.Context())
		b.d.Concurrency = 1
		first := ""
		b.fcm.answer = func(token string, _ int) answer {
			if first == "" {
				first = token
				cancel()
			}
			return ok
		}
		batch := b.batch("m", "A", "B", "C")
		if err := b.d.Dispatch(ctx, batch); err == nil {
			t.Error("no error: the rest would be lost")
		}
		if got, done := b.outcomes(batch); done || got[first] != "sent" || len(b.fcm.requests) != 1 {
			t.Errorf("done %t, %v, %d requests", done, got, len(b.fcm.requests))
		}
		b.dispatch(batch, false)
		b.want(batch, true, "A", "sent", "B", "sent", "C", "sent")
		b.wantRequests("A", 1, "B", 1, "C", 1)
	})
}

func TestRecheckOfOneReceiver(t *testing.T) {
	inBubble(t, func(b *bench) {
		watched := &bindings{Bindings: b.db}
		b.d.Bindings = watched
		batch := b.batch("m", "A")
		batch.Targets = append(batch.Targets, b.bind("user-A", "web-A"))
		beat := presence.Beat{PushID: batch.Targets[0].PushID, State: device.Online}
		if _, err := b.reg.Heartbeat(b.Context(), "user-A", beat); err != nil {
			t.Fatal(err)
		}
		b.dispatch(batch, false)
		b.want(batch, true, "A", "skipped online", "web-A", "sent")
		if len(watched.reads) != 1 {
			t.Errorf("reads %q, want one", watched.reads)
		}
	})
}

func TestRecheckReasons(t *testing.T) {
	for want, change := range map[string]func(b *bench, pushID string) error{
		"skipped no_device": func(b *bench, pushID string) error {
			_, err := b.reg.Unregister(b.Context(), "user-A", pushID)
			return err
		},
		"skipped no_target": func(b *bench, pushID string) error {
			_, err := b.reg.RemoveTarget(b.Context(), "user-A", pushID, device.Target{Kind: device.KindToken, Value: "A"})
			return err
		},
	} {
		inBubble(t, func(b *bench) {
			batch := b.batch("m", "A")
			if err := change(b, batch.Targets[0].PushID); err != nil {
				t.Fatal(err)
			}
			b.dispatch(batch, false)
			b.want(batch, true, "A", want)
			b.wantRequests()
		})
	}
}

// rotate registers a new token for the device of a target.
func (b *bench) rotate(t push.Target, token string) {
	b.Helper()
	d, _ := mustUser(b, t.UserID).Device(t.PushID)
	d.Target.Value = token
	if _, err := b.reg.Register(b.Context(), t.UserID, d); err != nil {
		b.Fatal(err)
	}
}

// A token that was replaced between plan and push: the device is the same, and
// gets the push at its new one.
func TestTokenReplacedBeforeThePush(t *testing.T) {
	inBubble(t, func(b *bench) {
		batch := b.batch("m", "A")
		b.rotate(batch.Targets[0], "new")
		b.dispatch(batch, false)
		b.wantRequests("new", 1)
		b.want(batch, true, "A", "sent")
	})
}

// So does one whose plan was fresh enough to be followed unseen: FCM says that
// the old token is dead, and the redelivery finds the new one.
func TestTokenReplacedAsItIsSent(t *testing.T) {
	inBubble(t, func(b *bench) {
		batch := b.batch("m", "A", "B")
		b.fcm.answer = func(token string, _ int) answer {
			if token == "A" {
				return unregistered
			}
			return ok
		}
		b.rotate(batch.Targets[0], "new")
		b.dispatch(batch, true)
		b.want(batch, false, "A", "pending unregistered", "B", "sent")
		b.dispatch(batch, false)
		b.want(batch, true, "A", "sent", "B", "sent")
		b.wantRequests("A", 1, "B", 1, "new", 1)
		if got := b.bound(batch.Targets[0]); got != "new" {
			t.Errorf("bound to %q", got)
		}
	})
}

// Whether a dead token was replaced can't be told: the device is not given up.
func TestPardonFails(t *testing.T) {
	inBubble(t, func(b *bench) {
		watched := &bindings{Bindings: b.db}
		b.d.Bindings = watched
		batch := b.batch("m", "A", "B")
		b.fcm.answer = func(token string, _ int) answer {
			if token == "A" {
				watched.err = errors.New("presence is down")
				return unregistered
			}
			return ok
		}
		b.dispatch(batch, true)
		b.want(batch, false, "A", "pending unregistered", "B", "sent")
		b.fcm.answer = func(string, int) answer { return unregistered }
		watched.err = nil
		b.dispatch(batch, false)
		b.want(batch, true, "A", "failed unregistered", "B", "sent")
	})
}

// Many receivers' presence is read again only when the plan is old or the batch repeated.
func TestRecheckOfManyReceivers(t *testing.T) {
	for name, tc := range map[string]struct {
		age   time.Duration
		stops bool // the first attempt, after one answer
		reads int
	}{
		"fresh":      {0, false, 0},
		"just fresh": {trust - time.Millisecond, false, 0},
		"old":        {trust, false, 1},
		"repeated":   {0, true, 1},
	} {
		inBubble(t, func(b *bench) {
			watched := &bindings{Bindings: b.db}
			b.d.Bindings = watched
			b.d.Concurrency = 1
			batch := b.batch("m", "A", "B", "C")
			time.Sleep(tc.age)
			if tc.stops {
				ctx, stop := context.WithCancel(b.Context())
				b.fcm.answer = func(string, int) answer { stop(); return ok }
				if err := b.d.Dispatch(ctx, batch); err == nil {
					t.Errorf("%s: no error from the attempt that was stopped", name)
				}
			}
			b.dispatch(batch, false)
			b.want(batch, true, "A", "sent", "B", "sent", "C", "sent")
			if len(watched.reads) != tc.reads {
				t.Errorf("%s: reads %q, want %d", name, watched.reads, tc.reads)
			}
			if tc.stops && len(watched.reads) == 1 && len(watched.reads[0]) != 2 {
				t.Errorf("%s: read %q, want only the two not yet told", name, watched.reads[0])
			}
		})
	}
}

// The lease is given back, so that the redelivery need not wait.
func TestRecheckFails(t *testing.T) {
	inBubble(t, func(b *bench) {
		watched := &bindings{Bindings: b.db, err: errors.New("presence is down")}
		b.d.Bindings = watched
		batch := b.batch("m", "A")
		if err := b.d.Dispatch(b.Context(), batch); !errors.Is(err, watched.err) {
			t.Errorf("got %v", err)
		}
		b.wantRequests()
		watched.err = nil
		b.dispatch(batch, false)
		b.want(batch, true, "A", "sent")
	})
}

// A dead target that can't be removed now is found dead again by the next push.
func TestForgetFails(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.d.Bindings = &bindings{Bindings: b.db, remove: func() (bool, error) { return false, errors.New("down") }}
		b.fcm.answer = func(string, int) answer { return unregistered }
		batch := b.batch("m", "A")
		b.dispatch(batch, false)
		b.want(batch, true, "A", "failed unregistered")
	})
}

// The log says what became of a batch, and holds no content and no token.
func TestLog(t *testing.T) {
	var out bytes.Buffer
	before := slog.Default()
	slog.SetDefault(logs.New(&out, "demo"))
	t.Cleanup(func() { slog.SetDefault(before) })
	for _, tc := range []struct {
		answer   answer
		severity string
		outcome  string
	}{
		{ok, "INFO", `"status":"sent","detail":"","count":1`},
		{unregistered, "INFO", `"status":"failed","detail":"unregistered","count":1`},
		{answer{status: 403}, "ERROR", `"status":"dead_letter","detail":"credentials","count":1`},
		{quota, "INFO", `"status":"pending","detail":"quota","count":1`},
	} {
		inBubble(t, func(b *bench) {
			out.Reset()
			b.fcm.answer = func(string, int) answer { return tc.answer }
			_ = b.d.Dispatch(b.Context(), b.batch("m", "TOKEN-VALUE"))
			line := out.String()
			for _, want := range []string{`"severity":"` + tc.severity + `"`, tc.outcome, `"message":"dispatched"`, `"subjectID":"m"`, `"attempt":1`} {
				if !strings.Contains(line, want) {
					t.Errorf("%d: %s is not in %s", tc.answer.status, want, line)
				}
			}
			for _, never := range []string{"secret", "TOKEN-VALUE\""} {
				if strings.Contains(line, never) {
					t.Errorf("%d: %s is in %s", tc.answer.status, never, line)
				}
			}
		})
	}
}

// Metrics are made of the lines: one per outcome, each with the metrics' fields.
func TestLogPerOutcome(t *testing.T) {
	var out bytes.Buffer
	before := slog.Default()
	slog.SetDefault(logs.New(&out, "demo"))
	t.Cleanup(func() { slog.SetDefault(before) })
	inBubble(t, func(b *bench) {
		b.fcm.answer = func(token string, _ int) answer {
			if token == "gone" {
				return unregistered
			}
			return ok
		}
		b.dispatch(b.batch("m", "A", "gone", "B"), false)
		counts := map[string]float64{}
		for line := range bytes.Lines(out.Bytes()) {
			var fields map[string]any
			if err := json.Unmarshal(line, &fields); err != nil || fields["message"] != logs.Dispatched {
				t.Fatalf("%v: %s", err, line)
			}
			for _, metric := range logs.Metrics {
				for _, field := range append(metric.Labels, metric.Value) {
					if _, ok := fields[field]; field != "" && !ok {
						t.Errorf("%s wants %s, which is not in %s", metric.Name, field, line)
					}
				}
			}
			counts[fields[logs.Status].(string)] += fields[logs.Count].(float64)
		}
		if want := map[string]float64{"sent": 2, "failed": 1}; !maps.Equal(counts, want) {
			t.Errorf("counted %v, want %v", counts, want)
		}
	})
}

// Planned again while others came online, a batch holds a device that it did
// not hold before: that one is told, the others aren't told twice.
func TestBatchWithAnotherDevice(t *testing.T) {
	inBubble(t, func(b *bench) {
		both := b.batch("m", "A", "B")
		first, second := both, both
		first.Targets, second.Targets = both.Targets[:1], both.Targets[1:]
		b.dispatch(first, false)
		for range 2 {
			b.dispatch(second, false)
		}
		b.dispatch(both, false)
		b.want(both, true, "A", "sent", "B", "sent")
		b.wantRequests("A", 1, "B", 1)
	})
}

// hanging is presence that can't be read in time.
type hanging struct{ Bindings }

func (hanging) Users(ctx context.Context, _ []string) (map[string]*presence.User, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// punctual is a ledger that, as Firestore's client, does nothing once ctx has ended.
type punctual struct{ Ledger }

func (p punctual) Finish(ctx context.Context, e delivery.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return p.Ledger.Finish(ctx, e)
}

// Where the time is up before anything was sent, the lease is given back all the same:
// the redelivery finds the batch free, and as often tried as before.
func TestGivesBackWithoutTime(t *testing.T) {
	for name, ends := range map[string]time.Duration{"its own": time.Hour, "its caller's": time.Second} {
		inBubble(t, func(b *bench) {
			batch := b.batch("m", "A")
			b.d.Bindings, b.d.Ledger = hanging{b.db}, punctual{b.db}
			ctx, cancel := context.WithTimeout(b.Context(), ends)
			defer cancel()
			if err := b.d.Dispatch(ctx, batch); err == nil {
				t.Errorf("%s: no error", name)
			}
			if e := b.db.Deliveries()[batch.ID]; e.LeaseUntil.After(time.Now()) || e.Attempt != 0 {
				t.Errorf("%s: leased for %v more, attempt %d", name, time.Until(e.LeaseUntil), e.Attempt)
			}
			b.d.Bindings = b.db
			b.dispatch(batch, false)
			b.wantRequests("A", 1)
		})
	}
}
