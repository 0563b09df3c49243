package functions

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"mime"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"firebase.google.com/go/v4/auth"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/config"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/tracing"
)

const (
	// maxBodyBytes fits the longest text (32 KB) with every character escaped.
	maxBodyBytes = 256 << 10
	// httpTimeout is for one request, whatever it waits for.
	httpTimeout = 20 * time.Second
	// bodyTimeout is for its body, which comes as slowly as its caller likes: a read of
	// that knows of no context. It ends later, so that what takes long in itself is
	// told as that.
	bodyTimeout = httpTimeout + time.Second
)

// methods is an endpoint's handlers by HTTP method. A handler returns what to
// encode as the answer. The caller is a user, a device in askedByDevices, or a
// service account in askedByBackends.
type methods map[string]func(ctx context.Context, callerID string, r *http.Request) (any, error)

// routes is an endpoint's methods by the last segment of the path, for a
// function that answers to several: one service stays warm where several would
// each start cold.
type routes map[string]methods

// endpoint is the adapter all HTTP functions share: route, CORS, method, app,
// caller, rate, handler, answer. A path whose last segment is no route is the
// function's own URL, so it gets the route named after the function.
func endpoint(name string, table routes) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		segment := path.Base(r.URL.Path)
		m, ok := table[segment]
		if !ok {
			segment, m = name, table[name]
		}
		ctx, cancel := context.WithTimeout(r.Context(), httpTimeout)
		defer cancel()
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout)) // where it can be set
		ctx, span := enter(ctx, r.Header.Get(tracing.Key), r.Method+" /"+segment, tracing.Server)
		header := w.Header()
		header.Set("Content-Type", "application/json; charset=utf-8")
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")

		answer, err := serve(ctx, segment, m, w, r)
		status := http.StatusOK
		if err != nil {
			e := asFault(err)
			status = e.Status.HTTP()
			// A client that went away, as a page does that is closed, is no failure.
			if status >= http.StatusInternalServerError && r.Context().Err() != context.Canceled {
				slog.ErrorContext(ctx, "request failed", "path", r.URL.Path, "method", r.Method, "error", err)
			}
			if status == http.StatusUnauthorized {
				header.Set("WWW-Authenticate", "Bearer")
			}
			if e.RetryAfter > 0 {
				header.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
			}
			answer = map[string]*fault.Error{"error": e}
		}
		span.Set("http.response.status_code", strconv.Itoa(status))
		span.End(status >= http.StatusInternalServerError)
		if answer == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			slog.WarnContext(ctx, "answer not written", "path", r.URL.Path, "error", err)
		}
	}
}

// asFault is err as the caller gets it. What Firestore could not do for now (a
// contended document, an overload, no time left) is worth a retry, and safe to
// retry: every request may be repeated.
func asFault(err error) *fault.Error {
	var own *fault.Error
	var rpc interface{ GRPCStatus() *status.Status }
	switch {
	case errors.As(err, &own):
	case errors.Is(err, context.DeadlineExceeded):
		return busy()
	case errors.As(err, &rpc):
		switch rpc.GRPCStatus().Code() {
		case codes.Aborted, codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted:
			return busy()
		}
	}
	return fault.From(err)
}

func busy() *fault.Error {
	e := fault.New(fault.Unavailable, fault.ServerError, "too busy to do this right now: retry")
	e.RetryAfter = time.Second
	return e
}

// serve answers a request to the path whose last segment and methods are given.
func serve(ctx context.Context, segment string, m methods, w http.ResponseWriter, r *http.Request) (any, error) {
	c, err := settings()
	if err != nil {
		return nil, err
	}
	allowed := make([]string, 0, len(m)+1)
	for method := range m {
		allowed = append(allowed, method)
	}
	slices.Sort(allowed)
	allowed = append(allowed, http.MethodOptions)
	cors(w.Header(), c.AllowedOrigins, r.Header.Get("Origin"), allowed)
	if r.Method == http.MethodOptions {
		return nil, nil
	}
	if m == nil {
		return nil, fault.New(fault.NotFound, fault.ParamsInvalid, "there is nothing at this path")
	}
	handle, ok := m[r.Method]
	if !ok {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		return nil, fault.New(fault.MethodNotAllowed, fault.ParamsInvalid, "%s is not allowed here: use %s", r.Method, strings.Join(allowed, ", "))
	}
	who := appUser
	switch {
	case askedByDevices[segment]:
		who = callingDevice
	case askedByBackends[segment]:
		who = callingBackend
	}
	callerID, err := who(ctx, c, r)
	if err != nil {
		return nil, err
	}
	if err := checkRate(c, segment, callerID); err != nil {
		return nil, err
	}
	return handle(ctx, callerID, r)
}

