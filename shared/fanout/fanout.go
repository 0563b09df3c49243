// Package fanout turns a stored message, or a change of a call, into planned,
// published batches.
package fanout

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"

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

// Skips records the devices that were planned no push, for the trace.
type Skips interface {
	Record(ctx context.Context, e delivery.Entry) error
}

// Holds notes with a user that their quiet hours hold messages back, of which they
// are to be told; *presence.Registry does.
type Holds interface {
	Hold(ctx context.Context, userID string, h presence.Held) error
}

// Bursts notes with a user that messages of a conversation are told of together;
// *presence.Registry does.
type Bursts interface {
	Bundle(ctx context.Context, userID, cid string, b presence.Burst) error
}

// parallelHolds is how many users that is noted with at once.
const parallelHolds = 16

// Fanout plans and publishes.
type Fanout struct {
	Presence  Presence
	Roster    Roster
	Publisher Publisher
	Tasks     Tasks
	Rings     Rings
	Marks     Marks
	Sweeps    Sweeps
	Holds     Holds     // nil: nothing is noted
	Bursts    Bursts    // nil: nothing is bundled
	Unplanned Unplanned // nil: what can't be planned is left to its event
	Skips     Skips     // nil: the log only
	AllSkips  bool      // record also those whose reason is expected
	Rehearsal bool      // nothing comes of it, so the log isn't told
	Rules     plan.Rules
	Now       func() time.Time
	PushTTL   time.Duration
	Retention time.Duration // of ledger entries
	Threshold int           // members of a group above which its fan-out is split into Tasks

	MaxDevices int // a user may have

	slots presence.Slots
}

// Message plans the push of m and publishes it; of a large group, the tasks
// that do. An error asks for redelivery.
//
// It is safe to repeat: the batches and tasks of a message have IDs derived
// from it, so the ledger lets each device through once; it writes nothing else.
func (f *Fanout) Message(ctx context.Context, m chat.Message) (err error) {
	defer fault.Wrap(&err, "fan out message %s", m.MessageID)
	t := tallyOf(m, "")
	switch {
	case m.ConversationType == chat.Room:
		t.add(plan.Decision{Reason: plan.Room}, f.Now())
	case m.Push == nil:
		t.add(plan.Decision{UserID: peerOf(m), Reason: plan.NoPushConfig}, f.Now())
	case m.ConversationType == chat.Group && m.Fanout != nil && m.Fanout.Members > f.Threshold:
		return f.split(ctx, m)
	case m.ConversationType == chat.Group && m.Fanout != nil:
		return f.group(ctx, Task{Message: m, Chunks: m.Fanout.Chunks})
	case m.ConversationType == chat.Group:
		return fmt.Errorf("the message doesn't say what its group is")
	default:
		if err := f.peer(ctx, m, &t); err != nil {
			return err
		}
	}
	return f.explain(ctx, &t)
}

func (f *Fanout) peer(ctx context.Context, m chat.Message, t *tally) error {
	now := f.Now()
	users, err := f.Presence.Users(ctx, []string{m.ConversationID})
	if err != nil {
		return err
	}
	a := push.OfMessage(m, f.PushTTL)
	told, err := f.told(ctx, a)
	if err != nil {
		return err
	}
	var targets []push.Target
	to := receiver(m, m.ConversationID)
	to.Presence = users[m.ConversationID]
	for _, d := range f.decide(a, to, now) {
		if t.add(d, now) && !told[d.PushID] {
			targets = append(targets, d.Target)
		}
	}
	return f.publish(ctx, a, t.part, targets, now, t)
}

// decide is the plan for one receiver.
func (f *Fanout) decide(a push.Announcement, r plan.Receiver, now time.Time) []plan.Decision {
	decided := f.Rules.Decide(a, r, now)
	if f.Bursts == nil {
		return decided
	}
	return f.Rules.Bundle(a, r, decided, now)
}

// receiver is a user as m's plan needs them, but for their presence.
func receiver(m chat.Message, userID string) plan.Receiver {
	return plan.Receiver{UserID: userID, Mentioned: m.Mentions(userID), Insisted: m.Insists(userID)}
}

// publish hands targets, planned by what was so at a time, to Pub/Sub in batches that
// belong to a part.
func (f *Fanout) publish(ctx context.Context, a push.Announcement, part string, targets []push.Target, at time.Time, t *tally) error {
	for _, b := range push.Batches(a, part, targets, at) {
		if err := f.Publisher.Publish(ctx, b); err != nil {
			return err
		}
		t.batches++
	}
	return nil
}

// repeated is how old a message is whose fan-out is likely made again.
const repeated = 30 * time.Second

