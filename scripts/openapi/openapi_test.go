package openapi

import (
	"bytes"
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
	"400":{"description":"No","content":{"application/json":{"schema":{"type":"object","properties":{"error":{"type":"string"}},"required":["error"]}}}},
	"403":{"$ref":"#/components/responses/403.7.8"}}}}},"components":{
	"responses":{"403.7.8":{"description":"Not yours","content":{"application/json":{"schema":{"type":"object","required":["error"],"properties":{
		"error":{"allOf":[{"$ref":"#/components/schemas/Fault"},{"type":"object","properties":{"code":{"enum":[7,8]}}}]}}}}}}},
	"schemas":{"Fault":{"type":"object","required":["code"],"properties":{"code":{"type":"integer"},"why":{"type":"string"}}}}}}`

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
		"an error of a known code":    {"POST", "/a", `{"n":1}`, 403, `{"error":{"code":8,"why":"x"}}`, ""},
		"an error of another code":    {"POST", "/a", `{"n":1}`, 403, `{"error":{"code":9,"why":"x"}}`, "which is not as documented"},
		"an error with another field": {"POST", "/a", `{"n":1}`, 403, `{"error":{"code":8,"how":"x"}}`, "which is not as documented"},
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

const described31 = `{"openapi":"3.1.0","info":{"title":"T","version":"1","description":"D < E"},"security":[{"user":[]}],"paths":{
	"/b":{"parameters":[],"delete":{"operationId":"un-b","summary":"Takes it away","tags":["two"],"security":[{"app":[]}],"parameters":[{"name":"id","in":"query","description":"which","schema":{"type":"string"}}],
		"responses":{"200":{"content":{"application/json":{"schema":{"type":"object","properties":{}}}}},"404":{"$ref":"#/components/responses/404.3"},"403":{"$ref":"#/components/responses/403.1.2"}}}},
	"/a":{"post":{"operationId":"a","summary":"Makes it","tags":["one"],"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/In"}}}},
		"responses":{"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Out"}}}},"403":{"$ref":"#/components/responses/403.1"}}}}},
	"components":{"securitySchemes":{"user":{"description":"a user"},"app":{"description":"an app"}},"responses":{
		"404.3":{"description":"Not there","content":{"application/json":{"schema":{"properties":{"error":{"allOf":[{"$ref":"#/components/schemas/Deep"},{"properties":{"code":{"enum":[6000003]}}}]}}}}}},
		"403.1":{"description":"Not yours","content":{"application/json":{"schema":{"properties":{"error":{"allOf":[{},{"properties":{"code":{"enum":[1]}}}]}}}}}},
		"403.1.2":{"description":"Not yours","content":{"application/json":{"schema":{"properties":{"error":{"allOf":[{},{"properties":{"code":{"enum":[1,2]}}}]}}}}}}},"schemas":{
		"In":{"type":"object","required":["n"],"properties":{"n":{"type":["integer","null"],"format":"int64","description":"how <many>"},"k":{"enum":["x",1,null]},"u":{"oneOf":[{"type":"string"},{"$ref":"#/components/schemas/Deep"}]}}},
		"Out":{"type":"object","properties":{"list":{"type":"array","items":{"$ref":"#/components/schemas/Deep"}}}},
		"Deep":{"type":"object","description":"far down","properties":{"deeper":{"$ref":"#/components/schemas/Deeper"}}},
		"Deeper":{"type":"string"},"Unused":{"type":"string"}}}}`

// All of a document that a reader needs is on the page, escaped, and nothing else.
func TestPage(t *testing.T) {
	b, err := Page([]byte(described31))
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for _, want := range []string{
		`<title>T: API</title>`, `D &lt; E`, `<article id="a">`, `<span class="method">POST</span> /a`, `Makes it. As <a href="#auth-user">user</a>`,
		`<span class="method">DELETE</span> /b`, `Takes it away. As <a href="#auth-app">app</a>`, `<code>id</code>`, `which`,
		`<code>n</code> <b>required</b></th><td>integer or null (int64)</td><td>how &lt;many&gt;</td>`, `&#34;x&#34; | 1 | null`,
		`string or <a href="#type-Deep">Deep</a>`, `list of <a href="#type-Deep">Deep</a>`, `<article id="type-Deep">`, `far down`,
		`<article id="type-Deeper">`, `<a href="#error-403">403</a> (1)</p>`, `<a href="#error-403">403</a> (1, 2) <a href="#error-404">404</a></p>`,
		`<dt id="error-403">403</dt><dd>Not yours</dd>`, `<dt id="error-404">404</dt><dd>Not there (6000003)</dd>`, `<p><code>{}</code></p>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page is without %s", want)
		}
	}
	if strings.Contains(page, "Unused") || strings.Contains(page, "<script") || strings.Contains(page, "style=") {
		t.Error("the page has what nobody needs, or what its policy forbids")
	}
	if again, err := Page([]byte(described31)); err != nil || !bytes.Equal(b, again) {
		t.Errorf("another page of the same document: %v", err)
	}
	for _, bad := range []string{``, `[]`, `{"paths":{"/a":{"get":[]}}}`, `{"paths":{"/a":{"get":{}}}}`} {
		if _, err := Page([]byte(bad)); err == nil {
			t.Errorf("%s becomes a page", bad)
		}
	}
}
