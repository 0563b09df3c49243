package functions

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	firebase "firebase.google.com/go/v4"
	"firebase.google.com/go/v4/auth"
	"google.golang.org/api/option"

	"github.com/doorbell-push/doorbell/shared/backend"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/config"
	"github.com/doorbell-push/doorbell/shared/content"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/dryrun"
	"github.com/doorbell-push/doorbell/shared/fanout"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/inbox"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/receipt"
	"github.com/doorbell-push/doorbell/shared/revision"
	"github.com/doorbell-push/doorbell/shared/selftest"
	"github.com/doorbell-push/doorbell/shared/store"
	"github.com/doorbell-push/doorbell/shared/trace"
)

// replace sets a dependency for a test.
func replace[T any](t *testing.T, dependency *func() (T, error), v T, err error) {
	t.Helper()
	before := *dependency
	*dependency = func() (T, error) { return v, err }
	t.Cleanup(func() { *dependency = before })
}

var clock = time.UnixMilli(1_700_000_000_000)

// onMemory has the HTTP functions work on a store in memory, and check ID
// tokens as with the Auth emulator: unsigned, of users the emulator knows.
func onMemory(t *testing.T) *store.Memory {
	t.Helper()
	emulator := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ LocalID []string }
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || len(asked.LocalID) != 1 {
			t.Errorf("the Auth emulator was asked %v, %v", asked, err)
		}
		fmt.Fprintf(w, `{"users":[{"localId":%q}]}`, asked.LocalID[0])
	}))
	t.Cleanup(emulator.Close)
	t.Setenv("FIREBASE_AUTH_EMULATOR_HOST", strings.TrimPrefix(emulator.URL, "http://"))
	replace(t, &tokens, verifier(t), nil)

	db := &store.Memory{}
	now := func() time.Time { return clock }
	replace(t, &settings, &config.Config{ProjectID: "demo", AllowedOrigins: []string{"https://app.example"}, SystemUser: "system"}, nil)
	replace(t, &backends, &backend.Accounts{Emails: robots, Audiences: []string{"demo"}, Now: time.Now}, nil)
	replace(t, &registry, &presence.Registry{Store: db, Now: now, Lease: 2 * time.Minute, MaxDevices: 2}, nil)
	replace(t, &groups, &group.Service{Store: db, Now: now, MaxMembers: 100}, nil)
	replace(t, &receipts, &receipt.Service{Store: db, Now: now, Retention: time.Hour}, nil)
	replace(t, &contents, &content.Service{Store: db, Now: now, PushTTL: time.Hour}, nil)
	replace(t, &selfTests, &selfTester{db, selftest.Tester{Sender: &takesAll{}, Pauses: db, Now: now}}, nil)
	replace(t, &dryRuns, &dryrun.Runner{Store: db, Now: now, PushTTL: time.Hour, MaxText: 2048, MaxInvitees: 9}, nil)
	var told trace.Store = db
	replace(t, &stories, &told, nil)
	replace(t, &inboxes, &inbox.Service{Store: db, Presence: db, Reads: &fanout.Reader{Positions: &presence.Registry{Store: db, Now: now}}, Now: now}, nil)
	replace(t, &sender, &chat.Sender{
		Store: db, Now: now, MaxText: 2048, Retention: time.Hour,
		CheckPush: func(m chat.Message) error { return push.CheckFits(push.OfMessage(m, time.Hour), "config.pushConfig") },
	}, nil)
	replace(t, &revisions, &revision.Service{
		Store: db, Now: now, MaxText: 2048, RevokeWithin: time.Minute, EditWithin: time.Minute,
		CheckPush: func(m chat.Message) error { return push.CheckFits(push.OfEdit(m, time.Hour), "config.pushConfig") },
	}, nil)
	return db
}

