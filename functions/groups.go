package functions

import (
	"context"
	"net/http"

	"github.com/doorbell-push/doorbell/shared/group"
)

// groupRoutes is what can be done with groups, each a method of group.Service.
var groupRoutes = routes{
	"group-create":              {http.MethodPost: groupMethod((*group.Service).Create)},
	"group-join":                {http.MethodPost: groupMethod((*group.Service).Join)},
	"group-leave":               {http.MethodPost: groupMethod((*group.Service).Leave)},
	"group-invite":              {http.MethodPost: groupMethod((*group.Service).Invite)},
	"group-kick":                {http.MethodPost: groupMethod((*group.Service).Kick)},
	"group-dismiss":             {http.MethodPost: groupMethod((*group.Service).Dismiss)},
	"group-members":             {http.MethodPost: groupMethod((*group.Service).Members)},
	"group-mine":                {http.MethodPost: groupMethod((*group.Service).Mine)},
	"group-info":                {http.MethodPost: groupMethod((*group.Service).Info)},
	"group-notification-status": {http.MethodPost: groupMethod((*group.Service).SetStatus)},
	"group-role":                {http.MethodPost: groupMethod((*group.Service).SetRole)},
	"group-transfer":            {http.MethodPost: groupMethod((*group.Service).Transfer)},
}

// groupMethod is the handler of a method of group.Service, whose request is the
// body. Safe to repeat: see group.Service.
func groupMethod[R, A any](do func(*group.Service, context.Context, string, *R) (A, error)) func(context.Context, string, *http.Request) (any, error) {
	return func(ctx context.Context, userID string, r *http.Request) (any, error) {
		body, err := decode[R](r)
		if err != nil {
			return nil, err
		}
		s, err := groups()
		if err != nil {
			return nil, err
		}
		return do(s, ctx, userID, body)
	}
}
