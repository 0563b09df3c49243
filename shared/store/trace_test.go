package store_test

import (
	"net"
	"testing"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/doorbell-push/doorbell/shared/store"
)

// refusing answers each query with an error.
type refusing struct {
	firestorepb.UnimplementedFirestoreServer
	err error
}

func (r refusing) RunQuery(*firestorepb.RunQueryRequest, firestorepb.Firestore_RunQueryServer) error {
	return r.err
}

// While the index is being made, a story is told without what was taken away; the
// emulator needs none. What else fails is an error.
func TestTakenWithoutIndex(t *testing.T) {
	for c, fails := range map[codes.Code]bool{codes.FailedPrecondition: false, codes.PermissionDenied: true} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := grpc.NewServer()
		firestorepb.RegisterFirestoreServer(server, refusing{err: status.Error(c, "the query requires an index")})
		go server.Serve(listener)
		t.Cleanup(server.Stop)
		client, err := firestore.NewClient(t.Context(), "demo", option.WithEndpoint(listener.Addr().String()), option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		if got, err := store.NewFirestore(client).Taken(t.Context(), []string{"key"}); (err != nil) != fails || len(got) != 0 {
			t.Errorf("%v: %v, %v", c, got, err)
		}
	}
}
