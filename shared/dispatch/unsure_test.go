package dispatch

import (
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/push"
)

// What was never sent to a device isn't taken for sent because the batch had other
// workers: it would then be told of no missed call.
func TestUnsure(t *testing.T) {
	for name, tc := range map[string]struct {
		entry delivery.Entry
		want  bool
	}{
		"first":                         {delivery.Entry{Lease: 1}, false},
		"after a death":                 {delivery.Entry{Lease: 2}, true},
		"done, opened again":            {delivery.Entry{Lease: 2, Anew: true, AskedBefore: []string{"other"}}, false},
		"done, who died may have asked": {delivery.Entry{Lease: 3, Anew: true, AskedBefore: []string{"other", "p"}}, true},
	} {
		r := newRun(push.Batch{Announcement: push.Announcement{Kind: push.KindCall}, Targets: []push.Target{{UserID: "u", PushID: "p"}}}, tc.entry)
		r.record(0, delivery.Skipped, "call_over", time.Time{}, time.Time{})
		if got := r.outcomes()["p"]; got.Unsure != tc.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
