package chaos

import (
	"fmt"
	"slices"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/push"
)

// judgeMessages judges what the phones got of messages.
func (w *World) judgeMessages(log []received) {
	byMessage := map[string][]received{}
	for _, r := range log {
		if r.kind == string(push.KindMessage) {
			byMessage[r.id] = append(byMessage[r.id], r)
		}
	}
	for _, m := range w.messages {
		j := messageJudge{w: w, m: m, log: map[*phone][]received{}}
		for _, r := range byMessage[m.id] {
			j.log[r.on] = append(j.log[r.on], r)
		}
		delete(byMessage, m.id)
		j.judge()
	}
	for id, list := range byMessage {
		w.fail("wrong recipient", id, list[0].on.id, "a push of a message that nobody sent")
	}
}

// messageJudge judges one message.
type messageJudge struct {
	w   *World
	m   *said
	log map[*phone][]received
}

func (j messageJudge) fail(promise string, p *phone, format string, args ...any) {
	j.w.fail(promise, j.m.id, p.id, "message %s of %s, sent after %v: %s", j.m.id, j.m.sender.id, j.m.from.Sub(j.w.began), fmt.Sprintf(format, args...))
}

func (j messageJudge) judge() {
	m := j.m
	blocked := m.peer != nil && m.peer.blocks[m.sender.id]
	if blocked != m.refused && m.in == nil {
		j.w.fail("who is blocked is refused, and nobody else", m.id, "", "the message of %s: blocked %t, refused %t", m.sender.id, blocked, m.refused)
		return
	}
	if m.refused {
		if m.in != nil {
			if _, out := m.sender.possiblyIn(m.in, m.from, m.to.Add(time.Second)); out {
				if len(j.log) > 0 {
					j.w.fail("wrong recipient", m.id, "", "a message that was refused is pushed")
				}
				return // by who isn't a member
			}
		} else if len(j.log) == 0 {
			return // to who has blocked them
		}
		j.w.fail("a request is refused that must not be", m.id, "", "the message of %s", m.sender.id)
		return
	}
	for p, list := range j.log {
		for _, r := range list {
			j.push(p, r)
		}
		if slices.ContainsFunc(list, func(r received) bool { return r.Tag != list[0].Tag || r.Tag == "" }) {
			j.fail("shown twice", p, "%s shows it under several tags", p.id)
		}
		j.w.Result.Shown++
	}
	for _, p := range j.w.phones {
		for _, who := range p.users() {
			if j.mayReceive(who, m.from, m.to) {
				j.w.Result.Pairs++
				j.mustShow(p, who)
			}
		}
	}
}

// mayReceive reports whether a user may be one the message is for.
func (j messageJudge) mayReceive(who *person, from, to time.Time) bool {
	switch {
	case who == j.m.sender:
		return false
	case j.m.peer != nil:
		return who == j.m.peer
	}
	in, _ := who.possiblyIn(j.m.in, from, to)
	return in
}

// planned is how long before its request began a push may have been looked at: a
// plan for several people is trusted for so long since it was published, which is
// after their presence and, of a group, its roster were read.
func (w *World) planned() time.Duration {
	if w.weather.Slow > 0 {
		return w.trust() + 25*time.Second // two reads, each as slow as the weather makes them
	}
	return w.trust()
}

// push judges one push of the message.
func (j messageJudge) push(p *phone, r received) {
	asked := r.began.Add(-j.w.planned())
	promise, why := "wrong recipient", "nobody it is for is signed in there"
	for _, who := range p.users() {
		state := p.possibly(who.id, asked, r.AcceptedAt)
		switch {
		case !j.m.pushed:
			why = "it asked for no push"
		case !state.bound || !j.mayReceive(who, j.m.from, r.AcceptedAt) || !j.mayReceive(who, asked, r.AcceptedAt):
		case who.unwanted(j.m) != "":
			why = who.unwanted(j.m)
		case j.readBefore(who, asked):
			promise, why = "shown though it isn't new", "it was read"
		case !state.offline:
			promise, why = "shown though it isn't new", "the device is online"
		default:
			return
		}
	}
	j.fail(promise, p, "%s got it after %v: %s", p.id, r.AcceptedAt.Sub(j.w.began), why)
}

// readBefore reports whether the user had read the message for certain.
func (j messageJudge) readBefore(who *person, at time.Time) bool {
	return slices.ContainsFunc(who.reads, func(r reading) bool { return r.cid == j.m.cid && r.from.After(j.m.to) && r.to.Before(at) })
}

// settled is how long the weather may keep a message from being pushed.
func (w *World) settled() time.Duration {
	if w.weather.Kill > 0 || w.weather.Fail > 0 {
		return 30 * time.Minute
	}
	return 3 * time.Minute
}

// mustShow: who the message is for and is not there, has it in the shade.
func (j messageJudge) mustShow(p *phone, who *person) {
	m, end := j.m, j.w.ended()
	if !m.pushed || who.unwanted(m) != "" || !j.missed(p, who, end) {
		return
	}
	if m.in != nil {
		if _, out := who.possiblyIn(m.in, m.from.Add(-time.Second), end); out {
			return
		}
	}
	if slices.ContainsFunc(who.reads, func(r reading) bool { return r.cid == m.cid && r.to.After(m.from) }) {
		return
	}
	buried := j.w.buried[m.id+device.PushID(who.id, p.id)]
	if buried && p.possibly(who.id, m.from, end).online {
		return // it was there when the dead letter was sent again
	}
	j.w.Result.Expected++
	if len(j.log[p]) == 0 {
		j.fail("lost", p, "%s of %s doesn't show it", p.id, who.id)
	}
}

// missed reports whether the phone, all the time the user's, was certainly
// offline when the message came, or was held to be online and never got it: it
// says itself that it has nothing since it came online, or nothing proves that it
// was awake.
func (j messageJudge) missed(p *phone, who *person, end time.Time) bool {
	from := j.m.from.Add(-time.Second - 2*j.w.weather.Skew)
	if all := p.possibly(who.id, from, end); all.unbound || !all.bound {
		return false
	}
	if !p.possibly(who.id, from, minTime(end, j.m.to.Add(j.w.settled()))).online {
		return true
	}
	s, ok := p.silenceAt(who.id, j.m.to)
	switch {
	case !ok:
		return false
	case p.acks:
		return j.m.from.After(s.from.Add(2 * j.w.weather.Skew))
	}
	return s.slept && j.m.from.After(s.heard.Add(2*j.w.weather.Skew))
}

// users is who was ever signed in on p, when all is over.
func (p *phone) users() []*person {
	if p.had == nil {
		for _, who := range p.w.people {
			if slices.ContainsFunc(p.history, func(c change) bool { return c.user == who.id }) {
				p.had = append(p.had, who)
			}
		}
	}
	return p.had
}
