package call_test

import (
	"context"
	"errors"
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
