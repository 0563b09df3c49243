package standin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestPlanValidate(t *testing.T) {
	for _, tt := range []struct {
		plan Plan
		want string
	}{
		{Plan{}, ""},
		{Plan{Latency: Latency{Base: -1}}, "latency: must not be negative"},
		{Plan{Rules: make([]Rule, maxRules+1)}, "rules: at most 1000"},
		{Plan{Rules: []Rule{{Action: Action{Error: "OOPS"}}}}, `rules[0]: action: unknown error "OOPS"`},
		{Plan{Rules: []Rule{{Action: Action{Kind: "oops"}}}}, `rules[0]: action: unknown kind "oops"`},
		{Plan{Rules: []Rule{{Action: Action{Kind: FaultReset, Error: Internal}}}}, "rules[0]: action: reset takes no error"},
		{Plan{Rules: []Rule{{Match: Match{Probability: 2}, Action: Action{Error: Internal}}}}, "rules[0]: match: probability must be between 0 and 1"},
		{Plan{Rules: []Rule{{Match: Match{Nth: -1}, Action: Action{Error: Internal}}}}, "rules[0]: match: nth and count must not be negative"},
		{Plan{Rules: []Rule{{Action: Action{Error: Internal, RetryAfter: 1}}}}, "rules[0]: action: retryAfter must be whole seconds"},
		{Plan{Rules: []Rule{{Action: Action{Error: Internal, For: -1}}}}, "rules[0]: action: retryAfter and for must not be negative"},
		{Plan{Rules: []Rule{{Action: Action{Error: Internal, Status: 200}}}}, "rules[0]: action: status must be 400 to 599"},
	} {
		got := ""
		if err := New(Options{}).SetFaults(tt.plan); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// statuses sends n messages and returns the answers' statuses.
func statuses(s *Server, target string, n int) (out []int) {
	for range n {
		status, _, _ := post(s, s.opts.Project, `{"message":{"token":"`+target+`"}}`)
		out = append(out, status)
	}
	return out
}

func TestRules(t *testing.T) {
	a, b := TokenFor("a"), TokenFor("b")
	internal := Action{Error: Internal}
	for _, tt := range []struct {
		name   string
		rules  []Rule
		target string
		want   string
	}{
		{"all", []Rule{{Action: internal}}, a, "500 500 500 500"},
		{"token", []Rule{{Match: Match{Token: a}, Action: internal}}, a, "500 500 500 500"},
		{"other token", []Rule{{Match: Match{Token: a}, Action: internal}}, b, "200 200 200 200"},
		{"nth", []Rule{{Match: Match{Nth: 3}, Action: internal}}, a, "200 200 500 200"},
		{"count", []Rule{{Match: Match{Count: 2}, Action: internal}}, a, "500 500 200 200"},
		{"first rule wins", []Rule{{Match: Match{Count: 1}, Action: internal}, {Action: Action{Error: Unavailable}}}, a, "500 503 503 503"},
		{"status", []Rule{{Action: Action{Error: Internal, Status: 599}}}, a, "599 599 599 599"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := New(Options{})
			newDevice(t, s, Device{Token: a})
			newDevice(t, s, Device{Token: b})
			if err := s.SetFaults(Plan{Rules: tt.rules}); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, n := range statuses(s, tt.target, 4) {
				got = append(got, map[int]string{200: "200", 500: "500", 503: "503", 599: "599"}[n])
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %v, want %s", got, tt.want)
			}
			s.ClearFaults()
			if got := statuses(s, tt.target, 1)[0]; got != 200 {
				t.Errorf("after ClearFaults: %d", got)
			}
		})
	}
}

func TestProbabilityIsSeeded(t *testing.T) {
	run := func(seed uint64) (out []int) {
		s := New(Options{})
		target := newDevice(t, s, Device{})
		_ = s.SetFaults(Plan{Seed: seed, Rules: []Rule{{Match: Match{Probability: 0.5}, Action: Action{Error: Internal}}}})
		return statuses(s, target, 64)
	}
	first, again, other := run(1), run(1), run(2)
	same := func(a, b []int) bool {
		for i := range a {
			if a[i] != b[i] {
				return false
			}
		}
		return true
	}
	if !same(first, again) || same(first, other) {
		t.Errorf("seed 1: %v and %v, seed 2: %v", first, again, other)
	}
}

func TestRetryAfter(t *testing.T) {
	c := newClock()
	s := New(Options{Now: c.Now})
	a, b := newDevice(t, s, Device{}), newDevice(t, s, Device{})
	strike := func(m Match) {
		_ = s.SetFaults(Plan{Rules: []Rule{{Match: m, Action: Action{Error: QuotaExceeded, RetryAfter: Delay(time.Minute)}}}})
	}
	strike(Match{Token: a, Count: 1})
	_, _, header := post(s, s.opts.Project, `{"message":{"token":"`+a+`"}}`)
	if got := header.Get("Retry-After"); got != "60" {
		t.Errorf("Retry-After %q, want 60", got)
	}
	statuses(s, a, 1) // too early
	statuses(s, b, 1) // the rule named a, so b may
	c.advance(time.Minute)
	statuses(s, a, 1)
	if n := s.Stats().InRetryAfter; n != 1 {
		t.Errorf("%d requests inside a device's Retry-After, want 1", n)
	}
	strike(Match{Count: 1})
	statuses(s, a, 1)
	statuses(s, b, 1) // too early for everybody
	if n := s.Stats().InRetryAfter; n != 2 {
		t.Errorf("%d requests inside a Retry-After, want 2", n)
	}
}

func TestLatency(t *testing.T) {
	var slept []time.Duration
	s := New(Options{Sleep: func(_ context.Context, d time.Duration) { slept = append(slept, d) }})
	target := newDevice(t, s, Device{})
	_ = s.SetFaults(Plan{Latency: Latency{Base: Delay(time.Second), Jitter: Delay(time.Second)}})
	statuses(s, target, 50)
	distinct := map[time.Duration]bool{}
	for _, d := range slept {
		distinct[d] = true
		if d < time.Second || d > 2*time.Second {
			t.Errorf("slept %v", d)
		}
	}
	if len(slept) != 50 || len(distinct) < 40 {
		t.Errorf("%d delays, %d distinct", len(slept), len(distinct))
	}
}

// TestBroken sends over real connections, each protocol, through faults that
// leave the client without an answer.
func TestBroken(t *testing.T) {
	h1 := func(l *Local) *http.Client {
		return &http.Client{Transport: &http.Transport{TLSClientConfig: l.Client().Transport.(*http.Transport).TLSClientConfig}}
	}
	for _, tt := range []struct {
		name     string
		tls      bool
		client   func(*Local) *http.Client
		action   Action
		accepted uint64
	}{
		{"reset, HTTP/1.1", false, h1, Action{Kind: FaultReset}, 0},
		{"reset, HTTP/1.1 over TLS", true, h1, Action{Kind: FaultReset}, 0},
		{"reset, HTTP/2", false, (*Local).Client, Action{Kind: FaultReset}, 0},
		{"reset, HTTP/2 over TLS", true, (*Local).Client, Action{Kind: FaultReset}, 0},
		{"stream reset, HTTP/2 over TLS", true, (*Local).Client, Action{Kind: FaultReset, StreamOnly: true}, 0},
		{"lost answer, HTTP/1.1", false, h1, Action{Kind: FaultLostAnswer}, 1},
		{"lost answer, HTTP/2 over TLS", true, (*Local).Client, Action{Kind: FaultLostAnswer}, 1},
		{"hang, bounded", false, (*Local).Client, Action{Kind: FaultHang, For: Delay(time.Nanosecond)}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := start(t, Options{Project: "p"}, tt.tls)
			target := newDevice(t, l.Server, Device{})
			c := tt.client(l)
			defer c.CloseIdleConnections()
			if err := l.SetFaults(Plan{Rules: []Rule{{Match: Match{Count: 1}, Action: tt.action}}}); err != nil {
				t.Fatal(err)
			}
			send := func() (int, error) {
				resp, err := c.Post(l.URL+"/v1/projects/p/messages:send", "application/json",
					strings.NewReader(`{"message":{"token":"`+target+`"}}`))
				if err != nil {
					return 0, err
				}
				defer resp.Body.Close()
				_, err = io.Copy(io.Discard, resp.Body)
				return resp.StatusCode, err
			}
			if status, err := send(); err == nil {
				t.Fatalf("got an answer: %d", status)
			}
			if n := l.Stats().Accepted; n != tt.accepted {
				t.Errorf("accepted %d, want %d", n, tt.accepted)
			}
			if status, err := send(); err != nil || status != 200 {
				t.Errorf("afterwards: %d, %v", status, err)
			}
			// Not how many there were: net/http may dial one more than it needs.
			switch closed := func(s *Server) bool { st := s.Stats(); return st.Connections-uint64(st.OpenConnections) > 0 }; {
			case tt.action.StreamOnly && closed(l.Server):
				t.Errorf("a connection was closed: %+v", l.Stats())
			case !tt.action.StreamOnly && tt.action.Kind != FaultHang:
				wait(t, l.Server, closed)
			}
		})
	}
}

