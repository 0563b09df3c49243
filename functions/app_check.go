package functions

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"

	firebase "firebase.google.com/go/v4"
	"firebase.google.com/go/v4/appcheck"
	"golang.org/x/sync/singleflight"

	"github.com/doorbell-push/doorbell/shared/config"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// appCheckHeader is where Firebase's SDKs put their App Check token.
const appCheckHeader = "X-Firebase-AppCheck"

// checkApp refuses a request that doesn't come from the operator's app, if that
// is wanted. What it proves is that the app asks, not which user: the ID token
// does that, and both are needed.
func checkApp(ctx context.Context, mode config.AppCheck, r *http.Request) error {
	if mode != config.AppCheckLog && mode != config.AppCheckEnforce {
		return nil
	}
	err := verifyApp(ctx, r.Header.Values(appCheckHeader))
	if err == nil || mode == config.AppCheckEnforce {
		return err
	}
	slog.WarnContext(ctx, "app check failed, and the request was served", "path", r.URL.Path, "error", err)
	return nil
}

func verifyApp(ctx context.Context, tokens []string) error {
	if len(tokens) != 1 || tokens[0] == "" {
		return fault.New(fault.Unauthenticated, fault.TokenInvalid, "send one App Check token of the app as %s", appCheckHeader)
	}
	client, err := appTokens.client(ctx)
	if err != nil {
		return errors.Join(fault.New(fault.Unavailable, fault.ServerError, "the App Check token can't be verified right now: retry"), err)
	}
	if _, err := client.VerifyToken(tokens[0]); err != nil {
		return fault.New(fault.Unauthenticated, fault.TokenInvalid, "the App Check token is not valid for this project, or has expired: get a new one from Firebase and retry")
	}
	return nil
}

// appTokens verifies App Check tokens.
var appTokens = new(appVerifier)

// appVerifier is a client of App Check, made on first use. Making it fetches
// Google's keys; so unlike what deps.go holds, one that can't be made is tried
// again with the next request, and a request waits no longer than its own time.
// The client itself then keeps the keys up to date.
type appVerifier struct {
	made   atomic.Pointer[appcheck.Client]
	making singleflight.Group
}

func (v *appVerifier) client(ctx context.Context) (*appcheck.Client, error) {
	if c := v.made.Load(); c != nil {
		return c, nil
	}
	select {
	case result := <-v.making.DoChan("", v.fetch):
		c, _ := result.Val.(*appcheck.Client)
		return c, result.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (v *appVerifier) fetch() (any, error) {
	c, err := settings()
	if err != nil {
		return nil, err
	}
	app, err := firebase.NewApp(context.Background(), &firebase.Config{ProjectID: c.ProjectID})
	if err != nil {
		return nil, err
	}
	client, err := app.AppCheck(context.Background())
	if err != nil {
		return nil, err
	}
	v.made.Store(client)
	return client, nil
}
