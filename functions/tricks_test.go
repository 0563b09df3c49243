package functions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/logs"
)

// Headers that other software takes as another method, user or body change
// nothing, and those of which there must be one may not be two.
func TestHeaderTricks(t *testing.T) {
	onMemory(t)
	alice, bob := "Bearer "+idToken("alice", "demo", time.Hour), "Bearer "+idToken("bob", "demo", time.Hour)
	add := func(name string, values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(name)] = values }
	}
	body := `{"deviceID":"d","platform":"web","state":"online"}`
	for name, tc := range map[string]struct {
		edit func(*http.Request)
		want int
	}{
		"two users":            {add("Authorization", alice, bob), 401},
		"one user twice":       {add("Authorization", alice, alice), 401},
		"two users in one":     {add("Authorization", alice+", "+bob), 401},
		"two content types":    {add("Content-Type", "application/json", "text/plain"), 415},
		"a compressed body":    {add("Content-Encoding", "gzip"), 415},
		"method override":      {add("X-HTTP-Method-Override", "DELETE"), 200},
		"method override, too": {add("X-Method-Override", "GET"), 200},
		"forwarded for":        {add("X-Forwarded-For", "127.0.0.1"), 200},
		"another user":         {add("X-Goog-Authenticated-User-Id", "accounts.google.com:bob"), 200},
		"another URL":          {add("X-Original-URL", "/push-rule"), 200},
		"another host":         {func(r *http.Request) { r.Host = "evil.example" }, 200},
		"a query":              {func(r *http.Request) { r.URL.RawQuery = "userID=bob&_method=DELETE&access_token=x" }, 200},
	} {
		resp := call("alice", http.MethodPost, "/presence", body, tc.edit)
		if resp.StatusCode != tc.want {
			got, _ := answer(t, resp)
			t.Errorf("%s: %d %v, want %d", name, resp.StatusCode, got, tc.want)
		}
		reg, _ := registry()
		users, err := reg.Store.Users(t.Context(), []string{"bob"})
		if err != nil || len(users) != 0 {
			t.Errorf("%s: acted as bob: %v, %v", name, users, err)
		}
	}
}

// However a path is written, it reaches nothing of another function, and
// nothing without a caller.
func TestPathTricks(t *testing.T) {
	onMemory(t)
	for _, path := range []string{"/send/../register", "/send/%2e%2e/register", "/send/..%2fregister", "//register", "/send;/register", "/register%00", "/REGISTER", "/.", "/..", "/register?x=/send"} {
		r := httptest.NewRequest(http.MethodPost, "https://host"+path, strings.NewReader(registerBody))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		endpoint("send", clientFunctions["send"])(w, r)
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%s without a caller: %d", path, w.Code)
		}
		r = httptest.NewRequest(http.MethodPost, "https://host"+path, strings.NewReader(registerBody))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+idToken("alice", "demo", time.Hour))
		w = httptest.NewRecorder()
		endpoint("send", clientFunctions["send"])(w, r)
		if w.Code != http.StatusBadRequest { // the body isn't send's
			t.Errorf("%s at send: %d %s", path, w.Code, w.Body)
		}
	}
}

// Whatever a request holds, a log line stays one line of JSON with one severity.
func TestLogInjection(t *testing.T) {
	onMemory(t)
	logger := slog.Default()
	defer slog.SetDefault(logger)
	var log bytes.Buffer
	slog.SetDefault(logs.New(&log, "demo"))
	evil := "x\n{\"severity\":\"ALERT\",\"message\":\"forged\"}\r\n\x1b[2J\u2028\u202e"
	fails := methods{http.MethodPost: func(context.Context, string, *http.Request) (any, error) {
		return nil, fmt.Errorf("of %q: %w", evil, errors.New(evil))
	}}
	for _, edit := range []func(*http.Request){
		func(r *http.Request) { r.URL.Path = "/" + evil },
		func(r *http.Request) { r.Header.Set("User-Agent", evil) },
		func(r *http.Request) { r.Method = http.MethodPost },
	} {
		r := httptest.NewRequest(http.MethodPost, "/f", nil)
		r.Header.Set("Authorization", "Bearer "+idToken("alice", "demo", time.Hour))
		edit(r)
		w := httptest.NewRecorder()
		endpoint("f", routes{"f": fails})(w, r)
		if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "forged") {
			t.Errorf("answered %d %s", w.Code, w.Body)
		}
	}
	lines := 0
	for line := range bytes.Lines(log.Bytes()) {
		lines++
		var entry map[string]any
		if err := json.Unmarshal(line, &entry); err != nil || entry["severity"] != "ERROR" || entry["message"] != "request failed" {
			t.Errorf("%v in %s", err, line)
		}
		if bytes.ContainsAny(line[:len(line)-1], "\n\r\x1b") || bytes.Count(line, []byte(`"severity":`)) != 1 {
			t.Errorf("a forged line: %s", line)
		}
	}
	if lines != 3 {
		t.Errorf("%d lines:\n%s", lines, log.Bytes())
	}
}
