package functions

import (
	"context"
	"net/http"

	"github.com/doorbell-push/doorbell/shared/inbox"
)

// syncRoutes is what a client does with its user's conversations, and where an
// operator asks what became of a push.
var syncRoutes = routes{
	"sync":                             {http.MethodPost: inboxMethod((*inbox.Service).Sync)},
	"read":                             {http.MethodPost: inboxMethod((*inbox.Service).Read)},
	"conversations":                    {http.MethodPost: inboxMethod((*inbox.Service).List)},
	"messages":                         {http.MethodPost: inboxMethod((*inbox.Service).History)},
	"conversation-notification-status": {http.MethodPost: setConversationStatus},
	"trace":                            {http.MethodGet: getTrace},
}

// inboxMethod is the handler of a method of inbox.Service, whose request is the
// body. Safe to repeat: all but Read only read, and for that see there.
func inboxMethod[R, A any](do func(*inbox.Service, context.Context, string, *R) (A, error)) func(context.Context, string, *http.Request) (any, error) {
	return func(ctx context.Context, userID string, r *http.Request) (any, error) {
		body, err := decode[R](r)
		if err != nil {
			return nil, err
		}
		s, err := inboxes()
		if err != nil {
			return nil, err
		}
		return do(s, ctx, userID, body)
	}
}
