package call_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
)

// A sweep ends what runs out within its time, when it does, and then stops.
func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "A", "B")
		w.Now = time.Now
		began := time.Now()
		for id, timeout := range map[string]int{"soon": 10, "later": 40, "same": 40, "next": 61} {
			w.invite(id, "A", call.General, timeout, "B")
		}
		go func() { // while it waits
			time.Sleep(20 * time.Second)
			if _, err := w.Do(context.Background(), call.Action{Kind: call.Accept, CallID: "same", UserID: "B", PushID: "p"}); err != nil {
				t.Error(err)
			}
		}()
		ended, err := w.Sweep(t.Context(), call.SweepEvery)
		if err != nil || ended != 2 {
			t.Errorf("ended %d, %v", ended, err)
		}
		if took := time.Since(began); took != 40*time.Second {
			t.Errorf("took %v", took)
		}
		for id, want := range map[string]call.UserState{"soon": call.Timeout, "later": call.Timeout, "same": call.Accepted, "next": call.Inviting} {
			if got := w.read(id).Users["B"].State; got != want {
				t.Errorf("%s: %v, want %v", id, got, want)
			}
		}
		if n, err := w.Sweep(t.Context(), -time.Second); n != 0 || err != nil || time.Since(began) != 40*time.Second {
			t.Errorf("no time left: %d, %v after %v", n, err, time.Since(began))
		}
		if n, err := w.Sweep(t.Context(), 20*time.Second); n != 0 || err != nil || time.Since(began) != 40*time.Second {
			t.Errorf("nothing due: %d, %v after %v", n, err, time.Since(began))
		}
		if n, err := w.Sweep(t.Context(), 21*time.Second); n != 1 || err != nil || time.Since(began) != 61*time.Second {
			t.Errorf("the rest: %d, %v after %v", n, err, time.Since(began))
		}
	})
}

// A sweep that waits also ends what was made meanwhile and runs out before what
// it waits for.
func TestSweepSeesNewInvitations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "A", "B")
		w.Now = time.Now
		w.invite("first", "A", call.General, 50, "B")
		go func() {
			time.Sleep(12 * time.Second)
			w.invite("quick", "A", call.General, 10, "B")
			time.Sleep(10*time.Second + time.Millisecond)
			if got := w.read("quick").Users["B"].State; got != call.Timeout {
				t.Errorf("after its time it is %v", got)
			}
		}()
		if n, err := w.Sweep(t.Context(), call.SweepEvery); n != 2 || err != nil {
			t.Errorf("ended %d, %v", n, err)
		}
	})
}

func TestSweepFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "A", "B")
		w.Now = time.Now
		w.invite("bad", "A", call.General, 1, "B")
		w.invite("good", "A", call.General, 1, "B")
		down := errors.New("down")
		w.db.fail["bad"] = down
		if n, err := w.Sweep(t.Context(), call.SweepEvery); n != 1 || !errors.Is(err, down) {
			t.Errorf("ended %d, %v", n, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w.invite("far", "A", call.General, 30, "B")
		delete(w.db.fail, "bad")
		if _, err := w.Sweep(ctx, call.SweepEvery); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("out of time: %v", err)
		}
	})
}

// A call that can't be ended keeps no other waiting, however often it fails, and
// is ended as soon as it can be.
func TestSweepGoesOnWhereOneCallFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "A", "B")
		w.Now = time.Now
		began := time.Now()
		for id, timeout := range map[string]int{"bad": 1, "mended": 2, "early": 3, "later": 33, "last": 34} {
			w.invite(id, "A", call.General, timeout, "B")
		}
		down := errors.New("down")
		w.db.fail["bad"], w.db.fail["mended"] = down, down
		go func() {
			time.Sleep(20*time.Second + time.Millisecond)
			w.db.mu.Lock()
			delete(w.db.fail, "mended")
			w.db.mu.Unlock()
			time.Sleep(5 * time.Second)
			if got := w.read("mended").State; got != call.Ended {
				t.Errorf("five seconds after it could be ended the call is %v", got)
			}
		}()
		w.db.changed = map[string]time.Time{}
		n, err := w.Sweep(t.Context(), call.SweepEvery)
		if n != 4 || !errors.Is(err, down) || time.Since(began) != 34*time.Second {
			t.Errorf("ended %d, %v after %v", n, err, time.Since(began))
		}
		for id, due := range map[string]int{"early": 3, "later": 33, "last": 34} {
			if late := w.db.changed[id].Sub(began.Add(time.Duration(due) * time.Second)); late != 0 {
				t.Errorf("%s was ended %v late", id, late)
			}
		}
		if w.db.changes > 2*(34/5+6) {
			t.Errorf("%d transactions: it doesn't wait before it tries again", w.db.changes)
		}
	})
}

