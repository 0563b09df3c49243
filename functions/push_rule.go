package functions

import (
	"context"
	"net/http"

	"github.com/doorbell-push/doorbell/shared/presence"
)

// ruleAnswer is the answer of push-rule, with ZIM's name for what it holds.
type ruleAnswer struct {
	OfflinePushRule presence.PushRule `json:"offlinePushRule"`
}

// setPushRule is ZIM's updateUserOfflinePushRule: it replaces the caller's rule
// for which offline devices ring while others are online. Safe to repeat: the
// rule is a state.
func setPushRule(ctx context.Context, userID string, r *http.Request) (any, error) {
	body, err := decode[presence.PushRule](r)
	if err != nil {
		return nil, err
	}
	if err := body.Check(); err != nil {
		return nil, err
	}
	reg, err := registry()
	if err != nil {
		return nil, err
	}
	rule, err := reg.SetRule(ctx, userID, *body)
	if err != nil {
		return nil, err
	}
	return ruleAnswer{rule}, nil
}

// getPushRule answers with the caller's rule.
func getPushRule(ctx context.Context, userID string, _ *http.Request) (any, error) {
	reg, err := registry()
	if err != nil {
		return nil, err
	}
	rule, err := reg.Rule(ctx, userID)
	if err != nil {
		return nil, err
	}
	return ruleAnswer{rule}, nil
}
