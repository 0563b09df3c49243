package call

import (
	"slices"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// Kind is what a user does to a call; its text is how errors call it.
type Kind string

// The kinds of action.
const (
	Cancel Kind = "cancel"
	Accept Kind = "accept"
	Reject Kind = "reject"
	Leave  Kind = "quit"
	End    Kind = "end"
	Join   Kind = "join"
	Invite Kind = "invite" // ZIM's callingInvite, into a call under way
)

// Action is one user's action on a call.
type Action struct {
	Kind   Kind
	CallID string
	UserID string
	// PushID is the device it is done on, for Accept, Reject and Join.
	PushID string
	// Invitees are those to Cancel (none: all that the user may) or Invite.
	Invitees     []string
	ExtendedData string
	Push         *chat.PushConfig
	// MaxInvitees bounds how many a call may have ever invited, for Invite.
	MaxInvitees int
}

// Result is what an action's answer holds beyond the call.
type Result struct {
	// Failed are the invitees of a Cancel or an Invite whose state didn't allow it.
	Failed []string
	// Unreachable are the users an Invite named that don't exist or have blocked
	// who invites.
	Unreachable []UserError
}

// Role is what a user is to a call.
type Role int

// The roles. An invitee stays one whatever became of the invitation.
const (
	Caller Role = iota
	Invitee
	Stranger
)

func (c *Call) role(userID string) Role {
	_, in := c.Users[userID]
	switch {
	case userID == c.Caller:
		return Caller
	case in:
		return Invitee
	}
	return Stranger
}

type situation struct {
	kind Kind
	mode Mode
	role Role
}

// legal is every transition there is: the states from which a user of a role
// may act on a Started call of a mode. What isn't here is refused.
var legal = map[situation][]UserState{
	{Cancel, General, Caller}:   {Accepted}, // while nobody else has accepted
	{Cancel, Advanced, Caller}:  {Accepted},
	{Cancel, Advanced, Invitee}: {Accepted}, // those they invited themselves

	{Accept, General, Invitee}:  {Inviting},
	{Accept, Advanced, Invitee}: {Inviting},
	{Reject, General, Invitee}:  {Inviting},
	{Reject, Advanced, Invitee}: {Inviting},
	{Accept, Advanced, Caller}:  {Inviting}, // who quit and is called back
	{Reject, Advanced, Caller}:  {Inviting},

	{Leave, Advanced, Caller}:   {Accepted},
	{Leave, Advanced, Invitee}:  {Accepted},
	{End, Advanced, Caller}:     {Accepted},
	{End, Advanced, Invitee}:    {Accepted},
	{Invite, Advanced, Caller}:  {Accepted},
	{Invite, Advanced, Invitee}: {Accepted},

	{Join, Advanced, Caller}:  {Inviting, Rejected, Timeout, Quit, BeCancelled},
	{Join, Advanced, Invitee}: {Inviting, Rejected, Timeout, Quit, BeCancelled},
}

// Settle is c with the invitations that have run out at now timed out, and
// ended if that ends it. It depends on nothing but c and now, and what happened
// is dated when it was due: settling late, or in several steps, gives the same.
func Settle(c Call, now time.Time) Call {
	if c.State != Started || !c.Overdue(now) {
		return c
	}
	c = c.Clone()
	last := int64(0)
	for _, id := range c.all(Inviting) {
		if at := c.Users[id].ExpiresAt; at <= now.UnixMilli() {
			c.set(id, Timeout, at)
			last = max(last, at)
		}
	}
	c.endIfOver("", last)
	c.derive()
	return c
}

// Apply is c after a at now, settled first. An action that was done already is
// answered as the first time and changes nothing, so a client may repeat one
// whose answer it lost. An action that isn't legal is a fault; the Call
// returned with it is settled all the same.
func Apply(c Call, a Action, now time.Time) (Call, Result, error) {
	c = Settle(c, now)
	if c.done(a) {
		return c, Result{Failed: c.notCancelled(a)}, nil
	}
	if err := c.permit(a); err != nil {
		return c, Result{}, err
	}

	next, ms := c.Clone(), now.UnixMilli()
	brought := next.keep(a.Push)
	var result Result
	switch a.Kind {
	case Cancel:
		targets := next.cancellable(a)
		result.Failed = c.notCancelled(a)
		if len(targets) == 0 {
			return c, result, nil
		}
		for _, id := range targets {
			next.set(id, BeCancelled, ms)
		}
		if a.UserID == c.Caller && next.over() {
			next.set(a.UserID, Cancelled, ms)
		}
	case Accept, Join:
		next.answer(a, Accepted, ms)
		if next.AcceptTime == 0 {
			next.AcceptTime = ms
		}
	case Reject:
		next.answer(a, Rejected, ms)
	case Leave:
		next.set(a.UserID, Quit, ms)
	case Invite:
		var invited int
		for _, id := range a.Invitees {
			if u, in := next.Users[id]; in && (u.State == Inviting || u.State == Accepted) {
				result.Failed = append(result.Failed, id)
				continue
			}
			next.invite(id, a.UserID, brought, ms)
			invited++
		}
		if most := len(next.Users) - 1; invited > 0 && most > a.MaxInvitees {
			return c, Result{}, fault.New(fault.FailedPrecondition, fault.CallError, "the call would have invited %d users: at most %d", most, a.MaxInvitees)
		}
		if invited == 0 {
			return c, result, nil
		}
	}
	if a.Kind != Invite { // whose extendedData would be the call's
		u := next.Users[a.UserID]
		u.ExtendedData = a.ExtendedData
		next.Users[a.UserID] = u
	}
	if a.Kind == End {
		next.end(a.UserID, ms)
	}
	next.endIfOver(a.UserID, ms)
	for _, id := range c.all(Inviting) { // whom a takes back is told so in its words
		if u := next.Users[id]; u.State == BeCancelled {
			u.EndPush = brought
			next.Users[id] = u
		}
	}
	next.derive()
	return next, result, nil
}

// answer is a's user answering an invitation on a device.
func (c *Call) answer(a Action, s UserState, ms int64) {
	c.set(a.UserID, s, ms)
	u := c.Users[a.UserID]
	u.AnsweredBy = a.PushID
	c.Users[a.UserID] = u
}

// done reports whether a has been done before: by the same device where that
// matters, and whatever else has happened since as long as it stands.
func (c *Call) done(a Action) bool {
	u, in := c.Users[a.UserID]
	if !in {
		return false
	}
	switch a.Kind {
	case Accept:
		return u.State == Accepted && u.AnsweredBy == a.PushID && u.Gen > 0
	case Join:
		return u.State == Accepted && u.AnsweredBy == a.PushID && c.Mode == Advanced
	case Reject:
		return u.State == Rejected && u.AnsweredBy == a.PushID
	case Leave:
		return u.State == Quit
	case End:
		return c.State == Ended && c.EndedBy == a.UserID && u.State == Finished
	case Cancel:
		return u.State == Cancelled
	}
	return false
}

// permit refuses what legal doesn't have, with the first reason that applies.
func (c *Call) permit(a Action) error {
	role, u := c.role(a.UserID), c.Users[a.UserID]
	states, ok := legal[situation{a.Kind, c.Mode, role}]
	switch {
	case role == Stranger || (!ok && legalFor(a.Kind, c.Mode)), (a.Kind == Accept || a.Kind == Reject) && u.Gen == 0:
		return wrongRole(a.Kind, role)
	case !ok:
		return fault.New(fault.FailedPrecondition, fault.CallError, "%s is for calls of mode Advanced (1), and this one's is %v (%d)", a.Kind, c.Mode, c.Mode)
	case a.PushID != "" && u.AnsweredBy != "" && u.AnsweredBy != a.PushID && (u.State == Accepted || (u.State == Rejected && a.Kind != Join)):
		answer := map[UserState]string{Accepted: "accepted", Rejected: "rejected"}[u.State]
		late := c.refuse(a, "the invitation was already %s on another device", answer)
		late.Details = &fault.Details{AnsweredBy: u.AnsweredBy, Answer: answer}
		return late
	case a.Kind == Cancel && c.Mode == General && c.AcceptTime != 0:
		return c.refuse(a, "an invitee has accepted already: the call's mode is General, where nothing is cancelled after that")
	case c.State != Started:
		return c.refuse(a, "the call has ended, and your state in it is %v (%d)", u.State, u.State)
	case !slices.Contains(states, u.State):
		return c.refuse(a, "your state in the call is %v (%d)", u.State, u.State)
	case a.Kind == Cancel && role != Caller:
		for _, id := range a.Invitees {
			if other, in := c.Users[id]; in && other.Inviter != a.UserID {
				return fault.New(fault.PermissionDenied, fault.CallIsNotInvitor, "can't cancel: you did not invite all of these users, and only the caller may cancel others' invitations")
			}
		}
	}
	return nil
}

// legalFor reports whether anyone may do k to a call of mode m.
func legalFor(k Kind, m Mode) bool {
	for s := range legal {
		if s.kind == k && s.mode == m {
			return true
		}
	}
	return false
}

func wrongRole(k Kind, role Role) error {
	switch {
	case k == Cancel || k == Invite:
		return fault.New(fault.PermissionDenied, fault.CallIsNotInvitor, "can't %s: you are not the one who invites in this call", k)
	case role == Caller:
		return fault.New(fault.PermissionDenied, fault.CallIsNotInvitee, "can't %s: this is your own call, and only invitees can", k)
	}
	return fault.New(fault.PermissionDenied, fault.CallIsNotInvitee, "can't %s: you are not invited to this call", k)
}

func (c *Call) refuse(a Action, why string, args ...any) *fault.Error {
	code := fault.CallError
	if a.Kind == Cancel {
		code = fault.CallCancelError
	}
	return fault.New(fault.FailedPrecondition, code, "can't "+string(a.Kind)+": "+why, args...)
}

// cancellable is whom a cancels: of those it names, or of all, the Inviting
// ones that its user may cancel.
func (c *Call) cancellable(a Action) []string {
	var out []string
	for _, id := range c.all(Inviting) {
		named := len(a.Invitees) == 0 || slices.Contains(a.Invitees, id)
		if named && (a.UserID == c.Caller || c.Users[id].Inviter == a.UserID) {
			out = append(out, id)
		}
	}
	return out
}

// notCancelled is those a names that it can't cancel. Somebody whose invitation
// was cancelled before is not among them: a repeat gets the first answer.
func (c *Call) notCancelled(a Action) []string {
	if a.Kind != Cancel {
		return nil
	}
	var out []string
	for _, id := range a.Invitees {
		if u, in := c.Users[id]; !in || (u.State != Inviting && u.State != BeCancelled) {
			out = append(out, id)
		}
	}
	return out
}

// over reports whether c ends by itself: a General call once everyone has
// answered; an Advanced one when one person is left whom nobody is about to
// join, or none at all, since a call that nobody is in must not ring.
func (c *Call) over() bool {
	inviting, accepted := len(c.all(Inviting)), len(c.all(Accepted))
	if c.Mode == General {
		return inviting == 0
	}
	return accepted == 0 || (accepted == 1 && inviting == 0)
}

func (c *Call) endIfOver(by string, ms int64) {
	if c.State == Started && c.over() {
		c.end(by, ms)
	}
}

// end ends c. Who is still Inviting is BeCancelled. Who is Accepted has been in
// the call to its end: Finished, or Timeout where no invitee ever answered. In
// a General call that somebody accepted, Accepted stays: the invitation is
// over, not what it was for.
func (c *Call) end(by string, ms int64) {
	c.State, c.EndTime, c.EndedBy = Ended, ms, by
	for _, id := range c.all(Inviting) {
		c.set(id, BeCancelled, ms)
	}
	if c.Mode == General && c.AcceptTime != 0 {
		return
	}
	last := Finished
	if len(c.all(Timeout)) == len(c.Users)-1 {
		last = Timeout
	}
	for _, id := range c.all(Accepted) {
		c.set(id, last, ms)
	}
}
