package dispatch

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/push"
)

// sentBy is how many requests a pace lets through in each second when they all
// wait for it.
func sentBy(p *pace, start time.Time, seconds int) []int {
	sent := make([]int, seconds)
	for {
		at, _ := p.next(start, bulk)
		if at.After(start) {
			start = at // the one behind asks when this one goes
		}
		second := int(at.Sub(epoch) / time.Second)
		if second >= seconds {
			return sent
		}
		sent[second]++
	}
}

var epoch = time.UnixMilli(1_700_000_000_000)

func TestPace(t *testing.T) {
	sent := sentBy(&pace{rate: 1000}, epoch, 120)
	if sent[0] < 1000 || sent[0] > 1200 {
		t.Errorf("%d in the first second, want what full speed sends in one and a tenth of it", sent[0])
	}
	for i := 2; i < 58; i++ {
		if want := 100 + 900*(float64(i)+0.5)/60; math.Abs(float64(sent[i])-want) > 30 {
			t.Errorf("%d in second %d, want about %.0f", sent[i], i, want)
		}
	}
	for i := 62; i < 120; i++ {
		if sent[i] < 990 || sent[i] > 1010 {
			t.Errorf("%d in second %d, want full speed", sent[i], i)
		}
	}
}

// The quota is counted by the minute: no minute exceeds it, however the load comes.
func TestPaceKeepsTheQuota(t *testing.T) {
	for name, load := range map[string]func(int) bool{
		"all the time": func(int) bool { return true },
		"half":         func(s int) bool { return s%120 >= 60 },
		"short bursts": func(s int) bool { return s%10 < 3 },
		"late":         func(s int) bool { return s > 400 },
	} {
		p := pace{rate: 100}
		var at []time.Time
		for now := epoch; now.Before(epoch.Add(15 * time.Minute)); now = now.Add(time.Millisecond) {
			if !load(int(now.Sub(epoch).Seconds())) {
				continue
			}
			if next, _ := p.next(now, bulk); next.After(now) {
				now = next
				at = append(at, next)
			} else {
				at = append(at, now)
			}
		}
		from, most := 0, 0
		for i := range at {
			for at[i].Sub(at[from]) >= time.Minute {
				from++
			}
			most = max(most, i-from+1)
		}
		if most > 61*100+1 {
			t.Errorf("%s: %d in a minute, the quota is 6000 and a second's worth", name, most)
		}
	}
}

// What stays under a tenth of full speed is never held back, nor is a short burst.
func TestPaceLeavesFewAlone(t *testing.T) {
	p := pace{rate: 100}
	for i := range 6000 {
		now := epoch.Add(time.Duration(i) * 100 * time.Millisecond)
		if at, _ := p.next(now, bulk); at.After(now) {
			t.Fatalf("request %d, ten a second, was held back for %v", i, at.Sub(now))
		}
	}
	now := epoch.Add(time.Hour)
	for i := range 100 {
		if at, _ := p.next(now, bulk); at.After(now) {
			t.Fatalf("request %d of a burst was held back for %v", i, at.Sub(now))
		}
	}
}

// FCM says that it was too much: from then on half as fast, faster again by and by.
func TestPaceSlows(t *testing.T) {
	p := pace{rate: 1000}
	sentBy(&p, epoch, 100)
	now := epoch.Add(100 * time.Second)
	p.slow(now)
	if p.speed < 450 || p.speed > 550 || p.credit > 0 {
		t.Errorf("speed %.0f, credit %.0f", p.speed, p.credit)
	}
	for range 10 {
		p.slow(now)
	}
	if p.speed != 100 {
		t.Errorf("speed %.0f is not the least", p.speed)
	}
}

func TestNoPace(t *testing.T) {
	var p pace
	for range 1000 {
		if at, _ := p.next(epoch, bulk); !at.Equal(epoch) {
			t.Fatal("held back")
		}
	}
	p.slow(epoch)
	p.back(bulk)
}

// What was not sent is taken back.
func TestPaceBack(t *testing.T) {
	p := pace{rate: 10}
	for range 10 {
		p.next(epoch, bulk)
	}
	late, _ := p.next(epoch, bulk)
	p.back(bulk)
	if again, _ := p.next(epoch, bulk); !again.Equal(late) {
		t.Errorf("held back until %v, want %v", again, late)
	}
}

