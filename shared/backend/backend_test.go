package backend_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/api/idtoken"
	"google.golang.org/api/option"

	"github.com/doorbell-push/doorbell/shared/backend"
	"github.com/doorbell-push/doorbell/shared/fault"
)

const (
	robot    = "robot@demo.iam.gserviceaccount.com"
	audience = "https://demo.web.app"
)

type claims map[string]any

// valid is what Google says of robot, changed by edits.
func valid(edits ...func(claims)) claims {
	c := claims{
		"iss": "https://accounts.google.com", "aud": audience, "sub": "1", "azp": "1", "email": robot, "email_verified": true,
		"iat": time.Now().Add(-time.Minute).Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	for _, edit := range edits {
		edit(c)
	}
	return c
}

func with(name string, v any) func(claims) { return func(c claims) { c[name] = v } }

func without(name string) func(claims) { return func(c claims) { delete(c, name) } }

func segment(v any) string {
	b, _ := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(b)
}

// google is a stand-in for Google's keys, at the HTTP edge of the library that
// asks for them.
type google struct {
	key   *rsa.PrivateKey
	asked atomic.Int64
	fails func() (*http.Response, error)
}

func (g *google) RoundTrip(r *http.Request) (*http.Response, error) {
	g.asked.Add(1)
	if g.fails != nil {
		return g.fails()
	}
	body := fmt.Sprintf(`{"keys":[{"kid":"k","kty":"RSA","alg":"RS256","use":"sig","n":%q,"e":%q}]}`,
		base64.RawURLEncoding.EncodeToString(g.key.N.Bytes()), base64.RawURLEncoding.EncodeToString(big.NewInt(int64(g.key.E)).Bytes()))
	return &http.Response{
		StatusCode: 200, Request: r, Header: http.Header{"Cache-Control": {"public, max-age=3600"}}, Body: io.NopCloser(bytes.NewReader([]byte(body))),
	}, nil
}

func (g *google) sign(t *testing.T, key *rsa.PrivateKey, header, c any) string {
	t.Helper()
	signed := segment(header) + "." + segment(c)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

var rs256 = map[string]string{"alg": "RS256", "kid": "k", "typ": "JWT"}

func newKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func accounts(t *testing.T, g *google) *backend.Accounts {
	t.Helper()
	v, err := idtoken.NewValidator(t.Context(), option.WithHTTPClient(&http.Client{Transport: g}))
	if err != nil {
		t.Fatal(err)
	}
	return &backend.Accounts{Emails: []string{"other@demo.iam.gserviceaccount.com", robot}, Audiences: []string{"https://own", audience}, Google: v, Now: time.Now}
}

func expect(t *testing.T, name string, a *backend.Accounts, token string, status int, code fault.Code) {
	t.Helper()
	email, err := a.Identify(t.Context(), token)
	if status == 0 {
		if err != nil || email != robot {
			t.Errorf("%s: %q, %v", name, email, err)
		}
		return
	}
	if f := fault.From(err); err == nil || email != "" || f.Status.HTTP() != status || f.Code != code {
		t.Errorf("%s: %q, %v; want %d with code %d", name, email, err, status, code)
	}
}

func TestIdentify(t *testing.T) {
	g := &google{key: newKey(t)}
	a := accounts(t, g)
	for name, tc := range map[string]struct {
		claims claims
		status int
		code   fault.Code
	}{
		"the account":            {valid(), 0, 0},
		"the older issuer":       {valid(with("iss", "accounts.google.com")), 0, 0},
		"the other audience":     {valid(with("aud", "https://own")), 0, 0},
		"expired":                {valid(with("exp", time.Now().Add(-time.Minute).Unix())), 401, fault.TokenExpired},
		"another audience":       {valid(with("aud", "https://elsewhere")), 401, fault.TokenInvalid},
		"no audience":            {valid(without("aud")), 401, fault.TokenInvalid},
		"another issuer":         {valid(with("iss", "https://securetoken.google.com/demo")), 401, fault.TokenInvalid},
		"no email":               {valid(without("email")), 401, fault.TokenInvalid},
		"an email nobody proved": {valid(with("email_verified", false)), 401, fault.TokenInvalid},
		"verified as a string":   {valid(with("email_verified", "true")), 401, fault.TokenInvalid},
		"another account":        {valid(with("email", "mallory@evil.iam.gserviceaccount.com")), 403, fault.TokenInvalid},
		"in other letters":       {valid(with("email", "ROBOT@demo.iam.gserviceaccount.com")), 403, fault.TokenInvalid},
	} {
		expect(t, name, a, g.sign(t, g.key, rs256, tc.claims), tc.status, tc.code)
	}
	if n := g.asked.Load(); n != 1 {
		t.Errorf("Google's keys were fetched %d times", n)
	}
	nobody := accounts(t, g)
	nobody.Emails = nil
	expect(t, "nobody may", nobody, g.sign(t, g.key, rs256, valid()), 403, fault.TokenInvalid)
}

// What isn't signed by Google proves nothing, and none of it makes us panic.
func TestForgedTokens(t *testing.T) {
	g := &google{key: newKey(t)}
	a := accounts(t, g)
	good := g.sign(t, g.key, rs256, valid())
	unsigned := segment(map[string]string{"alg": "none"}) + "." + segment(valid()) + "."
	es256 := segment(map[string]string{"alg": "ES256", "kid": "k"}) + "." + segment(valid())
	for name, token := range map[string]string{
		"nothing": "", "a word": "x", "two parts": "a.b", "three": "a.b.c", "four": good + ".x",
		"no signature": unsigned, "stripped": good[:len(good)-342] + "SIGNATURE_REMOVED_BY_GOOGLE",
		"another key":      g.sign(t, newKey(t), rs256, valid()),
		"an unknown kid":   g.sign(t, g.key, map[string]string{"alg": "RS256", "kid": "other"}, valid()),
		"of another token": segment(rs256) + "." + segment(valid(with("sub", "2"))) + good[len(good)-343:],
		"HS256":            g.sign(t, g.key, map[string]string{"alg": "HS256", "kid": "k"}, valid()),
		"ES256":            es256 + "." + segment("x"), "a short ES256": es256 + ".eA",
		"no claims": segment(rs256) + ".." + good[len(good)-342:], "claims are a list": g.sign(t, g.key, rs256, []int{1}),
	} {
		expect(t, name, a, token, 401, fault.TokenInvalid)
	}
}

// Google's keys can't be had: that is nobody's fault, and it may pass.
func TestKeysUnreachable(t *testing.T) {
	for name, fails := range map[string]func() (*http.Response, error){
		"no network": func() (*http.Response, error) { return nil, errors.New("no network") },
		"a 500": func() (*http.Response, error) {
			return &http.Response{StatusCode: 500, Body: io.NopCloser(bytes.NewReader(nil))}, nil
		},
	} {
		g := &google{key: newKey(t), fails: fails}
		a := accounts(t, g)
		token := g.sign(t, g.key, rs256, valid())
		expect(t, name, a, token, 503, fault.ServerError)
		g.fails = nil
		expect(t, name+", then the keys", a, token, 0, 0)
	}
}

// A local system proves nothing, and holds tokens to the rest.
func TestLocalTokens(t *testing.T) {
	none := segment(map[string]string{"alg": "none"})
	a := &backend.Accounts{Emails: []string{robot}, Audiences: []string{audience}, Now: time.Now}
	for name, tc := range map[string]struct {
		token  string
		status int
		code   fault.Code
	}{
		"unsigned":         {none + "." + segment(valid()) + ".", 0, 0},
		"expired":          {none + "." + segment(valid(with("exp", 1))) + ".", 401, fault.TokenExpired},
		"another account":  {none + "." + segment(valid(with("email", "x@y"))) + ".", 403, fault.TokenInvalid},
		"another audience": {none + "." + segment(valid(with("aud", "x"))) + ".", 401, fault.TokenInvalid},
		"a user's":         {none + "." + segment(valid(with("iss", "https://securetoken.google.com/demo"))) + ".", 401, fault.TokenInvalid},
		"signed":           {none + "." + segment(valid()) + ".x", 401, fault.TokenInvalid},
		"claims signed":    {segment(rs256) + "." + segment(valid()) + ".", 401, fault.TokenInvalid},
		"no claims":        {none + ".x.", 401, fault.TokenInvalid},
	} {
		expect(t, name, a, tc.token, tc.status, tc.code)
	}
}

// No token makes it panic, or is believed.
func FuzzIdentify(f *testing.F) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}
	v, err := idtoken.NewValidator(context.Background(), option.WithHTTPClient(&http.Client{Transport: &google{key: key}}))
	if err != nil {
		f.Fatal(err)
	}
	a := &backend.Accounts{Emails: []string{robot}, Audiences: []string{audience}, Google: v, Now: time.Now}
	for _, header := range []any{rs256, map[string]string{"alg": "ES256", "kid": "k"}, map[string]string{"alg": "none"}, 1} {
		f.Add(segment(header) + "." + segment(valid()) + ".eA")
	}
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		if email, err := a.Identify(context.Background(), token); err == nil {
			t.Errorf("%q is believed to be %s", token, email)
		}
	})
}
