package fanout

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Marks notes in the ledger that messages were changed.
type Marks interface {
	// MarkChanged notes in the entries of batches, those that have begun and those
	// that haven't, that what they announce was changed: see delivery.Entry. Kind,
	// SubjectID and ExpireAt are e's.
	MarkChanged(ctx context.Context, e delivery.Entry, batchIDs []string) error
}

// Changed tells the devices that were rung for a message that it was revoked or
// edited since: one that was revoked has its notification taken away, or replaced
// by what the revocation says, and one that was edited has it replaced. Who has blocked
// the one who revokes isn't told what they say. An error asks for redelivery.
//
// First the ledger is told, in the entry of every batch that the message has or may
// get yet: who begins one from then on reads the message (package dispatch). So
// what was revoked leaves in no batch that begins later, and those that had begun
// are waited for, and their devices told. It costs a write for each of these
// batches: two for a message to one person, and in a group one for each 20 members,
// who may have 25 devices each; a read for each entry; and one for the presence of
// each who was rung. For a message without a push it costs nothing, nor for an edit
// that leaves the push as it is.
//
// It is safe to repeat and to run in any order: what it publishes is derived from
// the change, and the dispatcher looks at the message again before it tells of an
// edit.
func (f *Fanout) Changed(ctx context.Context, before, after chat.Message) (err error) {
	defer fault.Wrap(&err, "fan out the change of message %s", after.MessageID)
	if before.Push == nil || before.Revoked() || (!after.Revoked() && reflect.DeepEqual(before.Push, after.Push)) {
		return nil
	}
	now := f.Now()
	mark := delivery.Entry{Kind: string(push.KindMessage), SubjectID: after.MessageID, ExpireAt: now.Add(f.Retention)}
	if err := f.Marks.MarkChanged(ctx, mark, f.batchIDs(after)); err != nil {
		return err
	}
	entries, err := f.settled(ctx, after.MessageID, push.KindMessage)
	if err != nil {
		return err
	}
	if !after.Revoked() {
		return f.correct(ctx, rungBy(entries), following{Announcement: push.OfEdit(after, f.PushTTL)})
	}
	bare := after
	bare.Push = nil
	return f.correct(ctx, rungBy(entries), following{
		push.OfRevoke(after, *before.Push, f.PushTTL), after.Push != nil, after.OperatedUserID, push.OfRevoke(bare, *before.Push, f.PushTTL),
	})
}

// following is what follows what was announced.
type following struct {
	push.Announcement
	// worded: it says what by chose to say. bare is what is announced in its place to
	// who has blocked them.
	worded bool
	by     string
	bare   push.Announcement
}

// rungBy is the devices that may have been rung by the entries' batches, by user. What
// told of the message together with others is left out: it has the tag of another, and
// says how many there are.
func rungBy(entries []delivery.Entry) map[string][]string {
	rung := map[string][]string{}
	for _, e := range entries {
		for pushID, o := range e.Outcomes {
			bundle := push.BatchID(push.Kind(e.Kind), e.SubjectID, push.BundlePart(o.UserID), 0)
			if e.ID != bundle && e.MayHaveShown(pushID) {
				rung[o.UserID] = append(rung[o.UserID], pushID)
			}
		}
	}
	return rung
}

// correct plans and publishes a, which follows what the users' devices were rung for.
func (f *Fanout) correct(ctx context.Context, rung map[string][]string, a following) error {
	if len(rung) == 0 {
		return nil
	}
	t := tally{kind: a.Kind, id: a.ID, cid: a.CID, part: string(a.Kind) + " " + strconv.FormatInt(a.CreatedAt, 10)}
	began := f.Now()
	var targets, unheard []push.Target
	err := f.slots.Each(ctx, slices.Sorted(maps.Keys(rung)), f.Presence.Users, func(ids []string, users map[string]*presence.User) {
		now := f.Now()
		for _, id := range ids {
			may := func(pushID string) bool { return slices.Contains(rung[id], pushID) }
			said, to := a.Announcement, &targets
			if a.worded && users[id].Blocks(a.by) {
				said, to = a.bare, &unheard
			}
			for _, d := range f.Rules.Correction(said, plan.Receiver{UserID: id, Presence: users[id]}, may, now) {
				if t.add(d, now) {
					*to = append(*to, d.Target)
				}
			}
		}
	})
	if err != nil {
		return err
	}
	if err := f.publish(ctx, a.Announcement, t.part, targets, began, &t); err != nil {
		return err
	}
	if err := f.publish(ctx, a.bare, t.part+" bare", unheard, began, &t); err != nil {
		return err
	}
	return f.explain(ctx, &t)
}

// batchIDs is every batch that a message's push may be in. A range of a group has one
// for its members' first devices, and as many for the others as they could fill if
// each member had all the devices that they may have; who joins later isn't told of
// the message.
func (f *Fanout) batchIDs(m chat.Message) []string {
	id := func(part string, n int) string { return push.BatchID(push.KindMessage, m.MessageID, part, n) }
	if m.ConversationType == chat.Peer {
		return []string{id("", 0), id(push.LapsedPart(m.ConversationID), 0)}
	}
	if m.Fanout == nil {
		return nil
	}
	var out []string
	for first := 0; first < m.Fanout.Chunks; first += rangeChunks {
		part := strconv.Itoa(first)
		out = append(out, id(part, 0))
		members := min(m.Fanout.Members, rangeChunks*group.MaxChunk)
		for n := range (members*(f.MaxDevices-1) + push.MaxBatch - 1) / push.MaxBatch {
			out = append(out, id(othersOf(part), n))
		}
	}
	return out
}
