package dispatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/push"
)

// pauses counts what is asked of Pauses, which may fail or take its time.
type pauses struct {
	Pauses
	err  error
	wait time.Duration

	mu          sync.Mutex
	asked, told int
}

func (p *pauses) take(ctx context.Context, n *int) error {
	p.mu.Lock()
	*n++
	p.mu.Unlock()
	return errors.Join(wait(ctx, p.wait), p.err)
}

func (p *pauses) Pause(ctx context.Context) (delivery.Pause, error) {
	if err := p.take(ctx, &p.asked); err != nil {
		return delivery.Pause{}, err
	}
	return p.Pauses.Pause(ctx)
}

func (p *pauses) TellPause(ctx context.Context, told delivery.Pause) error {
	if err := p.take(ctx, &p.told); err != nil {
		return err
	}
	return p.Pauses.TellPause(ctx, told)
}

// two are two processes of a project, whose pauses are counted.
func (b *bench) two() (first, second *pauses, other *Dispatcher) {
	first, second = &pauses{Pauses: b.db}, &pauses{Pauses: b.db}
	other = b.dispatcher()
	b.d.Pauses, other.Pauses = first, second
	return first, second, other
}

// refuses has FCM refuse the first push to a token, and take all others.
func (f *fakeFCM) refuses(token string, a answer) {
	f.answer = func(asked string, try int) answer {
		if asked == token && try == 1 {
			return a
		}
		return ok
	}
}

// begunWithin is the requests begun from a time on and before another.
func (b *bench) begunWithin(from, until time.Time) (n int) {
	for _, r := range b.fcm.requests {
		if !r.at.Before(from) && r.at.Before(until) {
			n++
		}
	}
	return n
}

// FCM tells one process to wait: another that has a reason to look begins nothing
// until then, and all is sent afterwards, once. A reason is much to send, and a batch
// that has waited.
func TestPauseIsShared(t *testing.T) {
	for name, refused := range map[string]answer{
		"429": projectQuota.after("20"), "503": {status: 503, retryAfter: "20"},
	} {
		for size, late := range map[int]bool{lookFrom: false, 1: true} {
			inBubble(t, func(b *bench) {
				_, second, other := b.two()
				b.fcm.refuses("A", refused)
				first, batch := b.batch("m1", "A"), b.batchOf("m2", "B", size)
				if late {
					time.Sleep(trust)
				}
				start := time.Now()
				done := make(chan error, 1)
				go func() { done <- b.d.Dispatch(b.Context(), first) }()
				time.Sleep(time.Second)
				if err := errors.Join(other.Dispatch(b.Context(), batch), <-done); err != nil {
					t.Errorf("%s, %d: %v", name, size, err)
				}
				if n := b.begunWithin(start.Add(1), start.Add(20*time.Second)); n > 0 {
					t.Errorf("%s, %d: %d requests were begun in the pause", name, size, n)
				}
				if len(b.fcm.requests) != 2+size || second.told > 0 {
					t.Errorf("%s, %d: %d requests, and the second told %d times", name, size, len(b.fcm.requests), second.told)
				}
			})
		}
	}
}

// A process that has much under way knows within two looks what another was told.
func TestPauseReachesTheBusy(t *testing.T) {
	inBubble(t, func(b *bench) {
		_, second, other := b.two()
		b.fcm.refuses("A", projectQuota.after("10"))
		b.fcm.latency, other.Concurrency = 100*time.Millisecond, 20 // 190 a second
		start := time.Now()
		done := make(chan error, 1)
		go func() { done <- other.Dispatch(b.Context(), b.batchOf("m2", "B", push.MaxBatch)) }()
		time.Sleep(time.Second + lookEvery/2)
		told := time.Now().Add(b.fcm.latency)
		if err := errors.Join(b.d.Dispatch(b.Context(), b.batch("m1", "A")), <-done); err != nil {
			t.Fatal(err)
		}
		if n := b.begunWithin(told.Add(2*lookEvery), told.Add(10*time.Second)); n > 0 {
			t.Errorf("%d requests were begun %v after the first process was told", n, 2*lookEvery)
		}
		if n := b.begunWithin(start, told); n < 200 {
			t.Errorf("only %d had been begun before", n)
		}
		if n := len(b.fcm.of("B-0")); n != 1 || len(b.fcm.requests) != push.MaxBatch+2 {
			t.Errorf("%d requests in all, %d for one device", len(b.fcm.requests), n)
		}
		if most := int(time.Since(start)/lookEvery) + 1; second.asked > most {
			t.Errorf("looked %d times in %v", second.asked, time.Since(start))
		}
	})
}

