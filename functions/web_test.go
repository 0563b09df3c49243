package functions

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// sdkText is long enough to be worth compressing.
var sdkText = strings.Repeat("export const ring = 1;\n", 100)

func testSite(t *testing.T, edits ...func(fstest.MapFS)) *site {
	t.Helper()
	files := fstest.MapFS{
		"web/dist/index.js":         {Data: []byte(sdkText)},
		"web/dist/" + workerFile:    {Data: []byte("self.onpush = 1")},
		"web/dist/index.d.ts":       {Data: []byte("export {}")},
		"web/api/openapi.json":      {Data: []byte("{}")},
		"web/api/index.html":        {Data: []byte("<!doctype html><title>API</title>")},
		"web/demo/index.html":       {Data: []byte("<!doctype html><title>Demo</title>")},
		"web/demo/demo.css":         {Data: []byte("a{}")},
		"web/demo/not-served.md":    {Data: []byte("#")},
		"web/demo/icons/bell.svg":   {Data: []byte("<svg/>")},
		"web/elsewhere/secret.html": {Data: []byte("secret")},
	}
	for _, edit := range edits {
		edit(files)
	}
	s, err := newSite(files, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func get(h http.Handler, url string, edits ...func(*http.Request)) *http.Response {
	r := httptest.NewRequest(http.MethodGet, url, nil)
	for _, edit := range edits {
		edit(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestWebServes(t *testing.T) {
	s := testSite(t)
	const revalidated, forGood, never = "no-cache", "public, max-age=31536000, immutable", "no-store"
	other := strings.Repeat("0", len(s.version))
	for _, tc := range []struct {
		url                      string
		status                   int
		contentType, cache, name string
	}{
		{"/demo/", 200, "text/html; charset=utf-8", revalidated, "<!doctype"},
		{"/api/", 200, "text/html; charset=utf-8", revalidated, "<!doctype html><title>API"},
		{"/api", 307, "", "", ""},
		{"/api/openapi.json", 200, "application/json", revalidated, "{}"},
		{"/demo/index.html", 200, "text/html; charset=utf-8", revalidated, "<!doctype"},
		{"/demo/demo.css", 200, "text/css; charset=utf-8", revalidated, "a{}"},
		{"/demo/icons/bell.svg", 200, "image/svg+xml", revalidated, "<svg/>"},
		{"/sdk/index.js", 200, "text/javascript; charset=utf-8", revalidated, "export"},
		{"/sdk/" + workerFile, 200, "text/javascript; charset=utf-8", revalidated, "self"},
		{"/sdk/" + s.version + "/index.js", 200, "text/javascript; charset=utf-8", forGood, "export"},
		{"/sdk/" + other + "/index.js", 307, "", never, ""},
		{"/demo", 307, "", "", ""},
		{"/sdk/" + s.version + "/nothing.js", 404, "text/plain; charset=utf-8", never, "there is nothing"},
		{"/sdk/" + other + "/nothing.js", 404, "text/plain; charset=utf-8", never, "there is nothing"},
		{"/sdk/", 404, "text/plain; charset=utf-8", never, "there is nothing"},
		{"/sdk/index.d.ts", 404, "text/plain; charset=utf-8", never, "there is nothing"},
		{"/demo/not-served.md", 404, "text/plain; charset=utf-8", never, "there is nothing"},
		{"/demo/config.json", 404, "text/plain; charset=utf-8", never, "there is nothing"},
		{"/demo/../elsewhere/secret.html", 404, "text/plain; charset=utf-8", never, "there is nothing"},
		{"/demo/%2e%2e/elsewhere/secret.html", 404, "text/plain; charset=utf-8", never, "there is nothing"},
		{"/demo/icons/", 404, "text/plain; charset=utf-8", never, "there is nothing"},
		{"/", 404, "text/plain; charset=utf-8", never, "there is nothing"},
	} {
		resp := get(s, tc.url)
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != tc.status || resp.Header.Get("Content-Type") != tc.contentType ||
			resp.Header.Get("Cache-Control") != tc.cache || !strings.HasPrefix(string(body), tc.name) {
			t.Errorf("%s: %d %v %.40q", tc.url, resp.StatusCode, resp.Header, body)
		}
	}
	for url, want := range map[string][3]string{"/demo": {"/demo/"}, "/api": {"/api/"}, "/sdk/" + other + "/index.js": {"/sdk/index.js", "*", "cross-origin"}} {
		h := get(s, url).Header
		// A page of another origin follows no redirect that doesn't allow it.
		if got := [3]string{h.Get("Location"), h.Get("Access-Control-Allow-Origin"), h.Get("Cross-Origin-Resource-Policy")}; got != want {
			t.Errorf("%s leads to %q, want %q", url, got, want)
		}
	}
}

func TestWebHeaders(t *testing.T) {
	s := testSite(t)
	page := get(s, "/demo/").Header
	for _, part := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors", "base-uri 'none'"} {
		if !strings.Contains(page.Get("Content-Security-Policy"), part) {
			t.Errorf("the page's policy %q is without %q", page.Get("Content-Security-Policy"), part)
		}
	}
	if policy := page.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") {
		t.Errorf("the page's policy is %q", policy)
	}
	sdk, worker, css := get(s, "/sdk/index.js").Header, get(s, "/sdk/"+workerFile).Header, get(s, "/demo/demo.css").Header
	for name, tc := range map[string][2]string{
		"SDK from any origin":                {sdk.Get("Access-Control-Allow-Origin"), "*"},
		"SDK in isolated pages":              {sdk.Get("Cross-Origin-Resource-Policy"), "cross-origin"},
		"SDK's version":                      {sdk.Get("Content-Location"), "/sdk/" + s.version + "/index.js"},
		"SDK as a worker":                    {sdk.Get("Service-Worker-Allowed"), ""},
		"worker's scope":                     {worker.Get("Service-Worker-Allowed"), "/"},
		"demo from another origin":           {css.Get("Access-Control-Allow-Origin"), ""},
		"Vary":                               {css.Get("Vary"), "Accept-Encoding"},
		"the page tells nobody where it was": {page.Get("Referrer-Policy"), "no-referrer"},
	} {
		if tc[0] != tc[1] {
			t.Errorf("%s: got %q, want %q", name, tc[0], tc[1])
		}
	}
}

// Only the local system's pages may connect to the emulators.
func TestWebPolicy(t *testing.T) {
	for name, want := range map[string]bool{"": false, "PUBSUB_EMULATOR_HOST": false, "FIREBASE_AUTH_EMULATOR_HOST": true, "FIRESTORE_EMULATOR_HOST": true} {
		policy := pagePolicy(func(asked string) string {
			if asked == name {
				return "127.0.0.1:8080"
			}
			return ""
		})
		if strings.Contains(policy, "127.0.0.1") != want || !strings.Contains(policy, "; connect-src 'self' https://*.googleapis.com") {
			t.Errorf("with %q: %s", name, policy)
		}
	}
}

func TestWebEncoding(t *testing.T) {
	s := testSite(t)
	for accept, want := range map[string]string{
		"": "", "br": "", "identity": "", "gzip;q=0": "", "gzip; q=0.0": "", "gzipped": "",
		"gzip": "gzip", "br, GZIP": "gzip", "deflate, gzip;q=0.5": "gzip", "gzip;q=1.0, *;q=0": "gzip",
	} {
		resp := get(s, "/sdk/index.js", header("Accept-Encoding", accept))
		var body io.Reader = resp.Body
		if want == "gzip" {
			z, err := gzip.NewReader(resp.Body)
			if err != nil {
				t.Errorf("%q: %v", accept, err)
				continue
			}
			body = z
		}
		got, err := io.ReadAll(body)
		if resp.Header.Get("Content-Encoding") != want || string(got) != sdkText || err != nil {
			t.Errorf("%q: %v, %d bytes, %v", accept, resp.Header, len(got), err)
		}
	}
	small := get(s, "/demo/demo.css", header("Accept-Encoding", "gzip"))
	if b, _ := io.ReadAll(small.Body); small.Header.Get("Content-Encoding") != "" || string(b) != "a{}" {
		t.Errorf("a file that gzip makes larger: %v %q", small.Header, b)
	}
}

// A browser that has a file asks whether it is still the one.
func TestWebRevalidates(t *testing.T) {
	before, after := testSite(t), testSite(t, func(files fstest.MapFS) {
		files["web/dist/index.js"] = &fstest.MapFile{Data: []byte(sdkText + "//")}
	})
	if before.version == after.version {
		t.Error("another SDK has the same version")
	}
	for _, accept := range []string{"", "gzip"} {
		etag := get(before, "/sdk/index.js", header("Accept-Encoding", accept)).Header.Get("ETag")
		ask := func(s *site, accept string) int {
			resp := get(s, "/sdk/index.js", header("If-None-Match", etag), header("Accept-Encoding", accept))
			if body, _ := io.ReadAll(resp.Body); resp.StatusCode == 304 && len(body) > 0 {
				t.Errorf("304 with %d bytes", len(body))
			}
			return resp.StatusCode
		}
		if got := ask(before, accept); got != 304 {
			t.Errorf("the same file answers %d", got)
		}
		if got := ask(after, accept); got != 200 {
			t.Errorf("a changed file answers %d", got)
		}
		if got := ask(before, map[string]string{"": "gzip", "gzip": ""}[accept]); got != 200 {
			t.Errorf("the same file in another encoding answers %d", got)
		}
	}
}

// The function itself, with the files as they are built in.
func TestWebFunction(t *testing.T) {
	handler := clientHandler("/sdk/")
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "BREW"} {
		w := httptest.NewRecorder()
		handler(w, httptest.NewRequest(method, "/demo/", nil))
		if w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d %v", method, w.Code, w.Header())
		}
	}
	w := httptest.NewRecorder()
	handler(w, httptest.NewRequest(http.MethodHead, "/demo/", nil))
	if w.Code != 200 || w.Body.Len() > 0 || w.Header().Get("Content-Length") == "0" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("HEAD: %d, %d bytes, %v", w.Code, w.Body.Len(), w.Header())
	}
	for prefix, folder := range webFolders {
		if !slices.ContainsFunc(Endpoints(), func(e Endpoint) bool { return e.Path == prefix && e.Function == "web" }) {
			t.Errorf("%s is not among the endpoints", prefix)
		}
		err := fs.WalkDir(webFiles, folder, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || webTypes[path.Ext(name)] == "" {
				return err
			}
			want, _ := fs.ReadFile(webFiles, name)
			resp := get(http.HandlerFunc(handler), prefix+strings.TrimPrefix(name, folder+"/"))
			if got, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || !bytes.Equal(got, want) {
				return fmt.Errorf("%s answers %d, %d bytes", name, resp.StatusCode, len(got))
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	embedded, err := embeddedSite()
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"/demo/index.html", "/sdk/" + workerFile} {
		if embedded.files[url] == nil {
			t.Errorf("%s is not among %q", url, slices.Sorted(maps.Keys(embedded.files)))
		}
	}
}
