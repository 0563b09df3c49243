package tracing

import (
	"context"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// exporter makes the spans that are exported; nil: none are.
var exporter atomic.Pointer[trace.Tracer]

// Scope is the instrumentation scope of Doorbell's own spans.
const Scope = "doorbell"

// Export has the spans of this process made by p from now on; nil ends that.
func Export(p trace.TracerProvider) {
	if p == nil {
		exporter.Store(nil)
		return
	}
	t := p.Tracer(Scope)
	exporter.Store(&t)
}

// Kind is where a span stands: OpenTelemetry's SpanKind.
type Kind = trace.SpanKind

// The kinds that Doorbell's spans are of.
const (
	Server   = trace.SpanKindServer   // a request that a client makes
	Producer = trace.SpanKindProducer // a message for Pub/Sub
	Consumer = trace.SpanKindConsumer // an event
	Client   = trace.SpanKindClient   // a request to FCM
)

// Span is a step of a trace, under way. The zero Span is one that nobody exports:
// it takes everything, and costs nothing.
type Span struct{ span trace.Span }

// Enter is Continue, as a span of its own where spans are exported.
func Enter(ctx context.Context, traceparent, name string, kind Kind) (context.Context, Span) {
	t := exporter.Load()
	if t == nil {
		return Continue(ctx, traceparent), Span{}
	}
	return start(format.Extract(ctx, carrier(traceparent)), *t, name, kind)
}

// Begin is a span within ctx's; where spans aren't exported, ctx as it is.
func Begin(ctx context.Context, name string, kind Kind) (context.Context, Span) {
	t := exporter.Load()
	if t == nil {
		return ctx, Span{}
	}
	return start(ctx, *t, name, kind)
}

func start(ctx context.Context, t trace.Tracer, name string, kind Kind) (context.Context, Span) {
	ctx, span := t.Start(ctx, name, trace.WithSpanKind(kind))
	return ctx, Span{span}
}

// Set says something of the step. Never content, tokens, or who somebody is.
func (s Span) Set(key, value string) {
	if s.span != nil {
		s.span.SetAttributes(attribute.String(key, value))
	}
}

// End ends the step. Of a failure it says that, and no more: what it was stands in
// the log.
func (s Span) End(failed bool) {
	if s.span == nil {
		return
	}
	if failed {
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}
