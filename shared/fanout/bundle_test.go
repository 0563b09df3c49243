package fanout

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// bursts is what is noted with users, and fails with err.
type bursts struct {
	noted []presence.Burst
	err   error
}

func (b *bursts) Bundle(_ context.Context, _, _ string, burst presence.Burst) error {
	b.noted = append(b.noted, burst)
	return b.err
}

// A burst's first message is published and noted, the second noted, the others
// neither; and where it can't be noted, the event is delivered again.
func TestBundledIsNoted(t *testing.T) {
	minute := 60
	m := message(func(m *chat.Message) { m.Priority, m.OrderKey = chat.Medium, 3 })
	for name, tc := range map[string]struct {
		burst            presence.Burst
		noted, published int
	}{
		"the first":  {presence.Burst{}, 1, 1},
		"the second": {presence.Burst{Tag: "m0", Until: now.Add(time.Second)}, 1, 0},
		"the third":  {presence.Burst{Tag: "m0", Until: now.Add(time.Second), Held: true}, 0, 0},
	} {
		for _, err := range []error{nil, errors.New("presence is down")} {
			u := bob(2)
			u.Settings.BundleSeconds = &minute
			u.Bursts = map[string]presence.Burst{m.CID(): tc.burst}
			b, notes := newBench(t, u), &bursts{err: err}
			b.f.Bursts = notes
			if got := b.f.Message(t.Context(), m); !errors.Is(got, err) && tc.noted > 0 || got != nil && tc.noted == 0 {
				t.Errorf("%s: %v, want %v", name, got, err)
			}
			if len(notes.noted) != tc.noted || len(b.topic.batches) != tc.published || len(b.presence.reads) != 1 {
				t.Errorf("%s: noted %+v, published %d", name, notes.noted, len(b.topic.batches))
			}
		}
	}
	// Nobody notes it: nothing is bundled.
	u := bob(1)
	u.Settings.BundleSeconds = &minute
	u.Bursts = map[string]presence.Burst{m.CID(): {Tag: "m0", Until: now.Add(time.Second), Held: true}}
	b := newBench(t, u)
	if err := b.f.Message(t.Context(), m); err != nil || len(b.topic.batches) != 1 {
		t.Errorf("published %d, %v", len(b.topic.batches), err)
	}
}
