package dispatch

import (
	"sync"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/push"
)

// breaker keeps a mistake of ours, or of FCM's, from being taken for the death
// of everybody's targets: where FCM blames more targets than can be their own
// fault, none is removed. What was kept is found again by the next push.
//
// It looks at the last answers of this process, some 100 of them. Until it has
// seen breakerLeast targets blamed it lets them go, so that few pushes a day are
// no reason for dead targets to stay. The price is what a process may remove
// wrongly before it stops, one push at a time: 19 targets where it was only just
// started, and 67 where it has sent to 100 good ones before. Of a full batch that
// is all wrong, it removes none.
type breaker struct {
	mu              sync.Mutex
	blamed, counted float64 // of the last answers
}

const (
	breakerWindow = 100
	breakerLeast  = 20
	// defaultDead is the share of targets, in percent, that may well be dead at
	// once: of a group nobody wrote to for months. Usually it is one or two.
	defaultDead = 50
)

// count counts what a run found out.
func (b *breaker) count(r *run) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range r.states {
		o := &r.states[i].outcome
		blamed := blames(o)
		if !blamed && o.Status != delivery.Sent {
			continue // it says nothing of the target
		}
		if b.counted++; blamed {
			b.blamed++
		}
		if b.counted > breakerWindow {
			b.counted, b.blamed = b.counted*0.9, b.blamed*0.9
		}
	}
}

// blames reports whether FCM said that o's target is at fault.
func blames(o *delivery.Outcome) bool {
	switch push.Class(o.Detail) {
	case push.Unregistered, push.InvalidTarget, push.SenderMismatch:
		return true
	}
	return false
}

// open reports whether more than most percent of the targets were blamed, and
// that share in percent.
func (b *breaker) open(most int) (bool, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if most == 0 {
		most = defaultDead
	}
	if b.blamed < breakerLeast {
		return false, 0
	}
	share := int(100 * b.blamed / b.counted)
	return share > most, share
}
