package chaos

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/push"
)

// ring is one invitation of one user, as the call's document tells it.
type ring struct {
	from, until time.Time // it rings until then at most
	to          time.Time // it stopped ringing
	noticed     time.Time // when the document said so
	end         push.CallEnd
	by          string // the PushID it was answered on
}

// rings is the invitations of each user of a call, in order.
func rings(versions []version) map[string][]*ring {
	out := map[string][]*ring{}
	var before *call.Call
	for _, v := range versions {
		for _, id := range call.Stopped(before, &v.call) {
			u, r := v.call.Users[id], out[id][len(out[id])-1]
			r.noticed, r.to, r.end, r.by = v.at, minTime(v.at, r.until), push.EndOf(u.State), u.AnsweredBy
		}
		for _, id := range call.Invited(before, &v.call) {
			if n := len(out[id]); n > 0 && out[id][n-1].to.IsZero() {
				// It ran out and was made again in one write: nobody is told of the end.
				r := out[id][n-1]
				r.noticed, r.to, r.end = v.at, minTime(v.at, r.until), push.Missed
			}
			out[id] = append(out[id], &ring{from: v.at, until: time.UnixMilli(v.call.Users[id].ExpiresAt)})
		}
		before = &v.call
	}
	return out
}

// judgeCalls judges what the phones show of calls.
func (w *World) judgeCalls(log []received) {
	byCall := map[string][]received{}
	for _, r := range log {
		if r.kind == string(push.KindCall) || r.kind == string(push.KindCallEnd) {
			byCall[r.id] = append(byCall[r.id], r)
		}
	}
	for _, c := range w.calls {
		versions := w.versions[c.callID]
		if len(versions) == 0 {
			continue // refused
		}
		w.Result.Calls++
		id := call.ID(c.callID)
		j := callJudge{w: w, c: c, id: id, rings: rings(versions), now: versions[len(versions)-1].call, log: byCall[id]}
		delete(byCall, id)
		j.judge()
	}
	for id := range byCall {
		w.fail("wrong recipient", id, "", "pushes for a call that doesn't exist")
	}
}

// callJudge judges one call.
type callJudge struct {
	w     *World
	c     *invitation
	id    string
	rings map[string][]*ring
	now   call.Call // when all is over
	log   []received
}

func (j callJudge) fail(promise, phone, format string, args ...any) {
	j.w.fail(promise, j.id, phone, "call %s: %s", j.c.callID, fmt.Sprintf(format, args...))
}

func (j callJudge) judge() {
	versions := j.w.versions[j.c.callID]
	last := versions[len(versions)-1].call
	for _, user := range slices.Sorted(maps.Keys(j.rings)) {
		for _, r := range j.rings[user] {
			if r.to.IsZero() {
				j.fail("ringing after its end", "", "%s is invited for ever", user)
				return
			}
			if late := r.noticed.Sub(r.until); late > j.w.sweepLate() {
				j.fail("ringing after its end", "", "that the invitation of %s ran out was noticed %v late", user, late)
			}
		}
	}
	for _, p := range j.w.people {
		u := last.Users[p.id]
		if p.blocks[u.Inviter] {
			j.fail("wrong recipient", "", "%s is invited by %s, whom they have blocked", p.id, u.Inviter)
		}
	}
	for _, r := range j.log {
		j.push(r)
	}
	for _, p := range j.w.phones {
		j.final(p)
	}
}

// sweepLate is how late the end of an invitation may be noticed.
func (w *World) sweepLate() time.Duration {
	if w.weather.Kill > 0 || w.weather.Fail > 0 {
		return 5 * time.Minute
	}
	return time.Minute
}

// push judges one push: it rings only those who are invited, and only while
// they are.
func (j callJudge) push(r received) {
	asked := r.began.Add(-j.w.trust())
	why := "nobody signed in there is invited"
	for user, rings := range j.rings {
		if !r.on.possibly(user, asked, r.AcceptedAt).bound {
			continue
		}
		if r.kind == string(push.KindCallEnd) {
			return
		}
		for _, g := range rings {
			switch {
			case r.AcceptedAt.Before(g.from.Add(-time.Second)) || g.to.Before(asked):
				why = "it is not invited then"
			case r.began.After(g.until.Add(2 * j.w.weather.Skew)):
				why = "it ran out before"
			case r.dies.Add(-r.AcceptedAt.Sub(r.began)).After(g.until.Add(time.Second + 2*j.w.weather.Skew)): // its TTL was told when the request began
				why = fmt.Sprintf("FCM would keep it until %v, it rings until %v", r.dies, g.until)
			case r.expires.UnixMilli() != g.until.UnixMilli():
				why = "it names another end"
			case !r.on.possibly(user, asked, r.AcceptedAt).offline:
				why = "the device is online"
			default:
				return
			}
		}
	}
	promise := "wrong recipient"
	if why != "nobody signed in there is invited" {
		promise = "ringing after its end"
	}
	j.fail(promise, r.on.id, "%s was rung on at %v: %s", r.on.id, r.AcceptedAt.Sub(j.w.began), why)
}

