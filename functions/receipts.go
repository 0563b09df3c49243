package functions

import (
	"context"
	"net/http"

	"github.com/doorbell-push/doorbell/shared/config"
	"github.com/doorbell-push/doorbell/shared/receipt"
)

// askedByDevices is the paths whose caller is a device, by its receiptToken. Who
// tells what became of a push, or asks what it is about, is a service worker or an
// app's extension: there no user is signed in, and App Check has no token.
var askedByDevices = map[string]bool{"receipts": true, "push-content": true}

// callingDevice is the PushID of the device that calls.
func callingDevice(ctx context.Context, _ *config.Config, r *http.Request) (string, error) {
	token, err := bearer(r, "the receiptToken that /register answered")
	if err != nil {
		return "", err
	}
	s, err := receipts()
	if err != nil {
		return "", err
	}
	return s.Device(ctx, token)
}

// addReceipts keeps what became of pushes on the device that calls. Safe to
// repeat, also at once: of each event the earliest time stands.
func addReceipts(ctx context.Context, pushID string, r *http.Request) (any, error) {
	body, err := decode[receipt.Request](r)
	if err != nil {
		return nil, err
	}
	s, err := receipts()
	if err != nil {
		return nil, err
	}
	return struct{}{}, s.Record(ctx, pushID, body)
}
