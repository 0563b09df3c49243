package tracing

import (
	"strings"
	"testing"
)

const given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestContinue(t *testing.T) {
	if trace, span := IDs(t.Context()); trace != "" || span != "" || Traceparent(t.Context()) != "" {
		t.Errorf("a context without a trace is in %q", Traceparent(t.Context()))
	}
	first := Continue(t.Context(), given)
	second := Continue(t.Context(), Traceparent(first))
	spans := map[string]bool{"b7ad6b7169203331": true}
	for _, tp := range []string{Traceparent(first), Traceparent(second)} {
		parts := strings.Split(tp, "-")
		if len(parts) != 4 || parts[1] != "0af7651916cd43dd8448eb211c80319c" || parts[3] != "01" || spans[parts[2]] {
			t.Errorf("went on as %q", tp)
			continue
		}
		spans[parts[2]] = true
	}
	if trace, span := IDs(second); trace != "0af7651916cd43dd8448eb211c80319c" || !strings.Contains(Traceparent(second), span) {
		t.Errorf("in %s, step %s", trace, span)
	}
}

// What can't be used begins a trace, and gets nowhere.
func TestContinueAnew(t *testing.T) {
	seen := map[string]bool{}
	for _, bad := range []string{"", "x", given + "\n", strings.ToUpper(given), "00-" + strings.Repeat("0", 32) + "-b7ad6b7169203331-01", `00-"}{"severity":"ERROR`} {
		trace, _ := IDs(Continue(t.Context(), bad))
		if len(trace) != 32 || seen[trace] || trace == "0af7651916cd43dd8448eb211c80319c" {
			t.Errorf("%q: in %q", bad, trace)
		}
		seen[trace] = true
	}
}
