package harness

import (
	"context"
	"io"
	"net"
	"testing"

	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// fakeFirestore answers as the requests' own data says.
type fakeFirestore struct {
	firestorepb.UnimplementedFirestoreServer
	commits int
}

func (*fakeFirestore) BatchGetDocuments(r *firestorepb.BatchGetDocumentsRequest, s firestorepb.Firestore_BatchGetDocumentsServer) error {
	for _, name := range r.GetDocuments() {
		response := &firestorepb.BatchGetDocumentsResponse{Result: &firestorepb.BatchGetDocumentsResponse_Missing{Missing: name}}
		if name != "missing" {
			response.Result = &firestorepb.BatchGetDocumentsResponse_Found{Found: &firestorepb.Document{Name: name}}
		}
		if err := s.Send(response); err != nil {
			return err
		}
	}
	return nil
}

// RunQuery returns as many documents as the query's limit says, after one message without any.
func (*fakeFirestore) RunQuery(r *firestorepb.RunQueryRequest, s firestorepb.Firestore_RunQueryServer) error {
	s.Send(&firestorepb.RunQueryResponse{})
	for range r.GetStructuredQuery().GetOffset() {
		s.Send(&firestorepb.RunQueryResponse{Document: &firestorepb.Document{}})
	}
	return nil
}

// Commit echoes metadata and refuses a transaction named "stale".
func (f *fakeFirestore) Commit(ctx context.Context, r *firestorepb.CommitRequest) (*firestorepb.CommitResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	grpc.SetHeader(ctx, metadata.Pairs("echo", md.Get("x-goog-request-params")[0]))
	grpc.SetTrailer(ctx, metadata.Pairs("bye", "now"))
	if string(r.GetTransaction()) == "stale" {
		s, _ := status.New(codes.Aborted, "stale").WithDetails(&errdetails.ErrorInfo{Reason: "CONTENTION"})
		return nil, s.Err()
	}
	f.commits++
	return &firestorepb.CommitResponse{}, nil
}

func (*fakeFirestore) BatchWrite(context.Context, *firestorepb.BatchWriteRequest) (*firestorepb.BatchWriteResponse, error) {
	return &firestorepb.BatchWriteResponse{Status: []*rpcstatus.Status{{}, {Code: int32(codes.NotFound)}}}, nil
}

// Listen sends its header at once, a change per target added, and its end when the caller has no more targets.
func (*fakeFirestore) Listen(s firestorepb.Firestore_ListenServer) error {
	s.SendHeader(metadata.Pairs("early", "yes"))
	change := &firestorepb.ListenResponse{ResponseType: &firestorepb.ListenResponse_DocumentChange{DocumentChange: &firestorepb.DocumentChange{}}}
	for {
		_, err := s.Recv()
		if err == io.EOF {
			return s.Send(&firestorepb.ListenResponse{})
		}
		if err != nil {
			return err
		}
		if err := s.Send(change); err != nil {
			return err
		}
	}
}

type fakePublisher struct {
	pubsubpb.UnimplementedPublisherServer
}

func (fakePublisher) Publish(_ context.Context, r *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
	return &pubsubpb.PublishResponse{MessageIds: make([]string, len(r.GetMessages()))}, nil
}

// startCounter starts the fakes with a counter before them, and a connection to the counter.
func startCounter(t *testing.T) (*RPCCounter, *fakeFirestore, *grpc.ClientConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fake := &fakeFirestore{}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage))
	firestorepb.RegisterFirestoreServer(server, fake)
	pubsubpb.RegisterPublisherServer(server, fakePublisher{})
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	counter, err := NewRPCCounter("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(counter.Close)
	if err := counter.SetTarget(listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(counter.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return counter, fake, conn
}
