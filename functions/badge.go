package functions

import (
	"context"
	"net/http"

	"github.com/doorbell-push/doorbell/shared/presence"
)

// badgeRequest is the body of POST badge.
type badgeRequest struct {
	Badge *int `json:"badge"`
}

// setBadge is ZIM's updateUserBadge: the number that pushes with enableBadge
// count from on the caller's devices. Safe to repeat: the number is a state.
func setBadge(ctx context.Context, userID string, r *http.Request) (any, error) {
	body, err := decode[badgeRequest](r)
	if err != nil {
		return nil, err
	}
	if err := presence.CheckBadge(body.Badge); err != nil {
		return nil, err
	}
	reg, err := registry()
	if err != nil {
		return nil, err
	}
	return struct{}{}, reg.SetBadge(ctx, userID, *body.Badge)
}
