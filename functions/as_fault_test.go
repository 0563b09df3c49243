package functions

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doorbell-push/doorbell/shared/fault"
)

func TestAsFault(t *testing.T) {
	for _, tc := range []struct {
		name  string
		err   error
		want  fault.Status
		retry bool
	}{
		{"our own", fault.Invalid("f", "x"), fault.InvalidArgument, false},
		{"contended", status.Error(codes.Aborted, "Transaction lock timeout"), fault.Unavailable, true},
		{"overloaded", status.Error(codes.ResourceExhausted, ""), fault.Unavailable, true},
		{"unavailable", status.Error(codes.Unavailable, ""), fault.Unavailable, true},
		{"late at Firestore", status.Error(codes.DeadlineExceeded, ""), fault.Unavailable, true},
		{"late here", context.DeadlineExceeded, fault.Unavailable, true},
		{"refused", status.Error(codes.PermissionDenied, "secret"), fault.Internal, false},
		{"anything else", errors.New("secret"), fault.Internal, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := asFault(fmt.Errorf("send: %w", tc.err))
			if got.Status != tc.want || (got.RetryAfter > 0) != tc.retry {
				t.Errorf("got %v, retry after %v", got, got.RetryAfter)
			}
		})
	}
}
