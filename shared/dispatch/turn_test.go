package dispatch

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// A healthy process that is slow, by its pace, has more to send than fits into
// its attempts: all is sent, once, and nothing is dead-lettered for having waited.
func TestPacedOverload(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.d.Rate, b.d.MaxAttempts = 4, 3
		var batches []push.Batch
		total := 0
		for i := range 4 {
			batches = append(batches, b.batchOf(fmt.Sprint("m", i), fmt.Sprint("m", i), 150))
			total += 150
		}
		most := make(chan int, len(batches))
		for _, batch := range batches {
			go func() {
				n := 1
				for ; b.d.Dispatch(b.Context(), batch) != nil; n++ {
					if n == 100 {
						t.Error("it is delivered for ever")
						break
					}
					time.Sleep(5 * time.Second)
				}
				most <- n
			}()
		}
		deliveries := 0
		for range batches {
			deliveries = max(deliveries, <-most)
		}
		if deliveries <= b.d.MaxAttempts {
			t.Fatalf("that was no overload: %d deliveries", deliveries)
		}
		if len(b.dead.batches) > 0 || len(b.fcm.requests) != total {
			t.Errorf("%d requests for %d targets, dead letters: %d", len(b.fcm.requests), total, len(b.dead.batches))
		}
		for _, batch := range batches {
			if _, done := b.outcomes(batch); !done {
				t.Errorf("%s isn't done", batch.ID)
			}
		}
		t.Logf("%d pushes, at most %d deliveries of a batch", total, deliveries)
	})
}

// While nobody may send, deliveries are no attempts, and say what they wait for.
func TestNoTurnIsNoAttempt(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.fcm.answer = func(_ string, try int) answer {
			if len(b.fcm.requests) == 1 {
				return projectQuota.after("300")
			}
			return ok
		}
		_ = b.d.Dispatch(b.Context(), b.batch("first", "F"))
		batch := b.batch("m", "A", "B")
		for range 5 {
			waitForLease(b, batch)
			b.d.gate.pause.until(time.Now().Add(5*time.Minute), time.Now())
			b.dispatch(batch, true)
			b.want(batch, false, "A", "pending no_turn", "B", "pending no_turn")
			if e := b.db.Deliveries()[batch.ID]; e.Attempt != 0 {
				t.Errorf("attempt %d is counted", e.Attempt)
			}
		}
		waitForLease(b, batch)
		b.dispatch(batch, false)
		b.want(batch, true, "A", "sent", "B", "sent")
		if e := b.db.Deliveries()[batch.ID]; e.Attempt != 1 || len(b.dead.batches) > 0 {
			t.Errorf("attempt %d, %d dead letters", e.Attempt, len(b.dead.batches))
		}
	})
}

// The last attempt buries what it tried in vain, and not who got no turn in it.
func TestLastAttemptWithoutATurn(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.d.MaxAttempts, b.d.Concurrency = 1, 1
		b.fcm.answer = func(string, int) answer { return answer{status: 500, delay: 9 * time.Second} }
		batch := b.batch("m", "A", "B", "C", "D", "E", "F", "G", "H")
		b.dispatch(batch, true)
		got, _ := b.outcomes(batch)
		buried, waiting := 0, 0
		for _, target := range batch.Targets {
			tried := len(b.fcm.of(target.Value)) > 0
			switch {
			case tried && got[target.Value] == "dead_letter internal":
				buried++
			case !tried && got[target.Value] == "pending no_turn":
				waiting++
			default:
				t.Errorf("%s: %q, tried: %t", target.Value, got[target.Value], tried)
			}
		}
		if buried == 0 || waiting == 0 {
			t.Errorf("%d buried, %d waiting", buried, waiting)
		}
	})
}

