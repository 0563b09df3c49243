package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
)

// The longest of what processes are told is kept, also where several tell at once;
// one that is over is replaced by whatever comes.
func pauseKept(t *testing.T, s anyStore) {
	want := func(p delivery.Pause) {
		t.Helper()
		if got, err := s.Pause(t.Context()); err != nil || !got.Until.Equal(p.Until) || !got.ToldAt.Equal(p.ToldAt) {
			t.Errorf("kept is %+v, %v; want %+v", got, err, p)
		}
	}
	tell := func(p delivery.Pause) {
		t.Helper()
		if err := s.TellPause(context.Background(), p); err != nil {
			t.Error(err)
		}
	}
	// Others' tests may have told some in this store: begin after they are over.
	before, err := s.Pause(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	start := at(0)
	if end := before.Until.Add(delivery.MaxPause); end.After(start) {
		start = end
	}
	told := func(wait, after time.Duration) delivery.Pause {
		return delivery.NewPause(start.Add(wait), start.Add(after))
	}

	first := told(30*time.Second, 0)
	tell(first)
	want(first)
	tell(first)
	tell(told(30*time.Second+time.Millisecond, time.Millisecond)) // the next 429 of a burst
	tell(told(10*time.Second, time.Second))
	want(first)
	longer := told(time.Minute, 2*time.Second)
	tell(longer)
	want(longer)
	next := told(2*time.Minute+2*time.Second, 2*time.Minute)
	tell(next)
	want(next)

	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() { tell(told(3*time.Minute+time.Duration(i)*20*time.Second, 3*time.Minute)) })
	}
	all.Wait()
	want(told(4*time.Minute, 3*time.Minute))
}
