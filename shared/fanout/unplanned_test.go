package fanout

import (
	"context"
	"errors"
	"testing"
	"time"
)

// letters keeps dead letters.
type letters struct {
	tasks []Task
	err   error
}

func (l *letters) PublishDeadTask(ctx context.Context, t Task, reason string) error {
	if reason != NotPlanned {
		return errors.New("for another reason: " + reason)
	}
	if err := errors.Join(l.err, ctx.Err()); err != nil {
		return err
	}
	l.tasks = append(l.tasks, t)
	return nil
}

// A message whose event fails for hours becomes a dead letter, and is planned
// when that is sent again.
func TestStored(t *testing.T) {
	for name, tc := range map[string]struct {
		age          time.Duration
		plain, works bool // without a push; the plan works
		dead         error
		letters      int
		err          bool
	}{
		"works":                  {13 * time.Hour, false, true, nil, 0, false},
		"fails for some time":    {patience - time.Millisecond, false, false, nil, 0, true},
		"for too long":           {patience, false, false, nil, 1, false},
		"and isn't taken":        {patience, false, false, errors.New("pubsub is down"), 0, true},
		"without a push to lose": {patience, true, true, nil, 0, false},
	} {
		b, dead := newBench(t, bob(1)), &letters{err: tc.dead}
		b.f.Unplanned, b.f.PushTTL = dead, 24*time.Hour
		b.f.Now = func() time.Time { return now.Add(tc.age) }
		if !tc.works {
			b.topic.failAt = 1
		}
		m := message()
		if tc.plain {
			m.Push = nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // the event's time is up
		if err := b.f.Stored(ctx, m); (err != nil) != tc.err || len(dead.tasks) != tc.letters {
			t.Errorf("%s: %v, %d dead letters", name, err, len(dead.tasks))
		}
		if tc.letters == 0 {
			continue
		}
		b.topic.failAt = 0
		if err := b.f.Task(t.Context(), dead.tasks[0]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(b.topic.batches) != 1 || len(b.topic.batches[0].Targets) != 1 || b.topic.batches[0].Targets[0].UserID != "bob" {
			t.Errorf("%s: published %+v", name, b.topic.batches)
		}
	}
}
