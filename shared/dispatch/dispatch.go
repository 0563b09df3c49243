// Package dispatch takes a planned batch to FCM: once per device as far as
// that can be known, retrying what may succeed later, and accounting for the
// rest.
package dispatch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/resource"
)

// Ledger keeps one entry per batch.
type Ledger interface {
	// Begin takes the lease of the batch for e.Owner until e.LeaseUntil and returns
	// its entry: e itself where there was none, else the stored one with its Attempt
	// counted up and e.Asked added. A batch that settles the wanted PushIDs is returned as it is,
	// Done and without a lease; one that is done without them is opened again,
	// with Attempt 1. It fails with delivery.ErrBusy while another holds the
	// lease at now. It may be repeated with the same e: the lease is taken once.
	Begin(ctx context.Context, e delivery.Entry, wanted []string, now time.Time) (delivery.Entry, error)
	// Rung is up to limit entries of batches that show userID a message of a
	// conversation with a Seq above after and up to upTo, the latest message first.
	// Only their Tag, Counts and what Entry.Shown needs is there, of the given devices.
	Rung(ctx context.Context, userID, cid string, after, upTo int64, pushIDs []string, limit int) ([]delivery.Entry, error)
	// Finish adds e's outcomes to the stored ones and sets Done and LeaseUntil.
	Finish(ctx context.Context, e delivery.Entry) error
}

// Sender sends one message; *fcm.Client is one.
type Sender interface {
	// Send makes one try. body is a request of FCM's messages:send in JSON, of
	// push.Encoder. An answer other than yes is an *fcm.Error.
	Send(ctx context.Context, body []byte) (name string, err error)
}

// Bindings are the devices' bindings as they are now.
type Bindings interface {
	Users(ctx context.Context, userIDs []string) (map[string]*presence.User, error)
	RemoveTarget(ctx context.Context, userID, pushID string, dead device.Target) (bool, error)
}

// Calls are the calls as they are now.
type Calls interface {
	// Call is nil where there is no such call.
	Call(ctx context.Context, callID string) (*call.Call, error)
}

// Messages are the messages as they are now.
type Messages interface {
	// Message is nil where there is no such message.
	Message(ctx context.Context, cid, messageID string) (*chat.Message, error)
}

// Members are the memberships of a group as they are now.
type Members interface {
	// ReadGroup reads a group and those of the users that are members.
	ReadGroup(ctx context.Context, cid string, userIDs []string) (*chat.Conversation, map[string]group.Member, error)
}

// Holds notes with a user that their quiet hours hold something back, which they
// are to be told of; *presence.Registry does.
type Holds interface {
	Hold(ctx context.Context, userID string, h presence.Held) error
}

// Resources are what the operator applied; *resource.Cache is one.
type Resources interface {
	// Find is the resource of a resourcesID, nil where there is none.
	Find(ctx context.Context, id string) (*resource.Resource, error)
}

// DeadLetters takes what can't be delivered.
type DeadLetters interface {
	PublishDead(ctx context.Context, b push.Batch, reason string) error
}

// Limits of one invocation. They end before the functions' time does: what is
// known when a run's time is up still reaches the ledger, while the lease stands.
const (
	// Budget is how long an invocation works on a batch; what is left then is
	// left to Pub/Sub's redelivery.
	Budget = 25 * time.Second
	// working is for all but telling what became of it. It outlives Budget, as a
	// request may be under way then.
	working = 30 * time.Second
	// settling is for telling the ledger and the dead letters, after that at the
	// latest; of it, buryTime is for what comes before the ledger.
	settling = 15 * time.Second
	// lease keeps others from the batch until the ledger is told, also where that took
	// several tries after a long wait for FCM: who starts sooner sends again what FCM has.
	// It is short enough to take over from a dead worker in time.
	lease    = working + settling
	buryTime = 5 * time.Second
	// tryTimeout is for one FCM request.
	tryTimeout = 10 * time.Second
	// plannedLate is how long after a message a batch of it is made that isn't its
	// fan-out's.
	plannedLate = 10 * time.Second
	// trust is for how long a look at presence, or a plan for many receivers, is
	// followed without looking again; one receiver costs one read and is always
	// looked at.
	trust = 5 * time.Second
)

