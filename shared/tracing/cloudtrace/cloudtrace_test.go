package cloudtrace

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/doorbell-push/doorbell/shared/tracing"
)

// received is a server's OTLP requests.
func received(t *testing.T) (url string, got *[]*collector.ExportTraceServiceRequest) {
	got = new([]*collector.ExportTraceServiceRequest)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Error(err)
				return
			}
			body = z
		}
		raw, err := io.ReadAll(body)
		in := &collector.ExportTraceServiceRequest{}
		if err != nil || proto.Unmarshal(raw, in) != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%s %v: %d bytes, %v", r.URL, r.Header, len(raw), err)
		}
		*got = append(*got, in)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/v1/traces", got
}

// What is sent is OTLP that names the project, and a trace is sent as a whole or
// not at all.
func TestProvider(t *testing.T) {
	for percent, want := range map[int]int{0: 0, 100: 2} {
		url, got := received(t)
		p, err := Provider(t.Context(), "demo", "send", percent, otlptracehttp.WithEndpointURL(url))
		if err != nil {
			t.Fatal(err)
		}
		tracing.Export(p)
		t.Cleanup(func() { tracing.Export(nil) })
		ctx, outer := tracing.Enter(t.Context(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", "POST /send", tracing.Server)
		_, inner := tracing.Begin(ctx, "publish", tracing.Producer)
		inner.End(true)
		_, others := p.Tracer("a library's").Start(ctx, "GET https://host/secret")
		others.End()
		outer.Set("http.response.status_code", "200")
		outer.End(false)
		if err := p.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
		spans := 0
		for _, in := range *got {
			for _, r := range in.ResourceSpans {
				attributes := map[string]string{}
				for _, a := range r.Resource.Attributes {
					attributes[a.Key] = a.Value.GetStringValue()
				}
				if attributes["gcp.project_id"] != "demo" || attributes["service.name"] != "send" {
					t.Errorf("the resource is %v", attributes)
				}
				for _, s := range r.ScopeSpans {
					spans += len(s.Spans)
				}
			}
		}
		if spans != want {
			t.Errorf("%d %%: %d spans, want %d", percent, spans, want)
		}
	}
}