// appUser is the user who calls, from the operator's app where that is asked for.
func appUser(ctx context.Context, c *config.Config, r *http.Request) (string, error) {
	if err := checkApp(ctx, c.AppCheck, r); err != nil {
		return "", err
	}
	userID, err := caller(ctx, r)
	if err == nil && userID == c.SystemUser {
		return "", fault.New(fault.PermissionDenied, fault.ParamsInvalid, "this user's ID is the system's, which no client can be")
	}
	return userID, err
}

// cors lets pages of the allowed origins call. Without an entry for the origin
// the browser refuses the answer; other clients don't care.
func cors(h http.Header, origins []string, origin string, methods []string) {
	h.Add("Vary", "Origin")
	if origin == "" || (!slices.Contains(origins, origin) && !slices.Contains(origins, "*")) {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, "+appCheckHeader)
	h.Set("Access-Control-Expose-Headers", "Retry-After")
	h.Set("Access-Control-Max-Age", "3600")
}

// bearer is the token in the request's Authorization header; what names it to who
// left it out.
func bearer(r *http.Request, what string) (string, error) {
	// Of two headers a proxy may have looked at the other one.
	given := r.Header.Values("Authorization")
	if len(given) > 1 {
		return "", fault.New(fault.Unauthenticated, fault.UserIsNotLogged, "send one Authorization header, not %d", len(given))
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", fault.New(fault.Unauthenticated, fault.UserIsNotLogged, "send %s as \"Authorization: Bearer <token>\"", what)
	}
	return strings.TrimSpace(token), nil
}

// caller is the user the request's Firebase ID token was issued to.
func caller(ctx context.Context, r *http.Request) (string, error) {
	token, err := verified(ctx, r)
	if err != nil {
		return "", err
	}
	if chat.CheckID("", token.UID) != nil {
		return "", fault.New(fault.PermissionDenied, fault.ParamsInvalid, "the user's ID has a character or a length that can't be used here: digits, letters and !#$%%&()+-:;<=.>?@[]^_{}|~, at most %d bytes", chat.MaxUserIDBytes)
	}
	return token.UID, nil
}

// verified is the request's Firebase ID token, of a user of the tenant that is
// served: what is unique there isn't in the whole project.
func verified(ctx context.Context, r *http.Request) (*auth.Token, error) {
	idToken, err := bearer(r, "the user's Firebase ID token")
	if err != nil {
		return nil, err
	}
	c, err := settings()
	if err != nil {
		return nil, err
	}
	client, err := tokens()
	if err != nil {
		return nil, err
	}
	token, err := verify(ctx, client, c.Tenant, idToken)
	switch {
	case err == nil && token.Firebase.Tenant == c.Tenant:
		return token, nil
	case err == nil, auth.IsTenantIDMismatch(err):
		return nil, otherTenants(c.Tenant)
	case auth.IsIDTokenExpired(err):
		return nil, fault.New(fault.Unauthenticated, fault.TokenExpired, "the ID token has expired: get a new one from Firebase and retry")
	case auth.IsCertificateFetchFailed(err):
		return nil, errors.Join(fault.New(fault.Unavailable, fault.ServerError, "the ID token can't be verified right now: retry"), err)
	}
	return nil, fault.New(fault.Unauthenticated, fault.TokenInvalid, "the ID token is not valid for this project: sign in again")
}

// verify has Firebase look at an ID token. A tenant's users are unknown outside of it:
// where Auth is emulated, they are looked up.
func verify(ctx context.Context, client *auth.Client, tenant, idToken string) (*auth.Token, error) {
	if tenant == "" {
		return client.VerifyIDToken(ctx, idToken)
	}
	within, err := client.TenantManager.AuthForTenant(tenant)
	if err != nil {
		return nil, err
	}
	return within.VerifyIDToken(ctx, idToken)
}

