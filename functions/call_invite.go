package functions

import (
	"context"
	"net/http"

	calling "github.com/doorbell-push/doorbell/shared/call"
)

// inviteToCall starts a call. Safe to repeat with the same callID: see
// calling.Service.
func inviteToCall(ctx context.Context, userID string, r *http.Request) (any, error) {
	body, err := decode[calling.InviteRequest](r)
	if err != nil {
		return nil, err
	}
	invitation, err := body.Invitation(userID)
	if err != nil {
		return nil, err
	}
	s, err := calls()
	if err != nil {
		return nil, err
	}
	answer, err := s.Invite(ctx, invitation)
	answer.Warnings = pushWarnings(ctx, invitation.Push)
	return answer, err
}

// act is the handler of an action on a call, whose body is a T. Safe to repeat:
// see calling.Apply.
func act[T calling.Request](kind calling.Kind) func(context.Context, string, *http.Request) (any, error) {
	return func(ctx context.Context, userID string, r *http.Request) (any, error) {
		body, err := decode[T](r)
		if err != nil {
			return nil, err
		}
		action, err := (*body).Action(kind, userID)
		if err != nil {
			return nil, err
		}
		s, err := calls()
		if err != nil {
			return nil, err
		}
		answer, err := s.Do(ctx, action)
		if more, ok := answer.(calling.CallingInviteAnswer); ok && err == nil {
			more.Warnings = pushWarnings(ctx, action.Push)
			return more, nil
		}
		return answer, err
	}
}

// queryCalls lists the caller's calls.
func queryCalls(ctx context.Context, userID string, r *http.Request) (any, error) {
	body, err := decode[calling.QueryRequest](r)
	if err != nil {
		return nil, err
	}
	s, err := calls()
	if err != nil {
		return nil, err
	}
	return s.Query(ctx, userID, *body)
}