// Dispatcher sends batches. One serves all invocations of a process.
type Dispatcher struct {
	Ledger      Ledger
	Sender      Sender
	Bindings    Bindings
	Calls       Calls
	Messages    Messages
	Members     Members
	Holds       Holds  // nil: nothing is noted
	Unread      Unread // nil: nothing is counted for a badge
	DeadLetters DeadLetters
	Resources   Resources // nil: there are none
	Pauses      Pauses    // nil: what FCM wants stays with this process
	Rules       plan.Rules
	Renderer    push.Renderer
	Now         func() time.Time
	Random      func(below time.Duration) time.Duration // spreads retries; nil: random
	Retention   time.Duration                           // of ledger entries
	MaxAttempts int                                     // of a batch, before its rest is dead-lettered
	Concurrency int                                     // FCM requests under way in this process
	Rate        float64                                 // FCM requests a second of this process, on average; 0: as many as go
	PerDevice   DeviceLimits                            // of what one device is sent by this process; zero: none
	MaxDead     int                                     // percent of targets that FCM may blame before none is removed any more; 0: 50

	once    sync.Once
	gate    *gate
	breaker breaker
	slots   presence.Slots
}

// Dispatch sends b. An error asks for redelivery.
//
// It is safe to run twice, concurrently or after dying anywhere: the ledger's
// lease lets one worker at a time have the batch, and its outcomes say which
// devices are settled, so a repeat sends only to the others. A process that
// dies between FCM's answer and Finish sends those messages again; FCM has no
// idempotency key, so there the notification's tag keeps the second from being
// shown beside the first.
func (d *Dispatcher) Dispatch(ctx context.Context, b push.Batch) (err error) {
	defer fault.Wrap(&err, "dispatch batch %s", b.ID)
	ctx, cancel := context.WithTimeout(ctx, working)
	defer cancel()
	named, err := d.resource(ctx, b.Announcement.Push.ResourcesID)
	if err != nil {
		return err
	}
	b.Announcement = b.Announcement.Within(named)
	if b.Announcement.Kind == push.KindRead {
		if b, err = d.showing(ctx, b); err != nil || len(b.Targets) == 0 {
			return err
		}
	}
	d.once.Do(func() { d.gate = newGate(d.Concurrency, d.Rate, d.PerDevice) })
	now := d.Now()
	looked := d.lookFirst(ctx, len(b.Targets), time.UnixMilli(b.PlannedAt), now)

	first := delivery.Entry{
		ID: b.ID, Kind: string(b.Announcement.Kind), SubjectID: b.Announcement.ID, Attempt: 1,
		CreatedAt: now, PlannedAt: time.UnixMilli(b.PlannedAt).UTC(), LeaseUntil: now.Add(lease), ExpireAt: now.Add(d.Retention), Owner: rand.Text(),
	}
	switch a := b.Announcement; {
	case a.Kind == push.KindCall:
		first.Asked = b.PushIDs() // whoever may ring must be told when it stops
	case a.Tells():
		first.To, first.CID, first.Seq, first.Tag = b.UserIDs(), a.CID, a.Seq, a.Tag()
		first.Counts = d.counts(b)
	case a.Kind == push.KindSummary:
		first.To, first.CID, first.Seq, first.Tag = b.UserIDs(), a.ID, 1, a.Tag() // found by its ID
	case a.Kind == push.KindRead:
		first.Seq, first.Took = a.Seq, took(b)
	}
	entry, err := d.begin(ctx, first, b.PushIDs(), now)
	looked()
	if err != nil || entry.Done {
		return err
	}

	run := newRun(b, entry)
	run.resource = named
	err = d.current(ctx, run, now)
	if err == nil {
		err = d.recheck(ctx, run, now)
	}
	if err != nil {
		return errors.Join(err, d.giveBack(ctx, entry, now))
	}
	d.count(ctx, run)
	d.send(ctx, run, now.Add(Budget))
	return d.settle(ctx, run)
}

// giveBack gives the lease of a batch of which nothing was sent back, so that the
// redelivery need not wait for its end; also where it was this one's time that was up.
func (d *Dispatcher) giveBack(ctx context.Context, e delivery.Entry, now time.Time) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	e.LeaseUntil, e.Outcomes, e.Refusals, e.Attempt = now, nil, nil, e.Attempt-1
	return d.Ledger.Finish(ctx, e)
}

// resource is what a batch names. That is known, and read at most once a minute by
// those who name any.
func (d *Dispatcher) resource(ctx context.Context, id string) (*resource.Resource, error) {
	if d.Resources == nil || id == "" {
		return nil, nil
	}
	return d.Resources.Find(ctx, id)
}

// begin takes the lease, and asks once more where that fails: what failed may be
// the answer alone, and then nobody else could have the batch for as long as the lease.
func (d *Dispatcher) begin(ctx context.Context, e delivery.Entry, wanted []string, now time.Time) (delivery.Entry, error) {
	try, cancel := context.WithTimeout(ctx, tryTimeout)
	entry, err := d.Ledger.Begin(try, e, wanted, now)
	cancel()
	if err == nil || errors.Is(err, delivery.ErrBusy) || ctx.Err() != nil {
		return entry, err
	}
	return d.Ledger.Begin(ctx, e, wanted, now)
}

