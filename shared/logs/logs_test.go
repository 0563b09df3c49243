package logs

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
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
		New(&out).Log(t.Context(), tc.level, "hello", "n", 1, slog.Group("g", "msg", "kept", "level", "kept"))
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
	New(&out).Debug("quiet")
	if out.Len() > 0 {
		t.Errorf("logged %s", out.Bytes())
	}
	// What a caller's own handler lets through is still named as Cloud Logging wants.
	if a := cloudNames(nil, slog.Any(slog.LevelKey, slog.LevelDebug)); a.Value.String() != "DEBUG" {
		t.Errorf("debug is %v", a)
	}
}
