package fanout

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Rings tells what became of the pushes for a call or a message.
type Rings interface {
	// Entries is the ledger's entries of what a subject ID announced.
	Entries(ctx context.Context, subjectID string) ([]delivery.Entry, error)
}

// Sweeps ends calls in time.
type Sweeps interface {
	// PublishSweep has a call ended when it is due.
	PublishSweep(ctx context.Context, d call.Due) error
}

// Call plans and publishes what a change of a call asks for: who is newly
// invited is rung, and where an invitation stopped ringing, the devices that
// rang are told. before is nil for a new call. An error asks for redelivery.
//
// It is safe to repeat and to run in any order: what it publishes is derived
// from the change, its batches have IDs derived from it, and the dispatcher
// looks at the call again before it rings. A dismissal that comes before its
// ring finds nothing that rang, and then the ring finds the call over.
func (f *Fanout) Call(ctx context.Context, before *call.Call, after call.Call) (err error) {
	defer fault.Wrap(&err, "fan out call %s, change %d", call.ID(after.CallID), after.Rev)
	invited := call.Invited(before, &after)
	if err := f.ring(ctx, after, invited); err != nil {
		return err
	}
	if len(invited) > 0 && time.Duration(after.Timeout)*time.Second <= call.SweepEvery {
		// The next sweep by the clock may come too late for it.
		due := call.Due{CallID: after.CallID, At: after.Users[invited[0]].ExpiresAt}
		if err := f.Sweeps.PublishSweep(ctx, due); err != nil {
			return err
		}
	}
	return f.dismiss(ctx, after, call.Stopped(before, &after))
}

// part names what a change of a call asks for, so that two changes never share
// a batch.
func part(c call.Call, what string) string { return what + strconv.FormatInt(c.Rev, 10) }

// ring rings the users, who were all invited in one change, hence by one user,
// with one pushConfig or none and for the same time.
func (f *Fanout) ring(ctx context.Context, c call.Call, userIDs []string) error {
	if len(userIDs) == 0 {
		return nil
	}
	now := f.Now()
	t := tally{kind: push.KindCall, id: call.ID(c.CallID), cid: call.ID(c.CallID), part: part(c, "ring")}
	if c.PushFor(userIDs[0]) == nil {
		for _, id := range userIDs {
			t.add(plan.Decision{UserID: id, Reason: plan.NoPushConfig}, now)
		}
		return f.explain(ctx, &t)
	}
	users, err := f.Presence.Users(ctx, userIDs)
	if err != nil {
		return err
	}
	at, now := now, f.Now()
	a := push.OfCall(c, userIDs[0])
	var targets []push.Target
	for _, id := range userIDs {
		for _, d := range f.Rules.Decide(a, plan.Receiver{UserID: id, Presence: users[id]}, now) {
			if t.add(d, now) {
				d.Target.Gen = c.Users[id].Gen
				targets = append(targets, d.Target)
			}
		}
	}
	if err := f.publish(ctx, a, t.part, targets, at, &t); err != nil {
		return err
	}
	return f.explain(ctx, &t)
}

// dismiss tells the users' devices that rang why they stop: one announcement for
// each thing that they are told, since who is told differs in what, by whom they
// were invited and in whose words.
func (f *Fanout) dismiss(ctx context.Context, c call.Call, userIDs []string) error {
	userIDs = slices.DeleteFunc(userIDs, func(id string) bool { return c.PushFor(id) == nil })
	if len(userIDs) == 0 {
		return nil
	}
	// A ring that has no entry yet will find the call changed.
	rings, err := f.settled(ctx, call.ID(c.CallID), push.KindCall)
	if err != nil || len(rings) == 0 {
		return err
	}
	at := f.Now()
	users, err := f.Presence.Users(ctx, userIDs)
	if err != nil {
		return err
	}
	bare := c
	for _, id := range userIDs {
		bare = plan.Unworded(bare, id, users[id])
	}
	rung := func(pushID string) bool {
		return slices.ContainsFunc(rings, func(e delivery.Entry) bool { return e.MayHaveShown(pushID) })
	}
	for len(userIDs) > 0 {
		first := userIDs[0]
		var heard, unheard []string
		userIDs = slices.DeleteFunc(userIDs, func(id string) bool {
			switch {
			case toldAs(c, id) != toldAs(c, first):
				return false
			case toldAs(bare, id) != toldAs(c, id):
				unheard = append(unheard, id)
			default:
				heard = append(heard, id)
			}
			return true
		})
		// The first of them names the batches, by what the call says: whoever blocks
		// somebody before this is repeated changes nobody else's.
		if err := f.tell(ctx, c, first, heard, users, at, rung); err != nil {
			return err
		}
		if err := f.tell(ctx, bare, first+" bare", unheard, users, at, rung); err != nil {
			return err
		}
	}
	return nil
}

// ending is all that the announcements of two users' ends can differ in, but for
// the time.
type ending struct {
	end                    push.CallEnd
	inviter, push, endPush string
}

func toldAs(c call.Call, userID string) ending {
	u := c.Users[userID]
	return ending{push.EndOf(u.State), u.Inviter, u.Push, u.EndPush}
}

// tell tells the users, who are all told the same, by their presence at a time, in
// batches that have a name of the change's.
func (f *Fanout) tell(ctx context.Context, c call.Call, name string, userIDs []string, users map[string]*presence.User, at time.Time, rung func(string) bool) error {
	if len(userIDs) == 0 {
		return nil
	}
	end := toldAs(c, userIDs[0]).end
	t := tally{kind: push.KindCallEnd, id: call.ID(c.CallID), cid: call.ID(c.CallID), part: part(c, string(end)) + " " + name}
	var targets []push.Target
	for _, id := range userIDs {
		u := c.Users[id]
		for _, d := range f.Rules.Dismissal(plan.Receiver{UserID: id, Presence: users[id]}, rung, u.AnsweredBy) {
			if t.add(d, f.Now()) {
				d.Target.Gen = u.Gen
				targets = append(targets, d.Target)
			}
		}
	}
	if err := f.publish(ctx, push.OfCallEnd(c, end, userIDs[0]), t.part, targets, at, &t); err != nil {
		return err
	}
	return f.explain(ctx, &t)
}

const (
	// ringsWithin is how long a change waits for the pushes under way to be told
	// to FCM; then it asks for redelivery. A dismissal must not overtake its ring.
	ringsWithin = 20 * time.Second
	// ringsLost is when a batch that nobody has the lease of is taken for lost:
	// Pub/Sub has then given it up.
	ringsLost = 15 * time.Minute
)

// settled is the ledger's entries of the pushes of a kind about a subject, when none
// is being sent any more.
func (f *Fanout) settled(ctx context.Context, id string, kind push.Kind) ([]delivery.Entry, error) {
	deadline := f.Now().Add(ringsWithin)
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		entries, err := f.Rings.Entries(ctx, id)
		if err != nil {
			return nil, err
		}
		entries = slices.DeleteFunc(entries, func(e delivery.Entry) bool { return e.Kind != string(kind) })
		now := f.Now()
		busy := slices.ContainsFunc(entries, func(e delivery.Entry) bool {
			return !e.Done && now.Before(e.LeaseUntil.Add(ringsLost))
		})
		switch {
		case !busy:
			return entries, nil
		case now.Add(wait).After(deadline):
			return nil, errors.New("it is still being sent")
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
	}
}
