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
)

// run is one invocation's work on a batch.
type run struct {
	batch push.Batch
	entry delivery.Entry

	mu       sync.Mutex
	outcomes map[string]delivery.Outcome // of this run, by PushID
}

func newRun(b push.Batch, entry delivery.Entry) *run {
	b.Targets = slices.Clone(b.Targets) // decide changes them
	return &run{batch: b, entry: entry, outcomes: make(map[string]delivery.Outcome, len(b.Targets))}
}

// todo is the targets without a final outcome, each once.
func (r *run) todo() []push.Target {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]push.Target, 0, len(r.batch.Targets))
	seen := make(map[string]bool, len(r.batch.Targets))
	for _, t := range r.batch.Targets {
		o, tried := r.outcomes[t.PushID]
		if seen[t.PushID] || r.entry.Final(t.PushID) || (tried && o.Status != delivery.Pending) {
			continue
		}
		seen[t.PushID] = true
		out = append(out, t)
	}
	return out
}

// users is whose devices are to be told, sorted.
func (r *run) users() []string {
	ids := map[string]bool{}
	for _, t := range r.todo() {
		ids[t.UserID] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

func (r *run) record(t push.Target, o delivery.Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o.UserID, o.Unsure = t.UserID, r.entry.Lease > 1
	r.outcomes[t.PushID] = o
}

// skip drops the targets that have a reason not to ring.
func (r *run) skip(now time.Time, why func(push.Target) plan.Reason) {
	for _, t := range r.todo() {
		if reason := why(t); reason != plan.Push {
			r.record(t, delivery.Outcome{Status: delivery.Skipped, Detail: string(reason), At: now})
		}
	}
}

// decide drops the targets that have a reason not to ring, and points the others
// to where their devices are reached now.
func (r *run) decide(now time.Time, what func(push.Target) plan.Decision) {
	moved := map[string]push.Target{}
	r.skip(now, func(t push.Target) plan.Reason {
		d := what(t)
		moved[t.PushID] = d.Target
		return d.Reason
	})
	for i, t := range r.batch.Targets {
		if to, ok := moved[t.PushID]; ok && to.PushID != "" {
			r.batch.Targets[i] = to
		}
	}
}

// dead is the targets that this run found dead, each once.
func (r *run) dead() (out []push.Target) {
	for _, t := range r.batch.Targets {
		o := r.outcomes[t.PushID]
		gone := o.Detail == string(push.Unregistered) || o.Detail == string(push.InvalidTarget)
		if o.Status == delivery.Failed && gone && !slices.ContainsFunc(out, func(other push.Target) bool { return other.PushID == t.PushID }) {
			out = append(out, t)
		}
	}
	return out
}

// blameTargets decides about the targets FCM called invalid. FCM's 400 may
// blame the target for what is our message's fault; it is believed where the
// same announcement was accepted for another target of the same platform.
func (r *run) blameTargets() {
	accepted := map[string]bool{}
	for _, t := range r.batch.Targets {
		if r.outcomes[t.PushID].Status == delivery.Sent {
			accepted[t.Platform.String()] = true
		}
	}
	for _, t := range r.batch.Targets {
		o := r.outcomes[t.PushID]
		if o.Detail == string(push.InvalidTarget) && !accepted[t.Platform.String()] {
			o.Detail = string(push.InvalidMessage)
			r.record(t, o)
		}
	}
}

// hopeless is, by FCM's class, the targets that only an operator can help: all
// that failed for another reason than a dead target and, after the last
// attempt, those still pending.
func (r *run) hopeless(last bool) map[string][]push.Target {
	out := map[string][]push.Target{}
	seen := map[string]bool{}
	for _, t := range r.batch.Targets {
		o, tried := r.outcomes[t.PushID]
		if !tried || seen[t.PushID] {
			continue
		}
		seen[t.PushID] = true
		switch {
		case o.Status == delivery.Pending && last,
			o.Status == delivery.Failed && o.Detail != string(push.Unregistered) && o.Detail != string(push.InvalidTarget):
			out[o.Detail] = append(out[o.Detail], t)
		}
	}
	return out
}

// log writes a line for each outcome of this run, with how many devices had it:
// mostly one line, and what the metrics count. Never content or tokens. What an
// operator must mend is an error.
func (r *run) log(ctx context.Context, now time.Time) {
	counts := map[delivery.Outcome]int{}
	for _, o := range r.outcomes {
		if o.Status == delivery.Sent {
			o.Detail = "" // FCM's name of the message
		}
		counts[delivery.Outcome{Status: o.Status, Detail: o.Detail}]++
	}
	if len(counts) == 0 {
		counts[delivery.Outcome{}] = 0 // nothing was left to do
	}
	for o, n := range counts {
		level := slog.LevelInfo
		if push.Class(o.Detail).Alerting() || o.Status == delivery.DeadLetter {
			level = slog.LevelError
		}
		slog.Log(ctx, level, logs.Dispatched,
			"batch", r.batch.ID, logs.Kind, r.entry.Kind, "subjectID", r.entry.SubjectID,
			"attempt", r.entry.Attempt, "done", r.entry.Done,
			logs.Status, string(o.Status), logs.Detail, o.Detail, logs.Count, n,
			logs.Latency, now.UnixMilli()-r.batch.Announcement.CreatedAt)
	}
}
