package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
)

// Size is how much happens in a run.
type Size struct {
	People   int // with one to three phones each
	Groups   int // of some of the people
	Crowd    int // people more, who only have a phone and are in one large group with all
	Messages int
	Calls    int
	For      time.Duration // in which it happens
	// Threshold is how many members a group has at most for on-message to plan
	// for all of them itself.
	Threshold int
}

// person is a user.
type person struct {
	id     string
	phones []*phone
	wishes
	rooms map[string][]membership // by group, in order
	reads []reading
}

// play has people sign up, and then everything happen at once.
func (w *World) play() {
	w.signUp()
	w.wish()
	w.formGroups()
	w.stormy.Store(true)
	w.clocks.Go(w.clock)
	var lanes sync.WaitGroup
	for _, p := range w.phones {
		lanes.Go(func() { w.live(p) })
	}
	for _, p := range w.people[:w.Size.People] {
		lanes.Go(func() { w.socialLife(p) })
	}
	for n := range w.Size.Messages {
		lanes.Go(func() { w.messageLane(n) })
	}
	for n := range w.Size.Calls {
		lanes.Go(func() { w.callLane(n) })
	}
	lanes.Wait()
}

var platforms = []device.Platform{device.Android, device.IPhoneOS, device.Web}

// signUp makes the people, their phones and groups.
func (w *World) signUp() {
	r := w.dice.stream("sign up")
	for n := range w.Size.People + w.Size.Crowd {
		p := &person{id: fmt.Sprintf("u%d", n)}
		phones := 1
		if n < w.Size.People {
			phones += r.IntN(3)
		}
		for range phones {
			d := &phone{w: w, id: fmt.Sprintf("d%d", len(w.phones)), platform: platforms[r.IntN(3)], fid: r.IntN(4) == 0, acks: r.IntN(2) == 0}
			d.newTarget()
			d.register(p.id)
			if r.IntN(4) == 0 && n < w.Size.People {
				d.beat(device.Online)
			}
			w.phones, p.phones = append(w.phones, d), append(p.phones, d)
		}
		w.people = append(w.people, p)
	}
}

// some is n different people but those left out.
func (w *World) some(r *rand.Rand, n int, but ...*person) (out []*person) {
	for _, i := range r.Perm(w.Size.People) {
		if p := w.people[i]; len(out) < n && !slices.Contains(but, p) {
			out = append(out, p)
		}
	}
	return out
}

func within(r *rand.Rand, d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }

// live is a phone's life: most lie there quietly, some come and go, get a new
// token, change hands or are thrown away.
func (w *World) live(p *phone) {
	r := w.dice.stream("live", p.id)
	end := time.Now().Add(w.Size.For)
	kind := r.IntN(20)
	if p.user != "" && w.inCrowd(p) {
		kind = r.IntN(400) // a crowd's phones hardly do anything
	}
	switch {
	case kind < 6:
		w.comeAndGo(p, r, end)
	case kind < 9:
		time.Sleep(within(r, w.Size.For))
		p.rotate(r.IntN(3) == 0)
	case kind < 10:
		w.changeHands(p, r)
	case kind < 11:
		time.Sleep(within(r, w.Size.For))
		if r.IntN(2) == 0 {
			p.unregister()
		} else {
			p.die(p.target)
		}
	default:
		if p.state().online {
			w.stayOnline(p, within(r, w.Size.For))
			p.leave(r)
		}
	}
}

func (w *World) inCrowd(p *phone) bool {
	return !slices.ContainsFunc(w.people[:w.Size.People], func(q *person) bool { return slices.Contains(q.phones, p) })
}

// comeAndGo has a phone come online and leave, again and again.
func (w *World) comeAndGo(p *phone, r *rand.Rand, end time.Time) {
	for time.Now().Before(end) {
		time.Sleep(within(r, 3*time.Minute))
		p.beat(device.Online)
		w.stayOnline(p, within(r, 4*time.Minute))
		p.leave(r)
	}
}

// stayOnline keeps a phone online.
func (w *World) stayOnline(p *phone, d time.Duration) {
	for ; d > lease/2; d -= lease / 2 {
		time.Sleep(lease / 2)
		p.beat(device.Online)
	}
	time.Sleep(d)
}

// leave is how a phone stops being online: with a word, into the background, or
// without a word. Some sleep before they say it.
func (p *phone) leave(r *rand.Rand) {
	if r.IntN(3) == 0 {
		time.Sleep(within(r, 2*lease))
	}
	switch r.IntN(3) {
	case 0:
		p.beat(device.Offline)
	case 1:
		p.beat(device.Background)
	}
}

// changeHands has somebody else sign in on a phone, after the first has signed
// out or without that.
func (w *World) changeHands(p *phone, r *rand.Rand) {
	for range 1 + r.IntN(2) {
		time.Sleep(within(r, w.Size.For/2))
		if r.IntN(2) == 0 {
			p.unregister()
		}
		p.register(w.people[r.IntN(len(w.people))].id)
	}
}

