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
// sees more than 61 seconds' worth. A zero rate spreads nothing.
type pace struct {
	rate float64 // requests a second at full speed

	mu     sync.Mutex
	speed  float64   // now, from floor × rate to rate
	credit float64   // requests that may go at once; those that wait are below zero
	at     time.Time // when speed and credit were so
}

// next is when the caller may send; it counts as sent then.
func (p *pace) next(now time.Time) time.Time {
	if p.rate <= 0 {
		return now
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance(now)
	p.credit--
	if p.credit >= 0 {
		return now
	}
	return now.Add(time.Duration(-p.credit / p.speed * float64(time.Second)))
}

// back takes back a call of next whose request wasn't made.
func (p *pace) back() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.credit++
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
	p.credit = min(p.credit, 0)
}

func (p *pace) advance(now time.Time) {
	if p.at.IsZero() {
		p.at, p.speed, p.credit = now, p.rate*floor, max(p.rate, 1)
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
}