// otherTenants refuses a token of another tenant than is served. Which that is no secret:
// every app that signs in has its name.
func otherTenants(tenant string) error {
	if tenant == "" {
		return fault.New(fault.Unauthenticated, fault.TokenInvalid, "the ID token is of a tenant, and users of none are served here: sign in without one, or have the operator set DOORBELL_TENANT to it")
	}
	return fault.New(fault.Unauthenticated, fault.TokenInvalid, "the ID token is not of the tenant that is served here: sign in with auth.tenantId = %q", tenant)
}

// parameters is the request's query: of names only, each at most once. What can't be
// read is an error too, which url.Values leave out. hint says what to give.
func parameters(r *http.Request, hint string, names ...string) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fault.Invalid("", "the query can't be read: give name=value pairs, percent-encoded, with & between them")
	}
	for name, values := range query {
		if !slices.Contains(names, name) || len(values) > 1 {
			return nil, fault.Invalid(clip(name, 128), "is not a parameter of this request: %s", hint)
		}
	}
	return query, nil
}

// decode reads the request's JSON body into a T. It is strict: another content
// type, too large a body, an unknown field, a name given twice, a value of
// another type, invalid UTF-8 or anything after the object is an error that
// says where.
func decode[T any](r *http.Request) (*T, error) {
	contentType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || contentType != "application/json" || len(r.Header.Values("Content-Type")) > 1 {
		return nil, fault.New(fault.UnsupportedMediaType, fault.ParamsInvalid, "send the body as Content-Type: application/json")
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, fault.New(fault.UnsupportedMediaType, fault.ParamsInvalid, "send the body as it is, without a Content-Encoding")
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBodyBytes))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, fault.New(fault.ContentTooLarge, fault.ParamsInvalid, "the body is larger than %d bytes", maxBodyBytes)
	case err != nil:
		return nil, fault.Invalid("", "the body could not be read to its end")
	}
	return parse[T](body)
}

// parse is decode's part that knows nothing of HTTP.
func parse[T any](body []byte) (*T, error) {
	out := new(T)
	err := jsonv2.Unmarshal(body, out, jsonv2.RejectUnknownMembers(true))
	var syntax *jsontext.SyntacticError
	var semantic *jsonv2.SemanticError
	var own *fault.Error
	switch {
	case err == nil:
		return out, nil
	case errors.As(err, &own):
		return nil, own
	case errors.As(err, &semantic):
		field := fieldPath(semantic.JSONPointer)
		switch {
		case errors.Is(err, jsonv2.ErrUnknownName):
			return nil, fault.Invalid(field, "is not a field of this request")
		case semantic.GoType != nil && semantic.Err == nil:
			return nil, fault.Invalid(field, "must be %s, not %s", typeName(semantic.GoType), kindName(semantic.JSONKind))
		case errors.Is(err, strconv.ErrSyntax):
			return nil, fault.Invalid(field, "must be a whole number")
		case errors.Is(err, strconv.ErrRange):
			return nil, fault.Invalid(field, "is a number out of range")
		case semantic.Err != nil:
			return nil, fault.Invalid(field, "%v", semantic.Err)
		}
		return nil, fault.Invalid(field, "has a value that can't be used")
	case errors.As(err, &syntax) && errors.Is(err, jsontext.ErrDuplicateName):
		return nil, fault.Invalid(fieldPath(syntax.JSONPointer), "is given twice")
	case errors.As(err, &syntax):
		return nil, fault.Invalid(fieldPath(syntax.JSONPointer), "the body is not one JSON object in UTF-8, see byte %d", syntax.ByteOffset)
	}
	return nil, fault.Invalid("", "the body is not one JSON object in UTF-8")
}

// fieldPath is a JSON pointer (/a/b/0) as a.b.0. A caller can make one of any
// length, so it is clipped.
func fieldPath(p jsontext.Pointer) string {
	return clip(strings.Join(slices.Collect(p.Tokens()), "."), 128)
}

func typeName(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Int32:
		return "a whole number"
	case reflect.Slice, reflect.Array:
		return "an array"
	}
	return "an object"
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '[':
		return "an array"
	case '{':
		return "an object"
	}
	return "that"
}