// TestHang: the client gives up, the server notices.
func TestHang(t *testing.T) {
	l := start(t, Options{Project: "p"}, true)
	target := newDevice(t, l.Server, Device{})
	_ = l.SetFaults(Plan{Rules: []Rule{{Action: Action{Kind: FaultHang}}}})
	ctx, giveUp := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		req, _ := http.NewRequestWithContext(ctx, http.MethodPost, l.URL+"/v1/projects/p/messages:send",
			bytes.NewBufferString(`{"message":{"token":"`+target+`"}}`))
		_, err := l.testClient(t).Do(req)
		done <- err
	}()
	wait(t, l.Server, func(s *Server) bool { return s.Stats().Faults[FaultHang] == 1 })
	giveUp()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("client: %v", err)
	}
	wait(t, l.Server, func(s *Server) bool { return s.Stats().InFlight == 0 })
	if n := l.Stats().Accepted; n != 0 {
		t.Errorf("accepted %d", n)
	}
}

func wait(t *testing.T, s *Server, cond func(*Server) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.Wait(ctx, cond); err != nil {
		t.Fatalf("waiting: %v; stats %+v", err, s.Stats())
	}
}

// TestStreams: 250 requests at once are on three connections of at most 100 streams.
func TestStreams(t *testing.T) {
	const n = 250
	l := start(t, Options{Project: "p", DeviceLog: n}, true)
	target := newDevice(t, l.Server, Device{})
	_ = l.SetFaults(Plan{Rules: []Rule{{Match: Match{Count: n}, Action: Action{Kind: FaultHang}}}})
	// Each client has its connection before it is busy: net/http dials for every
	// request that finds none, and on a busy machine goes on dialling.
	var clients []*http.Client
	for range 3 {
		c := l.testClient(t)
		resp, err := c.Get(l.URL + "/standin/stats")
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		clients = append(clients, c)
	}
	ctx, giveUp := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			req, _ := http.NewRequestWithContext(ctx, http.MethodPost, l.URL+"/v1/projects/p/messages:send",
				strings.NewReader(`{"message":{"token":"`+target+`"}}`))
			if resp, err := clients[i%len(clients)].Do(req); err == nil {
				resp.Body.Close()
			}
		})
	}
	wait(t, l.Server, func(s *Server) bool { return s.Stats().InFlight == n })
	giveUp()
	wg.Wait()
	st := l.Stats()
	if st.MaxInFlight != n || st.MaxStreams > MaxStreams || st.Connections < 3 || st.Protocols["HTTP/2.0"] != n {
		t.Errorf("stats %+v, want %d at once over at least 3 connections of at most %d", st, n, MaxStreams)
	}
}
