package system

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/doorbell-push/doorbell/scripts/harness"
)

// get reports whether a URL answers with success.
func get(ctx context.Context, url string) error { return call(ctx, http.MethodGet, url, nil, nil) }

// call sends in as JSON to an emulator, as its administrator, and reads its
// answer into out, unless nil.
func call(ctx context.Context, method, url string, in, out any) error {
	status, answer, err := harness.Client{Token: "owner"}.Try(ctx, method, url, in)
	if err != nil {
		return err
	}
	if status/100 != 2 {
		return fmt.Errorf("%s %s answered %d: %s", method, url, status, bytes.TrimSpace(answer))
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, url, err)
	}
	return nil
}