// final judges what a phone shows in the end, for each who was signed in on it.
func (j callJudge) final(p *phone) {
	var last *received
	for _, r := range j.log {
		if r.on == p && (last == nil || r.Seq > last.Seq) {
			last = &r
		}
	}
	if last != nil && slices.ContainsFunc(p.taps, func(t tap) bool { return t.tag == j.id && t.at.After(last.ReceivedAt) }) {
		last = nil // the app took it away
	}
	for user, rings := range j.rings {
		if !p.possibly(user, j.w.began, j.w.ended()).bound {
			continue
		}
		for i, g := range rings {
			j.mustRing(p, user, g)
			j.mustTell(p, user, g, i == len(rings)-1)
		}
		if last != nil {
			j.mustEnd(p, user, rings, *last)
		}
	}
}

func (w *World) ended() time.Time { return time.Now() }

// mustRing: a device that is offline while an invitation rings long enough, and
// stays so, rings.
func (j callJudge) mustRing(p *phone, user string, g *ring) {
	if !j.c.pushed || g.to.Sub(g.from) < j.w.ringsWithin() {
		return
	}
	state := p.possibly(user, g.from.Add(-time.Second), g.to)
	if state.unbound || state.online || !state.bound {
		return
	}
	j.w.Result.Rings++
	j.rang(p, user, g)
}

// mustTell: a device that was held to be online while an invitation rang, and of
// which nothing proves that it was awake, rings as soon as the system knows. Where
// the call is over by then, it says that it was missed.
func (j callJudge) mustTell(p *phone, user string, g *ring, last bool) {
	from, off := g.from.Add(-time.Second), 2*j.w.weather.Skew
	if all := p.possibly(user, from, j.w.ended()); !j.c.pushed || all.unbound || !all.bound || !p.possibly(user, from, g.to).online {
		return
	}
	s, ok := p.silenceAt(user, g.from)
	if !ok || !s.slept || !g.from.After(s.heard.Add(off)) || g.from.After(s.sure) {
		return
	}
	if g.to.Sub(s.until) >= j.w.ringsWithin()+call.SweepEvery {
		j.w.Result.Late++
		j.rang(p, user, g)
		return
	}
	// Who answered since isn't told.
	u := j.now.Users[user]
	if !last || (u.State != call.Timeout && u.State != call.BeCancelled) || u.AnsweredBy != "" {
		return
	}
	j.w.Result.Late++
	told := func(r received) bool { return r.on == p && r.AcceptedAt.After(g.from.Add(-time.Second)) }
	if !slices.ContainsFunc(j.log, told) && !j.w.buried[j.id+device.PushID(user, p.id)] {
		j.fail("lost", p.id, "%s of %s isn't told of the call missed from %v to %v", p.id, user, g.from.Sub(j.w.began), g.to.Sub(j.w.began))
	}
}

// rang: the device got the ring.
func (j callJudge) rang(p *phone, user string, g *ring) {
	for _, r := range j.log {
		if r.on == p && r.kind == string(push.KindCall) && r.expires.UnixMilli() == g.until.UnixMilli() {
			return
		}
	}
	if j.w.buried[j.id+device.PushID(user, p.id)] {
		return // FCM refused it or the time ran out: the dead letter tells why
	}
	j.fail("lost", p.id, "%s of %s didn't ring for the invitation from %v to %v", p.id, user, g.from.Sub(j.w.began), g.to.Sub(j.w.began))
}

// ringsWithin is how long the weather may keep a call from ringing.
func (w *World) ringsWithin() time.Duration {
	switch {
	case w.weather.Kill > 0 || w.weather.Fail > 0:
		return 5 * time.Minute
	}
	return 45 * time.Second
}

// mustEnd: what rang says in the end what became of the invitation.
func (j callJudge) mustEnd(p *phone, user string, rings []*ring, last received) {
	// Of which invitation the device rang last.
	rang := -1
	for i, g := range rings {
		for _, r := range j.log {
			if r.on == p && r.kind == string(push.KindCall) && r.expires.UnixMilli() == g.until.UnixMilli() && !r.AcceptedAt.Before(g.from.Add(-time.Second)) {
				rang = i
			}
		}
	}
	if rang < 0 {
		return // another user's
	}
	// From when it rang on, it must have been this user's: else nobody could tell it.
	if state := p.possibly(user, rings[rang].from.Add(-time.Second), j.w.ended()); state.unbound {
		return
	}
	final := rings[len(rings)-1]
	// The app that an invitation was answered on knows.
	here := device.PushID(user, p.id)
	if last.kind == string(push.KindCall) {
		if rings[rang].by != here {
			j.fail("ringing after its end", p.id, "%s of %s rings still", p.id, user)
		}
		return
	}
	allowed := map[string]bool{string(final.end): true}
	for _, g := range rings[rang:] {
		if final.by == here || rang < len(rings)-1 {
			allowed[string(g.end)] = true
		}
	}
	if !allowed[last.end] {
		j.fail("shows what the call's state says", p.id, "%s of %s says %q, its last invitation was %q", p.id, user, last.end, final.end)
	}
}