// Who logs out, hands the phone on, comes online, is removed from the group or
// has the call answered while a push waits for its turn or to be tried again
// isn't rung any more, nor is who has the phone now.
func TestLooksAgainAfterAWait(t *testing.T) {
	for name, tc := range map[string]struct {
		wait   string
		change func(b *bench, t push.Target) error
		want   string
	}{
		"logout": {"pause", func(b *bench, t push.Target) error {
			_, err := b.reg.Unregister(b.Context(), t.UserID, t.PushID)
			return err
		}, "skipped no_device"},
		"handed on": {"pause", func(b *bench, t push.Target) error {
			_, err := b.reg.Register(b.Context(), "carol", device.Device{DeviceID: "device-" + t.Value, Platform: device.Android, Target: t.Device(), Popup: true})
			return err
		}, "skipped no_device"},
		"online": {"retry", func(b *bench, t push.Target) error {
			_, err := b.reg.Heartbeat(b.Context(), t.UserID, presence.Beat{PushID: t.PushID, State: device.Online})
			return err
		}, "skipped online"},
		"kicked": {"slot", func(b *bench, t push.Target) error {
			return b.db.ChangeGroup(b.Context(), "g", []string{t.UserID}, func(*chat.Conversation, map[string]group.Member) (*group.Change, error) {
				return &group.Change{Delete: []group.Member{{UserID: t.UserID}}}, nil
			})
		}, "skipped not_member"},
		"answered": {"pause", func(b *bench, t push.Target) error {
			b.settle(t.UserID, call.Accepted)
			return nil
		}, "skipped call_over"},
		"a new token": {"pause", func(b *bench, t push.Target) error { b.rotate(t, "new"); return nil }, "sent"},
	} {
		for _, others := range [][]string{nil, {"B"}} {
			inBubble(t, func(b *bench) {
				watched := &bindings{Bindings: b.db}
				b.d.Bindings = watched
				batch := b.batch("m", append([]string{"A"}, others...)...)
				if tc.want == "skipped call_over" {
					_, batch = b.ringing(append([]string{"A"}, others...)...)
				}
				if tc.want == "skipped not_member" {
					b.groupOf(&batch)
				}
				release := b.holdBack(tc.wait)
				done := make(chan error, 1)
				go func() { done <- b.d.Dispatch(b.Context(), batch) }()
				time.Sleep(time.Second)
				if err := tc.change(b, batch.Targets[0]); err != nil {
					t.Fatal(err)
				}
				release()
				if err := <-done; err != nil {
					t.Errorf("%s: %v", name, err)
				}
				got, isDone := b.outcomes(batch)
				if got["A"] != tc.want || !isDone {
					t.Errorf("%s, with %v: %q, done %t", name, others, got["A"], isDone)
				}
				if others != nil && got["B"] != "sent" {
					t.Errorf("%s: the other got %q", name, got["B"])
				}
				for _, r := range b.fcm.of("A") {
					if tc.wait != "retry" && r.at.Sub(epochOf(batch)) > 0 {
						t.Errorf("%s: A was asked about after %v", name, r.at.Sub(epochOf(batch)))
					}
				}
				reads := 1 // for the wait
				if others == nil {
					reads++ // which a batch to one receiver has anyway
				}
				if others == nil && tc.want == "skipped call_over" {
					reads-- // the call says it all
				}
				if len(watched.reads) != reads {
					t.Errorf("%s, with %v: reads %q, want %d", name, others, watched.reads, reads)
				}
			})
		}
	}
}

func epochOf(b push.Batch) time.Time { return time.UnixMilli(b.PlannedAt) }

