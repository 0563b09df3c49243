package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/doorbell-push/doorbell/shared/chat"
)

// sends is a system that stores each message, but for those it refuses.
type sends struct {
	sync.Mutex
	bodies  map[string]int // by localMessageID
	senders map[string]int
	refuse  int
	wrong   []string
}

func (s *sends) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request, err := readRequest[chat.SendRequest](r.Body, "-")
	s.Lock()
	defer s.Unlock()
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/send" {
		s.wrong = append(s.wrong, r.Method+" "+r.URL.Path)
		return
	}
	s.bodies[request.LocalMessageID]++
	s.senders[r.Header.Get("Authorization")]++
	if len(s.bodies) <= s.refuse {
		w.WriteHeader(http.StatusTooManyRequests)
		w.Write([]byte(`{"error":{"code":6000105,"status":"RESOURCE_EXHAUSTED","message":"too many"}}`))
	}
}

// Each message is sent once, by each sender in turn, and what is refused is said.
func TestLoad(t *testing.T) {
	for _, tc := range []struct {
		args           string
		refuse, stored int
		want, err      string
	}{
		{"", 0, 20, "20 stored in", ""},
		{"--push", 0, 20, "answered after  p50", ""},
		{"", 3, 17, "failed: 3, 429", "3 of 20 were not stored, such as: {\"error\""},
		{"--json", 3, 17, `"429": 3`, "3 of 20 were not stored"},
	} {
		s := &sends{bodies: map[string]int{}, senders: map[string]int{}, refuse: tc.refuse}
		server := httptest.NewServer(s)
		t.Setenv(tokensVariable, "one two")
		var out, progress bytes.Buffer
		cmd := command()
		cmd.SetOut(&out)
		cmd.SetErr(&progress)
		cmd.SetArgs(strings.Fields("load --to bob --rate 400 --duration 50ms --url " + server.URL + "/ " + tc.args))
		err := cmd.ExecuteContext(t.Context())
		server.Close()
		if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%+v: %v", tc, err)
		}
		if !strings.Contains(out.String(), tc.want) || progress.Len() > 0 {
			t.Errorf("%+v: %s%s", tc, &out, &progress)
		}
		if len(s.bodies) != 20 || s.senders["Bearer one"] != 10 || s.senders["Bearer two"] != 10 || s.wrong != nil {
			t.Errorf("%+v: %d messages of %v, %v", tc, len(s.bodies), s.senders, s.wrong)
		}
		if tc.args == "--json" {
			var r loadResult
			if err := json.Unmarshal(out.Bytes(), &r); err != nil || r.Stored != tc.stored || r.P50 <= 0 || r.P50 > r.P95 || r.P95 > r.P99 || r.P99 > r.Max {
				t.Errorf("%v, %s", err, &out)
			}
		}
	}
}

func TestPercentile(t *testing.T) {
	values := make([]float64, 200)
	for i := range values {
		values[i] = float64(i + 1)
	}
	for p, want := range map[int]float64{50: 100, 95: 190, 99: 198, 100: 200} {
		if got := percentile(values, p); got != want {
			t.Errorf("p%d is %v, want %v", p, got, want)
		}
	}
	if percentile(nil, 50) != 0 || percentile([]float64{7}, 50) != 7 || percentile([]float64{7}, 99) != 7 {
		t.Error("of none or one")
	}
}

// The local system's own program reads its flags.
func TestLocal(t *testing.T) {
	if testing.Short() {
		t.Skip("builds scripts/local")
	}
	var out bytes.Buffer
	cmd := command()
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs([]string{"local", "-help"})
	if err := cmd.ExecuteContext(t.Context()); err != nil || !strings.Contains(out.String(), "-functions-port") {
		t.Errorf("%v: %s", err, &out)
	}
	cmd.SetArgs([]string{"local", "-once", "nonsense"})
	if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(out.String(), `"nonsense" is not a flag`) {
		t.Errorf("%v: %s", err, &out)
	}
}