// A refusal that doesn't say whose quota it is has the process look whether it is
// the project's: then it holds at the first, where else it would at the third.
func TestRefusalHasOneLook(t *testing.T) {
	for told, wantRequests := range map[bool]int{false: 3, true: 2} {
		inBubble(t, func(b *bench) {
			first, second, other := b.two()
			if told {
				b.fcm.refuses("A", projectQuota.after("60"))
				b.dispatch(b.batch("m0", "A"), true)
			} else {
				b.dispatch(b.batch("m0", "A"), false)
			}
			b.fcm.refuses("B", quota.after("60"))
			start := time.Now()
			if err := other.Dispatch(b.Context(), b.batch("m1", "B")); err == nil {
				t.Error("the refused one isn't pending")
			}
			if err := other.Dispatch(b.Context(), b.batch("m2", "C")); (err != nil) != told {
				t.Errorf("told %t: the next is %v", told, err)
			}
			if len(b.fcm.requests) != wantRequests || time.Since(start) > time.Second {
				t.Errorf("told %t: %d requests, want %d; it took %v", told, len(b.fcm.requests), wantRequests, time.Since(start))
			}
			if second.asked != 1 || second.told > 0 || (first.told > 0) != told {
				t.Errorf("told %t: looked %d times, told %d and %d times", told, second.asked, first.told, second.told)
			}
		})
	}
}

// What FCM refuses of one device, and what a process only guesses from several, stops
// no other process.
func TestGuessIsNotShared(t *testing.T) {
	inBubble(t, func(b *bench) {
		first, _, other := b.two()
		b.fcm.answer = func(token string, _ int) answer {
			if strings.HasPrefix(token, "bad") {
				return quota.after("60")
			}
			return ok
		}
		b.dispatch(b.batchOf("bad", "bad", crowd), true)
		if !b.d.gate.pause.current().After(time.Now()) || first.told > 0 {
			t.Errorf("held until %v, told %d times", b.d.gate.pause.current(), first.told)
		}
		if err := other.Dispatch(b.Context(), b.batchOf("m", "B", lookFrom)); err != nil {
			t.Error(err)
		}
	})
}

// However many requests are refused at once, the process tells the others once; what
// they are told lasts until the last of them may go.
func TestTellsOnce(t *testing.T) {
	inBubble(t, func(b *bench) {
		first, _, _ := b.two()
		first.wait = 100 * time.Millisecond
		b.fcm.latency = 50 * time.Millisecond
		b.fcm.answer = func(token string, try int) answer {
			if try > 1 {
				return ok
			}
			var n time.Duration
			fmt.Sscanf(token, "B-%d", &n)
			a := projectQuota.after("7")
			a.delay = n * 10 * time.Millisecond // all were under way when the first answer came
			return a
		}
		b.dispatch(b.batchOf("m", "B", 90), false)
		if first.told != 1 {
			t.Errorf("told %d times", first.told)
		}
		var last time.Time
		for _, r := range b.fcm.requests {
			if r.at.After(last) {
				last = r.at
			}
		}
		if p, _ := b.db.Pause(b.Context()); p.Until.Before(b.d.gate.pause.current()) {
			t.Errorf("others are told to wait until %v, this process until %v", p.Until, b.d.gate.pause.current())
		}
		if len(b.fcm.requests) != 180 {
			t.Errorf("%d requests", len(b.fcm.requests))
		}
	})
}

// Where FCM asks for longer while the others are being told, they are told that too:
// this process asks FCM nothing any more that could have it told again.
func TestTellsOfLonger(t *testing.T) {
	inBubble(t, func(b *bench) {
		first, second, other := b.two()
		first.wait = 100 * time.Millisecond
		b.fcm.latency = 50 * time.Millisecond // both are under way when the first answer comes
		b.fcm.answer = func(token string, try int) answer {
			switch {
			case try > 1:
				return ok
			case token == "A":
				return answer{status: 503, retryAfter: "2"}
			case token == "B":
				a := projectQuota.after("20")
				a.delay = 50 * time.Millisecond
				return a
			}
			return ok
		}
		start := time.Now()
		done := make(chan error, 1)
		go func() { done <- b.d.Dispatch(b.Context(), b.batch("m1", "A", "B")) }()
		time.Sleep(5 * time.Second)
		if err := errors.Join(other.Dispatch(b.Context(), b.batchOf("m2", "C", lookFrom)), <-done); err != nil {
			t.Error(err)
		}
		if n := b.begunWithin(start.Add(time.Second), start.Add(20*time.Second)); n > 0 {
			t.Errorf("%d requests were begun in the pause", n)
		}
		if first.told != 2 || second.told > 0 {
			t.Errorf("told %d and %d times", first.told, second.told)
		}
	})
}

