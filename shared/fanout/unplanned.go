package fanout

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Unplanned takes the messages whose fan-out fails for too long; it returns when
// it has it.
type Unplanned interface {
	PublishDeadTask(ctx context.Context, t Task, reason string) error
}

const (
	// patience is for how long the event of a message is left to be repeated.
	// Eventarc does so for 24 hours, and then drops it without a word.
	patience = 12 * time.Hour
	// NotPlanned is the reason with which it then becomes a dead letter.
	NotPlanned = "not_planned"
)

// Stored is Message for the event that m was stored. Where that still fails after
// 12 hours, m goes to the dead letters, as a task of all of it: sent again, it is
// planned anew, by who is away then. It is as safe to repeat as Message.
func (f *Fanout) Stored(ctx context.Context, m chat.Message) error {
	err := f.Message(ctx, m)
	if err == nil || m.Push == nil || f.Unplanned == nil || f.Now().Sub(time.UnixMilli(m.Timestamp)) < patience {
		return err
	}
	// It may be this event's time that is up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	t := Task{ID: docid.New("unplanned", m.MessageID), Message: m}
	if dead := f.Unplanned.PublishDeadTask(ctx, t, NotPlanned); dead != nil {
		return errors.Join(err, dead)
	}
	slog.ErrorContext(ctx, "given up: it is in the dead letters of fan-out", "kind", string(push.KindMessage), "subjectID", m.MessageID, "cid", m.CID(), "error", err)
	return nil
}
