// Package tracing carries a request's W3C trace context through everything that
// follows from it, so that the log lines of all functions that had to do with a
// message or a call are found under one trace in Cloud Logging.
package tracing

import (
	"context"
	"crypto/rand"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Key is the header (W3C Trace Context), the field of documents and the attribute
// of Pub/Sub messages that the context travels in.
const Key = "traceparent"

var format propagation.TraceContext

// Continue is ctx as a step of the trace in traceparent; of a new trace where that
// is empty or invalid.
func Continue(ctx context.Context, traceparent string) context.Context {
	parent := trace.SpanContextFromContext(format.Extract(context.Background(), carrier(traceparent)))
	step := trace.SpanContextConfig{TraceID: parent.TraceID(), TraceFlags: parent.TraceFlags()}
	if !parent.IsValid() {
		rand.Read(step.TraceID[:])
	}
	rand.Read(step.SpanID[:])
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(step))
}

func carrier(traceparent string) propagation.MapCarrier {
	return propagation.MapCarrier{Key: traceparent}
}

// Traceparent is how ctx's trace goes on elsewhere; empty where ctx has none.
func Traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	format.Inject(ctx, carrier)
	return carrier[Key]
}

// IDs is the trace and the step in it that ctx is in, both empty where it is in
// none.
func IDs(ctx context.Context) (traceID, spanID string) {
	if c := trace.SpanContextFromContext(ctx); c.IsValid() {
		return c.TraceID().String(), c.SpanID().String()
	}
	return "", ""
}
