// Package fanout turns a stored message into planned, published batches.
package fanout

import (
	"context"
	"log/slog"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Presence reads who is away and where they ring.
type Presence interface {
	Users(ctx context.Context, userIDs []string) (map[string]*presence.User, error)
}

// Publisher hands a batch to Pub/Sub; it returns when Pub/Sub has it.
type Publisher interface {
	Publish(ctx context.Context, b push.Batch) error
}

// Skips records, where the operator wants them kept beyond the log, the
// devices that were planned no push.
type Skips interface {
	Record(ctx context.Context, e delivery.Entry) error
}

// Fanout plans and publishes.
type Fanout struct {
	Presence  Presence
	Publisher Publisher
	Skips     Skips // nil: the log only
	Now       func() time.Time
	PushTTL   time.Duration
	Retention time.Duration // of ledger entries
}

// Message plans the push of m and publishes it. An error asks for redelivery.
//
// It is safe to repeat: the batches of a message have IDs derived from it, so
// the ledger lets each through once; it writes nothing else.
func (f *Fanout) Message(ctx context.Context, m chat.Message) (err error) {
	defer fault.Wrap(&err, "fan out message %s", m.MessageID)
	now := f.Now()
	switch {
	case m.ConversationType == chat.Room:
		return f.explain(ctx, m, []plan.Decision{{Reason: plan.Room}}, 0, now)
	case m.Push == nil:
		return f.explain(ctx, m, []plan.Decision{{UserID: peerOf(m), Reason: plan.NoPushConfig}}, 0, now)
	}

	users, err := f.Presence.Users(ctx, []string{m.ConversationID})
	if err != nil {
		return err
	}
	a := push.OfMessage(m, f.PushTTL)
	decisions := plan.Decide(a, plan.Receiver{UserID: m.ConversationID, Presence: users[m.ConversationID]}, now)

	var targets []push.Target
	for _, d := range decisions {
		if d.Reason == plan.Push {
			targets = append(targets, d.Target)
		}
	}
	batches := push.Batches(a, "", targets, now)
	for _, b := range batches {
		if err := f.Publisher.Publish(ctx, b); err != nil {
			return err
		}
	}
	return f.explain(ctx, m, decisions, len(batches), now)
}

func peerOf(m chat.Message) string {
	if m.ConversationType == chat.Peer {
		return m.ConversationID
	}
	return ""
}

// maxLogged bounds the reasons one log line lists; the counts are of all.
const maxLogged = 50

// explain says why devices are not rung: in the log, and in the ledger where
// Skips is set.
func (f *Fanout) explain(ctx context.Context, m chat.Message, decisions []plan.Decision, batches int, now time.Time) error {
	counts := map[string]int{}
	var skipped []string
	outcomes := map[string]delivery.Outcome{}
	for _, d := range decisions {
		if d.Reason == plan.Push {
			counts["push"]++
			continue
		}
		counts[string(d.Reason)]++
		if len(skipped) < maxLogged {
			skipped = append(skipped, d.UserID+"/"+d.PushID+":"+string(d.Reason))
		}
		// A reason that concerns the user stands under an ID no device has.
		key := d.PushID
		if key == "" {
			key = docid.New("user", d.UserID)
		}
		outcomes[key] = delivery.Outcome{UserID: d.UserID, Status: delivery.Skipped, Detail: string(d.Reason), At: now}
	}
	slog.InfoContext(ctx, "planned", "kind", string(push.KindMessage), "subjectID", m.MessageID, "cid", m.CID(),
		"batches", batches, "decisions", counts, "skipped", skipped)
	if f.Skips == nil || len(outcomes) == 0 {
		return nil
	}
	return f.Skips.Record(ctx, delivery.Entry{
		ID: docid.New("skips", m.MessageID), Kind: string(push.KindMessage), SubjectID: m.MessageID,
		Attempt: 1, Done: true, CreatedAt: now, LeaseUntil: now, Outcomes: outcomes, ExpireAt: now.Add(f.Retention),
	})
}
