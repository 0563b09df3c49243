package dispatch

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/logs"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/resource"
)

// run is one invocation's work on a batch.
type run struct {
	batch push.Batch
	entry delivery.Entry // as the lease was taken
	// resource is what the batch names; nil: nothing.
	resource *resource.Resource

	mu     sync.Mutex
	states []state   // of the targets, by index
	moved  bool      // batch.Targets are the run's own by now
	looked time.Time // what the targets are like was read then
	asked  bool      // FCM was

	refusals map[int][]delivery.Refusal // by index; nil where FCM took all at once
}

// state is how far a run is with a target.
type state struct {
	outcome delivery.Outcome // of this run; without a status there is none yet
	over    bool             // there is nothing to do: it is settled, or stands in the batch before
}

func newRun(b push.Batch, entry delivery.Entry) *run {
	r := &run{batch: b, entry: entry, states: make([]state, len(b.Targets)), looked: time.UnixMilli(b.PlannedAt)}
	seen := make(map[string]struct{}, len(b.Targets))
	for i := range b.Targets {
		t := &b.Targets[i]
		_, twice := seen[t.PushID]
		seen[t.PushID] = struct{}{}
		r.states[i].over = twice || r.entry.Final(t.PushID)
	}
	return r
}

// left counts the targets without a final outcome.
func (r *run) left() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.states {
		if !r.states[i].over {
			n++
		}
	}
	return n
}

// stale reports whether it is too long ago that somebody looked at the targets.
func (r *run) stale(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return now.Sub(r.looked) >= trust
}

func (r *run) look(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looked = now
}

// target is the target of an index as it is known to be now, unless it is over
// with it.
func (r *run) target(i int) (push.Target, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.batch.Targets[i], !r.states[i].over
}