// told is the devices that were told of a message already, by PushID, in whatever
// batch: by package lapse, which rang them when it turned out that they were not
// online; or because others were online when the fan-out was made first. Where the
// fan-out comes in time it isn't looked up; else it costs a read for each batch of
// the message, and at least one.
func (f *Fanout) told(ctx context.Context, a push.Announcement) (map[string]bool, error) {
	if f.Now().Sub(time.UnixMilli(a.CreatedAt)) < repeated {
		return nil, nil
	}
	entries, err := f.Rings.Entries(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, e := range entries {
		for pushID := range e.Outcomes {
			out[pushID] = out[pushID] || e.MayHaveShown(pushID)
		}
	}
	return out, nil
}

func peerOf(m chat.Message) string {
	if m.ConversationType == chat.Peer {
		return m.ConversationID
	}
	return ""
}

// maxLogged bounds the reasons one log line lists; the counts are of all.
const maxLogged = 50

// tally is what has been decided about a message or a call.
type tally struct {
	kind     push.Kind
	id       string // of what is announced
	cid      string
	part     string // of its fan-out; empty: all of it
	batches  int
	counts   map[string]int
	skipped  []string                    // the first maxLogged
	outcomes map[string]delivery.Outcome // of those not rung
	holds    []plan.Decision             // what is to be noted with users
}

func tallyOf(m chat.Message, part string) tally {
	return tally{kind: push.KindMessage, id: m.MessageID, cid: m.CID(), part: part}
}

// add counts d, and reports whether it is a push.
func (t *tally) add(d plan.Decision, now time.Time) bool {
	if t.counts == nil {
		t.counts = map[string]int{}
		t.outcomes = map[string]delivery.Outcome{}
	}
	if d.Hold != nil || d.Burst != nil {
		t.holds = append(t.holds, d)
	}
	if d.Reason == plan.Push {
		t.counts["push"]++
		return true
	}
	t.counts[string(d.Reason)]++
	if len(t.skipped) < maxLogged {
		t.skipped = append(t.skipped, d.UserID+"/"+d.PushID+":"+string(d.Reason))
	}
	key := d.PushID
	if key == "" {
		key = delivery.UserKey(d.UserID)
	}
	t.outcomes[key] = delivery.Outcome{UserID: d.UserID, Status: delivery.Skipped, Detail: string(d.Reason), At: now}
	return false
}

// explain says why devices are not rung: in the log, and in the ledger where
// Skips is set.
func (f *Fanout) explain(ctx context.Context, t *tally) error {
	if !f.Rehearsal {
		t.log(ctx)
	}
	if t.part == "" {
		return f.record(ctx, t, "skips", t.id)
	}
	return f.record(ctx, t, "skips", t.id, t.part)
}

// log says what was planned.
func (t *tally) log(ctx context.Context) {
	slog.InfoContext(ctx, "planned", "kind", string(t.kind), "subjectID", t.id, "cid", t.cid,
		"part", t.part, "batches", t.batches, "decisions", t.counts, "skipped", t.skipped)
}

// note has t's users say what is held back or bundled of theirs, and clears that. It
// costs each of them a read and a write: once for each time they have quiet hours, and
// up to twice for each window of a burst, with its first and its second message.
func (f *Fanout) note(ctx context.Context, t *tally) error {
	holds := t.holds
	t.holds = nil
	if len(holds) == 0 {
		return nil
	}
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(parallelHolds)
	for _, d := range holds {
		all.Go(func() error {
			if d.Burst != nil {
				return f.Bursts.Bundle(ctx, d.UserID, t.cid, *d.Burst)
			}
			if f.Holds == nil {
				return nil
			}
			return f.Holds.Hold(ctx, d.UserID, *d.Hold)
		})
	}
	return all.Wait()
}

// record keeps t's outcomes under an ID of the parts, and clears them, and what is
// held back.
func (f *Fanout) record(ctx context.Context, t *tally, id ...string) error {
	if err := f.note(ctx, t); err != nil {
		return err
	}
	outcomes := t.outcomes
	t.outcomes = map[string]delivery.Outcome{}
	if !f.AllSkips {
		maps.DeleteFunc(outcomes, func(_ string, o delivery.Outcome) bool { return plan.Reason(o.Detail).Expected() })
	}
	if f.Skips == nil || len(outcomes) == 0 {
		return nil
	}
	now := f.Now()
	return f.Skips.Record(ctx, delivery.Entry{
		ID: docid.New(id...), Kind: string(t.kind), SubjectID: t.id,
		Attempt: 1, Done: true, CreatedAt: now, PlannedAt: now, LeaseUntil: now, Outcomes: outcomes, ExpireAt: now.Add(f.Retention),
	})
}
