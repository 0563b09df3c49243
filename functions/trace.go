package functions

import (
	"context"
	"net/http"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/trace"
)

// operatorClaim is the custom claim of a Firebase user who may ask about
// everybody's pushes. Only a back end with the project's own credentials can set
// it (Admin SDK, setCustomUserClaims).
const operatorClaim = "doorbellOperator"

// getTrace is the story of the message or call that the query names, for
// operators. It shows no text and no token. Safe to repeat: it only reads.
func getTrace(ctx context.Context, _ string, r *http.Request) (any, error) {
	if err := operator(ctx, r); err != nil {
		return nil, err
	}
	query, err := parameters(r, "give messageID or callID, and userID if you like, each once", "messageID", "callID", "userID")
	if err != nil {
		return nil, err
	}
	field, id := "messageID", query.Get("messageID")
	if callID := query.Get("callID"); callID != "" {
		if id != "" {
			return nil, fault.Invalid("callID", "give messageID or callID, not both")
		}
		field, id = "callID", callID
	}
	if err := chat.CheckID(field, id); err != nil {
		return nil, err
	}
	if userID := query.Get("userID"); userID != "" {
		if err := chat.CheckID("userID", userID); err != nil {
			return nil, err
		}
	}
	db, err := stories()
	if err != nil {
		return nil, err
	}
	return trace.Read(ctx, *db, id, query.Get("userID"))
}

// operator refuses who calls without the operator's claim. Their token was
// verified before; that is done again for what it says, which asks nobody.
func operator(ctx context.Context, r *http.Request) error {
	token, err := verified(ctx, r)
	if err != nil {
		return err
	}
	if is, _ := token.Claims[operatorClaim].(bool); !is {
		return fault.New(fault.PermissionDenied, fault.ParamsInvalid, "this is for operators: it takes a user with the custom claim %s", operatorClaim)
	}
	return nil
}