// invitation is a call that was started.
type invitation struct {
	callID string
	pushed bool // it asked for a push
}

var timeouts = []int{3, 10, 30, 60, 90, 300, 600}

// callLane is one call and what people do to it.
func (w *World) callLane(n int) {
	r := w.dice.stream("call", fmt.Sprint(n))
	time.Sleep(within(r, w.Size.For))
	caller := w.some(r, 1)[0]
	invitees := w.some(r, 1+r.IntN(3), caller)
	timeout := timeouts[r.IntN(len(timeouts))]
	mode := call.Mode(r.IntN(2))
	c := &invitation{callID: fmt.Sprintf("%s-c%d", w.name, n), pushed: r.IntN(10) > 0}
	req := call.InviteRequest{CallID: c.callID, Config: call.InviteConfig{Timeout: &timeout, Mode: mode}}
	for _, p := range invitees {
		req.Invitees = append(req.Invitees, p.id)
	}
	if c.pushed {
		req.Config.PushConfig = pushConfig(c.callID, "rings")
	}
	invitation, err := req.Invitation(caller.id)
	if err != nil {
		panic(err)
	}
	w.mu.Lock()
	w.calls = append(w.calls, c)
	w.mu.Unlock()
	_, err = w.request("invite "+c.callID, call.ID(c.callID), func(ctx context.Context, p *process) error {
		_, err := p.calls.Invite(ctx, invitation)
		return err
	})
	reachable := slices.ContainsFunc(invitees, func(p *person) bool { return !p.blocks[caller.id] })
	if err != nil && !reachable {
		return
	}
	if err != nil || !reachable {
		w.fail("who is blocked is refused, and nobody else", call.ID(c.callID), "", "somebody is reachable: %t, answered %v", reachable, err)
		return
	}
	everyone := append(w.some(r, 1, append(invitees, caller)...), append(invitees, caller)...)
	var acts sync.WaitGroup
	defer acts.Wait()
	for i := range r.IntN(8) {
		if r.IntN(3) > 0 { // else at the same time
			time.Sleep(within(r, time.Duration(timeout)*time.Second/2))
		}
		act, on := w.act(r, c, caller, invitees, everyone)
		if act.Kind == "" {
			continue
		}
		acts.Go(func() { w.perform(c, act, on, i) })
	}
}

// act is what somebody may want to do to a call, whether or not it is legal,
// and the phone they do it on.
func (w *World) act(r *rand.Rand, c *invitation, caller *person, invitees, everyone []*person) (a call.Action, on *phone) {
	who := everyone[r.IntN(len(everyone))]
	if r.IntN(3) > 0 {
		who = invitees[r.IntN(len(invitees))]
	}
	on = who.phones[r.IntN(len(who.phones))]
	a = call.Action{CallID: c.callID, UserID: who.id}
	switch n := r.IntN(100); {
	case n < 25:
		a.Kind, a.PushID = call.Accept, device.PushID(who.id, on.id)
	case n < 45:
		a.Kind, a.PushID = call.Reject, device.PushID(who.id, on.id)
	case n < 52:
		a.Kind, a.PushID = call.Join, device.PushID(who.id, on.id)
	case n < 70:
		a.Kind, a.UserID = call.Cancel, caller.id
		if r.IntN(2) == 0 {
			a.Invitees = []string{who.id}
		}
	case n < 78:
		a.Kind = call.Leave
	case n < 82:
		a.Kind = call.End
	default:
		a.Kind = call.Invite
		for _, p := range w.some(r, 1+r.IntN(2), who) {
			a.Invitees = append(a.Invitees, p.id)
		}
		a.Invitees = append(a.Invitees, everyone[r.IntN(len(everyone))].id)
		a.Invitees = slices.DeleteFunc(a.Invitees, func(id string) bool { return id == who.id })
		slices.Sort(a.Invitees)
		a.Invitees = slices.Compact(a.Invitees)
		if c.pushed {
			a.Push = &pushConfig(c.callID, "rings").PushConfig
		}
	}
	return a, on
}

// perform does an action. The app it is done on takes its notification away.
func (w *World) perform(c *invitation, a call.Action, on *phone, n int) {
	if a.PushID != "" {
		on.takeAway(c.callID)
		defer on.takeAway(c.callID)
	}
	id := fmt.Sprintf("%s %s by %s on %s, %d", a.Kind, c.callID, a.UserID, on.id, n)
	_, _ = w.request(id, call.ID(c.callID), func(ctx context.Context, p *process) error {
		_, err := p.calls.Do(ctx, a)
		return err
	})
}

// pushConfig asks for a push whose text tells what it belongs to.
func pushConfig(id, what string) *chat.PushConfigInput {
	return &chat.PushConfigInput{PushConfig: chat.PushConfig{Title: "title of " + id, Content: id + " " + what, Payload: "payload of " + id}}
}