// A call while a large group's batches use all there is: it goes at once, by
// requests that only the urgent may use and ahead of the pace.
func TestUrgentDoesNotWait(t *testing.T) {
	for name, edit := range map[string]func(*Dispatcher){
		"slots": func(d *Dispatcher) { d.Concurrency = 20 },
		"pace":  func(d *Dispatcher) { d.Concurrency, d.Rate = 1000, 10 },
	} {
		inBubble(t, func(b *bench) {
			edit(b.d)
			b.fcm.latency = time.Second
			var tokens []string
			for i := range push.MaxBatch {
				tokens = append(tokens, fmt.Sprint("T", i))
			}
			large := b.batch("large", tokens...)
			urgent := b.batch("urgent", "call") // priority 3
			if large.Urgent() || !urgent.Urgent() {
				t.Fatal("urgent is not what it was")
			}
			done := make(chan error, 1)
			go func() { done <- b.d.Dispatch(b.Context(), large) }()
			time.Sleep(3 * time.Second)
			start := time.Now()
			b.dispatch(urgent, false)
			if took := time.Since(start); took != time.Second {
				t.Errorf("%s: the call took %v, FCM one second of it", name, took)
			}
			<-done
		})
	}
}

// Retry-After ends while requests wait for the pace: none goes before it.
func TestPauseDuringThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(100, 1, DeviceLimits{})
		start := time.Now()
		deadline := start.Add(time.Hour)
		for i := range 5 {
			go func() {
				turn, ok := g.enter(t.Context(), time.Now, deadline, bulk)
				if at := time.Since(start); !ok || (i > 0 && at < 30*time.Second) {
					t.Errorf("request %d went after %v", i, at)
				}
				turn.end()
			}()
			synctest.Wait()
		}
		g.hold(start, start.Add(30*time.Second))
		time.Sleep(10 * time.Minute)
	})
}

// Who can't go before the deadline knows it at once, and takes nothing from the others.
func TestGateBeyondTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(10, 1, DeviceLimits{})
		start := time.Now()
		enter := func(d time.Duration) bool {
			turn, ok := g.enter(t.Context(), time.Now, start.Add(d), bulk)
			if ok {
				turn.end()
			}
			return ok
		}
		if !enter(time.Second) {
			t.Error("the first was held back")
		}
		for range 20 {
			if enter(time.Second) {
				t.Error("faster than the pace")
			}
		}
		if at := time.Since(start); at != 0 {
			t.Errorf("it took %v to know", at)
		}
		if !enter(10*time.Second+1) || time.Since(start) != 10*time.Second { // at a tenth of one a second
			t.Errorf("those that never went were counted: the next went after %v", time.Since(start))
		}
	})
}

// Messages of priority 3 are sent ahead of a backlog, and yet no faster than the
// pace lets all of them; calls don't wait at all.
func TestRanks(t *testing.T) {
	const rate = 100
	p := pace{rate: rate}
	for range 10 * rate {
		p.next(epoch, bulk) // a backlog
	}
	now := epoch.Add(time.Second)
	if at, _ := p.next(now, high); !at.Equal(now) {
		t.Errorf("one of high rank waits %v behind the backlog", at.Sub(now))
	}
	for range 2 * rate {
		p.next(now, high)
	}
	first, _ := p.next(now, high)
	second, _ := p.next(now, high)
	if wait := second.Sub(first); !first.After(now) || wait < time.Second/rate || wait > 10*time.Second/rate {
		t.Errorf("a flood of high rank goes at %v and %v: at no pace", first.Sub(now), second.Sub(now))
	}
	before := p.credit
	p.next(now, ring)
	if p.credit != before-1 {
		t.Error("a call isn't counted")
	}
	p.back(high)
	if again, _ := p.next(now, high); !again.Equal(second) {
		t.Errorf("what was taken back still counts: %v", again.Sub(second))
	}
}

// Whatever comes with which rank, calls left out, a minute sees no more than a
// minute's worth and two seconds'.
func TestRanksKeepTheQuota(t *testing.T) {
	const rate = 50
	for name, share := range map[string]int{"mostly bulk": 10, "half": 2, "all high": 1} {
		synctest.Test(t, func(t *testing.T) {
			g := newGate(1000, rate, DeviceLimits{})
			start := time.Now()
			deadline := start.Add(4 * time.Minute)
			var mu sync.Mutex
			var at []time.Time
			var all sync.WaitGroup
			for i := range 100 {
				r := bulk
				if i%share == 0 {
					r = high
				}
				all.Go(func() {
					for {
						turn, ok := g.enter(t.Context(), time.Now, deadline, r)
						if !ok {
							return
						}
						turn.end()
						mu.Lock()
						at = append(at, time.Now())
						mu.Unlock()
					}
				})
			}
			all.Wait()
			from, most := 0, 0
			for i := range at {
				for at[i].Sub(at[from]) >= time.Minute {
					from++
				}
				most = max(most, i-from+1)
			}
			if most > 62*rate+100 || most < 55*rate {
				t.Errorf("%s: %d in a minute, want %d", name, most, 60*rate)
			}
		})
	}
}

