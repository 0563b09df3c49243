// Package backend is the operator's own servers, which may send as the system.
// Who they are, they prove with an ID token that Google signs for their service
// account.
package backend

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/idtoken"

	"github.com/doorbell-push/doorbell/shared/fault"
)

// Issuers of Google's ID tokens (Google Identity, "Validate an ID token").
var issuers = []string{"https://accounts.google.com", "accounts.google.com"}

// stripped is what Cloud Run puts in the place of a token's signature once it has
// checked it itself, which it does with tokens that are meant for its own URL.
const stripped = "SIGNATURE_REMOVED_BY_GOOGLE"

// Validator proves that Google signed a token and that it hasn't expired;
// *idtoken.Validator is one, which keeps Google's keys for as long as Google says.
type Validator interface {
	// Validate checks a token; an empty audience is not looked at.
	Validate(ctx context.Context, idToken, audience string) (*idtoken.Payload, error)
}

// Accounts is the service accounts that may send as the system.
type Accounts struct {
	// Emails are theirs; none: nobody may.
	Emails []string
	// Audiences are what their tokens may be made for.
	Audiences []string
	// Google proves tokens; nil, for local runs: tokens carry no signature, as
	// those of Firebase's Auth emulator, and all else of them is held to the rules.
	Google Validator
	Now    func() time.Time
}

// Identify is the email of the service account a token was issued to. Else it
// fails: with 401 for a token that proves nothing, 403 for somebody who isn't one
// of a, and 503 where Google's keys can't be had.
func (a *Accounts) Identify(ctx context.Context, token string) (email string, err error) {
	if len(a.Emails) == 0 {
		return "", fault.New(fault.PermissionDenied, fault.TokenInvalid, "nobody may send as the system here: the operator names service accounts in DOORBELL_SYSTEM_ACCOUNTS")
	}
	payload, err := a.proved(ctx, token)
	if err != nil {
		return "", err
	}
	return a.check(payload)
}

// proved is what a token says, once it is known who says it.
func (a *Accounts) proved(ctx context.Context, token string) (*idtoken.Payload, error) {
	algorithm, signature, ok := parts(token)
	switch {
	case !ok:
		return nil, invalid("the token is no ID token of Google's")
	case a.Google == nil && (algorithm != "none" || signature != ""):
		return nil, invalid("a local system takes tokens without a signature only")
	case a.Google == nil:
		p, err := idtoken.ParsePayload(token)
		if err != nil {
			return nil, invalid("the token is no ID token of Google's")
		}
		if a.Now().Unix() > p.Expires {
			return nil, expired()
		}
		return p, nil
	case signature == stripped:
		return nil, invalid("Cloud Run has taken the token's signature away: make the token for the public host, not for the function's own URL")
	case algorithm != "RS256": // that of Identity-Aware Proxy too, which vouches for people
		return nil, invalid("the token is not signed with RS256, as Google does for service accounts")
	}
	p, err := a.Google.Validate(ctx, token, "")
	if err == nil {
		return p, nil
	}
	if said, unproved := idtoken.ParsePayload(token); unproved == nil && a.Now().Unix() > said.Expires {
		return nil, expired()
	}
	if unreachable(err) {
		return nil, errors.Join(fault.New(fault.Unavailable, fault.ServerError, "the token can't be verified right now: retry"), err)
	}
	return nil, invalid("the token is not signed by Google")
}

// check is the account of a token that is proved, if it is one of a's.
func (a *Accounts) check(p *idtoken.Payload) (string, error) {
	email, _ := p.Claims["email"].(string)
	verified, _ := p.Claims["email_verified"].(bool)
	switch {
	case !slices.Contains(issuers, p.Issuer):
		return "", invalid("the token is not issued by Google")
	case p.Audience == "" || !slices.Contains(a.Audiences, p.Audience):
		return "", invalid("the token is for another audience: make it for one of DOORBELL_SYSTEM_AUDIENCES")
	case email == "" || !verified:
		return "", invalid("the token names no service account: ask for it with its email (--include-email)")
	case !slices.Contains(a.Emails, email):
		return "", fault.New(fault.PermissionDenied, fault.TokenInvalid, "this service account may not send as the system: the operator names those that may in DOORBELL_SYSTEM_ACCOUNTS")
	}
	return email, nil
}

// parts is the algorithm that a token claims to be signed with, and the signature.
func parts(token string) (algorithm, signature string, ok bool) {
	segments := strings.Split(token, ".")
	if len(segments) != 3 {
		return "", "", false
	}
	b, err := base64.RawURLEncoding.DecodeString(segments[0])
	var header struct {
		Algorithm string `json:"alg"`
	}
	if err != nil || json.Unmarshal(b, &header) != nil {
		return "", "", false
	}
	return header.Algorithm, segments[2], true
}

// unreachable reports whether Validate failed because it could not get Google's
// keys, for which it has no error of its own where the answer isn't 200.
func unreachable(err error) bool {
	var network *url.Error
	return errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "unable to retrieve cert")
}

func invalid(message string) error {
	return fault.New(fault.Unauthenticated, fault.TokenInvalid, "%s", message)
}

func expired() error {
	return fault.New(fault.Unauthenticated, fault.TokenExpired, "the token has expired: get a new one from Google and retry")
}
