package functions

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/config"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/limit"
)

// limited has the functions limit requests, at a clock that the test sets.
func limited(t *testing.T, rates map[string]limit.Rate, now *time.Time) {
	t.Helper()
	replace(t, &settings, &config.Config{ProjectID: "demo", RateLimits: rates, AllowedOrigins: []string{"*"}}, nil)
	replace(t, &limits, limit.New(100, func() time.Time { return *now }), nil)
}

func TestTooManyRequests(t *testing.T) {
	onMemory(t)
	now := clock
	limited(t, map[string]limit.Rate{"send": {PerSecond: 0.1, Burst: 2}, config.AnyPath: {PerSecond: 1, Burst: 1}}, &now)
	post := func(user, path string, wantStatus int, retryAfter string) {
		t.Helper()
		resp := call(user, http.MethodPost, path, `{}`, header("Origin", "https://app.example"))
		_, e := answer(t, resp)
		if resp.StatusCode != wantStatus || resp.Header.Get("Retry-After") != retryAfter {
			t.Errorf("%s %s: %d %+v, Retry-After %q", user, path, resp.StatusCode, e, resp.Header.Get("Retry-After"))
		}
		if wantStatus != http.StatusTooManyRequests {
			return
		}
		if e.Code != fault.ServerFrequencyLimit || e.Status != fault.ResourceExhausted || !strings.Contains(e.Message, path) {
			t.Errorf("%s %s: %+v", user, path, e)
		}
		if resp.Header.Get("Access-Control-Allow-Origin") == "" || resp.Header.Get("Access-Control-Expose-Headers") != "Retry-After" {
			t.Errorf("a page can't read it: %v", resp.Header)
		}
	}
	post("alice", "/send", 400, "") // requests that fail are counted too
	post("alice", "/send", 400, "")
	post("alice", "/send", 429, "10")
	post("bob", "/send", 400, "")
	post("alice", "/register", 400, "")
	post("alice", "/register", 429, "1")
	post("alice", "/presence", 400, "") // each path of AnyPath by itself
	now = now.Add(time.Millisecond)
	post("alice", "/register", 429, "1")
	now = now.Add(10 * time.Second)
	post("alice", "/send", 400, "")
	post("alice", "/send", 429, "10")

	// Who can't say who they are is not counted, and neither is a preflight.
	for range 5 {
		if resp := call("", http.MethodPost, "/send", `{}`, header("Authorization", "Bearer x")); resp.StatusCode != 401 {
			t.Errorf("an invalid token: %d", resp.StatusCode)
		}
		if resp := call("carol", http.MethodOptions, "/send", ``); resp.StatusCode != 204 {
			t.Errorf("a preflight: %d", resp.StatusCode)
		}
	}
	post("carol", "/send", 400, "")
}

// A function's own URL and the path named after it are one.
func TestRateOfAFunctionsOwnURL(t *testing.T) {
	onMemory(t)
	now := clock
	limited(t, map[string]limit.Rate{"send": {PerSecond: 1, Burst: 2}}, &now)
	for i, path := range []string{"/", "/send", "/elsewhere"} {
		r, _ := http.NewRequest(http.MethodPost, path, strings.NewReader(`{}`))
		r.Header.Set("Authorization", "Bearer "+idToken("alice", "demo", time.Hour))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		endpoint("send", clientFunctions["send"])(w, r)
		if want := []int{400, 400, 429}[i]; w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}

// Without an entry there is no limit, and an entry for no path is a mistake.
func TestRatesConfigured(t *testing.T) {
	onMemory(t)
	for range 300 {
		if resp := call("alice", http.MethodPost, "/send", `{}`); resp.StatusCode != 400 {
			t.Fatalf("without limits: %d", resp.StatusCode)
		}
	}
	replace(t, &limits, nil, errors.New("secret detail"))
	replace(t, &settings, &config.Config{ProjectID: "demo", RateLimits: map[string]limit.Rate{"*": {PerSecond: 1, Burst: 1}}}, nil)
	resp := call("alice", http.MethodPost, "/send", `{}`)
	if _, e := answer(t, resp); resp.StatusCode != 500 || strings.Contains(e.Message, "secret") {
		t.Errorf("limits that can't be: %d %+v", resp.StatusCode, e)
	}
}

// Every path that the defaults name is one, and every path has a limit.
func TestDefaultRates(t *testing.T) {
	c, err := config.Read(func(name string) string { return map[string]string{"GOOGLE_CLOUD_PROJECT": "demo"}[name] })
	if err != nil {
		t.Fatal(err)
	}
	for path := range c.RateLimits {
		if path != config.AnyPath && !isPath(path) {
			t.Errorf("%q is no path", path)
		}
	}
	if c.RateLimits[config.AnyPath] == (limit.Rate{}) {
		t.Errorf("the other paths have no limit: %v", slices.Sorted(maps.Keys(c.RateLimits)))
	}
	if isPath("sned") || !isPath("blacklist-add") {
		t.Error("isPath")
	}
}
