package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
)

func TestErrorText(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{Invalid("a.b", "is %d: at most %d", 3, 2), "INVALID_ARGUMENT (6000001): a.b: is 3: at most 2"},
		{Invalid("", "is empty"), "INVALID_ARGUMENT (6000001): is empty"},
		{New(NotFound, GroupDoesNotExist, "no group %q", "g"), `NOT_FOUND (6000523): no group "g"`},
	} {
		if got := tc.err.Error(); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}

func TestErrorJSON(t *testing.T) {
	for _, tc := range []struct {
		err  *Error
		want string
	}{
		{Invalid("a", "b"), `{"code":6000001,"status":"INVALID_ARGUMENT","message":"b","field":"a"}`},
		{&Error{Code: 1, Status: Internal, Details: &Details{"p", "accepted"}}, `{"code":1,"status":"INTERNAL","message":"","details":{"answeredBy":"p","answer":"accepted"}}`},
		{&Error{Code: 1, Status: Internal, RetryAfter: 5}, `{"code":1,"status":"INTERNAL","message":""}`},
	} {
		if got, err := json.Marshal(tc.err); err != nil || string(got) != tc.want {
			t.Errorf("got %s, %v; want %s", got, err, tc.want)
		}
	}
}

// statuses is every Status the package declares, read from its source so that
// a new one can't be forgotten.
func statuses(t *testing.T) []Status {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "fault.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var out []Status
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Status" {
			value := spec.Values[0].(*ast.BasicLit).Value
			out = append(out, Status(value[1:len(value)-1]))
		}
		return true
	})
	return out
}

func TestHTTPStatus(t *testing.T) {
	want := map[Status]int{
		InvalidArgument: 400, Unauthenticated: 401, PermissionDenied: 403, NotFound: 404, MethodNotAllowed: 405,
		AlreadyExists: 409, FailedPrecondition: 409, ContentTooLarge: 413, UnsupportedMediaType: 415,
		ResourceExhausted: 429, Internal: 500, Unavailable: 503,
	}
	declared := statuses(t)
	if len(declared) != len(want) {
		t.Errorf("%d statuses are declared, %d are tested", len(declared), len(want))
	}
	for _, s := range declared {
		if got := s.HTTP(); got != want[s] {
			t.Errorf("%s is HTTP %d, want %d", s, got, want[s])
		}
	}
	if got := Status("SOMETHING_ELSE").HTTP(); got != 500 {
		t.Errorf("an unknown status is HTTP %d, want 500", got)
	}
}

func TestFrom(t *testing.T) {
	own := Invalid("f", "m")
	secret := errors.New("secret detail")
	for name, err := range map[string]error{
		"itself":  own,
		"wrapped": fmt.Errorf("a: %w", fmt.Errorf("b: %w", own)),
		"joined":  errors.Join(secret, own),
	} {
		if got := From(err); got != own {
			t.Errorf("%s: got %v", name, got)
		}
	}
	if got := From(secret); got.Status != Internal || got.Code != ServerError || got.Message != "internal error; retry, and if it persists look at the function's log" {
		t.Errorf("another error became %+v", got)
	}
}

func TestWrap(t *testing.T) {
	cause := errors.New("cause")
	f := func(err error) (out error) {
		defer Wrap(&out, "open %q", "x")
		return err
	}
	if err := f(nil); err != nil {
		t.Errorf("no error became %v", err)
	}
	if err := f(cause); !errors.Is(err, cause) || err.Error() != `open "x": cause` {
		t.Errorf("got %v", err)
	}
}
