package system

import (
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

//go:embed auth.js
var authScript []byte

// startAuth starts the Auth emulator.
func (s *System) startAuth(ctx context.Context) error {
	node, err := findNode(ctx)
	if err != nil {
		return err
	}
	modules, err := npmPackages(ctx, s.log)
	if err != nil {
		return err
	}
	script := filepath.Join(s.dir, "auth.js")
	if err := os.WriteFile(script, authScript, 0o600); err != nil {
		return err
	}
	cmd := exec.Command(node, script, modules, s.ProjectID, host, strconv.Itoa(s.ports.Auth))
	cmd.Dir = s.dir
	p, err := s.start("auth", cmd)
	if err != nil {
		return err
	}
	return p.await(ctx, func(ctx context.Context) error { return get(ctx, "http://"+s.AuthHost()+"/") })
}

// SignIn signs a user in: see the function of that name.
func (s *System) SignIn(ctx context.Context, userID string) (idToken string, err error) {
	return SignIn(ctx, s.AuthHost(), userID)
}

// SignInOperator signs in a user who may ask about everybody's pushes.
func (s *System) SignInOperator(ctx context.Context, userID string) (idToken string, err error) {
	return signIn(ctx, s.AuthHost(), "", userID, map[string]any{"doorbellOperator": true})
}

// SignInAt signs in a user of a tenant, which the emulator makes on first use.
func (s *System) SignInAt(ctx context.Context, tenant, userID string) (idToken string, err error) {
	return signIn(ctx, s.AuthHost(), tenant, userID, nil)
}

// SignIn signs a user in at an Auth emulator, creating the account on first use,
// and returns the ID token that the user's clients send. It does what a back end
// and an app do together: mint a custom token and exchange it. The emulator takes
// unsigned ones.
func SignIn(ctx context.Context, authHost, userID string) (idToken string, err error) {
	return signIn(ctx, authHost, "", userID, nil)
}

// signIn signs in a user, of a tenant where one is named, whose token has claims.
func signIn(ctx context.Context, authHost, tenant, userID string, claims map[string]any) (idToken string, err error) {
	token, err := customToken(tenant, userID, claims)
	if err != nil {
		return "", err
	}
	var answer struct{ IDToken string }
	url := "http://" + authHost + "/identitytoolkit.googleapis.com/v1/accounts:signInWithCustomToken?key=any"
	in := map[string]any{"token": token, "returnSecureToken": true}
	if tenant != "" {
		in["tenantId"] = tenant
	}
	if err := call(ctx, http.MethodPost, url, in, &answer); err != nil {
		return "", fmt.Errorf("sign %s in: %w", userID, err)
	}
	return answer.IDToken, nil
}

// Backend is the service account of the operator's backend in a local system.
const Backend = "backend@doorbell-local.iam.gserviceaccount.com"

// backendAudience is what its tokens are made for.
const backendAudience = "http://localhost"

// BackendToken is an ID token of Backend as Google would sign one, for an hour.
// The functions of a local system, whose Auth is an emulator, take it unsigned.
func BackendToken() (string, error) {
	now := time.Now()
	payload, err := json.Marshal(map[string]any{
		"iss": "https://accounts.google.com", "aud": backendAudience, "sub": "1", "azp": "1", "email": Backend, "email_verified": true,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	return unsigned(payload), err
}

// unsigned is a JWT without a signature.
func unsigned(payload []byte) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(payload) + "."
}

// customToken is a Firebase custom token for a user, of a tenant if it is named, without
// a signature.
func customToken(tenant, userID string, claims map[string]any) (string, error) {
	token := map[string]any{
		"uid": userID,
		"aud": "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit",
	}
	if tenant != "" {
		token["tenant_id"] = tenant
	}
	if claims != nil {
		token["claims"] = claims
	}
	payload, err := json.Marshal(token)
	return unsigned(payload), err
}
