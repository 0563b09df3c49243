package functions

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// webFiles is what browsers load: the SDK as it is built, the demo, and the
// API's description.
//
//go:embed web/dist web/demo web/api
var webFiles embed.FS

// webFolders is the folders of webFiles by the path they are served under.
var webFolders = map[string]string{"/sdk/": "web/dist", "/demo/": "web/demo", "/api/": "web/api"}

// webTypes is the files that are served, by their ending. Others in the folders
// are for people.
var webTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".json": "application/json",
	".map":  "application/json",
	".mjs":  "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// workerFile is the service worker that apps copy to their site's root.
const workerFile = "firebase-messaging-sw.js"

// pagePolicy is the Content-Security-Policy of the pages: their own files
// and Google's APIs, nothing inline. Only in a local run, which has the variable
// of one of Firebase's emulators, may they connect to 127.0.0.1, where those are.
func pagePolicy(getenv func(string) string) string {
	connect := "connect-src 'self' https://*.googleapis.com"
	if cmp.Or(getenv("FIREBASE_AUTH_EMULATOR_HOST"), getenv("FIRESTORE_EMULATOR_HOST")) != "" {
		connect += " http://127.0.0.1:*"
	}
	return strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "worker-src 'self'", connect,
		"frame-src 'self'", "frame-ancestors 'self'", "base-uri 'none'", "form-action 'none'",
	}, "; ")
}

// web serves the SDK, the demo and the API's description to anyone. It only reads what was built into
// the program, so any request may be repeated.
func web(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "use GET or HEAD here", http.StatusMethodNotAllowed)
		return
	}
	s, err := embeddedSite()
	if err != nil {
		http.Error(w, "these files can't be read", http.StatusInternalServerError)
		return
	}
	s.ServeHTTP(w, r)
}

var embeddedSite = sync.OnceValues(func() (*site, error) { return newSite(webFiles, os.Getenv) })

// site is files ready to be sent.
type site struct {
	files map[string]*webFile // by URL path
	// version changes when any file of the SDK does. Under /sdk/<version>/ they
	// are kept by browsers for good: one that is built of several files stays of
	// one piece.
	version string
	policy  string // of pages
}

type webFile struct {
	contentType, etag string
	body              []byte
	gzipped           func() []byte // made on first use; nil if it saves too little
}

func newSite(from fs.FS, getenv func(string) string) (*site, error) {
	s := &site{files: map[string]*webFile{}, policy: pagePolicy(getenv)}
	for prefix, folder := range webFolders {
		err := fs.WalkDir(from, folder, func(name string, d fs.DirEntry, err error) error {
			contentType, served := webTypes[path.Ext(name)]
			if err != nil || d.IsDir() || !served {
				return err
			}
			body, err := fs.ReadFile(from, name)
			s.files[prefix+strings.TrimPrefix(name, folder+"/")] = newWebFile(contentType, body)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	var sums []string
	for url, f := range s.files {
		if strings.HasPrefix(url, "/sdk/") {
			sums = append(sums, url+f.etag)
		}
	}
	slices.Sort(sums)
	s.version = digest([]byte(strings.Join(sums, "\n")))
	return s, nil
}

func newWebFile(contentType string, body []byte) *webFile {
	return &webFile{
		contentType: contentType, etag: digest(body), body: body,
		gzipped: sync.OnceValue(func() []byte {
			var b bytes.Buffer
			z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // fails for an unknown level only
			z.Write(body)                                         // and a Buffer takes everything
			z.Close()
			if b.Len() > len(body)*9/10 {
				return nil
			}
			return b.Bytes()
		}),
	}
}

// digest is the first 64 bits of a hash: enough to tell versions of a file apart.
func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	url, versioned := r.URL.Path, false
	if rest, ok := strings.CutPrefix(url, "/sdk/"); ok {
		version, name, _ := strings.Cut(rest, "/")
		if len(version) == len(s.version) && s.files["/sdk/"+name] != nil {
			// Another version's files are gone with its deployment. A page that was
			// loaded before is better off with these than with none.
			if version != s.version {
				w.Header().Set("Cache-Control", "no-store")
				anyOrigin(w.Header())
				redirect(w, "/sdk/"+name)
				return
			}
			url, versioned = "/sdk/"+name, true
		}
	}
	switch {
	case url == "/demo", url == "/api":
		redirect(w, url+"/")
		return
	case url == "/demo/", url == "/api/":
		url += "index.html"
	}
	f := s.files[url]
	if f == nil {
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "there is nothing at this path", http.StatusNotFound)
		return
	}
	s.describe(w.Header(), url, f, versioned)
	f.send(w, r)
}

// redirect sends a browser to another path of the same host.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// anyOrigin lets pages of every origin load the SDK. Browsers ask that of each
// answer on the way to a file, a redirect too.
func anyOrigin(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
}

// describe sets the headers that depend on the file.
func (s *site) describe(h http.Header, url string, f *webFile, versioned bool) {
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", "no-cache") // kept, but asked for again each time
	if versioned {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if name, ok := strings.CutPrefix(url, "/sdk/"); ok {
		anyOrigin(h)
		h.Set("Access-Control-Expose-Headers", "Content-Location")
		h.Set("Content-Location", "/sdk/"+s.version+"/"+name)
		if path.Base(url) == workerFile {
			// From /sdk/ it may serve pages of the whole site, as from the root.
			h.Set("Service-Worker-Allowed", "/")
		}
	}
	if strings.HasPrefix(url, "/api/") {
		h.Set("Access-Control-Allow-Origin", "*") // for viewers of such descriptions
	}
	if strings.HasPrefix(f.contentType, "text/html") {
		h.Set("Content-Security-Policy", s.policy)
		h.Set("Referrer-Policy", "no-referrer")
	}
}

// send answers a GET or HEAD, also one that is conditional or for a range.
func (f *webFile) send(w http.ResponseWriter, r *http.Request) {
	h, body, etag := w.Header(), f.body, f.etag
	h.Add("Vary", "Accept-Encoding")
	if acceptsGzip(r.Header) {
		if z := f.gzipped(); z != nil {
			h.Set("Content-Encoding", "gzip")
			body, etag = z, etag+"-gzip"
		}
	}
	h.Set("ETag", fmt.Sprintf("%q", etag))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsGzip reports whether the client named gzip and didn't rule it out with
// a weight of 0 (RFC 9110 §12.5.3).
func acceptsGzip(h http.Header) bool {
	for coding := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			_, q, _ := strings.Cut(weight, "=")
			return strings.Trim(q, "0. ") != "" || q == ""
		}
	}
	return false
}
