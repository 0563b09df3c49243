package openapi

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

type inner struct {
	Message string `json:"message"`
	Hidden  int    `json:"hidden"`
	Both    bool   `json:"both"`
}

type Outer struct {
	inner
	Hidden *struct{} `json:"hidden,omitempty"`
	Both   string    `json:"both"`
	Maybe  *int      `json:"maybe,omitempty"`
	Not    int       `json:"-"`
}

// A struct's schema has the fields that its JSON form has.
func TestSchema(t *testing.T) {
	s := &Schemas{}
	s.Answer(reflect.TypeFor[Outer]())
	s.Request(reflect.TypeFor[Outer]())
	got, err := json.Marshal(s.Made())
	if err != nil {
		t.Fatal(err)
	}
	const properties = `"properties":{"both":{"type":"string"},"maybe":{"format":"int32","type":"integer"},"message":{"type":"string"}}`
	want := `{"OpenapiOuter":{` + properties + `,"required":["both","message"],"type":"object"},` +
		`"OpenapiOuterInput":{"additionalProperties":false,` + properties + `,"type":"object"}}`
	if string(got) != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

const document = `{"openapi":"3.1.0","info":{"title":"T","version":"1"},"servers":[{"url":"https://x.example"}],"paths":{"/a":{"post":{
	"requestBody":{"required":true,"content":{"application/json":{"schema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}}}},
	"responses":{"200":{"description":"Done","content":{"application/json":{"schema":{"type":"object","properties":{"m":{"type":"string"}},"required":["m"]}}}},
	"400":{"description":"No","content":{"application/json":{"schema":{"type":"object","properties":{"error":{"type":"string"}},"required":["error"]}}}}}}}}}`

// What differs from the document is found, on the way in and out.
func TestExchange(t *testing.T) {
	c, err := NewChecker([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		method, path, body string
		status             int
		answer             string
		want               string // in the difference; empty: there is none
	}{
		"as documented":               {"POST", "/a", `{"n":1}`, 200, `{"m":"x"}`, ""},
		"refused, as documented":      {"POST", "/a", `{"n":"x"}`, 400, `{"error":"x"}`, ""},
		"done, and not allowed":       {"POST", "/a", `{"n":"x"}`, 200, `{"m":"x"}`, "request is not as documented"},
		"done with an unknown field":  {"POST", "/a", `{"n":1,"o":1}`, 200, `{"m":"x"}`, "request is not as documented"},
		"done with a field missing":   {"POST", "/a", `{}`, 200, `{"m":"x"}`, "request is not as documented"},
		"answer of another type":      {"POST", "/a", `{"n":1}`, 200, `{"m":1}`, "which is not as documented"},
		"null for an answer's field":  {"POST", "/a", `{"n":1}`, 200, `{"m":null}`, "which is not as documented"},
		"answer without a field":      {"POST", "/a", `{"n":1}`, 200, `{}`, "which is not as documented"},
		"answer with another field":   {"POST", "/a", `{"n":1}`, 200, `{"m":"x","o":1}`, "which is not as documented"},
		"error of another shape":      {"POST", "/a", `{"n":1}`, 400, `{"m":"x"}`, "which is not as documented"},
		"a status it doesn't have":    {"POST", "/a", `{"n":1}`, 418, `{"error":"x"}`, "which is not as documented"},
		"a method it doesn't have":    {"GET", "/a", ``, 200, `{}`, "not in the document"},
		"a method nobody answers":     {"GET", "/a", ``, 405, `{}`, ""},
		"a path that is not an API's": {"GET", "/demo/", ``, 200, `x`, ""},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.WriteHeader(tc.status)
			io.WriteString(w, tc.answer)
		}))
		var difference string
		client := http.Client{Transport: Transport{Checker: c, Report: func(err error) { difference += err.Error() }}}
		r, err := http.NewRequestWithContext(t.Context(), tc.method, server.URL+tc.path, strings.NewReader(tc.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if answer, _ := io.ReadAll(resp.Body); string(answer) != tc.answer || resp.StatusCode != tc.status {
			t.Errorf("%s: the client got %d %s", name, resp.StatusCode, answer)
		}
		resp.Body.Close()
		server.Close()
		if (difference == "") != (tc.want == "") || !strings.Contains(difference, tc.want) {
			t.Errorf("%s: difference %q, want %q", name, difference, tc.want)
		}
	}
}

func TestBadDocument(t *testing.T) {
	for _, bad := range []string{``, `{}`, `{"openapi":"3.1.0"}`, strings.Replace(document, `"title":"T",`, "", 1)} {
		if _, err := NewChecker([]byte(bad)); err == nil {
			t.Errorf("%.40q is taken for a document", bad)
		}
	}
}
