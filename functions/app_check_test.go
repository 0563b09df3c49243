package functions

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"firebase.google.com/go/v4/appcheck"

	"github.com/doorbell-push/doorbell/shared/config"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/logs"
)

// appCheckService publishes the keys that App Check tokens are signed with.
type appCheckService struct {
	t    *testing.T
	key  *rsa.PrivateKey
	down atomic.Bool
}

// newAppCheck has the functions treat App Check tokens in a mode, verified with
// a service of the test's own.
func newAppCheck(t *testing.T, mode config.AppCheck) *appCheckService {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := &appCheckService{t: t, key: key}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if s.down.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		encode := base64.RawURLEncoding.EncodeToString
		fmt.Fprintf(w, `{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":"k1","n":%q,"e":%q}]}`,
			encode(key.N.Bytes()), encode(big.NewInt(int64(key.E)).Bytes()))
	}))
	t.Cleanup(server.Close)
	before := appcheck.JWKSUrl
	appcheck.JWKSUrl = server.URL
	appTokens = new(appVerifier) // another, since the one before may still be at work
	t.Cleanup(func() { appcheck.JWKSUrl, appTokens = before, new(appVerifier) })
	replace(t, &settings, &config.Config{ProjectID: "demo", AppCheck: mode}, nil)
	return s
}

// token is an App Check token, changed by edits.
func (s *appCheckService) token(edits ...func(header, claims map[string]any)) string {
	header := map[string]any{"alg": "RS256", "typ": "JWT", "kid": "k1"}
	now := time.Now()
	claims := map[string]any{
		"iss": "https://firebaseappcheck.googleapis.com/123", "aud": []string{"projects/123", "projects/demo"},
		"sub": "1:123:web:abc", "iat": now.Add(-time.Minute).Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	for _, edit := range edits {
		edit(header, claims)
	}
	part := func(v any) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	signed := part(header) + "." + part(claims)
	hash := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, hash[:])
	if err != nil {
		s.t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func claim(name string, v any) func(header, claims map[string]any) {
	return func(_, claims map[string]any) { claims[name] = v }
}

func TestAppCheck(t *testing.T) {
	onMemory(t)
	other := newAppCheck(t, config.AppCheckEnforce).token() // signed by nobody we know
	s := newAppCheck(t, config.AppCheckEnforce)
	valid := s.token()
	with := func(tokens ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(appCheckHeader)] = tokens }
	}
	for name, tc := range map[string]struct {
		edit func(*http.Request)
		ok   bool
	}{
		"valid":                    {with(valid), true},
		"none":                     {func(*http.Request) {}, false},
		"empty":                    {with(""), false},
		"two":                      {with(valid, valid), false},
		"not a token":              {with("x"), false},
		"a user's ID token":        {with(idToken("alice", "demo", time.Hour)), false},
		"another signer's":         {with(other), false},
		"cut":                      {with(valid[:len(valid)-10]), false},
		"unsigned":                 {with(valid[:strings.LastIndex(valid, ".")+1]), false},
		"another project's":        {with(s.token(claim("aud", []string{"projects/other"}))), false},
		"another issuer's":         {with(s.token(claim("iss", "https://evil.example/"))), false},
		"expired":                  {with(s.token(claim("exp", time.Now().Add(-time.Minute).Unix()))), false},
		"of no app":                {with(s.token(claim("sub", ""))), false},
		"another algorithm's":      {with(s.token(func(h, _ map[string]any) { h["alg"] = "HS256" })), false},
		"signed by an unknown key": {with(s.token(func(h, _ map[string]any) { h["kid"] = "k2" })), false},
	} {
		resp := call("alice", http.MethodPost, "/send", `{}`, tc.edit)
		_, e := answer(t, resp)
		if tc.ok && resp.StatusCode != 400 || !tc.ok && (resp.StatusCode != 401 || e.Code != fault.TokenInvalid || !strings.Contains(e.Message, "App Check")) {
			t.Errorf("%s: %d %+v", name, resp.StatusCode, e)
		}
	}
	// It doesn't replace the user's own token.
	resp := call("", http.MethodPost, "/send", `{}`, with(valid), func(r *http.Request) { r.Header.Del("Authorization") })
	if _, e := answer(t, resp); resp.StatusCode != 401 || e.Code != fault.UserIsNotLogged {
		t.Errorf("an app without a user: %d %+v", resp.StatusCode, e)
	}
	// A browser asks first, and can't send it then.
	if resp := call("", http.MethodOptions, "/send", ``); resp.StatusCode != 204 {
		t.Errorf("a preflight: %d", resp.StatusCode)
	}
}

// Log serves everybody and tells, without the token; Off doesn't look.
func TestAppCheckIsNotEnforced(t *testing.T) {
	onMemory(t)
	logger := slog.Default()
	defer slog.SetDefault(logger)
	for mode, want := range map[config.AppCheck]int{config.AppCheckLog: 2, config.AppCheckOff: 0, "": 0} {
		s := newAppCheck(t, mode)
		var log bytes.Buffer
		slog.SetDefault(logs.New(&log, "demo"))
		for _, token := range []string{"s3cret", "", s.token()} {
			if resp := call("alice", http.MethodPost, "/send", `{}`, header(appCheckHeader, token)); resp.StatusCode != 400 {
				t.Errorf("%s, %.10q: %d", mode, token, resp.StatusCode)
			}
		}
		if got := strings.Count(log.String(), "app check failed"); got != want || strings.Contains(log.String(), "s3cret") {
			t.Errorf("%s: logged %s", mode, log.String())
		}
	}
}

// Google's keys can't be had: that is not the caller's fault, and doesn't last.
func TestAppCheckKeysUnavailable(t *testing.T) {
	onMemory(t)
	s := newAppCheck(t, config.AppCheckEnforce)
	s.down.Store(true)
	send := func() (*http.Response, *fault.Error) {
		resp := call("alice", http.MethodPost, "/send", `{}`, header(appCheckHeader, s.token()))
		_, e := answer(t, resp)
		return resp, e
	}
	if resp, e := send(); resp.StatusCode != 503 || e.Code != fault.ServerError {
		t.Errorf("without keys: %d %+v", resp.StatusCode, e)
	}
	s.down.Store(false)
	for range 2 {
		if resp, e := send(); resp.StatusCode != 400 {
			t.Errorf("with keys again: %d %+v", resp.StatusCode, e)
		}
	}
	s.down.Store(true) // the keys are kept
	if resp, e := send(); resp.StatusCode != 400 {
		t.Errorf("without the service: %d %+v", resp.StatusCode, e)
	}
	// A request waits for them no longer than it has time.
	newAppCheck(t, config.AppCheckEnforce)
	asked, stalled := make(chan struct{}, 100), make(chan struct{})
	stall := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-stalled
	}))
	defer stall.Close()
	defer close(stalled)
	appcheck.JWKSUrl = stall.URL
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := verifyApp(ctx, []string{"x"}); fault.From(err).Status != fault.Unavailable {
		t.Errorf("after the request's end: %v", err)
	}
	<-asked // it goes on without the request, and has read the URL by now
}
