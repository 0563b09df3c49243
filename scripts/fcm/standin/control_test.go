package standin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
)

// call uses the control API and decodes the answer into out, if out is not nil.
func call(t *testing.T, h http.Handler, method, path, body string, out any) int {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	if got := w.Header().Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("%s %s: Access-Control-Allow-Origin %q", method, path, got)
	}
	if out != nil {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
		}
	}
	return w.Code
}

func TestControl(t *testing.T) {
	s := New(Options{Project: "p"})
	var d Device
	if code := call(t, s, "POST", "/standin/devices", `{"platform":"web","kind":"fid"}`, &d); code != 200 || !fidForm.MatchString(d.Token) || !d.On {
		t.Fatalf("new device: %d %+v", code, d)
	}
	base := "/standin/devices/" + d.Token
	tag := "call/1 a"
	send := `{"message":{"fid":"` + d.Token + `","webpush":{"notification":{"title":"t","tag":"` + tag + `"}}}}`
	if code := call(t, s, "POST", base+"/power", `{"on":false}`, nil); code != 204 {
		t.Errorf("power off: %d", code)
	}
	post(s, "p", send)
	var state DeviceState
	if call(t, s, "GET", base, "", &state); state.Queued != 1 || state.On || len(state.Messages) != 0 {
		t.Errorf("off: %+v", state)
	}
	call(t, s, "POST", base+"/power", `{"on":true}`, nil)
	if call(t, s, "GET", base, "", &state); state.Queued != 0 || len(state.Messages) != 1 || len(state.Shade) != 1 || state.Shade[0].Tag != tag {
		t.Errorf("on again: %+v", state)
	}
	var dismissed struct{ Dismissed bool }
	if call(t, s, "DELETE", base+"/shade/"+url.PathEscape(tag), "", &dismissed); !dismissed.Dismissed {
		t.Error("the notification was not dismissed")
	}
	for range 3 {
		post(s, "p", send)
	}
	var page struct {
		Messages []Received
		Next     uint64
	}
	if call(t, s, "GET", "/standin/messages?after=1&limit=2", "", &page); len(page.Messages) != 2 || page.Next != 3 || page.Messages[0].Seq != 2 {
		t.Errorf("page: %+v", page)
	}
	if call(t, s, "GET", "/standin/messages?after=4", "", &page); len(page.Messages) != 0 || page.Next != 4 {
		t.Errorf("empty page: %+v", page)
	}
	faults := `{"seed":1,"latency":{"base":"0s"},"rules":[{"match":{"count":1},"action":{"error":"QUOTA_EXCEEDED","retryAfter":"60s"}}]}`
	if code := call(t, s, "POST", "/standin/faults", faults, nil); code != 204 {
		t.Errorf("faults: %d", code)
	}
	if status, _, h := post(s, "p", send); status != 429 || h.Get("Retry-After") != "60" {
		t.Errorf("fault: %d, %v", status, h)
	}
	if code := call(t, s, "DELETE", "/standin/faults", "", nil); code != 204 {
		t.Errorf("clear faults: %d", code)
	}
	var st Stats
	if call(t, s, "GET", "/standin/stats", "", &st); st.Accepted != 4 || st.Errors[QuotaExceeded] != 1 || st.RepeatedTags != 3 {
		t.Errorf("stats: %+v", st)
	}
	if code := call(t, s, "DELETE", base, "", nil); code != 204 {
		t.Errorf("uninstall: %d", code)
	}
	if code := call(t, s, "POST", "/standin/reset", "", nil); code != 204 || s.Stats().Requests != 0 {
		t.Errorf("reset: %d", code)
	}
}

func TestControlRefuses(t *testing.T) {
	s := New(Options{})
	base := "/standin/devices/" + newDevice(t, s, Device{})
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/standin/devices", `{"platform":"tv"}`, 400, `platform "tv": want android, ios or web`},
		{"POST", "/standin/devices", `{"colour":"red"}`, 400, `body: json: unknown field "colour"`},
		{"POST", "/standin/devices", `{"token":"abc"}`, 400, "token: FCM would call this token malformed; leave it empty to get a new one"},
		{"POST", "/standin/devices", `{}}`, 400, "body: more than one JSON value"},
		{"POST", "/standin/devices", ``, 400, "body: EOF"},
		{"POST", base + "/power", `{}`, 400, `body: "on" is missing`},
		{"POST", "/standin/devices/x/power", `{"on":true}`, 404, "no such device"},
		{"GET", "/standin/devices/x", ``, 404, "no such device"},
		{"DELETE", "/standin/devices/x", ``, 404, "no such device"},
		{"DELETE", "/standin/devices/x/shade/y", ``, 404, "no such device"},
		{"GET", "/standin/messages?after=x", ``, 400, `after: not a number: "x"`},
		{"GET", "/standin/messages?limit=-1", ``, 400, `limit: not a number: "-1"`},
		{"GET", "/standin/stream?after=x", ``, 400, `after: not a number: "x"`},
		{"POST", "/standin/faults", `{"rules":[{"action":{}}]}`, 400, `rules[0]: action: unknown error ""`},
		{"POST", "/standin/faults", `{"latency":{"base":5}}`, 400, `body: a duration is a string such as "1.5s", not 5`},
	} {
		var got struct{ Error string }
		if code := call(t, s, tt.method, tt.path, tt.body, &got); code != tt.status || got.Error != tt.want {
			t.Errorf("%s %s %s: %d %q, want %d %q", tt.method, tt.path, tt.body, code, got.Error, tt.status, tt.want)
		}
	}
	if code := call(t, s, "OPTIONS", "/standin/devices", "", nil); code != 204 {
		t.Errorf("preflight: %d", code)
	}
}

