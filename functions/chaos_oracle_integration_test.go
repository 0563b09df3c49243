//go:build integration

package functions_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
)

// chaosResult is what a seed came to.
type chaosResult struct {
	Pairs    int // (message, device), each judged
	Expected int // pairs that had to be shown
	Calls    int
	Rings    int // (invitation, device) that rang
	Pushes   int // FCM took
	Repeats  int // of these, what FCM had taken for the device before, under the same tag
}

func (r *chaosResult) add(o chaosResult) {
	r.Pairs, r.Expected, r.Calls = r.Pairs+o.Pairs, r.Expected+o.Expected, r.Calls+o.Calls
	r.Rings, r.Pushes, r.Repeats = r.Rings+o.Rings, r.Pushes+o.Pushes, r.Repeats+o.Repeats
}

// blocked is whether the second has the first on their blacklist: the only one
// who does is the last.
func (c *chaos) blocked(sender, receiver *chaosPerson) bool {
	return sender == c.people[5] && receiver == c.people[6]
}

// wants is whether the phone must, or may, show the message.
func (c *chaos) wants(m *chaosMessage, p *chaosPhone) (must, may bool) {
	switch {
	case p.owner != nil && c.blocked(m.sender, p.owner):
		return false, false
	case !m.taken && (m.in == nil || !m.again || m.sender != m.in.leaver):
		return false, false // but where it was taken, the answer got lost, and the sender has left since
	case !m.pushed || p.owner == nil || p.owner == m.sender || p.online:
		return false, false
	case m.in == nil:
		return m.taken && p.owner == m.peer, p.owner == m.peer
	case !slices.Contains(m.in.members, p.owner) || p.owner == m.in.muter:
		return false, false
	case p.owner == m.in.leaver:
		return false, m.from.Before(m.in.left.to)
	}
	return m.taken, true
}

// legal is whether the message was to be taken, and whether it could be refused.
func (m *chaosMessage) legal(c *chaos) (taken, refused bool) {
	switch {
	case m.in == nil:
		blocked := c.blocked(m.sender, m.peer)
		return !blocked, blocked
	case !slices.Contains(m.in.members, m.sender):
		return false, true
	case m.sender == m.in.leaver:
		return m.from.Before(m.in.left.to), m.to.After(m.in.left.from)
	}
	return true, false
}

// look is an error while something is still to come.
func (c *chaos) look() error {
	for _, p := range c.phones {
		shade := c.FCM.Shade(p.token)
		for _, m := range c.messages {
			if must, _ := c.wants(m, p); must && !shows(shade, m.id) {
				return fmt.Errorf("%s doesn't show %s", p.deviceID, m.id)
			}
		}
		for _, k := range c.calls {
			if time.Now().Before(k.until) {
				return fmt.Errorf("%s may still ring", k.id)
			}
			if last := c.last(p, k); last != nil && last.end == "" && !k.answeredOn(p) {
				return fmt.Errorf("%s rings still for %s", p.deviceID, k.id)
			}
		}
	}
	return nil
}

func shows(shade []standin.Shown, tag string) bool {
	return slices.ContainsFunc(shade, func(s standin.Shown) bool { return s.Tag == tag })
}

// chaosPush is a push that FCM took, as the oracle sees it.
type chaosPush struct {
	at            time.Time
	tag, kind, id string
	end           string // of call_end
	expires       time.Time
}

func (c *chaos) pushes(p *chaosPhone) (out []chaosPush) {
	for _, r := range c.FCM.Messages(p.token) {
		var m struct{ Data map[string]string }
		if err := json.Unmarshal(r.Message, &m); err != nil {
			c.Fatal(err)
		}
		ms, _ := strconv.ParseInt(m.Data["expiresAt"], 10, 64)
		out = append(out, chaosPush{r.AcceptedAt, r.Tag, m.Data["kind"], m.Data["id"], m.Data["callEnd"], time.UnixMilli(ms)})
	}
	return out
}

// last is the last push of a call to a phone.
func (c *chaos) last(p *chaosPhone, k *chaosCall) (last *chaosPush) {
	for _, r := range c.pushes(p) {
		if r.id == k.tag {
			last = &r
		}
	}
	return last
}

// answeredOn is whether the phone's app took the ringing away itself.
func (k *chaosCall) answeredOn(p *chaosPhone) bool {
	end := k.ends[p.owner]
	return end != nil && end.on == p.deviceID
}

