package harness

import (
	"bytes"
	"context"
	"io"
	"reflect"
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// drain reads a server stream to its end.
func drain[M any](t *testing.T, stream interface{ Recv() (M, error) }, err error) (n int) {
	t.Helper()
	for err == nil {
		if _, err = stream.Recv(); err == nil {
			n++
		}
	}
	if err != io.EOF {
		t.Fatal(err)
	}
	return n
}

func params(t *testing.T) context.Context {
	return metadata.AppendToOutgoingContext(t.Context(), "x-goog-request-params", "database=d")
}

func check(t *testing.T, counter *RPCCounter, want RPCs) {
	t.Helper()
	got := counter.Snapshot()
	if want.Errors == nil {
		want.Errors = map[string]int{}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("counted  %+v\nexpected %+v", got, want)
	}
}

func TestCountsReads(t *testing.T) {
	counter, _, conn := startCounter(t)
	client := firestorepb.NewFirestoreClient(conn)
	gets, err := client.BatchGetDocuments(t.Context(), &firestorepb.BatchGetDocumentsRequest{Documents: []string{"a", "missing", "b"}})
	drain(t, gets, err)
	for _, documents := range []int32{0, 2} {
		query := &firestorepb.StructuredQuery{Offset: documents}
		found, err := client.RunQuery(t.Context(), &firestorepb.RunQueryRequest{QueryType: &firestorepb.RunQueryRequest_StructuredQuery{StructuredQuery: query}})
		if n := drain(t, found, err); n != int(documents)+1 {
			t.Errorf("the query passed %d messages, want %d", n, documents+1)
		}
	}
	check(t, counter, RPCs{
		Calls:              map[string]int{"BatchGetDocuments": 1, "RunQuery": 2},
		DocumentsRequested: 3, DocumentsFound: 2, DocumentsReturned: 2,
		Reads: 3 + 1 + 2,
	})
}

func TestCountsWrites(t *testing.T) {
	counter, _, conn := startCounter(t)
	client := firestorepb.NewFirestoreClient(conn)
	update := &firestorepb.Write{Operation: &firestorepb.Write_Update{Update: &firestorepb.Document{Name: "a"}}}
	remove := &firestorepb.Write{Operation: &firestorepb.Write_Delete{Delete: "b"}}

	var header, trailer metadata.MD
	if _, err := client.Commit(params(t), &firestorepb.CommitRequest{Writes: []*firestorepb.Write{update, remove}},
		grpc.Header(&header), grpc.Trailer(&trailer)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(header.Get("echo"), []string{"database=d"}) || !slices.Equal(trailer.Get("bye"), []string{"now"}) {
		t.Errorf("header %v, trailer %v", header, trailer)
	}
	if _, err := client.BatchWrite(t.Context(), &firestorepb.BatchWriteRequest{Writes: []*firestorepb.Write{remove, update}}); err != nil {
		t.Fatal(err)
	}
	_, err := client.Commit(params(t), &firestorepb.CommitRequest{Transaction: []byte("stale"), Writes: []*firestorepb.Write{update}})
	if s := status.Convert(err); s.Code() != codes.Aborted || s.Message() != "stale" || len(s.Details()) != 1 {
		t.Errorf("error %v, want Aborted with its detail", err)
	}
	check(t, counter, RPCs{
		Calls:   map[string]int{"Commit": 2, "BatchWrite": 1},
		Errors:  map[string]int{"Commit Aborted": 1},
		Commits: []int{2, 1}, Writes: 3, Deletes: 2,
	})
}

func TestCountsPublishing(t *testing.T) {
	counter, _, conn := startCounter(t)
	request := &pubsubpb.PublishRequest{Messages: []*pubsubpb.PubsubMessage{
		{Data: []byte("four"), Attributes: map[string]string{"k": "vv"}}, {Data: []byte("x")},
	}}
	if _, err := pubsubpb.NewPublisherClient(conn).Publish(t.Context(), request, grpc.UseCompressor(gzip.Name)); err != nil {
		t.Fatal(err)
	}
	check(t, counter, RPCs{Calls: map[string]int{"Publish": 1}, PublishedMessages: 2, PublishedBytes: 8})
}

func TestListenPassesBothWaysAndHalfCloses(t *testing.T) {
	counter, _, conn := startCounter(t)
	listen, err := firestorepb.NewFirestoreClient(conn).Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if header, err := listen.Header(); err != nil || !slices.Equal(header.Get("early"), []string{"yes"}) {
		t.Fatalf("header before any message %v, %v", header, err)
	}
	for range 3 {
		if err := listen.Send(&firestorepb.ListenRequest{}); err != nil {
			t.Fatal(err)
		}
		if m, err := listen.Recv(); err != nil || m.GetDocumentChange() == nil {
			t.Fatalf("received %v, %v", m, err)
		}
	}
	if got := counter.Snapshot(); got.DocumentsReturned != 3 || got.Reads != 3 {
		t.Errorf("while it listens: %v, want 3 documents", got)
	}
	listen.CloseSend()
	if m, err := listen.Recv(); err != nil || m.GetDocumentChange() != nil {
		t.Errorf("after half-closing received %v, %v, want the last message", m, err)
	}
	if _, err := listen.Recv(); err != io.EOF {
		t.Errorf("end %v, want EOF", err)
	}
}

func TestCanceledListenEnds(t *testing.T) {
	counter, _, conn := startCounter(t)
	ctx, cancel := context.WithCancel(t.Context())
	listen, err := firestorepb.NewFirestoreClient(conn).Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listen.Header(); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := Poll(t.Context(), 10*time.Second, func(context.Context) error {
		if counter.Snapshot().Errors["Listen Canceled"] != 1 {
			return io.ErrNoProgress
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func TestBigMessages(t *testing.T) {
	_, _, conn := startCounter(t)
	client := firestorepb.NewFirestoreClient(conn)
	commit := func(bytesLong int) error {
		_, err := client.Commit(params(t), &firestorepb.CommitRequest{Transaction: bytes.Repeat([]byte("x"), bytesLong)})
		return err
	}
	if err := commit(20 << 20); err != nil {
		t.Errorf("20 MiB: %v", err)
	}
	if err := commit(maxMessage + 1); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("over the limit: %v, want ResourceExhausted", err)
	}
}

func TestFaults(t *testing.T) {
	counter, fake, conn := startCounter(t)
	client := firestorepb.NewFirestoreClient(conn)
	commit := func() codes.Code {
		_, err := client.Commit(params(t), &firestorepb.CommitRequest{Writes: make([]*firestorepb.Write, 1)})
		return status.Code(err)
	}
	counter.Fail("Commit", codes.Aborted, 2)
	counter.FailAfter("Commit", codes.Unavailable, 1)
	got := []codes.Code{commit(), commit(), commit(), commit()}
	if want := []codes.Code{codes.Aborted, codes.Aborted, codes.Unavailable, codes.OK}; !slices.Equal(got, want) {
		t.Errorf("answers %v, want %v", got, want)
	}
	if fake.commits != 2 {
		t.Errorf("%d commits reached the emulator, want 2", fake.commits)
	}
	check(t, counter, RPCs{
		Calls:   map[string]int{"Commit": 4},
		Errors:  map[string]int{"Commit Aborted": 2, "Commit Unavailable": 1},
		Commits: []int{1, 1}, Writes: 2,
	})

	counter.Delay("Commit", time.Hour)
	ctx, cancel := context.WithTimeout(params(t), 50*time.Millisecond)
	defer cancel()
	if _, err := client.Commit(ctx, &firestorepb.CommitRequest{}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("delayed commit: %v, want DeadlineExceeded", err)
	}
	counter.Delay("Commit", 0)
	if got := commit(); got != codes.OK {
		t.Errorf("commit after the delay was taken away: %v", got)
	}
}

func TestNoTargetIsUnavailable(t *testing.T) {
	counter, err := NewRPCCounter("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(counter.Close)
	conn, err := grpc.NewClient(counter.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := firestorepb.NewFirestoreClient(conn).Commit(t.Context(), &firestorepb.CommitRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v, want Unavailable", err)
	}
}

func TestRPCsSubAndString(t *testing.T) {
	before := RPCs{Calls: map[string]int{"Commit": 1, "Listen": 1}, Commits: []int{2}, Writes: 2, Reads: 5}
	after := RPCs{Calls: map[string]int{"Commit": 2, "Listen": 1, "BatchGetDocuments": 1}, Commits: []int{2, 3}, Writes: 5, Deletes: 1,
		Reads: 7, DocumentsRequested: 2, DocumentsFound: 1}
	got := after.Sub(before).String()
	want := "BatchGetDocuments 1; Commit 1; documents found 1 of 2; reads billed 2; writes 3, deletes among them 1, per commit [3]"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := after.Sub(after).String(); got != "no calls" {
		t.Errorf("no difference reads %q", got)
	}
}

func TestUndecodedIsTold(t *testing.T) {
	var total RPCs
	commit().request(&total, []byte("\xff"))
	if total.Undecoded != 1 {
		t.Errorf("a message that can't be read counted %d", total.Undecoded)
	}
}