// events reads n server-sent events.
func events(t *testing.T, r *bufio.Reader, n int) (out []string) {
	t.Helper()
	for len(out) < n {
		var lines []string
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatalf("after %q: %v", out, err)
			}
			if line = strings.TrimSpace(line); line == "" {
				break
			}
			lines = append(lines, line)
		}
		if !strings.HasPrefix(lines[len(lines)-1], "data: {") {
			t.Fatalf("event %q without data", lines)
		}
		out = append(out, strings.Join(lines[:len(lines)-1], " "))
	}
	return out
}

func TestStream(t *testing.T) {
	l := start(t, Options{Project: "p", Log: 3}, false)
	a, b := newDevice(t, l.Server, Device{}), newDevice(t, l.Server, Device{})
	data := func(target string) { deliver(t, l.Server, target, `{"token":"$T","data":{"a":"b"}}`) }
	open := func(query string) *bufio.Reader {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, l.URL+"/standin/stream"+query, nil)
		resp, err := l.testClient(t).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return bufio.NewReader(resp.Body)
	}
	data(a) // before anybody listens
	all, one := open(""), open("?token="+b)
	data(a)
	data(b)
	if got, want := fmt.Sprint(events(t, all, 2)), "[id: 2 event: message id: 3 event: message]"; got != want {
		t.Errorf("stream: %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(events(t, one, 1)), "[id: 3 event: message]"; got != want {
		t.Errorf("stream of one device: %s, want %s", got, want)
	}
	data(a)
	if got, want := fmt.Sprint(events(t, open("?after=0"), 2)), "[event: gap id: 2 event: message]"; got != want {
		t.Errorf("stream from the start: %s, want %s", got, want)
	}
}

// TestConcurrent runs everything at once for the race detector.
func TestConcurrent(t *testing.T) {
	s := New(Options{Project: "p"})
	_ = s.SetFaults(Plan{Rules: []Rule{{Match: Match{Probability: 0.2}, Action: Action{Error: Internal}}}})
	target := newDevice(t, s, Device{})
	body := `{"message":{"token":"` + target + `","android":{"notification":{"tag":"a"}}}}`
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 50 {
				post(s, "p", body)
				_ = s.SetPower(target, i%2 == 0)
				_, _ = s.Dismiss(target, "a")
				s.Messages(target)
				s.Log(0, 10)
				s.Stats()
			}
		})
	}
	wait(t, s, func(s *Server) bool { return s.Stats().Requests == 400 })
	wg.Wait()
	_ = s.SetPower(target, true)
	st := s.Stats()
	if st.Accepted+st.Errors[Internal] != 400 || st.Received+st.Collapsed != st.Accepted || st.InFlight != 0 {
		t.Errorf("stats do not add up: %+v", st)
	}
	// Reading in the condition must not wake the waiter itself.
	calls := 0
	ctx, cancel := context.WithCancel(t.Context())
	if err := s.Wait(ctx, func(s *Server) bool {
		calls++
		s.Messages(target)
		s.Log(0, 10)
		cancel()
		return false
	}); !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("Wait: %v after %d calls of the condition, want 1", err, calls)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if err := s.Wait(ctx, func(*Server) bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait: %v", err)
	}
}

func FuzzSend(f *testing.F) {
	for _, s := range []string{`{}`, `[]`, `{"message":{"token":"x"}}`, `{"message":{"topic":"a","data":{"a":1}}}`,
		`{"message":{"topic":"a","android":{"ttl":"1.5s","notification":{"light_settings":{"color":{"red":1}},"vibrate_timings":["1s"]}}}}`,
		`{"message":{"topic":"a","webpush":{"headers":{"TTL":"1"},"notification":{"a":[1,{"b":null}]}}},"validate_only":true}`,
		`{"message":{"topic":"a","apns":{"payload":{"aps":{"alert":"x","n":1e400}}}}}`, `{"message":{"condition":"'a' in topics"}}`} {
		f.Add(s)
	}
	s := New(Options{Project: "p"})
	target, err := s.NewDevice(Device{Platform: Web})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		// Our reader sees what encoding/json sees.
		if tree, err := parseTree([]byte(body)); err == nil {
			var want any
			dec := json.NewDecoder(strings.NewReader(body))
			dec.UseNumber()
			if err := dec.Decode(&want); err != nil || !reflect.DeepEqual(tree.plain(), want) {
				t.Fatalf("%q read as %v, want %v, %v", body, tree.plain(), want, err)
			}
		}
		// Half of the inputs reach the device and so also run delivery.
		for _, b := range []string{body, strings.Replace(body, `"topic":"a"`, `"token":"`+target.Token+`"`, 1)} {
			status, answer, _ := post(s, "p", b)
			if status != 200 && status != 400 && status != 404 {
				t.Fatalf("status %d for %q", status, b)
			}
			if !json.Valid([]byte(answer)) {
				t.Fatalf("answer %q is no JSON", answer)
			}
		}
	})
}

func BenchmarkSend(b *testing.B) {
	s := New(Options{Project: "p"})
	d, err := s.NewDevice(Device{Platform: Web})
	if err != nil {
		b.Fatal(err)
	}
	body := `{"message":{"token":"` + d.Token + `","data":{"conversation":"c","message":"m"},"webpush":{"headers":{"TTL":"60"},` +
		`"notification":{"title":"t","body":"b","tag":"x"}}}}`
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/v1/projects/p/messages:send", strings.NewReader(body))
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != 200 {
			out, _ := io.ReadAll(w.Body)
			b.Fatalf("%d %s", w.Code, out)
		}
	}
}