// current drops what was revoked, and says what was edited as it is now. It looks
// where the message may have changed since the batch was made: where the ledger says
// so, which costs the others nothing; at an edit's push; and where the batch was made
// so late that the ledger may not know of it, as for a lapse or when the window of a
// busy conversation ends. Then it costs a read. Where the last of several messages was
// revoked, the others are still to be told of: how many there are, under its title.
func (d *Dispatcher) current(ctx context.Context, run *run, now time.Time) error {
	a := &run.batch.Announcement
	late := a.Digest || run.batch.PlannedAt-a.CreatedAt > int64(plannedLate/time.Millisecond)
	if a.Kind != push.KindEdit && (a.Kind != push.KindMessage || !(run.entry.Changed || late)) {
		return nil
	}
	m, err := d.Messages.Message(ctx, a.CID, a.ID)
	if err != nil {
		return err
	}
	reason := plan.RecheckMessage(*a, m)
	switch {
	case reason == plan.Revoked && a.Bundle != "":
		a.Push.Payload = ""
	case reason != plan.Push:
		run.skip(now, func(push.Target) plan.Reason { return reason })
	case a.Kind == push.KindMessage && m.Push != nil:
		*a = a.Saying(*m.Push)
		run.resource, err = d.resource(ctx, a.Push.ResourcesID)
	}
	return err
}

// recheck drops the targets that should not ring any more: by the call, which
// is always looked at; by presence and membership where the plan may be old. It
// is safe to repeat, also while requests are under way.
func (d *Dispatcher) recheck(ctx context.Context, run *run, now time.Time) error {
	a := run.batch.Announcement
	if a.Expired(now) {
		run.skip(now, func(push.Target) plan.Reason { return plan.Expired })
	}
	receivers := run.receivers()
	if a.Kind.OfCall() && receivers > 0 {
		c, err := d.Calls.Call(ctx, a.ConversationID)
		if err != nil {
			return err
		}
		run.skip(now, func(t push.Target) plan.Reason { return plan.RecheckCall(a, t, c, now) })
		receivers = run.receivers()
	}
	// An edit must not reach who has left meanwhile.
	fresh := !run.stale(now) && run.entry.Lease <= 1 && a.Kind != push.KindEdit
	if receivers == 0 || (receivers > 1 && fresh) {
		return nil
	}
	settings, err := d.recheckPresence(ctx, run)
	if err != nil {
		return err
	}
	run.look(now)
	users := run.users()
	// What ends a notification is owed to who has left, too.
	if len(users) == 0 || fresh || a.ConversationType != chat.Group || a.Kind.Ends() {
		return nil
	}
	c, members, err := d.Members.ReadGroup(ctx, a.CID, users)
	if err != nil {
		return err
	}
	if c == nil || c.Dismissed {
		members = nil // they are being removed
	}
	run.skip(now, func(t push.Target) plan.Reason {
		var member *plan.Member
		if m, in := members[t.UserID]; in {
			member = plan.MemberOf(m.Entry())
		}
		return d.Rules.RecheckMember(a, t, settings[t.UserID], member, now)
	})
	return nil
}

// recheckPresence drops the targets that should not ring any more by their users'
// presence, and returns what these users set, which is all that is kept of it.
func (d *Dispatcher) recheckPresence(ctx context.Context, run *run) (map[string]presence.Settings, error) {
	a, settings := run.batch.Announcement, map[string]presence.Settings{}
	var failed error
	err := d.slots.Each(ctx, run.users(), d.Bindings.Users, func(ids []string, current map[string]*presence.User) {
		now := d.Now() // there may have been a wait
		run.decide(now, func(t push.Target) plan.Decision {
			if _, in := slices.BinarySearch(ids, t.UserID); !in {
				return plan.Decision{Reason: plan.Push} // in another part
			}
			decision := d.Rules.Recheck(a, t, current[t.UserID], now)
			if decision.Hold == nil || d.Holds == nil {
				return decision
			}
			if err := d.Holds.Hold(ctx, t.UserID, *decision.Hold); err != nil {
				failed = err
				return plan.Decision{Reason: plan.Push} // as it was, for the redelivery
			}
			current[t.UserID].Held = decision.Hold // once for all devices
			return decision
		})
		for id, u := range current {
			settings[id] = u.Settings
		}
	})
	return settings, errors.Join(err, failed)
}

