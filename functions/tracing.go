package functions

import (
	"context"
	"log/slog"
	"os"

	"github.com/doorbell-push/doorbell/shared/config"
	"github.com/doorbell-push/doorbell/shared/tracing"
	"github.com/doorbell-push/doorbell/shared/tracing/cloudtrace"
)

// enter is a function's work on a request or an event: a span of the trace in
// traceparent where spans are exported.
func enter(ctx context.Context, traceparent, name string, kind tracing.Kind) (context.Context, tracing.Span) {
	_, _ = settings() // which have the export started; that they can't be read says who needs them
	return tracing.Enter(ctx, traceparent, name, kind)
}

// exportTraces has spans exported where the operator wants that. No push fails
// because it can't be done.
func exportTraces(c *config.Config) {
	if c.TraceExport == 0 {
		return
	}
	if err := cloudtrace.Start(context.Background(), c.ProjectID, os.Getenv("K_SERVICE"), c.TraceExport); err != nil {
		slog.Error("no spans are exported", "error", err)
	}
}
