package call

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

// A vector is all of a call between A, B and C (who may not be in it yet) that
// decides what can be done to it and what comes of that. Which of two devices
// answered doesn't matter, only whether it is the same: every action is tried on
// both. Nor does it matter when an invitation runs out, only whether it has.
type vector struct {
	mode   Mode
	state  State
	talked bool   // AcceptTime is set
	by     string // EndedBy
	users  [3]part
}

// part is a user's in a vector, its zero value nobody's.
type part struct {
	in       bool
	state    UserState
	due      bool // Inviting, and it has run out
	answered bool // by device 1; looked at where the state is Accepted or Rejected
	inviter  string
}

var trio = []string{"A", "B", "C"}

// anyInviter is who invited each in a vector that is over.
var anyInviter = map[string]string{"A": "B", "B": "A", "C": "A"}

// call is a call with the vector, at a time when it runs or ran out what is due.
func (v vector) call() (Call, time.Time) {
	now := at(ring)
	c := Call{CallID: "c", Caller: "A", Mode: v.mode, State: v.state, Timeout: ring, EndedBy: v.by, Users: map[string]User{}, CreateTime: zero.UnixMilli()}
	if v.talked {
		c.AcceptTime = at(1).UnixMilli()
	}
	if v.state == Ended {
		c.EndTime = at(2).UnixMilli()
	}
	for i, p := range v.users {
		if !p.in {
			continue
		}
		u := User{State: p.state, Inviter: p.inviter, At: at(1).UnixMilli()}
		if p.inviter != "" {
			u.Gen, u.ExpiresAt = 1, at(ring+1).UnixMilli()
		}
		if p.due {
			u.ExpiresAt = now.UnixMilli()
		}
		if p.answered {
			u.AnsweredBy = trio[i] + "1"
		}
		c.Users[trio[i]] = u
	}
	c.derive()
	return c, now
}

// vectorOf is c's, without what is due.
func vectorOf(c Call) vector {
	v := vector{mode: c.Mode, state: c.State, talked: c.AcceptTime != 0, by: c.EndedBy}
	for i, id := range trio {
		if u, in := c.Users[id]; in {
			if c.State == Ended && u.Inviter != "" {
				u.Inviter = anyInviter[id] // nothing depends on whose it was any more
			}
			v.users[i] = part{in: true, state: u.State, inviter: u.Inviter, answered: u.AnsweredBy != "" && (u.State == Accepted || u.State == Rejected)}
		}
	}
	return v
}

// parts is everything that a user can be in a call of the mode, possible or not:
// vectors tells which.
func parts(id string, m Mode) (out []part) {
	inviters := slices.DeleteFunc(slices.Clone(trio), func(other string) bool { return other == id || (m == General && other != "A") })
	switch id {
	case "A":
		inviters = append(inviters, "")
	case "C":
		out = append(out, part{})
	}
	for _, inviter := range inviters {
		for s := range userStateNames {
			p := part{in: true, state: s, inviter: inviter}
			switch s {
			case Accepted:
				if inviter == "" {
					out = append(out, p) // who called, without having answered
				}
				p.answered = true
			case Rejected:
				p.answered = true
			case Inviting:
				due := p
				due.due = true
				out = append(out, due)
			}
			out = append(out, p)
		}
	}
	return out
}

// vectors is every vector that invariant and common sense allow: who invites is
// in the call, nobody has accepted before the first did, a call that is under way
// is ended by nobody, nor is anybody's part in it; one that is over was ended by
// one of them or by time.
func vectors(m Mode) map[vector]bool {
	out := map[vector]bool{}
	for _, a := range parts("A", m) {
		for _, b := range parts("B", m) {
			for _, c := range parts("C", m) {
				for _, state := range []State{Started, Ended} {
					for _, talked := range []bool{false, true} {
						for _, by := range []string{"", "A", "B", "C"} {
							v := vector{m, state, talked, by, [3]part{a, b, c}}
							if v.possible() {
								out[v] = true
							}
						}
					}
				}
			}
		}
	}
	return out
}

func (v vector) possible() bool {
	if (v.state == Started && v.by != "") || (v.by == "C" && !v.users[2].in) {
		return false
	}
	caller := v.users[0]
	if v.state == Started && (caller.state == Cancelled || (caller.state == Timeout && caller.inviter == "")) {
		return false
	}
	for i, p := range v.users {
		if p.in && p.inviter == "C" && !v.users[2].in {
			return false
		}
		if p.in && (p.state == Offline || (v.state == Started && p.state == Finished)) {
			return false
		}
		if v.state == Ended && p.inviter != "" && p.inviter != anyInviter[trio[i]] {
			return false
		}
		if !v.talked && p.in && p.answered && p.state == Accepted {
			return false
		}
		if i > 0 && p.in && p.state == Finished && !v.talked {
			return false
		}
	}
	c, _ := v.call()
	return invariant(c) == nil
}

// deeds is everything that A, B, C and a stranger can do to a call of the three.
func deeds() (out []Action) {
	for _, a := range actions() {
		switch {
		case a.Kind == Invite:
			continue
		case a.Kind == Cancel && slices.Contains(a.Invitees, "X"):
			continue
		}
		out = append(out, a)
	}
	for _, who := range people {
		for _, list := range [][]string{{"B"}, {"C"}, {"A", "B", "C"}} {
			out = append(out, Action{Kind: Invite, UserID: who, Invitees: list, MaxInvitees: 3})
		}
	}
	return out
}

// Every call that can be between three people, and everything that can be done to
// it, beside the model. The calls are closed under what can be done: what comes
// of any of them is one of them, so none that can come about is missing.
func TestEveryVector(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	for _, m := range []Mode{General, Advanced} {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			all := vectors(m)
			for _, first := range []Call{newCall(m, "B"), newCall(m, "B", "C")} {
				if !all[vectorOf(first)] {
					t.Errorf("%+v is missing", vectorOf(first))
				}
			}
			todo, moves, refusals := deeds(), 0, 0
			missing := map[vector]string{}
			for v := range all {
				c, now := v.call()
				if next := vectorOf(checkSettle(t, c, now)); !all[next] {
					missing[next] = fmt.Sprintf("%+v settled", v)
				}
				for _, a := range todo {
					next, err := checkApply(t, c, a, now)
					if err != nil {
						refusals++
					} else {
						moves++
					}
					if to := vectorOf(next); !all[to] {
						missing[to] = fmt.Sprintf("%+v, %s by %s", v, a.Kind, a.UserID)
					}
				}
				if t.Failed() {
					return
				}
			}
			for _, v := range slices.Collect(maps.Keys(missing))[:min(3, len(missing))] {
				t.Errorf("%+v is missing: it comes of %s", v, missing[v])
			}
			t.Logf("%d calls, %d moves, %d refusals", len(all), moves, refusals)
		})
	}
}