// judge compares what every device shows with what was asked for.
func (c *chaos) judge() (sum chaosResult) {
	c.Helper()
	for _, m := range c.messages {
		taken, refused := m.legal(c)
		if !m.taken && !refused || m.taken && !taken {
			c.fail("a request is refused that must not be, or not refused", m.sender.id, nil, "message %q of %s: may be taken %t, may be refused %t", m.id, m.sender.id, taken, refused)
		}
	}
	for _, p := range c.phones {
		shade, log := c.FCM.Shade(p.token), c.pushes(p)
		sum.Pushes += len(log)
		told := map[chaosPush]bool{}
		for _, r := range log {
			if r.at = (time.Time{}); told[r] {
				sum.Repeats++
			}
			told[r] = true
		}
		for _, m := range c.messages {
			must, may := c.wants(m, p)
			sum.Pairs++
			if must {
				sum.Expected++
			}
			switch shown := shows(shade, m.id); {
			case must && !shown:
				c.fail("lost", m.id, p, "%s of %s doesn't show %s", p.deviceID, p.owner.id, m.id)
			case shown && !may:
				c.fail("wrong recipient", m.id, p, "%s shows %s", p.deviceID, m.id)
			}
		}
		c.judgeShade(p, shade, log)
		for _, k := range c.calls {
			sum.Rings += c.judgeCall(p, k, log)
		}
	}
	sum.Calls = len(c.calls)
	return sum
}

// judgeShade: every notification is one of a message or a call, and no message
// has two.
func (c *chaos) judgeShade(p *chaosPhone, shade []standin.Shown, log []chaosPush) {
	c.Helper()
	for _, s := range shade {
		known := slices.ContainsFunc(c.messages, func(m *chaosMessage) bool { return m.id == s.Tag }) ||
			slices.ContainsFunc(c.calls, func(k *chaosCall) bool { return k.tag == s.Tag })
		if !known {
			c.fail("wrong recipient", s.Tag, p, "%s shows %s, which nobody sent", p.deviceID, s.Tag)
		}
	}
	for _, r := range log {
		if r.tag != r.id {
			c.fail("shown twice", r.id, p, "%s shows %s under the tag %q", p.deviceID, r.id, r.tag)
		}
	}
}

const (
	// ringsWithin is how long faults may keep a call from ringing while nobody is
	// killed and no lease's answer is lost.
	ringsWithin = 25 * time.Second
	// ringsOver is how long after its end a ring may still reach FCM: what was
	// under way then. What FCM takes after that is a failure, even if an end follows.
	ringsOver = 30 * time.Second
)

// judgeCall judges what a phone got of a call, and returns whether it rang.
func (c *chaos) judgeCall(p *chaosPhone, k *chaosCall, log []chaosPush) (rang int) {
	c.Helper()
	end := k.ends[p.owner]
	var last *chaosPush
	for _, r := range log {
		if r.id != k.tag {
			continue
		}
		last = &r
		if r.end == "" {
			rang = 1
		}
		over := k.until
		if end != nil && !end.to.IsZero() {
			over = end.to
		}
		switch {
		case end == nil || p.online:
			c.fail("wrong recipient", k.tag, p, "%s got %s", p.deviceID, k.id)
		case r.end == "" && (r.at.After(over.Add(ringsOver)) || r.expires.After(k.until)):
			c.fail("ringing after its end", k.tag, p, "%s rang for %s %v after its end, until %v", p.deviceID, k.id, r.at.Sub(over), r.expires.Sub(k.until))
		}
	}
	switch {
	case end == nil || p.owner == nil || p.online:
		return 0
	case last == nil && k.mustRing(c, p, end):
		c.fail("lost", k.tag, p, "%s of %s didn't ring for %s", p.deviceID, p.owner.id, k.id)
	case last == nil || k.answeredOn(p):
	case last.end == "":
		c.fail("ringing after its end", k.tag, p, "%s of %s rings still for %s", p.deviceID, p.owner.id, k.id)
	case !slices.Contains(end.may, last.end):
		c.fail("shows what the call's state says", k.tag, p, "%s of %s says %q of %s, not %v", p.deviceID, p.owner.id, last.end, k.id, end.may)
	}
	return rang
}

// mustRing: nobody ended the invitation and nothing else explains a ring that
// took too long to come.
func (k *chaosCall) mustRing(c *chaos, p *chaosPhone, end *chaosEnd) bool {
	until := k.until
	if !end.from.IsZero() {
		until = end.from
	}
	calm := !slices.ContainsFunc(c.rough, func(at time.Time) bool { return at.After(k.from.Add(-time.Second)) && at.Before(until) })
	return !p.refused && calm && until.Sub(k.to) >= ringsWithin && len(end.may) == 1
}
