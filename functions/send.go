package functions

import (
	"context"
	"net/http"

	"github.com/doorbell-push/doorbell/shared/chat"
)

// sendAnswer is the answer of POST send: ZIM's ZIMMessageSentResult.
type sendAnswer struct {
	Message chat.Sent `json:"message"`
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
	return sendAnswer{Message: m.Sent()}, nil
}
