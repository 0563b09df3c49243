package fcm

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"cloud.google.com/go/auth"
)

// server is an HTTP/2 server that counts its connections.
type server struct {
	*httptest.Server
	opened, open, most atomic.Int32
}

type connKey struct{}

func serve(t *testing.T, useTLS bool, h http.HandlerFunc) *server {
	t.Helper()
	return serveStreams(t, useTLS, MaxStreams, h)
}

// serveStreams is serve for a server that takes so many requests at once on a connection.
func serveStreams(t *testing.T, useTLS bool, streams int, h http.HandlerFunc) *server {
	t.Helper()
	s := &server{Server: httptest.NewUnstartedServer(h)}
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP2(true)
	s.Config.Protocols.SetUnencryptedHTTP2(!useTLS)
	s.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: streams}
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.opened.Add(1)
			s.most.Store(max(s.open.Add(1), s.most.Load()))
		case http.StateClosed:
			s.open.Add(-1)
		}
	}
	s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) }
	s.EnableHTTP2 = true
	if useTLS {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

func (s *server) client(t *testing.T, edit func(*Options)) *Client {
	t.Helper()
	o := Options{Project: "demo", Endpoint: s.URL + "/v1"}
	if s.TLS != nil {
		o.TLS = s.Client().Transport.(*http.Transport).TLSClientConfig
	}
	if edit != nil {
		edit(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

const accepted = "{\n  \"name\": \"projects/demo/messages/1\"\n}\n" // FCM's form

// What FCM gets is the body as it is, with the headers the API asks for.
func TestSend(t *testing.T) {
	for _, useTLS := range []bool{true, false} {
		var got *http.Request
		var body []byte
		s := serve(t, useTLS, func(w http.ResponseWriter, r *http.Request) {
			got = r
			body, _ = io.ReadAll(r.Body)
			io.WriteString(w, accepted)
		})
		c := s.client(t, func(o *Options) { o.Tokens = tokens{"ACCESS"}; o.QuotaProject = "bill" })
		name, err := c.Send(t.Context(), []byte(`{"message":{}}`))
		if err != nil || name != "projects/demo/messages/1" {
			t.Fatalf("got %q, %v", name, err)
		}
		if got.Method != "POST" || got.URL.Path != "/v1/projects/demo/messages:send" || got.ProtoMajor != 2 || string(body) != `{"message":{}}` || got.ContentLength != 14 {
			t.Errorf("FCM got %s %s %s %q", got.Proto, got.Method, got.URL, body)
		}
		for name, want := range map[string]string{
			"Content-Type": "application/json", "Authorization": "Bearer ACCESS", "X-Goog-User-Project": "bill", "X-Goog-Api-Format-Version": "2",
		} {
			if v := got.Header.Get(name); v != want {
				t.Errorf("%s is %q, want %q", name, v, want)
			}
		}
		if got.Header.Get("Accept-Encoding") != "" {
			t.Error("asks for compression")
		}
	}
}

func TestNewFails(t *testing.T) {
	for _, o := range []Options{
		{}, {Endpoint: "http://localhost:1"}, {Project: "p", Endpoint: "localhost:1"}, {Project: "p", Endpoint: "http://"}, {Project: "p", Endpoint: "ftp://x"}, {Project: "p", Endpoint: "http://a b"},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

// FCM's yes is a yes, whatever the rest of the answer: sending again would ring twice.
func TestAcceptedIsAccepted(t *testing.T) {
	for _, answer := range []string{"", "not JSON", `{"name":1}`, `{"name`, `{"name":"`, "abort"} {
		s := serve(t, false, func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, answer)
			if answer == "abort" {
				http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}
		})
		if name, err := s.client(t, nil).Send(t.Context(), nil); err != nil || name != "" {
			t.Errorf("%q: got %q, %v", answer, name, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	s := serve(t, false, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(404)
		io.WriteString(w, `{"error":{"status":"NOT_FOUND","message":"gone","details":[{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"UNREGISTERED"}]}}`)
	})
	_, err := s.client(t, nil).Send(t.Context(), nil)
	var e *Error
	if !errors.As(err, &e) || e.HTTP != 404 || e.Status != "NOT_FOUND" || e.Code != "UNREGISTERED" || e.RetryAfter != "7" || e.Error() != "fcm: 404 NOT_FOUND/UNREGISTERED: gone" {
		t.Errorf("got %+v", err)
	}
}

// A burst as large as the client takes: all of it at once, on as many
// connections as it may have, 100 requests on each.
func TestBurst(t *testing.T) {
	const connections = 8
	all := make(chan struct{})
	var mu sync.Mutex
	active, most := 0, 0
	s := serve(t, true, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		if active++; active > most {
			if most = active; most == connections*MaxStreams {
				close(all)
			}
		}
		mu.Unlock()
		select {
		case <-all:
		case <-r.Context().Done():
		}
		mu.Lock()
		active--
		mu.Unlock()
		io.WriteString(w, accepted)
	})
	c := s.client(t, func(o *Options) { o.Connections = connections })
	var wg sync.WaitGroup
	for range connections*MaxStreams + 50 { // the last ones wait for their turn
		wg.Go(func() {
			if _, err := c.Send(t.Context(), nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := s.opened.Load(); n != connections {
		t.Errorf("%d connections were opened, want %d", n, connections)
	}
	if most != connections*MaxStreams {
		t.Errorf("%d requests at once, want %d", most, connections*MaxStreams)
	}
	// They stay open for what comes next.
	for range 100 {
		if _, err := c.Send(t.Context(), nil); err != nil {
			t.Error(err)
		}
	}
	if n := s.opened.Load(); n != connections {
		t.Errorf("%d connections were opened later", n-connections)
	}
}

// A peer, or a proxy before it, that takes fewer requests at once on a connection than
// FCM does gets all of a burst, on connections that stay.
func TestFewerStreams(t *testing.T) {
	s := serveStreams(t, true, 10, func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(time.Millisecond) // else one connection would do
		io.WriteString(w, accepted)
	})
	c := s.client(t, func(o *Options) { o.Connections = 4 })
	var wg sync.WaitGroup
	var failed atomic.Int32
	for range 1000 {
		wg.Go(func() {
			if _, err := c.Send(t.Context(), nil); err != nil {
				failed.Add(1)
			}
		})
	}
	wg.Wait()
	if failed.Load() > 0 || s.opened.Load() > 8 {
		t.Errorf("%d of 1,000 failed, on %d connections", failed.Load(), s.opened.Load())
	}
}

// A connection that is closed before it was used isn't taken for one that takes requests.
func TestClosedAtOnce(t *testing.T) {
	s := serve(t, false, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, accepted) })
	c := s.client(t, nil)
	c.Warm(t.Context())
	c.pool.mu.Lock()
	first := c.pool.conns[0]
	c.pool.mu.Unlock()
	for deadline := time.Now().Add(10 * time.Second); first.Err() == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it isn't closed")
		}
		s.CloseClientConnections() // those that it has accepted by now
	}
	if _, err := c.Send(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// One push after another needs one connection, and Warm has it open.
func TestWarm(t *testing.T) {
	var asked atomic.Int32
	s := serve(t, true, func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); io.WriteString(w, accepted) })
	c := s.client(t, func(o *Options) { o.Connections = 8 })
	c.Warm(t.Context())
	c.Warm(t.Context())
	if s.opened.Load() != 1 || asked.Load() != 0 {
		t.Errorf("warming opened %d connections and made %d requests", s.opened.Load(), asked.Load())
	}
	for range 50 {
		if _, err := c.Send(t.Context(), nil); err != nil {
			t.Error(err)
		}
	}
	if n := s.opened.Load(); n != 1 {
		t.Errorf("%d connections for one request at a time", n)
	}
}

// A server that closes its connections every so often, as Google's do, loses
// no request and gets none twice.
func TestServerGoesAway(t *testing.T) {
	var mu sync.Mutex
	got := map[string]int{}
	s := serve(t, true, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		got[string(b)]++
		if len(got)%100 == 0 {
			w.Header().Set("Connection", "close") // over HTTP/2: GOAWAY, then what is under way
		}
		mu.Unlock()
		io.WriteString(w, accepted)
	})
	c := s.client(t, func(o *Options) { o.Connections = 2 })
	var wg sync.WaitGroup
	next := make(chan int)
	for range 40 {
		wg.Go(func() {
			for i := range next {
				if _, err := c.Send(t.Context(), fmt.Append(nil, i)); err != nil {
					t.Errorf("request %d: %v", i, err)
				}
			}
		})
	}
	const n = 1000
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	twice := 0
	for _, times := range got {
		if times > 1 {
			twice++
		}
	}
	if len(got) != n || twice > 0 {
		t.Errorf("%d requests arrived, %d of them more than once; want %d", len(got), twice, n)
	}
	if s.opened.Load() < 8 {
		t.Errorf("only %d connections were opened: nobody went away", s.opened.Load())
	}
}

// A connection that breaks fails what is under way on it; what comes next gets another.
func TestBrokenConnection(t *testing.T) {
	var requests atomic.Int32
	s := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 1 {
			r.Context().Value(connKey{}).(net.Conn).Close()
			<-r.Context().Done()
			return
		}
		io.WriteString(w, accepted)
	})
	c := s.client(t, nil)
	if _, err := c.Send(t.Context(), nil); err == nil {
		t.Error("the connection broke, and no error")
	}
	if _, err := c.Send(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if requests.Load() != 2 {
		t.Errorf("%d requests: one that may have been processed was repeated", requests.Load())
	}
}

func TestNobodyListens(t *testing.T) {
	s := serve(t, false, nil)
	s.Close()
	c := s.client(t, func(o *Options) { o.Connections = 3 })
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if _, err := c.Send(t.Context(), nil); err == nil {
				t.Error("no error")
			}
		})
	}
	wg.Wait()
}

