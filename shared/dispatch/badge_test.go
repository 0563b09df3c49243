package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// counter counts what users have not read, from what it is told.
type counter struct {
	unread  map[string]int // by user; who isn't in it isn't known
	err     error
	latency time.Duration

	mu        sync.Mutex
	asked     map[string]int
	now, most int
}

func (c *counter) Unread(ctx context.Context, u *presence.User, _ plan.Rules) (n int, known bool, err error) {
	c.mu.Lock()
	if c.asked == nil {
		c.asked = map[string]int{}
	}
	c.asked[u.UserID]++
	c.now++
	c.most = max(c.most, c.now)
	c.mu.Unlock()
	err = errors.Join(wait(ctx, c.latency), c.err)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now--
	n, known = c.unread[u.UserID]
	return n, known && err == nil, err
}

// counting is a batch whose message asks for what its users have not read.
func (b *bench) counting(c *counter, id string, tokens ...string) push.Batch {
	b.Helper()
	b.d.Unread = c
	batch := b.batch(id, tokens...)
	batch.Announcement.Push.EnableBadge = true
	return batch
}

// wantBadge checks the number that the last push to a token says, empty for none.
func (b *bench) wantBadge(token, want string) {
	b.Helper()
	requests := b.fcm.of(token)
	if len(requests) == 0 {
		b.Errorf("%s got no push", token)
		return
	}
	var m struct {
		Message struct{ Data map[string]string }
	}
	if err := json.Unmarshal(requests[len(requests)-1].body, &m); err != nil {
		b.Fatal(err)
	}
	if got := m.Message.Data["badge"]; got != want {
		b.Errorf("%s: %q, want %q", token, got, want)
	}
}

// Each user is counted for once, for all of their devices, and the batch that came
// stays as it was.
func TestBadgeIsWhatIsNotRead(t *testing.T) {
	inBubble(t, func(b *bench) {
		c := &counter{unread: map[string]int{"user-web-A": 3, "user-B": 0}}
		batch := b.counting(c, "m", "web-A", "B", "C")
		batch.Targets = append(batch.Targets, b.bind("user-web-A", "A2"))
		b.dispatch(batch, false)
		b.wantBadge("web-A", "3")
		b.wantBadge("A2", "3")
		b.wantBadge("B", "0")
		b.wantBadge("C", "") // not known
		if fmt.Sprint(c.asked) != "map[user-B:1 user-C:1 user-web-A:1]" || batch.Targets[0].Counted {
			t.Errorf("asked %v, the batch has %+v", c.asked, batch.Targets[0])
		}
	})
}

// Nothing is counted, or read for that, unless the message asks for it and the app
// has no number of its own.
func TestBadgeIsNotCounted(t *testing.T) {
	for name, edit := range map[string]func(*bench, *push.Batch){
		"not asked for": func(_ *bench, batch *push.Batch) { batch.Announcement.Push.EnableBadge = false },
		"a step":        func(_ *bench, batch *push.Batch) { batch.Announcement.Push.BadgeIncrement = 1 },
		"own numbers": func(b *bench, batch *push.Batch) {
			for i := range batch.Targets {
				batch.Targets[i].Badge = 7
			}
		},
		"one of many batches": func(_ *bench, batch *push.Batch) { batch.Bulk = true },
		"nobody counts":       func(b *bench, _ *push.Batch) { b.d.Unread = nil },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				c := &counter{unread: map[string]int{"user-A": 3, "user-B": 3}}
				batch := b.counting(c, "m", "A", "B")
				edit(b, &batch)
				h := &shelf{Bindings: b.db, reads: map[string]int{}}
				b.d.Bindings = h
				b.dispatch(batch, false)
				b.wantBadge("A", "")
				b.wantRequests("A", 1, "B", 1)
				if len(c.asked)+len(h.reads) != 0 {
					t.Errorf("asked %v, read %v", c.asked, h.reads)
				}
			})
		})
	}
}