// settle records what became of the batch, and dead-letters what is hopeless.
// The answers are worth more than the caller's deadline: without them the next
// try repeats every send.
func (d *Dispatcher) settle(ctx context.Context, run *run) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer cancel()
	now := d.Now()
	run.blameTargets()
	undelivered := d.part(ctx, run)

	entry, pending := run.entry, run.left()
	entry.Done, entry.Outcomes, entry.LeaseUntil = pending == 0, run.outcomes(), now
	entry.Refusals = run.refused()
	if pending > 0 {
		for _, until := range []time.Time{d.gate.pause.current(), run.retryAt()} {
			if until.After(entry.LeaseUntil) {
				entry.LeaseUntil = until
			}
		}
		if !run.asked {
			entry.Attempt-- // whoever waits in vain for their turn hasn't been tried
		}
	}
	if err := d.finish(ctx, entry); err != nil {
		return err
	}
	d.forget(ctx, run)
	run.log(ctx, entry.Done, now)
	if pending > 0 {
		return errors.Join(undelivered, fmt.Errorf("%d of %d targets are to be tried again", pending, len(run.batch.Targets)))
	}
	return nil
}

// finishTries is how often the ledger is told what became of a batch, and
// finishTimeout how long one try may take: a slow one mustn't use up the time of
// the others, as all that FCM took would be sent again.
const (
	finishTries   = 4
	finishTimeout = (settling - buryTime) / 4
)

// finish tells the ledger, and again where that fails. It is safe to repeat, also
// where only the answer was lost: what a lease that is over reports late adds
// outcomes and changes nothing else.
func (d *Dispatcher) finish(ctx context.Context, e delivery.Entry) error {
	for n := 1; ; n++ {
		try, cancel := context.WithTimeout(ctx, finishTimeout)
		err := d.Ledger.Finish(try, e)
		cancel()
		now := d.Now()
		if err == nil || n == finishTries || !sleep(ctx, d.Now, now.Add(d.backoff(n)), now.Add(settling)) {
			return err
		}
	}
}

// part parts with the targets that nothing more can be done for now.
func (d *Dispatcher) part(ctx context.Context, run *run) error {
	ctx, cancel := context.WithTimeout(ctx, buryTime)
	defer cancel()
	d.pardon(ctx, run)
	return d.bury(ctx, run)
}

// pardon leaves devices pending whose target turned out dead but isn't theirs any
// more: FCM replaced it while the batch was under way, and the redelivery finds
// the new one. Where that can't be told, it is left to the redelivery too.
func (d *Dispatcher) pardon(ctx context.Context, run *run) {
	dead := run.dead()
	if len(dead) == 0 {
		return
	}
	users := map[string]bool{}
	for _, i := range dead {
		users[run.batch.Targets[i].UserID] = true
		run.become(i, delivery.Pending)
	}
	err := d.slots.Each(ctx, slices.Sorted(maps.Keys(users)), d.Bindings.Users, func(ids []string, current map[string]*presence.User) {
		for _, i := range dead {
			t := run.batch.Targets[i]
			if _, in := slices.BinarySearch(ids, t.UserID); !in {
				continue
			}
			if now, bound := current[t.UserID].Device(t.PushID); !bound || now.Target.IsZero() || now.Target == t.Device() {
				run.become(i, delivery.Failed)
			}
		}
	})
	if err != nil {
		slog.WarnContext(ctx, "not known whether targets called dead are in use", "batch", run.batch.ID, "error", err)
	}
}

// bury publishes what is hopeless to the dead letters. What they don't take is
// left pending, so that it neither gets lost nor has the others sent again.
func (d *Dispatcher) bury(ctx context.Context, run *run) error {
	var errs []error
	for class, targets := range run.hopeless(run.entry.Attempt >= d.MaxAttempts) {
		b := run.batch
		// An ID of its own, so that the ledger lets a replay of it through, once. It
		// is the same where the ledger isn't told of this and the next attempt
		// publishes it again: then too a replay of both sends once.
		b.ID = docid.New("dead", run.batch.ID, class)
		b.Targets = make([]push.Target, len(targets))
		for n, i := range targets {
			b.Targets[n] = run.batch.Targets[i]
		}
		status := delivery.DeadLetter
		if err := d.DeadLetters.PublishDead(ctx, b, class); err != nil {
			status = delivery.Pending
			errs = append(errs, err)
		}
		for _, i := range targets {
			run.become(i, status)
		}
	}
	return errors.Join(errs...)
}

// forget removes dead targets, unless so many are that it must be a mistake. It
// comes last: a target it misses is found dead again by the next push.
func (d *Dispatcher) forget(ctx context.Context, run *run) {
	d.breaker.count(run)
	dead := run.dead()
	if open, share := d.breaker.open(d.MaxDead); open && len(dead) > 0 {
		slog.ErrorContext(ctx, "too many targets are called dead: none is removed", "batch", run.batch.ID, "kept", len(dead), "percent", share)
		return
	}
	for _, i := range dead {
		t := run.batch.Targets[i]
		if _, err := d.Bindings.RemoveTarget(ctx, t.UserID, t.PushID, t.Device()); err != nil {
			slog.ErrorContext(ctx, "dead target not removed", "batch", run.batch.ID, "userID", t.UserID, "pushID", t.PushID, "error", err)
		}
	}
}
