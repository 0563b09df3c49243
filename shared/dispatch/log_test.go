package dispatch

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"github.com/doorbell-push/doorbell/shared/logs"
)

// The log says what became of a batch, and holds no content and no token.
func TestLog(t *testing.T) {
	var out bytes.Buffer
	before := slog.Default()
	slog.SetDefault(logs.New(&out, "demo"))
	t.Cleanup(func() { slog.SetDefault(before) })
	for _, tc := range []struct {
		answer   answer
		severity string
		outcome  string
	}{
		{ok, "INFO", `"status":"sent","detail":"","count":1`},
		{unregistered, "INFO", `"status":"failed","detail":"unregistered","count":1`},
		{answer{status: 403}, "ERROR", `"status":"dead_letter","detail":"credentials","count":1`},
		{quota, "INFO", `"status":"pending","detail":"quota","count":1`},
	} {
		inBubble(t, func(b *bench) {
			out.Reset()
			b.fcm.answer = func(string, int) answer { return tc.answer }
			_ = b.d.Dispatch(b.Context(), b.batch("m", "TOKEN-VALUE"))
			line := out.String()
			for _, want := range []string{`"severity":"` + tc.severity + `"`, tc.outcome, `"message":"dispatched"`, `"subjectID":"m"`, `"attempt":1`} {
				if !strings.Contains(line, want) {
					t.Errorf("%d: %s is not in %s", tc.answer.status, want, line)
				}
			}
			for _, never := range []string{"secret", "TOKEN-VALUE\""} {
				if strings.Contains(line, never) {
					t.Errorf("%d: %s is in %s", tc.answer.status, never, line)
				}
			}
		})
	}
}

// Metrics are made of the lines: one per outcome, each with the metrics' fields.
func TestLogPerOutcome(t *testing.T) {
	var out bytes.Buffer
	before := slog.Default()
	slog.SetDefault(logs.New(&out, "demo"))
	t.Cleanup(func() { slog.SetDefault(before) })
	inBubble(t, func(b *bench) {
		b.fcm.answer = func(token string, _ int) answer {
			if token == "gone" {
				return unregistered
			}
			return ok
		}
		b.dispatch(b.batch("m", "A", "gone", "B"), false)
		counts := map[string]float64{}
		for line := range bytes.Lines(out.Bytes()) {
			var fields map[string]any
			if err := json.Unmarshal(line, &fields); err != nil || fields["message"] != logs.Dispatched {
				t.Fatalf("%v: %s", err, line)
			}
			for _, metric := range logs.Metrics {
				for _, field := range append(metric.Labels, metric.Value) {
					if _, ok := fields[field]; field != "" && !ok {
						t.Errorf("%s wants %s, which is not in %s", metric.Name, field, line)
					}
				}
			}
			counts[fields[logs.Status].(string)] += fields[logs.Count].(float64)
		}
		if want := map[string]float64{"sent": 2, "failed": 1}; !maps.Equal(counts, want) {
			t.Errorf("counted %v, want %v", counts, want)
		}
	})
}
