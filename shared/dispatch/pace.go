package dispatch

import (
	"sync"
	"time"
)

// ramp is how long a surge takes to full speed ("Best practices when sending FCM
// messages at scale" asks for a ramp of a minute or more).
const ramp = 60 * time.Second

// floor is the part of the full rate that a surge starts with.
const floor = 0.1

// pace spreads requests over time. What full speed sends in one second may go
// at once; a surge beyond that starts at a tenth of full speed and gets faster
// for as long as requests wait, in a minute up to full speed. So a minute never
// sees more than 61 seconds' worth, or 62 with those of high rank. These wait for
// each other only: what is ahead of the others is taken from what these get next.
// A zero rate spreads nothing.
type pace struct {
	rate float64 // requests a second at full speed

	mu     sync.Mutex
	speed  float64   // now, from floor × rate to rate
	credit float64   // requests that may go at once; those that wait are below zero
	ahead  float64   // the same, of those of high rank
	passed float64   // requests of a higher rank than bulk, ever
	at     time.Time // when speed and credit were so; to come, while the pace rests
}

// next is when the caller may send; it counts as sent then. Who waits until then
// asks overtaken, with the count that next gave.
func (p *pace) next(now time.Time, r rank) (at time.Time, count float64) {
	if p.rate <= 0 {
		return now, 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance(now)
	p.credit--
	credit := p.credit
	switch r {
	case high:
		p.ahead--
		credit = p.ahead
		p.passed++
	case ring:
		p.passed++
	}
	if credit >= 0 {
		return now, p.passed
	}
	return p.at.Add(time.Duration(-credit / p.speed * float64(time.Second))), p.passed
}

// overtaken is when who has waited may send after all: those of higher rank that
// came since they were last counted went before. It counts anew.
func (p *pace) overtaken(now time.Time, r rank, count float64) (at time.Time, newCount float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r != bulk || p.passed <= count {
		return now, p.passed
	}
	return now.Add(time.Duration((p.passed - count) / p.speed * float64(time.Second))), p.passed
}

// back takes back a call of next whose request wasn't made.
func (p *pace) back(r rank) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.credit++
	if r != bulk {
		p.passed--
	}
	if r == high {
		p.ahead++
	}
}

// slow is for when FCM said that it is too much: half the speed, and nothing at
// once.
func (p *pace) slow(now time.Time) {
	if p.rate <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance(now)
	p.speed = max(p.speed/2, p.rate*floor)
	p.credit, p.ahead = min(p.credit, 0), min(p.ahead, 0)
}

// rest is for a pause: until its end no time passes, so that what could have been
// sent in it doesn't go all at once then.
func (p *pace) rest(now, until time.Time) {
	if p.rate <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance(now)
	if until.After(p.at) {
		p.at = until
	}
}

func (p *pace) advance(now time.Time) {
	if p.at.IsZero() {
		p.at, p.speed, p.credit, p.ahead = now, p.rate*floor, max(p.rate, 1), max(p.rate, 1)
	}
	d := now.Sub(p.at).Seconds()
	if d <= 0 {
		return
	}
	p.at = now
	change := p.rate * (1 - floor) * d / ramp.Seconds()
	if p.credit < 0 {
		p.speed = min(p.speed+change, p.rate)
	} else {
		p.speed = max(p.speed-change, p.rate*floor)
	}
	p.credit = min(p.credit+p.speed*d, max(p.rate, 1))
	p.ahead = min(p.ahead+p.speed*d, max(p.rate, 1))
}
