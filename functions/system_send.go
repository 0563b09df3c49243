package functions

import (
	"context"
	"net/http"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/config"
)

// askedByBackends is the paths whose caller is the operator's own backend, by an
// ID token of its service account. It is no app, so App Check has no token for it.
var askedByBackends = map[string]bool{"system-send": true}

// callingBackend is the service account that calls.
func callingBackend(ctx context.Context, _ *config.Config, r *http.Request) (string, error) {
	token, err := bearer(r, "the ID token of your backend's service account")
	if err != nil {
		return "", err
	}
	accounts, err := backends()
	if err != nil {
		return "", err
	}
	return accounts.Identify(ctx, token)
}

// systemSend stores a message from the system for each receiver; on-message takes
// them from there as any other. Safe to repeat: see chat.Sender.Broadcast.
func systemSend(ctx context.Context, _ string, r *http.Request) (any, error) {
	body, err := decode[chat.BroadcastRequest](r)
	if err != nil {
		return nil, err
	}
	c, err := settings()
	if err != nil {
		return nil, err
	}
	s, err := sender()
	if err != nil {
		return nil, err
	}
	answer, err := s.Broadcast(ctx, c.SystemUser, body)
	if err == nil && body.Config.PushConfig != nil && !body.Config.SkipPush {
		answer.Warnings = pushWarnings(ctx, &body.Config.PushConfig.PushConfig)
	}
	return answer, err
}
