// Package logs sets up structured logging as Cloud Logging reads it: one JSON
// object a line, with its severity and message under the names it knows.
package logs

import (
	"io"
	"log/slog"
)

// New is a logger that writes to w (os.Stderr on Cloud Functions).
func New(w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: cloudNames}))
}

// cloudNames renames slog's keys (Cloud Logging, "Special fields in structured
// payloads").
func cloudNames(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.LevelKey:
		var severity string
		switch level, _ := a.Value.Any().(slog.Level); {
		case level >= slog.LevelError:
			severity = "ERROR"
		case level >= slog.LevelWarn:
			severity = "WARNING"
		case level >= slog.LevelInfo:
			severity = "INFO"
		default:
			severity = "DEBUG"
		}
		return slog.String("severity", severity)
	case slog.MessageKey:
		a.Key = "message"
	}
	return a
}
