// Package logs sets up structured logging as Cloud Logging reads it: one JSON
// object a line, with its severity and message under the names it knows.
package logs

import (
	"context"
	"io"
	"log/slog"

	"github.com/doorbell-push/doorbell/shared/tracing"
)

// New is a logger that writes to w (os.Stderr on Cloud Functions). Lines that are
// logged with a context say which of the project's traces they belong to.
func New(w io.Writer, project string) *slog.Logger {
	return slog.New(traced{slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: cloudNames}), project})
}

// traced adds the trace that the context is in.
type traced struct {
	slog.Handler
	project string
}

// Handle implements slog.Handler.
func (h traced) Handle(ctx context.Context, r slog.Record) error {
	if traceID, spanID := tracing.IDs(ctx); traceID != "" {
		r.AddAttrs(
			slog.String("logging.googleapis.com/trace", "projects/"+h.project+"/traces/"+traceID),
			slog.String("logging.googleapis.com/spanId", spanID),
		)
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h traced) WithAttrs(attrs []slog.Attr) slog.Handler {
	return traced{h.Handler.WithAttrs(attrs), h.project}
}

// WithGroup implements slog.Handler. What is added then stands in the group, where
// Cloud Logging doesn't look: we open none.
func (h traced) WithGroup(name string) slog.Handler {
	return traced{h.Handler.WithGroup(name), h.project}
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
