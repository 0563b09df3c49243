//go:build integration

package terraform_test

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/shared/logs"
)

func importOf(path string) func(*ast.ImportSpec) bool {
	return func(i *ast.ImportSpec) bool { return i.Path.Value == strconv.Quote(path) }
}

// goldflags is the linker's flags that the function module has the builder use.
func goldflags(t *testing.T) string {
	t.Helper()
	m := regexp.MustCompile(`GOOGLE_GOLDFLAGS = "([^"]+)"`).FindStringSubmatch(read(t, "function/main.tf"))
	if m == nil {
		t.Fatal("function/main.tf sets no GOOGLE_GOLDFLAGS")
	}
	return m[1]
}

// coldStart is how long a new instance may take to answer its first request, on
// a machine like a developer's.
const coldStart = 300 * time.Millisecond

// A served function is a process that serves it as Cloud Run does.
type served struct {
	url string
	out *output
}

// output is what a process has printed so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// start starts a function, and waits for its first answer.
func start(t *testing.T, server, function string) *served {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	_, port, _ := net.SplitHostPort(address)

	s := &served{url: "http://" + address, out: &output{}}
	cmd := exec.Command(server)
	// Only what Cloud Run and Terraform set, but that Firestore and Pub/Sub are
	// where nobody listens: clients are made when they are used, and none is here.
	cmd.Env = []string{
		"PORT=" + port, "FUNCTION_TARGET=" + function, "GOOGLE_CLOUD_PROJECT=demo", "FIRESTORE_EMULATOR_HOST=127.0.0.1:1", "PUBSUB_EMULATOR_HOST=127.0.0.1:1", "DOORBELL_FCM_ENDPOINT=http://127.0.0.1:1",
	}
	cmd.Stdout, cmd.Stderr = s.out, s.out
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	err = harness.Poll(t.Context(), 10*time.Second, func(ctx context.Context) error {
		_, _, err := s.call(ctx, http.MethodGet, "/", "")
		return err
	})
	took := time.Since(began)
	if err != nil {
		t.Fatalf("%s doesn't serve: %v\n%s", function, err, s.out)
	}
	t.Logf("first answer after %v", took.Round(time.Millisecond))
	if took > coldStart {
		t.Errorf("the first answer took %v, want at most %v", took, coldStart)
	}
	return s
}

// callByClient calls a function without an ID token, at a path of the public host.
func (s *served) callByClient(t *testing.T, path string) {
	t.Helper()
	if folder := webFolders[path]; folder != "" {
		s.loadByBrowser(t, path, folder)
		return
	}
	asked := http.MethodPost
	if path == "/trace" { // which has nothing to post
		asked = http.MethodGet
	}
	for _, tc := range []struct {
		method string
		status int
		answer string
	}{
		{asked, http.StatusUnauthorized, `"code":6000121`},
		{http.MethodPut, http.StatusMethodNotAllowed, `"status":"METHOD_NOT_ALLOWED"`},
	} {
		status, body, err := s.call(t.Context(), tc.method, path, "{}")
		if err != nil || status != tc.status || !strings.Contains(body, tc.answer) {
			t.Errorf("%s %s without an ID token: %d %s, %v", tc.method, path, status, body, err)
		}
	}
}

// webFolders is where what a browser loads comes from, by path.
var webFolders = map[string]string{"/sdk/": "../functions/web/dist", "/demo/": "../functions/web/demo", "/api/": "../functions/web/api"}

// loadByBrowser loads what is in a folder: it was in the archive.
func (s *served) loadByBrowser(t *testing.T, path, folder string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", folder, err)
	}
	for _, file := range files {
		path := path + filepath.Base(file)
		status, body, err := s.call(t.Context(), http.MethodGet, path, "")
		if want := read(t, file); err != nil || status != http.StatusOK || body != want {
			t.Errorf("GET %s: %d, %d bytes of %d, %v", path, status, len(body), len(want), err)
		}
	}
}

// knows is what each function of a topic says of a message that holds nothing,
// or of a database that isn't there.
var knows = map[string]string{
	"push":   "no batch in the message",
	"urgent": "no batch in the message",
	"fanout": "no fan-out task in the message",
	"sweep":  "sweep calls",
}

// callByTopic delivers a message as Pub/Sub's push subscription does, at the path
// that Terraform gives it.
func (s *served) callByTopic(t *testing.T, topic string) {
	t.Helper()
	path := regexp.MustCompile(`push_endpoint = "\$\{[^}]*\}(/[^"]*)"`).FindStringSubmatch(read(t, "function/main.tf"))
	if path == nil {
		t.Fatal("function/main.tf: no push_endpoint")
	}
	endpoint := strings.NewReplacer("${var.deploy.project}", "demo", "${var.topic.name}", topic).Replace(path[1])
	body := `{"deliveryAttempt":1,"message":{"attributes":{"kind":"message"},"data":"e30=","messageId":"1","message_id":"1",` +
		`"publishTime":"2026-01-02T03:04:05.678Z","publish_time":"2026-01-02T03:04:05.678Z"},"subscription":"projects/demo/subscriptions/s"}`
	// A sweep tries until it is cut off: nobody waits for its answer.
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if status, answer, err := s.call(ctx, http.MethodPost, endpoint, body); err == nil && status != http.StatusInternalServerError {
		t.Errorf("POST %s: %d %s", endpoint, status, answer)
	}
	s.waitLogged(t, knows[topic])
	// What our own functions say is JSON, and of no concern here.
	if log := s.out.String(); regexp.MustCompile(`(?m)^[^{].*WARNING`).MatchString(log) {
		t.Errorf("POST %s: the framework warns:\n%s", endpoint, log)
	}
}

// callByDocument delivers an event as Eventarc does, of a document that isn't one.
func (s *served) callByDocument(t *testing.T) {
	t.Helper()
	status, answer, err := s.call(t.Context(), http.MethodPost, "/", "no document", "Content-Type: application/protobuf",
		"Ce-Id: 1", "Ce-Specversion: 1.0", "Ce-Source: //firestore.googleapis.com/projects/demo/databases/(default)",
		"Ce-Type: google.cloud.firestore.document.v1.written", "Ce-Subject: documents/x/y", "Ce-Time: 2026-01-02T03:04:05.678Z")
	if err != nil || status != http.StatusOK {
		t.Errorf("an event: %d %s, %v", status, answer, err)
	}
	s.waitLogged(t, `"message":"`+logs.NotUnderstood+`"`)
}

func (s *served) waitLogged(t *testing.T, what string) {
	t.Helper()
	err := harness.Poll(t.Context(), 10*time.Second, func(context.Context) error {
		if what == "" || !strings.Contains(s.out.String(), what) {
			return fmt.Errorf("the log has no %q", what)
		}
		return nil
	})
	if err != nil {
		t.Errorf("%v:\n%s", err, s.out)
	}
}

// call makes a request; headers are "Name: value".
func (s *served) call(ctx context.Context, method, path, body string, headers ...string) (status int, answer string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(content), err
}
