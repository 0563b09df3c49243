package logs

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/doorbell-push/doorbell/shared/tracing"
)

func TestCloudLoggingNames(t *testing.T) {
	for _, tc := range []struct {
		level slog.Level
		want  string
	}{
		{slog.LevelInfo, "INFO"},
		{slog.LevelInfo + 1, "INFO"},
		{slog.LevelWarn, "WARNING"},
		{slog.LevelError, "ERROR"},
		{slog.LevelError + 4, "ERROR"},
	} {
		var out bytes.Buffer
		New(&out, "demo").Log(t.Context(), tc.level, "hello", "n", 1, slog.Group("g", "msg", "kept", "level", "kept"))
		var line struct {
			Severity string
			Message  string
			N        int
			G        map[string]string
			Msg      *string
			Level    *string
		}
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if line.Severity != tc.want || line.Message != "hello" || line.N != 1 || line.Msg != nil || line.Level != nil {
			t.Errorf("%v: %s", tc.level, out.Bytes())
		}
		if line.G["msg"] != "kept" || line.G["level"] != "kept" {
			t.Errorf("a group's attributes were renamed: %s", out.Bytes())
		}
	}
}

func TestDebugIsOff(t *testing.T) {
	var out bytes.Buffer
	New(&out, "demo").Debug("quiet")
	if out.Len() > 0 {
		t.Errorf("logged %s", out.Bytes())
	}
	// What a caller's own handler lets through is still named as Cloud Logging wants.
	if a := cloudNames(nil, slog.Any(slog.LevelKey, slog.LevelDebug)); a.Value.String() != "DEBUG" {
		t.Errorf("debug is %v", a)
	}
}

// A line says which trace it belongs to, whatever the logger was made with.
func TestTrace(t *testing.T) {
	ctx := tracing.Continue(t.Context(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	_, span := tracing.IDs(ctx)
	var out bytes.Buffer
	New(&out, "demo").With("a", 1).InfoContext(ctx, "hello")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line["logging.googleapis.com/trace"] != "projects/demo/traces/0af7651916cd43dd8448eb211c80319c" || line["logging.googleapis.com/spanId"] != span || line["a"] != 1. {
		t.Errorf("logged %s", out.Bytes())
	}
	out.Reset()
	New(&out, "demo").InfoContext(t.Context(), "hello")
	if bytes.Contains(out.Bytes(), []byte("googleapis")) {
		t.Errorf("without a trace: %s", out.Bytes())
	}
}