// That what is told can't be read or kept stops nobody: what needs no pause is sent,
// little later, and who is told to wait waits, and tells at the next refusal.
func TestPausesThatFail(t *testing.T) {
	for name, broken := range map[string]struct {
		err  error
		wait time.Duration
	}{"fail": {errors.New("unavailable"), 0}, "hang": {nil, time.Hour}} {
		inBubble(t, func(b *bench) {
			first, second, other := b.two()
			first.err, first.wait, second.err, second.wait = broken.err, broken.wait, broken.err, broken.wait
			start := time.Now()
			if err := other.Dispatch(b.Context(), b.batchOf("m", "B", push.MaxBatch)); err != nil || time.Since(start) > 3*learning {
				t.Errorf("%s: %v after %v", name, err, time.Since(start))
			}
			b.fcm.refuses("A", projectQuota.after("7"))
			start = time.Now()
			b.dispatch(b.batch("m1", "A"), false)
			if took := time.Since(start); took < 7*time.Second || took > 8*time.Second {
				t.Errorf("%s: the pause took %v", name, took)
			}
			first.err, first.wait = nil, 0
			b.fcm.refuses("C", projectQuota.after("7"))
			b.dispatch(b.batch("m2", "C"), false)
			if p, _ := b.db.Pause(b.Context()); p.Until.IsZero() || first.told != 2 {
				t.Errorf("%s: told %d times, kept is %+v", name, first.told, p)
			}
		})
	}
}

// Nonsense that is kept holds nobody for long.
func TestWrongPause(t *testing.T) {
	for name, tc := range map[string]struct {
		until, told, most time.Duration // after now
	}{
		"for a day":          {24 * time.Hour, 0, delivery.MaxPause},
		"by a clock that is": {24 * time.Hour, 23 * time.Hour, 0},
		"over":               {-time.Second, -time.Minute, 0},
		"of last month":      {24 * time.Hour, -30 * 24 * time.Hour, 0},
	} {
		inBubble(t, func(b *bench) {
			b.two()
			start := time.Now()
			if err := b.db.TellPause(b.Context(), delivery.Pause{Until: start.Add(tc.until), ToldAt: start.Add(tc.told)}); err != nil {
				t.Fatal(err)
			}
			batch := b.batchOf("m", "B", lookFrom)
			if tc.most > 0 {
				b.dispatch(batch, true)
				waitForLease(b, batch)
			}
			b.dispatch(batch, false)
			if took := time.Since(start); took != tc.most {
				t.Errorf("%s: sent after %v, want %v", name, took, tc.most)
			}
		})
	}
}

// FCM's wish is obeyed by who must not wait for anything else, too: a message of
// priority 3 and a call, of a process that learnt of it from another. A call that
// still rings then is rung then, one that doesn't is dropped.
func TestUrgentObeysAPauseOfOthers(t *testing.T) {
	for seconds, rings := range map[string]bool{"15": true, "60": true, "120": false} {
		inBubble(t, func(b *bench) {
			_, _, other := b.two()
			b.fcm.refuses("A", projectQuota.after(seconds))
			_, call := b.ringing("C") // for 90 s
			urgent := b.batch("u", "U")
			start := time.Now()
			done := make(chan error, 1)
			go func() { done <- b.d.Dispatch(b.Context(), b.batch("m1", "A")) }()
			time.Sleep(time.Millisecond)
			_ = other.Dispatch(b.Context(), b.batchOf("m2", "B", lookFrom)) // learns
			b.d = other
			if !urgent.Urgent() || rankOf(call) != ring {
				t.Fatal("that is not urgent")
			}
			for _, batch := range []push.Batch{urgent, call} {
				for other.Dispatch(b.Context(), batch) != nil {
					waitForLease(b, batch)
				}
			}
			<-done
			pause, _ := time.ParseDuration(seconds + "s")
			if n := b.begunWithin(start.Add(1), start.Add(pause)); n > 0 {
				t.Errorf("%s s: %d requests were begun in the pause", seconds, n)
			}
			b.want(urgent, true, "U", "sent")
			if want := map[bool]string{true: "sent", false: "skipped expired"}[rings]; true {
				b.want(call, true, "C", want)
			}
		})
	}
}

// Messages one by one cost no read, at most a read a second and a hundred pushes.
func TestLooksCost(t *testing.T) {
	for name, tc := range map[string]struct {
		every       time.Duration
		least, most int // in ten seconds
	}{
		"few":    {time.Second / (lookFrom - 10), 0, 0},
		"some":   {time.Second / (2 * lookFrom), 9, 10},
		"many":   {time.Second / (20 * lookFrom), 9, 10},
		"at all": {time.Second, 0, 0},
	} {
		var h herald
		looks := 0
		for at := time.Duration(0); at < 10*time.Second; at += tc.every {
			if h.due(epoch.Add(at), 1) {
				looks++
			}
		}
		if looks < tc.least || looks > tc.most {
			t.Errorf("%s: %d looks, want %d to %d", name, looks, tc.least, tc.most)
		}
	}
	inBubble(t, func(b *bench) {
		first, _, _ := b.two()
		for i := range 50 {
			b.dispatch(b.batch(fmt.Sprint("m", i), fmt.Sprint("A", i)), false)
		}
		if first.asked+first.told > 0 {
			t.Errorf("looked %d times, told %d times", first.asked, first.told)
		}
		b.dispatch(b.batchOf("large", "L", push.MaxBatch), false)
		if first.asked != 1 {
			t.Errorf("a large batch took %d looks", first.asked)
		}
	})
}
