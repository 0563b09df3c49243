package call

import (
	"slices"
	"time"

	"github.com/doorbell-push/doorbell/shared/fault"
)

// model is the rules a second time, told by what each action needs and does
// rather than by a table, on nothing but states.
type model struct {
	mode    Mode
	ended   bool
	state   map[string]UserState
	inviter map[string]string
	device  map[string]string // who answered
	invited map[string]bool
	talked  bool   // an invitee accepted
	by      string // who ended it
	failed  []string
	code    fault.Code // of the refusal
}

func modelOf(c Call, now time.Time) *model {
	m := &model{mode: c.Mode, ended: c.State == Ended, state: map[string]UserState{}, inviter: map[string]string{}, device: map[string]string{}, invited: map[string]bool{}, talked: c.AcceptTime != 0, by: c.EndedBy}
	for id, u := range c.Users {
		m.state[id], m.inviter[id], m.device[id] = u.State, u.Inviter, u.AnsweredBy
		m.invited[id] = u.Gen > 0
		if u.State == Inviting && !now.Before(time.UnixMilli(u.ExpiresAt)) {
			m.state[id] = Timeout
		}
	}
	m.finish()
	return m
}

func (m *model) in(s UserState) (n int) {
	for _, have := range m.state {
		if have == s {
			n++
		}
	}
	return n
}

// finish ends the call where it is over.
func (m *model) finish() {
	if m.ended {
		return
	}
	if m.mode == General && m.in(Inviting) > 0 {
		return
	}
	if m.mode == Advanced && (m.in(Accepted) > 1 || (m.in(Accepted) == 1 && m.in(Inviting) > 0)) {
		return
	}
	m.hangUp()
}

func (m *model) hangUp() {
	m.ended = true
	nobodyAnswered := m.in(Timeout) == len(m.state)-1
	for id, s := range m.state {
		switch {
		case s == Inviting:
			m.state[id] = BeCancelled
		case s != Accepted || (m.mode == General && m.talked):
		case nobodyAnswered:
			m.state[id] = Timeout
		default:
			m.state[id] = Finished
		}
	}
}

func (m *model) refuse(code fault.Code) { m.code = code }

// act does a, or sets code.
func (m *model) act(a Action) {
	own, in := m.state[a.UserID]
	caller := a.UserID == "A"
	live := !m.ended
	switch a.Kind {
	case Cancel:
		mayEver := caller || (in && m.mode == Advanced)
		again := caller && own == Cancelled
		switch {
		case !mayEver:
			m.refuse(fault.CallIsNotInvitor)
			return
		case !again && (!live || own != Accepted || (m.mode == General && m.talked)):
			m.refuse(fault.CallCancelError)
			return
		}
		for _, id := range a.Invitees {
			if who, known := m.inviter[id]; !caller && known && who != a.UserID {
				m.refuse(fault.CallIsNotInvitor)
				return
			}
		}
		hit := false
		for id, s := range m.state {
			listed := a.Invitees == nil || slices.Contains(a.Invitees, id)
			if listed && s == Inviting && (caller || m.inviter[id] == a.UserID) {
				m.state[id], hit = BeCancelled, true
			}
		}
		for _, id := range a.Invitees {
			if m.state[id] != BeCancelled {
				m.failed = append(m.failed, id)
			}
		}
		if hit && caller && m.in(Inviting) == 0 && m.in(Accepted) == 1 {
			m.state["A"] = Cancelled
		}
	case Accept, Reject:
		to := map[Kind]UserState{Accept: Accepted, Reject: Rejected}[a.Kind]
		switch {
		case !m.invited[a.UserID]:
			m.refuse(fault.CallIsNotInvitee)
		case own == to && m.device[a.UserID] == a.PushID: // again
		case !live || own != Inviting:
			m.refuse(fault.CallError)
		default:
			m.state[a.UserID], m.device[a.UserID] = to, a.PushID
			m.talked = m.talked || to == Accepted
		}
	case Join:
		switch {
		case !in:
			m.refuse(fault.CallIsNotInvitee)
		case m.mode == Advanced && own == Accepted && m.device[a.UserID] == a.PushID:
		case m.mode == General || !live || own == Accepted:
			m.refuse(fault.CallError)
		default:
			m.state[a.UserID], m.device[a.UserID], m.talked = Accepted, a.PushID, true
		}
	case Leave, End:
		switch {
		case !in:
			m.refuse(fault.CallIsNotInvitee)
		case a.Kind == Leave && own == Quit, a.Kind == End && own == Finished && m.by == a.UserID: // again
		case m.mode == General || !live || own != Accepted:
			m.refuse(fault.CallError)
		case a.Kind == Leave:
			m.state[a.UserID] = Quit
		default:
			m.hangUp()
		}
	case Invite:
		switch {
		case !in:
			m.refuse(fault.CallIsNotInvitor)
			return
		case m.mode == General || !live || own != Accepted:
			m.refuse(fault.CallError)
			return
		}
		for _, id := range a.Invitees {
			if s, known := m.state[id]; known && (s == Inviting || s == Accepted) {
				m.failed = append(m.failed, id)
				continue
			}
			m.state[id], m.inviter[id], m.device[id] = Inviting, a.UserID, ""
		}
	}
	m.finish()
}