func TestTimeout(t *testing.T) {
	s := serve(t, false, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := s.client(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Send(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestClosed(t *testing.T) {
	s := serve(t, false, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, accepted) })
	c := s.client(t, nil)
	if _, err := c.Send(t.Context(), nil); err != nil {
		t.Error(err)
	}
	c.Close()
	if _, err := c.Send(t.Context(), nil); !errors.Is(err, errClosed) {
		t.Errorf("got %v", err)
	}
}

// HTTP/1.1 would mean a connection for each request under way.
func TestOnlyHTTP2(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, accepted) }))
	defer s.Close()
	c, err := New(Options{Project: "p", Endpoint: s.URL, TLS: &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Send(t.Context(), nil); err == nil {
		t.Error("it spoke HTTP/1.1")
	}
}

type tokens []string

func (s tokens) Token(context.Context) (*auth.Token, error) {
	if s[0] == "" {
		return nil, errors.New("no credentials")
	}
	return &auth.Token{Value: s[0]}, nil
}

func TestTokenChanges(t *testing.T) {
	var got []string
	s := serve(t, true, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
		io.WriteString(w, accepted)
	})
	provider := tokens{"A"}
	c := s.client(t, func(o *Options) { o.Tokens = provider })
	for _, value := range []string{"A", "A", "B", "", "C"} {
		provider[0] = value
		if _, err := c.Send(t.Context(), nil); (err != nil) != (value == "") {
			t.Errorf("%q: %v", value, err)
		}
	}
	if want := []string{"Bearer A", "Bearer A", "Bearer B", "Bearer C"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestNewError(t *testing.T) {
	const code = `{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"X"}`
	for _, tc := range []struct {
		status int
		body   string
		want   Error
	}{
		{400, ``, Error{HTTP: 400, Status: "INVALID_ARGUMENT"}},
		{404, `<html>`, Error{HTTP: 404, Status: "NOT_FOUND"}},
		{418, `{}`, Error{HTTP: 418}},
		{500, `{"error":{"status":"ABORTED"}}`, Error{HTTP: 500, Status: "ABORTED"}},
		{400, `{"error":{"message":"m","details":[` + code + `]}}`, Error{HTTP: 400, Status: "INVALID_ARGUMENT", Code: "X", Message: "m"}},
		{400, `{"error":{"details":[{"@type":"other","errorCode":"Y"},` + code + `]}}`, Error{HTTP: 400, Status: "INVALID_ARGUMENT", Code: "X"}},
		{400, `{"error":{"details":[{"fieldViolations":[{"field":"a"},{"field":"b"}]},{"fieldViolations":[{"field":"c"}]}]}}`,
			Error{HTTP: 400, Status: "INVALID_ARGUMENT", Fields: []string{"a", "b", "c"}}},
		{400, `{"error":{"details":[` + code + `,{"fieldViolations":3}]}}`, Error{HTTP: 400, Status: "INVALID_ARGUMENT", Code: "X"}},
	} {
		got := NewError(tc.status, http.Header{}, []byte(tc.body))
		if fmt.Sprintf("%+v", *got) != fmt.Sprintf("%+v", tc.want) {
			t.Errorf("%d %s: got %+v, want %+v", tc.status, tc.body, *got, tc.want)
		}
	}
}

// What an answer says is read as it stands, and what is no answer of FCM's gets
// no code of FCM's: by that code targets are removed.
func FuzzNewError(f *testing.F) {
	f.Add(404, "NOT_FOUND", "UNREGISTERED", "message.token", "Requested entity was not found.", `{"error":{"details":[null,3]}}`)
	f.Add(400, "", "", "", "\xff", `{"error":{"details":{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"UNREGISTERED"}}}`)
	f.Fuzz(func(t *testing.T, status int, rpc, code, field, message, raw string) {
		body, err := json.Marshal(map[string]any{"error": map[string]any{"status": rpc, "message": message, "details": []any{
			map[string]string{"@type": fcmError, "errorCode": code}, map[string]any{"fieldViolations": []any{map[string]string{"field": field}}},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		e := NewError(status, nil, body)
		if e.HTTP != status || (utf8.ValidString(code) && e.Code != code) || (utf8.ValidString(field) && e.Fields[0] != field) {
			t.Errorf("%s is read as %+v", body, e)
		}
		if e := NewError(status, nil, []byte(raw)); e.Code != "" && !strings.Contains(raw, "FcmError") && !strings.Contains(raw, `\`) {
			t.Errorf("%s has the code %s", raw, e.Code)
		}
	})
}
