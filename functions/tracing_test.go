package functions

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/doorbell-push/doorbell/shared/dispatch"
	"github.com/doorbell-push/doorbell/shared/fanout"
	"github.com/doorbell-push/doorbell/shared/fcm"
	"github.com/doorbell-push/doorbell/shared/queue"
	"github.com/doorbell-push/doorbell/shared/tracing"
)

// refusesFirst is FCM, which is unavailable the first time it is asked.
type refusesFirst struct{ asked int }

func (f *refusesFirst) Send(context.Context, []byte) (string, error) {
	if f.asked++; f.asked == 1 {
		return "", fcm.NewError(http.StatusServiceUnavailable, nil, nil)
	}
	return "name", nil
}

// onPubSubsFake has the event functions publish to Pub/Sub's own fake.
func onPubSubsFake(t *testing.T) *pstest.Server {
	t.Helper()
	server := pstest.NewServer()
	t.Cleanup(func() { server.Close() })
	conn, err := grpc.NewClient(server.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	client, err := pubsub.NewClient(t.Context(), "demo", option.WithGRPCConn(conn))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/demo/topics/urgent"}); err != nil {
		t.Fatal(err)
	}
	db := onMemory(t)
	now := func() time.Time { return clock }
	replace(t, &fan, &fanout.Fanout{
		Presence: db, Roster: db, Rings: db, Now: now, PushTTL: time.Hour, Threshold: 2,
		Publisher: queue.NewTopics(client, queue.Names{
			Push: "push", Urgent: "urgent", Dead: "push-dead", Fanout: "fanout", FanoutDead: "fanout-dead", Sweep: "sweep",
		}),
	}, nil)
	replace(t, &dispatcher, &dispatch.Dispatcher{
		Ledger: db, Sender: &refusesFirst{}, Bindings: db, Calls: db, Members: db, Now: now, Retention: time.Hour, MaxAttempts: 3, Concurrency: 10,
		Random: func(time.Duration) time.Duration { return 0 },
	}, nil)
	return server
}

// sendAndDispatch sends bob a message with a trace context, and does all that
// follows from it up to FCM.
func sendAndDispatch(t *testing.T, server *pstest.Server, traceparent string) {
	t.Helper()
	call("bob", "POST", "/register", registerBody)
	sent, _ := answer(t, call("alice", "POST", "/send", sendBody, header("Traceparent", traceparent)))
	m, _ := sent["message"].(map[string]any)
	id, _ := m["messageID"].(string)
	told, err := stories()
	if err != nil {
		t.Fatal(err)
	}
	stored, err := (*told).FindMessage(t.Context(), id)
	if err != nil || stored == nil {
		t.Fatalf("%v, %v: %v", sent, stored, err)
	}
	document := map[string]any{
		"messageID": id, "senderUserID": "alice", "conversationID": "bob", "conversationType": 0, "timestamp": int(clock.UnixMilli()),
		"orderKey": 1, "priority": 3, "traceparent": stored.Traceparent, "push": map[string]any{"title": "t", "content": "c"},
	}
	if err := Events["on-message"](t.Context(), eventWith(t, firestoreEvent(t, "messages/"+id, document, nil))); err != nil {
		t.Fatal(err)
	}
	published := server.Messages()
	if len(published) != 1 {
		t.Fatalf("%d messages are published", len(published))
	}
	envelope, err := json.Marshal(map[string]any{"message": map[string]any{"data": published[0].Data, "attributes": published[0].Attributes}})
	if err != nil {
		t.Fatal(err)
	}
	if err := Events["dispatch-urgent"](t.Context(), eventWith(t, envelope)); err != nil {
		t.Fatal(err)
	}
}

// One trace leads from the request to each request to FCM, every step a child of
// the one that brought it about.
func TestSpans(t *testing.T) {
	server := onPubSubsFake(t)
	memory := tracetest.NewInMemoryExporter()
	tracing.Export(sdktrace.NewTracerProvider(sdktrace.WithSyncer(memory), sdktrace.WithSampler(sdktrace.TraceIDRatioBased(1))))
	t.Cleanup(func() { tracing.Export(nil) })
	const traceID, client = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	sendAndDispatch(t, server, "00-"+traceID+"-"+client+"-00")

	names := map[string]string{client: "client"} // by span ID
	for _, s := range memory.GetSpans() {
		names[s.SpanContext.SpanID().String()] = s.Name
	}
	var got []string
	for _, s := range memory.GetSpans() {
		if s.SpanContext.TraceID().String() != traceID || s.InstrumentationScope.Name != tracing.Scope {
			continue // bob's registering, or a library's
		}
		line := names[s.Parent.SpanID().String()] + " > " + s.Name + " (" + s.SpanKind.String() + ", " + s.Status.Code.String() + ")"
		for _, a := range s.Attributes {
			line += " " + string(a.Key) + "=" + a.Value.AsString()
		}
		got = append(got, line)
	}
	slices.Sort(got)
	want := []string{
		"POST /send > plan message (consumer, Unset)",
		"client > POST /send (server, Unset) http.response.status_code=200",
		"dispatch > FCM messages:send (client, Error) fcm.answer=unavailable",
		"dispatch > FCM messages:send (client, Unset) fcm.answer=sent",
		"plan message > publish (producer, Unset) messaging.destination.name=projects/demo/topics/urgent",
		"publish > dispatch (consumer, Unset)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// Where nothing is exported, the trace goes on all the same, and spans cost
// nothing.
func TestNoSpans(t *testing.T) {
	server := onPubSubsFake(t)
	const traceID = "0af7651916cd43dd8448eb211c80319c"
	sendAndDispatch(t, server, "00-"+traceID+"-b7ad6b7169203331-00")
	if got := server.Messages()[0].Attributes[tracing.Key]; len(got) != 55 || got[3:35] != traceID {
		t.Errorf("published in %q", got)
	}
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		_, span := tracing.Begin(ctx, "FCM messages:send", tracing.Client)
		span.Set("fcm.answer", "sent")
		span.End(false)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