// groupOf makes a batch a group's, of which its receivers are members.
func (b *bench) groupOf(batch *push.Batch) {
	b.Helper()
	batch.Announcement.ConversationType, batch.Announcement.CID = chat.Group, "g"
	var members []group.Member
	for _, t := range batch.Targets {
		members = append(members, group.Member{UserID: t.UserID})
	}
	err := b.db.ChangeGroup(b.Context(), "g", nil, func(*chat.Conversation, map[string]group.Member) (*group.Change, error) {
		return &group.Change{Conversation: &chat.Conversation{Type: chat.Group}, Put: members}, nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// holdBack has requests wait for some eight seconds: for Retry-After, for FCM to
// take them, or for a slot, which release gives them.
func (b *bench) holdBack(how string) (release func()) {
	b.d.once.Do(func() { b.d.gate = newGate(b.d.Concurrency, b.d.Rate, DeviceLimits{}) })
	release = func() {}
	switch how {
	case "pause":
		b.d.gate.pause.until(time.Now().Add(8*time.Second), time.Now())
	case "retry":
		from := time.Now()
		b.fcm.answer = func(token string, _ int) answer {
			if token == "A" && time.Since(from) < 7*time.Second {
				return broken
			}
			return ok
		}
	case "slot":
		gate := newGate(1, 0, DeviceLimits{})
		b.d.gate = gate
		gate.slots <- struct{}{}
		release = func() { time.Sleep(7 * time.Second); <-gate.slots }
	}
	return release
}

// Where nothing is held up, nobody looks again: not in the five seconds that a
// plan is good for, however many targets there are.
func TestLooksOnceWithoutAWait(t *testing.T) {
	inBubble(t, func(b *bench) {
		watched := &bindings{Bindings: b.db}
		b.d.Bindings = watched
		b.d.Concurrency, b.fcm.latency = 20, 200*time.Millisecond // 300 take three seconds
		b.dispatch(b.batchOf("m", "m", 300), false)
		b.dispatch(b.batch("one", "A"), false)
		if len(watched.reads) != 1 {
			t.Errorf("%d reads, want one, for the single receiver", len(watched.reads))
		}
	})
}

// All look again at once, and the answer takes its time: one reads for all.
func TestLooksAgainForAll(t *testing.T) {
	inBubble(t, func(b *bench) {
		watched := &bindings{Bindings: b.db, wait: time.Second}
		b.d.Bindings = watched
		b.holdBack("pause")
		b.dispatch(b.batchOf("m", "m", 50), false)
		if len(watched.reads) != 1 || len(b.fcm.requests) != 50 {
			t.Errorf("%d reads, %d requests", len(watched.reads), len(b.fcm.requests))
		}
	})
}

// FCM asks for a pause while those whose turn it is wait for the answer about
// presence: none is begun in it, and what it outlasts is no attempt.
func TestPauseWhileLookingAgain(t *testing.T) {
	for _, tc := range []struct {
		pause time.Duration
		goes  bool
	}{{3 * time.Second, true}, {time.Minute, false}} {
		inBubble(t, func(b *bench) {
			watched := &bindings{Bindings: b.db, wait: time.Second}
			b.d.Bindings, b.d.Rate = watched, 1000
			b.holdBack("pause") // for eight seconds
			batch := b.batchOf("m", "m", 50)
			done := make(chan error, 1)
			go func() { done <- b.d.Dispatch(b.Context(), batch) }()
			time.Sleep(8*time.Second + time.Second/2)
			until := time.Now().Add(tc.pause)
			b.d.gate.hold(time.Now(), until)
			if err := <-done; (err == nil) != tc.goes {
				t.Errorf("%v: %v", tc.pause, err)
			}
			for _, r := range b.fcm.requests {
				if r.at.Before(until) {
					t.Fatalf("%v: %s was asked about %v before the pause ends", tc.pause, r.token, until.Sub(r.at))
				}
			}
			e := b.db.Deliveries()[batch.ID]
			if tc.goes && (len(b.fcm.requests) != 50 || len(watched.reads) != 1 || !e.Done) {
				t.Errorf("%v: %d requests, %d reads, done: %t", tc.pause, len(b.fcm.requests), len(watched.reads), e.Done)
			}
			if !tc.goes && (e.Attempt != 0 || !e.LeaseUntil.Equal(until)) {
				t.Errorf("%v: attempt %d, again at %v, want %v", tc.pause, e.Attempt, e.LeaseUntil, until)
			}
		})
	}
}

// Presence can't be read again: those that wait are left to the redelivery, and
// it isn't asked for each of them.
func TestLooksAgainInVain(t *testing.T) {
	inBubble(t, func(b *bench) {
		watched := &bindings{Bindings: b.db, err: errors.New("presence is down")}
		b.d.Bindings = watched
		b.holdBack("pause")
		batch := b.batchOf("m", "m", 50)
		b.dispatch(batch, true)
		b.wantRequests()
		if len(watched.reads) != 1 {
			t.Errorf("%d reads", len(watched.reads))
		}
		watched.err = nil
		b.dispatch(batch, false)
		if len(b.fcm.requests) != 50 || len(b.dead.batches) > 0 {
			t.Errorf("%d requests, %d dead letters", len(b.fcm.requests), len(b.dead.batches))
		}
	})
}

// The device gets a new token while FCM is asked about the old one, and somebody
// looks meanwhile: FCM's no is about the old one, and the new one is kept.
func TestNewTokenWhileTheOldOneIsRefused(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.d.Random = func(time.Duration) time.Duration { return 0 } // B is tried again after 7.75 s
		b.fcm.answer = func(token string, try int) answer {
			switch {
			case token == "A":
				return answer{status: 404, detail: "UNREGISTERED", delay: 9 * time.Second}
			case token == "B" && try < 6:
				return broken // so that somebody looks again meanwhile
			}
			return ok
		}
		batch := b.batch("m", "A", "B")
		done := make(chan error, 1)
		go func() { done <- b.d.Dispatch(b.Context(), batch) }()
		time.Sleep(time.Second)
		b.rotate(batch.Targets[0], "new")
		if err := <-done; err != nil {
			t.Error(err)
		}
		b.want(batch, true, "A", "sent", "B", "sent")
		if got := b.bound(batch.Targets[0]); got != "new" || len(b.fcm.of("new")) != 1 {
			t.Errorf("bound to %q, %d requests for the new token", got, len(b.fcm.of("new")))
		}
	})
}

// A run that was told to skip a device keeps to that, whatever a request that was
// under way brings, but for FCM's yes.
func TestOverStaysOver(t *testing.T) {
	batch := push.Batch{Targets: []push.Target{{UserID: "u", PushID: "p"}}}
	r := newRun(batch, delivery.Entry{})
	r.skip(epoch, func(push.Target) plan.Reason { return plan.Online })
	r.record(0, "pending", "internal", epoch, time.Time{})
	r.record(0, "failed", "unregistered", epoch, time.Time{})
	if o := r.outcomes()["p"]; o.Status != "skipped" || r.left() != 0 {
		t.Errorf("%+v", o)
	}
	r.record(0, "sent", "name", epoch, time.Time{})
	if o := r.outcomes()["p"]; o.Status != "sent" {
		t.Errorf("%+v", o)
	}
}
