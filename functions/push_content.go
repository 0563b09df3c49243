package functions

import (
	"context"
	"net/http"

	"github.com/doorbell-push/doorbell/shared/content"
)

// pushContent tells the device that calls what a push to it is about that said only
// IDs. Safe to repeat: it reads.
func pushContent(ctx context.Context, pushID string, r *http.Request) (any, error) {
	body, err := decode[content.Request](r)
	if err != nil {
		return nil, err
	}
	s, err := contents()
	if err != nil {
		return nil, err
	}
	return s.Fetch(ctx, pushID, body)
}