// users is whose devices are to be told, sorted.
func (r *run) users() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := make(map[string]struct{}, len(r.states))
	for i := range r.states {
		if !r.states[i].over {
			ids[r.batch.Targets[i].UserID] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// receivers counts the users whose devices are to be told, up to two.
func (r *run) receivers() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := ""
	for i := range r.states {
		switch user := r.batch.Targets[i].UserID; {
		case r.states[i].over:
		case n == 0:
			n, first = 1, user
		case user != first:
			return 2
		}
	}
	return n
}

// ask notes that FCM is going to be asked about a target.
func (r *run) ask(i int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = true
	r.states[i].outcome.Tries++
}

// refuse notes that FCM didn't take a push, or didn't say so.
func (r *run) refuse(i int, class push.Class, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refusals == nil {
		r.refusals = map[int][]delivery.Refusal{}
	}
	r.refusals[i] = append(r.refusals[i], delivery.Refusal{At: at, Class: string(class)})
}

// record notes what became of a target. What is over with it stays so, whatever
// a try that was under way finds out, but for FCM's yes.
func (r *run) record(i int, status delivery.Status, detail string, at, retryAt time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.states[i]
	if s.over && status != delivery.Sent {
		return
	}
	o := &s.outcome
	o.UserID, o.Unsure = r.batch.Targets[i].UserID, r.unsure(r.batch.Targets[i].PushID)
	o.Status, o.Detail, o.At, o.RetryAt = status, detail, at, retryAt
	s.over = status != delivery.Pending
}

// unsure reports whether somebody may have sent to a device that nobody says they
// sent to. Who died may have; a done batch knows of all that it was for, and of a ring
// also of all that whoever had the lease set out to send to. A device is rather told
// twice, under one tag, than not at all.
func (r *run) unsure(pushID string) bool {
	return r.entry.Lease > 1 && (!r.entry.Anew || slices.Contains(r.entry.AskedBefore, pushID))
}

// wait notes that a target got no turn. What FCM said of it before stands.
func (r *run) wait(i int, at time.Time) {
	r.mu.Lock()
	_, known := r.entry.Outcomes[r.batch.Targets[i].PushID]
	known = known || r.states[i].outcome.Status != ""
	r.mu.Unlock()
	if !known {
		r.record(i, delivery.Pending, string(push.NoTurn), at, time.Time{})
	}
}

// become changes the status of a target that something was found out about.
func (r *run) become(i int, status delivery.Status) {
	r.states[i].outcome.Status, r.states[i].over = status, status != delivery.Pending
}

// skip drops the targets that have a reason not to ring.
func (r *run) skip(now time.Time, why func(push.Target) plan.Reason) {
	for i := range r.states {
		if t, open := r.target(i); open {
			if reason := why(t); reason != plan.Push {
				r.record(i, delivery.Skipped, string(reason), now, time.Time{})
			}
		}
	}
}

// decide drops the targets that have a reason not to ring, and points the others
// to where their devices are reached now.
func (r *run) decide(now time.Time, what func(push.Target) plan.Decision) {
	r.mu.Lock()
	r.own()
	r.mu.Unlock()
	for i := range r.states {
		t, open := r.target(i)
		if !open {
			continue
		}
		if d := what(t); d.Reason != plan.Push {
			r.record(i, delivery.Skipped, string(d.Reason), now, time.Time{})
		} else if d.Target.PushID != "" {
			r.mu.Lock()
			r.batch.Targets[i] = d.Target
			r.mu.Unlock()
		}
	}
}

// uncounted is the users to be told with a number that is yet to be counted, sorted.
func (r *run) uncounted() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := map[string]struct{}{}
	for i, t := range r.batch.Targets {
		if !r.states[i].over && plan.NeedsUnread(r.batch.Announcement, t) {
			ids[t.UserID] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// counted has the targets that are to say it say how much their users have not read.
func (r *run) counted(counts map[string]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.own()
	for i := range r.batch.Targets {
		t := &r.batch.Targets[i]
		if n, ok := counts[t.UserID]; ok && plan.NeedsUnread(r.batch.Announcement, *t) {
			t.Counted, t.Unread = true, n
		}
	}
}

// own has the run change the batch's targets, of which the caller has others.
// r.mu is held.
func (r *run) own() {
	if !r.moved {
		r.batch.Targets, r.moved = slices.Clone(r.batch.Targets), true
	}
}

// retryAt is when the earliest of the targets that are left may be tried again;
// zero: at once.
func (r *run) retryAt() (first time.Time) {
	for i := range r.states {
		if s := &r.states[i]; !s.over {
			at := s.outcome.RetryAt
			if s.outcome.Status == "" {
				at = r.entry.Outcomes[r.batch.Targets[i].PushID].RetryAt
			}
			if at.IsZero() {
				return at
			}
			if first.IsZero() || at.Before(first) {
				first = at
			}
		}
	}
	return first
}

// outcomes is what this run found out, by PushID.
func (r *run) outcomes() map[string]delivery.Outcome {
	out := make(map[string]delivery.Outcome, len(r.states))
	for i := range r.states {
		if o := r.states[i].outcome; o.Status != "" {
			out[r.batch.Targets[i].PushID] = o
		}
	}
	return out
}

// refused is what FCM answered other than yes, of the devices of which it did so
// in this run: by PushID, in all runs.
func (r *run) refused() map[string][]delivery.Refusal {
	if r.refusals == nil {
		return nil
	}
	out := make(map[string][]delivery.Refusal, len(r.refusals))
	for i, list := range r.refusals {
		id := r.batch.Targets[i].PushID
		out[id] = r.entry.Refused(id, list)
	}
	return out
}

// dead is the indices of the targets that this run found dead.
func (r *run) dead() (out []int) {
	for i := range r.states {
		if o := &r.states[i].outcome; o.Status == delivery.Failed && gone(o.Detail) {
			out = append(out, i)
		}
	}
	return out
}

// gone reports whether FCM's class of answer says that the target is dead.
func gone(class string) bool {
	return class == string(push.Unregistered) || class == string(push.InvalidTarget)
}

// blameTargets decides about the targets FCM called invalid. FCM's 400 may
// blame the target for what is our message's fault; it is believed where the
// same announcement was accepted for another target of the same platform.
func (r *run) blameTargets() {
	accepted := map[string]bool{}
	for i := range r.states {
		if r.states[i].outcome.Status == delivery.Sent {
			accepted[r.batch.Targets[i].Platform.String()] = true
		}
	}
	for i := range r.states {
		o := &r.states[i].outcome
		if o.Detail == string(push.InvalidTarget) && !accepted[r.batch.Targets[i].Platform.String()] {
			o.Detail = string(push.InvalidMessage)
		}
	}
}

// hopeless is, by FCM's class, the indices of the targets that only an operator
// can help: all that failed for another reason than a dead target and, after the
// last attempt, those that this one tried in vain. Who got no turn isn't hopeless.
func (r *run) hopeless(last bool) map[string][]int {
	var out map[string][]int
	for i := range r.states {
		o := &r.states[i].outcome
		if (o.Status == delivery.Pending && last && o.Tries > 0) || (o.Status == delivery.Failed && !gone(o.Detail)) {
			if out == nil {
				out = map[string][]int{}
			}
			out[o.Detail] = append(out[o.Detail], i)
		}
	}
	return out
}

// log writes a line for each outcome of this run, with how many devices had it:
// mostly one line, and what the metrics count. Never content or tokens. What an
// operator must mend is an error.
func (r *run) log(ctx context.Context, done bool, now time.Time) {
	type outcome struct {
		status delivery.Status
		detail string
	}
	counts := map[outcome]int{}
	for i := range r.states {
		switch o := &r.states[i].outcome; o.Status {
		case "":
		case delivery.Sent:
			counts[outcome{o.Status, ""}]++ // its detail is FCM's name of the message
		default:
			counts[outcome{o.Status, o.Detail}]++
		}
	}
	if len(counts) == 0 {
		counts[outcome{}] = 0 // nothing was left to do
	}
	for o, n := range counts {
		level := slog.LevelInfo
		if push.Class(o.detail).Alerting() || o.status == delivery.DeadLetter {
			level = slog.LevelError
		}
		slog.Log(ctx, level, logs.Dispatched,
			"batch", r.batch.ID, logs.Kind, r.entry.Kind, "subjectID", r.entry.SubjectID,
			"attempt", r.entry.Attempt, "done", done,
			logs.Status, string(o.status), logs.Detail, o.detail, logs.Count, n,
			logs.Latency, now.UnixMilli()-r.batch.Announcement.CreatedAt)
	}
}