// Calls that fail don't hide those behind them, however many they are.
func TestEndOverdueBehindFailures(t *testing.T) {
	w := newWorld(t, "A", "B")
	down := errors.New("down")
	for i := range 500 { // more than a page of each shard
		id := fmt.Sprint("bad", i)
		w.invite(id, "A", call.General, 1, "B")
		w.db.fail[id] = down
	}
	for i := range 8 {
		w.invite(fmt.Sprint("good", i), "A", call.General, 2, "B")
	}
	w.now = w.now.Add(2 * time.Second)
	w.db.changes = 0
	if n, err := w.EndOverdue(t.Context(), w.now); n != 8 || !errors.Is(err, down) || w.db.changes != 508 {
		t.Errorf("ended %d in %d transactions, %v", n, w.db.changes, err)
	}
}

// Many short calls at once: each one's own sweep costs one transaction and lists
// nothing, so the cost grows with the calls and no faster.
func TestEndWhenDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "A", "B")
		w.Now = time.Now
		began := time.Now()
		const calls = 50
		var due []call.Due
		for i := range calls {
			id := fmt.Sprint("short", i)
			w.invite(id, "A", call.General, 10+i%40, "B")
			due = append(due, call.Due{CallID: id, At: w.read(id).DueAt})
		}
		if _, err := w.Do(t.Context(), call.Action{Kind: call.Accept, CallID: "short7", UserID: "B", PushID: "p"}); err != nil {
			t.Fatal(err)
		}
		w.db.changes, w.db.lists, w.db.changed = 0, 0, map[string]time.Time{}
		var all sync.WaitGroup
		for _, d := range due {
			all.Go(func() {
				if err := w.EndWhenDue(t.Context(), d); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if w.db.changes != calls || w.db.lists != 0 || len(w.db.changed) != calls-1 {
			t.Errorf("%d transactions with %d writes, %d lists; want one each and none", w.db.changes, len(w.db.changed), w.db.lists)
		}
		for _, d := range due {
			if at, ended := w.db.changed[d.CallID]; ended && !at.Equal(time.UnixMilli(d.At)) {
				t.Errorf("%s, due after %v, was ended after %v", d.CallID, time.UnixMilli(d.At).Sub(began), at.Sub(began))
			}
		}
	})
}

func TestEndWhenDueEdges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "A", "B")
		w.Now = time.Now
		began := time.Now()
		w.invite("c", "A", call.Advanced, 60, "B")
		due := call.Due{CallID: "c", At: began.Add(time.Minute).UnixMilli()}
		far := call.Due{CallID: "c", At: began.Add(call.SweepEvery + time.Millisecond).UnixMilli()}
		if err := w.EndWhenDue(t.Context(), far); err != nil || time.Since(began) != 0 {
			t.Errorf("later than the clock's sweep: %v after %v", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.EndWhenDue(ctx, due); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("out of time: %v", err)
		}
		down := errors.New("down")
		w.db.fail["c"] = down
		if err := w.EndWhenDue(t.Context(), due); !errors.Is(err, down) {
			t.Errorf("it fails: %v", err)
		}
		delete(w.db.fail, "c")
		for range 2 { // the message comes again, late
			if err := w.EndWhenDue(t.Context(), due); err != nil || time.Since(began) != time.Minute {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		}
		if c := w.read("c"); c.State != call.Ended || c.Rev != 2 {
			t.Errorf("the call is %+v", c)
		}
		if err := w.EndWhenDue(t.Context(), call.Due{CallID: "gone", At: 1}); err != nil {
			t.Errorf("its retention is over: %v", err)
		}
	})
}