// What it costs has a bound: so many users of a batch, so many at once.
func TestBadgeIsBounded(t *testing.T) {
	inBubble(t, func(b *bench) {
		for _, n := range []int{maxCounted, maxCounted + 1} {
			c := &counter{unread: map[string]int{}, latency: 10 * time.Millisecond}
			b.d.Unread = c
			batch := b.batchOf(fmt.Sprint("m", n), fmt.Sprint("t", n), n)
			batch.Announcement.Push.EnableBadge = true
			h := &shelf{Bindings: b.db, reads: map[string]int{}}
			b.d.Bindings = h
			b.dispatch(batch, false)
			want := n
			if n > maxCounted {
				want = 0
			}
			if len(c.asked) != want || len(h.reads) != want || c.most > parallelCounts || h.most > parallelCounts {
				t.Errorf("%d users: %d counted, %d of them at once, %d read", n, len(c.asked), c.most, len(h.reads))
			}
		}
	})
}

// A push leaves without a number where there is none to be had, or not in time.
func TestBadgeDoesNotHoldUp(t *testing.T) {
	for name, c := range map[string]*counter{
		"fails": {err: errors.New("down"), unread: map[string]int{"user-A": 3}},
		"hangs": {latency: time.Hour, unread: map[string]int{"user-A": 3}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				batch, from := b.counting(c, "m", "A"), time.Now()
				b.dispatch(batch, false)
				b.wantBadge("A", "")
				b.want(batch, true, "A", "sent")
				if took := b.fcm.of("A")[0].at.Sub(from); took > countTime {
					t.Errorf("sent after %v", took)
				}
			})
		})
	}
	inBubble(t, func(b *bench) {
		batch := b.counting(&counter{unread: map[string]int{"user-A": 3, "user-B": 3}}, "m", "A", "B")
		b.d.Bindings = unreadable{b.db}
		b.dispatch(batch, false)
		b.wantBadge("A", "")
	})
}

// unreadable is bindings that can't be read.
type unreadable struct{ Bindings }

func (unreadable) Users(context.Context, []string) (map[string]*presence.User, error) {
	return nil, errors.New("down")
}

// It is counted when the push leaves: a redelivery says what is so by then. Only
// those that are left are counted for.
func TestBadgeOfARedelivery(t *testing.T) {
	inBubble(t, func(b *bench) {
		c := &counter{unread: map[string]int{"user-A": 3, "user-B": 5}}
		batch := b.counting(c, "m", "A", "B")
		ill := true
		b.fcm.answer = func(token string, _ int) answer {
			if token == "B" && ill {
				return broken
			}
			return ok
		}
		b.dispatch(batch, true)
		b.wantBadge("B", "5")
		ill, c.unread["user-B"] = false, 2 // who has read some meanwhile
		b.dispatch(batch, false)
		b.wantBadge("A", "3")
		b.wantBadge("B", "2")
		if c.asked["user-A"] != 1 || c.asked["user-B"] != 2 {
			t.Errorf("asked %v", c.asked)
		}
	})
}

// Who looks again before a push leaves doesn't lose the number.
func TestBadgeOutlivesALook(t *testing.T) {
	inBubble(t, func(b *bench) {
		c := &counter{unread: map[string]int{"user-A": 3}}
		batch := b.counting(c, "m", "A")
		b.d.once.Do(func() { b.d.gate = newGate(b.d.Concurrency, b.d.Rate, DeviceLimits{}) })
		b.d.gate.pause.until(time.Now().Add(trust+time.Second), time.Now())
		h := &shelf{Bindings: b.db, reads: map[string]int{}}
		b.d.Bindings = h
		b.dispatch(batch, false)
		b.wantBadge("A", "3")
		if h.reads["user-A"] != 3 {
			t.Errorf("looked %v times, want at the start, for the number, and before it left", h.reads)
		}
	})
}

// A dead letter doesn't keep a number, which is counted anew at its replay.
func TestBadgeIsNotPublished(t *testing.T) {
	b, err := json.Marshal(push.Target{UserID: "u", Counted: true, Unread: 3})
	if err != nil || string(b) != `{"u":"u","p":"","f":0,"k":"","v":""}` {
		t.Errorf("%s, %v", b, err)
	}
}
