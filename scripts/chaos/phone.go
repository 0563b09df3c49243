package chaos

import (
	"context"
	"fmt"
	"time"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// span is when a client's request began, and when its answer came.
type span struct{ from, to time.Time }

// request makes a client's request, again until it gets an answer, as the SDK
// does: every request may be repeated. The error is the answer's.
func (w *World) request(id, subject string, f func(context.Context, *process) error) (s span, err error) {
	s.from = time.Now()
	for attempt := 1; ; attempt++ {
		j := &job{id: "request " + id, subject: subject, attempt: attempt}
		dice := w.dice.roll(j.id, fmt.Sprint(attempt))
		p := w.pick("api", dice)
		err = p.serve(j, requestTimeout, f)
		answered := err == nil || fault.From(err).Status.HTTP() < 500
		if answered {
			s.to = time.Now()
			w.note(j, p, id, text(err))
			return s, err
		}
		time.Sleep(time.Second + dice.between(backsOff, 0, time.Duration(attempt)*time.Second))
	}
}

// phone is a device with an app, which one person at a time is signed in to.
type phone struct {
	w        *World
	id       string
	platform device.Platform
	fid      bool
	acks     bool   // it says what it has
	target   string // its present token or installation ID
	targets  int
	user     string    // who is signed in
	session  time.Time // when it came online last
	requests int
	history  []change // in order
	had      []*person
	taps     []tap // guarded by w.mu
}

// change is what a request of a phone's made of it: whose it is, and whether it
// is online. Before from it was as the change before says, from to on it is as
// this one says, in between either.
type change struct {
	span
	user   string // "": nobody's
	online bool   // for the length of a lease
	dead   bool   // its target is: nothing reaches it
}

// tap is a person's hand on a notification: the app takes it away.
type tap struct {
	at  time.Time
	tag string
}

// do makes one of p's requests.
func (p *phone) do(what string, next change, f func(context.Context, *process) error) {
	p.requests++
	s, err := p.w.request(fmt.Sprintf("%s %d: %s", p.id, p.requests, what), p.id, f)
	if err != nil {
		p.w.fail("a request is refused that must not be", "", p.id, "%s: %v", what, err)
		return
	}
	next.span = s
	p.history = append(p.history, next)
}

// state is how p is after all it has done.
func (p *phone) state() change {
	if len(p.history) == 0 {
		return change{}
	}
	return p.history[len(p.history)-1]
}

// newTarget has FCM give the app a new target.
func (p *phone) newTarget() {
	p.targets++
	name := fmt.Sprintf("%s/%s/%d", p.w.name, p.id, p.targets)
	p.target = standin.TokenFor(name)
	d := standin.Device{Token: p.target, Kind: standin.Token, Platform: standin.Platform(p.platform.String())}
	if p.fid {
		d.Token, d.Kind = standin.FIDFor(name), standin.FID
		p.target = d.Token
	}
	if _, err := p.w.fcm.NewDevice(d); err != nil {
		panic(err)
	}
	p.w.owns(p, p.target)
}

// register signs the user in, or tells of a new target.
func (p *phone) register(user string) {
	kind := device.KindToken
	if p.fid {
		kind = device.KindFID
	}
	d := device.Device{DeviceID: p.id, Platform: p.platform, Popup: true, Silent: true, Target: device.Target{Kind: kind, Value: p.target}}
	online := p.state().user == user && p.state().online
	if online {
		p.beat(device.Online) // registering leaves the lease as it was
	}
	p.do("register "+user, change{user: user, online: online}, func(ctx context.Context, i *process) error {
		_, err := i.registry.Register(ctx, user, d)
		return err
	})
	p.user = user
	if online {
		p.beat(device.Online)
	}
}

func (p *phone) beat(s device.State) {
	user, b := p.user, presence.Beat{PushID: device.PushID(p.user, p.id), State: s}
	if last := p.state(); s == device.Online && (last.user != user || !last.online || time.Since(last.from) >= lease) {
		p.session = time.Now()
	}
	if p.acks && !p.session.IsZero() {
		// It has what there was when it came online, by sync, and nothing since: its
		// listener is broken.
		b.AckedUpTo = p.session.UnixMilli()
	}
	p.do(string(s), change{user: user, online: s == device.Online, dead: p.state().dead}, func(ctx context.Context, i *process) error {
		_, err := i.registry.Heartbeat(ctx, user, b)
		return err
	})
}

func (p *phone) unregister() {
	user := p.user
	p.do("unregister", change{}, func(ctx context.Context, i *process) error {
		_, err := i.registry.Unregister(ctx, user, device.PushID(user, p.id))
		return err
	})
}

// rotate gives the app a new target. Its old one dies before or after the server
// hears of the new.
func (p *phone) rotate(diesFirst bool) {
	old, user := p.target, p.user
	bound := p.state().user != ""
	if diesFirst {
		p.die(old)
	}
	p.newTarget()
	if bound {
		p.register(user)
	}
	if !diesFirst {
		p.die(old)
	}
}

// die has FCM forget a target: what is sent to it is UNREGISTERED. While it is
// the phone's only one, nothing can reach the phone.
func (p *phone) die(target string) {
	if target == p.target {
		next := p.state()
		next.span, next.dead = span{time.Now(), time.Now()}, true
		p.history = append(p.history, next)
	}
	if err := p.w.fcm.Uninstall(target); err != nil {
		panic(err)
	}
}

// takeAway is the app taking away its notification of a call.
func (p *phone) takeAway(callID string) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.taps = append(p.taps, tap{time.Now(), call.ID(callID)})
}

