package functions

import (
	"context"
	"net/http"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/revision"
)

// sendAnswer is the answer of POST send: ZIM's ZIMMessageSentResult.
type sendAnswer struct {
	Message chat.Sent `json:"message"`
	// Warnings are what was done, and yet may not be what the caller meant.
	Warnings []fault.Warning `json:"warnings,omitempty"`
}

// revisionMethod is the handler of a method of revision.Service, whose request is
// the body. on-message-change takes it from there. Safe to repeat: see there.
func revisionMethod[R any](do func(*revision.Service, context.Context, string, *R) (revision.Answer, error)) func(context.Context, string, *http.Request) (any, error) {
	return func(ctx context.Context, userID string, r *http.Request) (any, error) {
		body, err := decode[R](r)
		if err != nil {
			return nil, err
		}
		s, err := revisions()
		if err != nil {
			return nil, err
		}
		return do(s, ctx, userID, body)
	}
}

// send stores a message; on-message takes it from there. Safe to repeat: see
// chat.Sender.
func send(ctx context.Context, userID string, r *http.Request) (any, error) {
	body, err := decode[chat.SendRequest](r)
	if err != nil {
		return nil, err
	}
	s, err := sender()
	if err != nil {
		return nil, err
	}
	m, err := s.Send(ctx, userID, body)
	if err != nil {
		return nil, err
	}
	return sendAnswer{Message: m.Sent(), Warnings: pushWarnings(ctx, m.Push)}, nil
}

// pushWarnings tells of a push that will not look as its sender asked. It is of
// what is done already, so what can't be looked up is passed over.
func pushWarnings(ctx context.Context, p *chat.PushConfig) []fault.Warning {
	if p == nil || p.ResourcesID == "" {
		return nil
	}
	known, err := resources()
	if err != nil {
		return nil
	}
	if r, err := known.Find(ctx, p.ResourcesID); err != nil || r != nil {
		return nil
	}
	return []fault.Warning{{
		Field:   "config.pushConfig.resourcesID",
		Message: "there is no such resource, so the push is shown plainly: apply it with the command doorbell resources, or leave it out",
	}}
}