// What rings is no message.
func TestRankOf(t *testing.T) {
	target := make([]push.Target, push.MaxBatch)
	for _, tc := range []struct {
		kind     push.Kind
		priority chat.Priority
		targets  int
		want     rank
	}{
		{push.KindMessage, chat.Low, 1, bulk}, {push.KindMessage, chat.Medium, 1, bulk}, {push.KindMessage, chat.High, 1, high},
		{push.KindMessage, chat.High, push.MaxBatch, bulk}, {push.KindCall, chat.High, 9, ring}, {push.KindCallEnd, chat.High, 1, ring},
	} {
		if got := rankOf(push.Batch{Announcement: push.Announcement{Kind: tc.kind, Priority: tc.priority}, Targets: target[:tc.targets]}); got != tc.want {
			t.Errorf("%s of priority %d to %d: rank %d, want %d", tc.kind, tc.priority, tc.targets, got, tc.want)
		}
	}
}

// When a pause ends, what waited comes at half the speed it had, and nothing at once:
// what could have been sent in the pause is not made up for.
func TestNothingAtOnceAfterAPause(t *testing.T) {
	const rate, waiting = 100, 500
	for _, tc := range []struct {
		after, pause time.Duration
		speed        float64 // then
	}{
		{5 * time.Second, 30 * time.Second, 10},        // it had just begun
		{2 * time.Minute, 30 * time.Second, 50},        // at full speed
		{2 * time.Minute, time.Second, 50},             // for a moment
		{2 * time.Minute, 10 * time.Minute, 50},        // for long
		{90 * time.Second, 0, rate},                    // none
		{2 * time.Minute, 1500 * time.Millisecond, 50}, // no whole second
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newGate(2*waiting, rate, DeviceLimits{})
			start := time.Now()
			resumes := start.Add(tc.after + tc.pause)
			var mu sync.Mutex
			var first, later int // in the second after it, and in the ten after that
			var all sync.WaitGroup
			for range waiting {
				all.Go(func() {
					for time.Now().Before(resumes.Add(11 * time.Second)) {
						turn, ok := g.enter(t.Context(), time.Now, start.Add(time.Hour), bulk)
						if !ok {
							t.Error("no turn")
							return
						}
						turn.end()
						switch d := time.Since(resumes); {
						case d < 0 && tc.pause > 0 && d > -tc.pause:
							t.Errorf("one went %v before the end", -d)
						case d < 0 || d >= 11*time.Second:
						case d < time.Second:
							mu.Lock()
							first++
							mu.Unlock()
						default:
							mu.Lock()
							later++
							mu.Unlock()
						}
					}
				})
			}
			time.Sleep(tc.after)
			if tc.pause > 0 {
				g.hold(time.Now(), time.Now().Add(tc.pause/2))
				g.hold(time.Now(), resumes) // another is told a bit later
			}
			all.Wait()
			if f := float64(first); f < tc.speed/2 || f > tc.speed*2 {
				t.Errorf("%v after %v: %d in the first second, want some %v", tc.pause, tc.after, first, tc.speed)
			}
			if l := float64(later) / 10; l < tc.speed*0.7 || l > tc.speed*2 {
				t.Errorf("%v after %v: %v a second then, want some %v", tc.pause, tc.after, l, tc.speed)
			}
		})
	}
}

// However many are told at once that it is too much, full speed is halved once.
func TestSlowsOnce(t *testing.T) {
	for range 5000 {
		g := newGate(1, 100, DeviceLimits{})
		g.pace.next(epoch, ring)
		g.pace.speed = 100
		begin := make(chan struct{})
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				<-begin
				g.hold(epoch, epoch.Add(time.Minute))
			})
		}
		close(begin)
		all.Wait()
		if g.pace.speed != 50 {
			t.Fatalf("%v a second, of 100", g.pace.speed)
		}
	}
}