// possible is how p may have been, for a user, at some time in [from, to].
type possible struct {
	bound, unbound  bool
	online, offline bool // while it was bound
}

// possibly looks at p's history. Nothing more is known of a lease's end than the
// clocks' differences allow.
func (p *phone) possibly(user string, from, to time.Time) (out possible) {
	off := 2 * p.w.weather.Skew
	for i := -1; i < len(p.history); i++ {
		c, begin, end := change{}, time.Time{}, to.Add(time.Hour)
		if i >= 0 {
			c, begin = p.history[i], p.history[i].from
		}
		if i+1 < len(p.history) {
			end = p.history[i+1].to
		}
		if begin.After(to) || end.Before(from) {
			continue
		}
		if c.user != user || c.dead {
			out.unbound = true
			continue
		}
		out.bound = true
		switch {
		case !c.online:
			out.offline = true
		default:
			// The lease runs from the moment the server heard of it.
			since := p.beatBefore(i)
			out.online = out.online || since.to.Add(lease+off).After(from)
			out.offline = out.offline || since.from.Add(lease-off).Before(minTime(to, end))
		}
	}
	return out
}

// beatBefore is when the lease of change i began to run: a target's death
// doesn't renew it.
func (p *phone) beatBefore(i int) span {
	for i > 0 && p.history[i].dead && p.history[i-1].online && p.history[i-1].user == p.history[i].user {
		i--
	}
	return p.history[i].span
}

// silence is a time in which a phone counted as online, and may have got nothing:
// the system notices when it is over.
type silence struct {
	from, heard time.Time // it came online, and its last word that it is
	sure, until time.Time // it counted as online until then for certain; by then the system knows that it isn't any more
	slept       bool      // it ended without a word, or with one that came too late
}

// silenceAt is the silence of a phone that may have counted as online at a time,
// if it ended and the phone didn't come online again before the system must have
// dealt with it.
func (p *phone) silenceAt(user string, at time.Time) (s silence, ok bool) {
	off := 2 * p.w.weather.Skew
	last := -1 // word that it is online before at
	for i, c := range p.history {
		if c.online && c.user == user && c.from.Before(at) {
			last = i
		}
	}
	if last < 0 {
		return s, false
	}
	first := last
	for first > 0 && p.continues(first, user) {
		first--
	}
	for last+1 < len(p.history) && p.continues(last+1, user) {
		last++
	}
	word := p.history[last].span
	s = silence{from: p.history[first].to, heard: word.to, sure: word.from.Add(lease - off), until: word.to.Add(lease + off), slept: true}
	next := last + 1
	if next < len(p.history) && !p.history[next].online {
		left := p.history[next]
		s.slept = left.from.Sub(s.heard) > lease*3/4+off
		s.sure, s.until = minTime(s.sure, left.from.Add(-off)), minTime(s.until, left.to)
		for next < len(p.history) && !p.history[next].online {
			next++
		}
	}
	if at.After(s.until) {
		return s, false
	}
	return s, next == len(p.history) || p.history[next].from.After(s.until.Add(p.w.settled()))
}

// continues reports whether change i is a heartbeat that kept the lease of the one
// before.
func (p *phone) continues(i int, user string) bool {
	a, b := p.history[i-1], p.history[i]
	return a.online && b.online && a.user == user && b.user == user && b.to.Sub(a.from) < lease-2*p.w.weather.Skew
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
