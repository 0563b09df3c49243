package call

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/tracing"
)

// Store keeps calls.
type Store interface {
	// CreateCall stores c. A call with the same ID is left as it is and
	// returned instead.
	CreateCall(ctx context.Context, c Call) (Call, error)
	// ChangeCall runs f on a call in one transaction and stores what f returns,
	// if anything. f gets nil where there is no such call, and may run several
	// times. Nothing is written when f returns an error.
	ChangeCall(ctx context.Context, callID string, f func(*Call) (*Call, error)) error
	// Calls is up to limit calls that userID is or was in, newest first (see
	// Compare), from the one behind after on.
	Calls(ctx context.Context, userID string, after *Cursor, limit int) ([]Call, error)
	// DueCalls is up to limit calls of a shard whose DueAt is set and at most
	// until (ms since 1970), the earliest first (see Due.Compare), from the one
	// behind after on; the zero Due is before all.
	DueCalls(ctx context.Context, shard int, after Due, until int64, limit int) ([]Due, error)
}

// Presence tells which users there are.
type Presence interface {
	// Users reads many users at once. One without a document is absent.
	Users(ctx context.Context, userIDs []string) (map[string]*presence.User, error)
}

// Service is what clients and the sweep do with calls. Each of its methods is
// one transaction per call document, on the state that Settle gives: no order
// of requests, retries and sweeps leaves a call in a state that the rules
// don't have. What follows from a call's document, its pushes included, is the
// business of the trigger on it.
type Service struct {
	Store       Store
	Presence    Presence
	Now         func() time.Time
	MaxInvitees int           // of a call, over its whole life
	Retention   time.Duration // how long calls are kept
	// CheckPush reports why a push with p, for an invitation to c that is inviter's,
	// could never reach a device.
	CheckPush func(c Call, inviter string, p chat.PushConfig) error
	Resources chat.Resources // nil: there are none
}

// Invite starts a call. Invitees that don't exist, or have blocked the caller,
// are not invited but answered; where nobody is left, nothing is started.
//
// It is safe to repeat with the same callID: the call's document is created
// only if it isn't there, so a repeat, whatever it asks for, finds the first
// call and answers from it.
func (s *Service) Invite(ctx context.Context, i Invitation) (_ InviteAnswer, err error) {
	defer fault.Wrap(&err, "invite")
	if len(i.Invitees) > s.MaxInvitees {
		return InviteAnswer{}, fault.Invalid("invitees", "names %d users: at most %d", len(i.Invitees), s.MaxInvitees)
	}
	if err := i.Push.Settle(ctx, s.Resources); err != nil {
		return InviteAnswer{}, err
	}
	reachable, failed, err := s.reachable(ctx, i.Caller, i.Invitees)
	if err != nil {
		return InviteAnswer{}, err
	}
	c := start(i, reachable, s.Now(), s.Retention)
	c.Traceparent = tracing.Traceparent(ctx)
	if i.Push != nil {
		if err := s.CheckPush(c, i.Caller, *i.Push); err != nil {
			return InviteAnswer{}, err
		}
	}
	if len(reachable) == 0 {
		return InviteAnswer{}, nobodyToCall(failed)
	}
	stored, err := s.Store.CreateCall(ctx, c)
	if err != nil {
		return InviteAnswer{}, err
	}
	if stored.Caller != i.Caller {
		return InviteAnswer{}, fault.New(fault.AlreadyExists, fault.CallAlreadyExists, "this callID is taken by another's call: use a new one")
	}
	return inviteAnswer(stored, i.Invitees, failed), nil
}

// inviteAnswer answers for the first state of c, whatever its state is by now.
// failed tells why somebody couldn't be invited.
func inviteAnswer(c Call, invitees []string, failed []UserError) InviteAnswer {
	answer := InviteAnswer{
		CallID: c.CallID, Timeout: c.Timeout, CreateTime: c.CreateTime,
		ErrorInvitees: []UserInfo{}, ErrorUserList: []UserError{}, CallUserList: []UserInfo{{UserID: c.Caller, State: Accepted}},
	}
	for _, id := range invitees {
		if _, in := c.Users[id]; in {
			answer.CallUserList = append(answer.CallUserList, UserInfo{UserID: id, State: Inviting})
			continue
		}
		failure := UserError{UserID: id, Reason: fault.UserDoesNotExist}
		if at := slices.IndexFunc(failed, func(f UserError) bool { return f.UserID == id }); at >= 0 {
			failure = failed[at]
		}
		answer.ErrorInvitees = append(answer.ErrorInvitees, UserInfo{UserID: id, State: Offline})
		answer.ErrorUserList = append(answer.ErrorUserList, failure)
	}
	return answer
}