func verifier(t *testing.T, opts ...option.ClientOption) *auth.Client {
	t.Helper()
	app, err := firebase.NewApp(t.Context(), &firebase.Config{ProjectID: "demo"}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	client, err := app.Auth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// idToken is an unsigned ID token of a user that is valid for a while.
func idToken(user, project string, valid time.Duration) string {
	return claimingToken(user, project, valid, nil)
}

// claimingToken is one with custom claims.
func claimingToken(user, project string, valid time.Duration, claims map[string]any) string {
	part := func(v any) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	now := time.Now()
	all := map[string]any{
		"iss": "https://securetoken.google.com/" + project, "aud": project, "sub": user, "user_id": user,
		"iat": now.Add(-2 * time.Hour).Unix(), "auth_time": now.Add(-2 * time.Hour).Unix(), "exp": now.Add(valid).Unix(),
	}
	maps.Copy(all, claims)
	return part(map[string]any{"alg": "none", "typ": "JWT", "kid": "k"}) + "." + part(all) + "."
}

// robot is a user's service account.
func robot(user string) string { return user + "@demo.iam.gserviceaccount.com" }

// robots is the service accounts that may send as the system.
var robots = []string{
	robot("alice"), robot("mallory"), robot("POST--system-send"), robot("POST--system-sendlarge"), robot("POST--system-senddeep"),
}

// backendToken is an unsigned ID token of a user's service account.
func backendToken(user string, edits ...func(claims map[string]any)) string {
	claims := map[string]any{
		"iss": "https://accounts.google.com", "aud": "demo", "email": robot(user), "email_verified": true, "exp": time.Now().Add(time.Hour).Unix(),
	}
	for _, edit := range edits {
		edit(claims)
	}
	b, _ := json.Marshal(claims)
	return jwtHeader("none") + "." + base64.RawURLEncoding.EncodeToString(b) + "."
}

// somePath is one that a function answers to: its own name, where that is one.
func somePath(function string, table routes) string {
	if _, ok := table[function]; !ok {
		function = slices.Min(slices.Collect(maps.Keys(table)))
	}
	return "/" + function
}

// clientHandler is what answers at a path.
func clientHandler(path string) http.HandlerFunc {
	for _, e := range Endpoints() {
		if e.Path == path {
			return e.Handler
		}
	}
	return http.NotFound
}

// call calls an HTTP function as a user, or where devices call as their device
// "d" and where backends call as their service account; edits change the request.
func call(user, method, url, body string, edits ...func(*http.Request)) *http.Response {
	r := httptest.NewRequest(method, url, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	token := idToken(user, "demo", time.Hour)
	if askedByDevices[strings.TrimPrefix(r.URL.Path, "/")] {
		token = receiptToken(device.PushID(user, "d"))
	}
	if askedByBackends[strings.TrimPrefix(r.URL.Path, "/")] {
		token = backendToken(user)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	for _, edit := range edits {
		edit(r)
	}
	w := httptest.NewRecorder()
	clientHandler(r.URL.Path)(w, r)
	resp := w.Result()
	resp.Request = r
	return resp
}

// receiptToken is a device's.
func receiptToken(pushID string) string {
	s, err := receipts()
	if err != nil {
		return ""
	}
	token, _ := s.Token(context.Background(), pushID) // a store in memory gives one
	return token
}

// answer decodes an answer's body, and its fault where it is one.
func answer(t *testing.T, resp *http.Response) (map[string]any, *fault.Error) {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var body struct{ Error *fault.Error }
	var all map[string]any
	if err := errors.Join(json.Unmarshal(b, &body), json.Unmarshal(b, &all)); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	switch {
	case body.Error == nil:
		body.Error = &fault.Error{}
	case resp.Request != nil:
		asListed(t, resp.Request, resp.StatusCode, int(body.Error.Code))
	}
	return all, body.Error
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func TestCallers(t *testing.T) {
	onMemory(t)
	bearer := func(token string) func(*http.Request) { return header("Authorization", "Bearer "+token) }
	for name, tc := range map[string]struct {
		edit   func(*http.Request)
		status int
		code   fault.Code
	}{
		"no header":       {func(r *http.Request) { r.Header.Del("Authorization") }, 401, fault.UserIsNotLogged},
		"empty":           {header("Authorization", ""), 401, fault.UserIsNotLogged},
		"no token":        {header("Authorization", "Bearer"), 401, fault.UserIsNotLogged},
		"empty token":     {header("Authorization", "Bearer "), 401, fault.UserIsNotLogged},
		"another scheme":  {header("Authorization", "Basic YTpi"), 401, fault.UserIsNotLogged},
		"not a token":     {bearer("x"), 401, fault.TokenInvalid},
		"three parts":     {bearer("a.b.c"), 401, fault.TokenInvalid},
		"expired":         {bearer(idToken("alice", "demo", -time.Hour)), 401, fault.TokenExpired},
		"another project": {bearer(idToken("alice", "other", time.Hour)), 401, fault.TokenInvalid},
		"a strange ID":    {bearer(idToken("a/b", "demo", time.Hour)), 403, fault.ParamsInvalid},
		"lower case":      {header("Authorization", "bearer  "+idToken("alice", "demo", time.Hour)), 400, fault.ParamsInvalid},
		"valid":           {bearer(idToken("alice", "demo", time.Hour)), 400, fault.ParamsInvalid},
	} {
		for function, table := range clientFunctions {
			resp := call("alice", http.MethodPost, somePath(function, table), `{"no such":1}`, tc.edit)
			_, e := answer(t, resp)
			if resp.StatusCode != tc.status || e.Code != tc.code || e.Message == "" {
				t.Errorf("%s, %s: %d %+v, want %d with code %d", function, name, resp.StatusCode, e, tc.status, tc.code)
			}
			if challenge := resp.Header.Get("WWW-Authenticate"); (challenge == "Bearer") != (tc.status == 401) {
				t.Errorf("%s, %s: WWW-Authenticate %q", function, name, challenge)
			}
		}
	}
}

// Google's certificates can't be fetched: that is not the caller's fault.
func TestCallerCannotBeVerified(t *testing.T) {
	onMemory(t)
	t.Setenv("FIREBASE_AUTH_EMULATOR_HOST", "")
	offline := roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("no network") })
	replace(t, &tokens, verifier(t, option.WithHTTPClient(&http.Client{Transport: offline})), nil)
	signed := strings.Replace(idToken("alice", "demo", time.Hour), jwtHeader("none"), jwtHeader("RS256"), 1) + "c2ln"
	resp := call("alice", http.MethodPost, "/send", `{}`, header("Authorization", "Bearer "+signed))
	if _, e := answer(t, resp); resp.StatusCode != 503 || e.Code != fault.ServerError || strings.Contains(e.Message, "network") {
		t.Errorf("%d %+v", resp.StatusCode, e)
	}
}

func jwtHeader(alg string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"` + alg + `","kid":"k","typ":"JWT"}`))
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestMethods(t *testing.T) {
	onMemory(t)
	for function, allow := range map[string]string{"register": "DELETE, POST, OPTIONS", "presence": "POST, OPTIONS", "send": "POST, OPTIONS"} {
		for _, method := range []string{"GET", "PUT", "PATCH", "HEAD", "TRACE", "BREW"} {
			resp := call("alice", method, "/"+function, "")
			if _, e := answer(t, resp); resp.StatusCode != 405 || e.Status != fault.MethodNotAllowed || resp.Header.Get("Allow") != allow {
				t.Errorf("%s %s: %d %+v, Allow %q", method, function, resp.StatusCode, e, resp.Header.Get("Allow"))
			}
		}
		resp := call("", http.MethodOptions, "/"+function, "", header("Authorization", ""))
		if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 204 || len(body) != 0 {
			t.Errorf("OPTIONS %s: %d %q", function, resp.StatusCode, body)
		}
	}
}

// A function that answers to several paths goes by the last segment, and its
// own URL is the route named after it.
func TestRoutes(t *testing.T) {
	onMemory(t)
	says := func(what string) methods {
		return methods{"POST": func(context.Context, string, *http.Request) (any, error) { return what, nil }}
	}
	named, unnamed := routes{"call": says("call"), "call-end": says("end")}, routes{"call-end": says("end")}
	for _, tc := range []struct {
		table routes
		path  string
		want  string
	}{
		{named, "/call", `"call"`},
		{named, "/", `"call"`},
		{named, "/call-end", `"end"`},
		{named, "/v1/call-end", `"end"`},
		{named, "/call-end/", `"end"`},
		{named, "/elsewhere", `"call"`},
		{unnamed, "/call-end", `"end"`},
		{unnamed, "/call", `{"error":{"code":6000001,"status":"NOT_FOUND","message":"there is nothing at this path"}}`},
	} {
		r := httptest.NewRequest("POST", tc.path, nil)
		r.Header.Set("Authorization", "Bearer "+idToken("alice", "demo", time.Hour))
		w := httptest.NewRecorder()
		endpoint("call", tc.table)(w, r)
		if got := strings.TrimSpace(w.Body.String()); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.path, got, tc.want)
		}
	}
}

func TestEndpoints(t *testing.T) {
	var got []string
	for _, e := range Endpoints() {
		got = append(got, e.Path+" "+e.Function)
	}
	for _, want := range []string{"/presence presence", "/register register", "/send send"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is missing from %q", want, got)
		}
	}
	if !slices.IsSorted(got) {
		t.Errorf("not sorted: %q", got)
	}
}

func TestCORS(t *testing.T) {
	app, other := "https://app.example", "https://evil.example"
	for name, tc := range map[string]struct {
		origins []string
		origin  string
		want    string
	}{
		"listed":         {[]string{other + ":1", app}, app, app},
		"not listed":     {[]string{app}, other, ""},
		"another port":   {[]string{app}, app + ":8443", ""},
		"another scheme": {[]string{app}, "http://app.example", ""},
		"a longer name":  {[]string{app}, app + ".evil.example", ""},
		"any":            {[]string{"*"}, other, other},
		"none listed":    {nil, app, ""},
		"no origin":      {[]string{app}, "", ""},
		"no origin, any": {[]string{"*"}, "", ""},
		"the opaque one": {[]string{app}, "null", ""},
	} {
		h := http.Header{}
		cors(h, tc.origins, tc.origin, []string{"POST", "OPTIONS"})
		if got := h.Get("Access-Control-Allow-Origin"); got != tc.want || h.Get("Vary") != "Origin" {
			t.Errorf("%s: allows %q, Vary %q; want %q", name, got, h.Get("Vary"), tc.want)
		}
		if got := h.Get("Access-Control-Allow-Methods"); (got == "POST, OPTIONS") != (tc.want != "") {
			t.Errorf("%s: methods %q", name, got)
		}
		if got := h.Get("Access-Control-Allow-Headers"); (got == "Authorization, Content-Type, X-Firebase-AppCheck") != (tc.want != "") {
			t.Errorf("%s: headers %q", name, got)
		}
		if h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: credentials are allowed", name)
		}
	}
	onMemory(t) // errors have it too, or the page could not read them
	if got := call("alice", "POST", "/send", "x", header("Origin", app)).Header.Get("Access-Control-Allow-Origin"); got != app {
		t.Errorf("an error allows %q", got)
	}
}

func TestEndpointAnswers(t *testing.T) {
	onMemory(t)
	secret := errors.New("secret detail")
	slow := fault.New(fault.ResourceExhausted, fault.ServerFrequencyLimit, "slow down")
	slow.RetryAfter = 1500 * time.Millisecond
	for name, tc := range map[string]struct {
		answer     any
		err        error
		status     int
		body       string
		retryAfter string
	}{
		"an answer":      {struct{ A int }{1}, nil, 200, `{"A":1}`, ""},
		"nothing":        {nil, nil, 204, ``, ""},
		"a fault":        {nil, fault.Invalid("f", "m"), 400, `{"error":{"code":6000001,"status":"INVALID_ARGUMENT","message":"m","field":"f"}}`, ""},
		"a wrapped one":  {nil, fmt.Errorf("x: %w", fault.New(fault.NotFound, 5, "m")), 404, `{"error":{"code":5,"status":"NOT_FOUND","message":"m"}}`, ""},
		"a wait":         {nil, slow, 429, `{"error":{"code":6000005,"status":"RESOURCE_EXHAUSTED","message":"slow down"}}`, "2"},
		"any other":      {nil, secret, 500, `{"error":{"code":6000007,"status":"INTERNAL","message":"internal error; retry, and if it persists look at the function's log"}}`, ""},
		"half an answer": {func() {}, nil, 200, ``, ""},
	} {
		handler := endpoint("f", routes{"f": {"POST": func(ctx context.Context, userID string, _ *http.Request) (any, error) {
			if deadline, ok := ctx.Deadline(); userID != "alice" || !ok || time.Until(deadline) > httpTimeout {
				t.Errorf("user %q, deadline %v", userID, deadline)
			}
			return tc.answer, tc.err
		}}})
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Authorization", "Bearer "+idToken("alice", "demo", time.Hour))
		w := httptest.NewRecorder()
		handler(w, r)
		if got := strings.TrimSpace(w.Body.String()); w.Code != tc.status || got != tc.body || w.Header().Get("Retry-After") != tc.retryAfter {
			t.Errorf("%s: %d %s, Retry-After %q", name, w.Code, got, w.Header().Get("Retry-After"))
		}
		for header, want := range map[string]string{"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
			if got := w.Header().Get(header); got != want {
				t.Errorf("%s: %s is %q", name, header, got)
			}
		}
	}
}

// What a function needs can't be built: a 500 that tells the caller nothing.
func TestDependencyErrors(t *testing.T) {
	secret := errors.New("secret detail")
	check := func(name, method, url, body string) {
		t.Helper()
		resp := call("alice", method, url, body)
		if _, e := answer(t, resp); resp.StatusCode != 500 || strings.Contains(e.Message, "secret") {
			t.Errorf("%s: %d %+v", name, resp.StatusCode, e)
		}
	}
	for name, breaks := range map[string]func(){
		"settings": func() { replace(t, &settings, nil, secret) },
		"tokens":   func() { replace(t, &tokens, nil, secret) },
		"registry": func() { replace(t, &registry, nil, secret); replace(t, &sender, nil, secret) },
	} {
		onMemory(t)
		breaks()
		check(name, "POST", "/register", registerBody)
		check(name, "DELETE", "/register?deviceID=d", "")
		check(name, "POST", "/presence", `{"deviceID":"d","state":"online"}`)
		check(name, "POST", "/send", sendBody)
	}
}

// deadlineWriter knows until when its request may be read.
type deadlineWriter struct {
	*httptest.ResponseRecorder
	read time.Time
}

func (w *deadlineWriter) SetReadDeadline(t time.Time) error {
	w.read = t
	return nil
}

// A body that comes a byte a minute doesn't hold an instance's place for as long as it
// likes: its connection is read for little longer than the request may take.
func TestSlowBodyEnds(t *testing.T) {
	onMemory(t)
	var left time.Duration
	w := &deadlineWriter{ResponseRecorder: httptest.NewRecorder()}
	handler := endpoint("f", routes{"f": {"POST": func(context.Context, string, *http.Request) (any, error) {
		left = time.Until(w.read)
		return nil, nil
	}}})
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("Authorization", "Bearer "+idToken("alice", "demo", time.Hour))
	if handler(w, r); w.Code != http.StatusNoContent || left <= httpTimeout || left > bodyTimeout {
		t.Errorf("answered %d with %v left for the body", w.Code, left)
	}
}
