// Package cloudtrace exports the spans of package tracing to Google's Telemetry
// API, which keeps them in Cloud Trace. Only functions that are told to use it.
package cloudtrace

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/httptransport"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/doorbell-push/doorbell/shared/tracing"
)

const (
	// Endpoint is the Telemetry API's, for traces in OTLP.
	Endpoint = "https://telemetry.googleapis.com/v1/traces"
	// scope is the OAuth scope that it asks for.
	scope = "https://www.googleapis.com/auth/trace.append"
	// every is how long spans are gathered: an instance without a request gets no
	// CPU, and keeps what it has until the next one.
	every = time.Second
	// last is how long the last ones have when an instance ends; Cloud Run gives it
	// ten seconds.
	last = 5 * time.Second
)

// Start exports, with the process's own credentials, the spans of percent of all
// traces. Which ones follows from the trace's ID, so that a trace is exported as a
// whole or not at all.
func Start(ctx context.Context, project, service string, percent int) error {
	account, err := credentials.DetectDefault(&credentials.DetectOptions{Scopes: []string{scope}})
	if err != nil {
		return err
	}
	client, err := httptransport.NewClient(&httptransport.Options{Credentials: account, DisableTelemetry: true})
	if err != nil {
		return err
	}
	p, err := Provider(ctx, project, service, percent, otlptracehttp.WithEndpointURL(Endpoint), otlptracehttp.WithHTTPClient(client))
	if err != nil {
		return err
	}
	tracing.Export(p)
	go flushAtTheEnd(p)
	return nil
}

// Provider makes spans and sends them to where the options say.
func Provider(ctx context.Context, project, service string, percent int, to ...otlptracehttp.Option) (*sdktrace.TracerProvider, error) {
	exporter, err := otlptracehttp.New(ctx, to...)
	if err != nil {
		return nil, err
	}
	return sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(ours{sdktrace.NewBatchSpanProcessor(exporter, sdktrace.WithBatchTimeout(every))}),
		sdktrace.WithSampler(sdktrace.TraceIDRatioBased(float64(percent)/100)),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("gcp.project_id", project), attribute.String("service.name", service),
		)),
	), nil
}

// ours passes on Doorbell's own spans. Libraries' HTTP clients make some as well,
// with whole URLs, wherever they find one of ours in their context.
type ours struct{ sdktrace.SpanProcessor }

// OnEnd implements sdktrace.SpanProcessor.
func (o ours) OnEnd(s sdktrace.ReadOnlySpan) {
	if s.InstrumentationScope().Name == tracing.Scope {
		o.SpanProcessor.OnEnd(s)
	}
}

// flushAtTheEnd sends what is left when the instance is told to end, and lets it.
func flushAtTheEnd(p *sdktrace.TracerProvider) {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	<-told
	ctx, cancel := context.WithTimeout(context.Background(), last)
	defer cancel()
	if err := p.Shutdown(ctx); err != nil {
		slog.Warn("the last spans are not exported", "error", err)
	}
	signal.Reset(syscall.SIGTERM)
	_ = syscall.Kill(os.Getpid(), syscall.SIGTERM) // as if nobody had listened
}