// reachable splits ids, in order, into those whom inviter can invite and the
// others: users that don't exist, and users who have blocked the inviter.
func (s *Service) reachable(ctx context.Context, inviter string, ids []string) (reachable []string, failed []UserError, err error) {
	users, err := s.Presence.Users(ctx, ids)
	for _, id := range ids {
		switch u := users[id]; {
		case u == nil:
			failed = append(failed, UserError{UserID: id, Reason: fault.UserDoesNotExist})
		case u.Blocks(inviter):
			failed = append(failed, UserError{UserID: id, Reason: fault.SenderInBlacklist})
		default:
			reachable = append(reachable, id)
		}
	}
	return reachable, failed, err
}

// nobodyToCall is the error where all the invitees failed.
func nobodyToCall(failed []UserError) error {
	switch {
	case slices.ContainsFunc(failed, func(f UserError) bool { return f.Reason == fault.SenderInBlacklist }):
		return fault.New(fault.PermissionDenied, fault.SenderInBlacklist, "nobody can be invited: of the %d invitees, those who exist have blocked you", len(failed))
	case len(failed) == 1:
		return fault.New(fault.NotFound, fault.CallUserDoesNotExist, "there is no user %q", failed[0].UserID)
	}
	return fault.New(fault.NotFound, fault.CallUserDoesNotExist, "none of the %d invitees exists", len(failed))
}

// Do does a and returns its answer. It is safe to repeat: see Apply.
func (s *Service) Do(ctx context.Context, a Action) (_ any, err error) {
	defer fault.Wrap(&err, "%s", a.Kind)
	if err := a.Push.Settle(ctx, s.Resources); err != nil {
		return nil, err
	}
	var failed []UserError
	if a.Kind == Invite {
		if a.Invitees, failed, err = s.reachable(ctx, a.UserID, a.Invitees); err != nil {
			return nil, err
		}
		a.MaxInvitees = s.MaxInvitees
	}
	var done Call
	var result Result
	var refused error
	err = s.Store.ChangeCall(ctx, a.CallID, func(c *Call) (*Call, error) {
		if c == nil {
			return nil, noSuchCall()
		}
		if done, result, refused = Apply(*c, a, s.Now()); refused == nil && a.Push != nil {
			if err := s.CheckPush(done, a.inviter(done), *a.Push); err != nil {
				return nil, err
			}
		}
		// What Settle found out is kept even where a is refused.
		return changed(ctx, *c, &done), nil
	})
	switch {
	case err != nil:
		return nil, err
	case refused != nil:
		return nil, refused
	case a.Kind == Invite && len(a.Invitees) == 0: // the caller of this may know
		return nil, nobodyToCall(failed)
	}
	result.Unreachable = failed
	return a.Answer(done, result), nil
}

// inviter is whose name the push that a brings may be told in: of those that
// end an invitation, which may be another's, the longest.
func (a Action) inviter(c Call) string {
	if a.Kind == Invite {
		return a.UserID
	}
	longest := ""
	for _, id := range c.Members {
		if inviter := c.Users[id].Inviter; len(inviter) > len(longest) {
			longest = inviter
		}
	}
	return longest
}

// changed is next, counted and in ctx's trace, where it differs from c.
func changed(ctx context.Context, c Call, next *Call) *Call {
	if reflect.DeepEqual(c, *next) {
		return nil
	}
	next.Rev++
	next.Traceparent = tracing.Traceparent(ctx)
	return next
}

// noSuchCall also answers a query for a call that the user has no part in, in
// the same words.
func noSuchCall() error {
	return fault.New(fault.NotFound, fault.CallDoesNotExist, "there is no such call")
}

// Query is a page of the user's calls or the one call that r names, settled.
func (s *Service) Query(ctx context.Context, userID string, r QueryRequest) (_ List, err error) {
	defer fault.Wrap(&err, "query calls")
	after, err := r.page()
	if err != nil {
		return List{}, err
	}
	if r.CallID != "" {
		c, err := s.settle(ctx, r.CallID)
		if err == nil && (c == nil || c.role(userID) == Stranger) {
			err = noSuchCall()
		}
		if err != nil {
			return List{}, err
		}
		return List{CallList: []Info{c.Info(userID)}}, nil
	}
	list := List{CallList: []Info{}}
	calls, err := s.Store.Calls(ctx, userID, after, *r.Count+1) // one more tells whether there is more
	if err != nil {
		return List{}, err
	}
	for n, c := range calls {
		if n == *r.Count {
			list.NextFlag = calls[n-1].Cursor().flag()
			break
		}
		if c.Overdue(s.Now()) {
			settled, err := s.settle(ctx, c.CallID)
			if err != nil {
				return List{}, err
			}
			if settled == nil {
				continue // its retention ended just now
			}
			c = *settled
		}
		list.CallList = append(list.CallList, c.Info(userID))
	}
	return list, nil
}

// settle stores a call as Settle has it and returns it, nil if there is none.
func (s *Service) settle(ctx context.Context, callID string) (settled *Call, err error) {
	err = s.Store.ChangeCall(ctx, callID, func(c *Call) (*Call, error) {
		if settled = nil; c == nil {
			return nil, nil
		}
		next := Settle(*c, s.Now())
		settled = &next
		return changed(ctx, *c, settled), nil
	})
	return settled, err
}
