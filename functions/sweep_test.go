package functions

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	calling "github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/lapse"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// downLapses are lapsed leases that can't be listed.
type downLapses struct{}

func (downLapses) LapsedUsers(context.Context, int, time.Time, int) ([]*presence.User, error) {
	return nil, errors.New("index is missing")
}

// Stale targets are forgotten, also where the other parts of a sweep fail.
func TestSweepForgetsStaleTargets(t *testing.T) {
	db := callsOnMemory(t)
	later := clock.Add(presence.StaleAfter + 48*time.Hour)
	now := func() time.Time { return later }
	replace(t, &registry, &presence.Registry{Store: db, Now: now, Lease: time.Minute, MaxDevices: 2}, nil)
	replace(t, &calls, &calling.Service{Store: db, Presence: db, Now: now}, nil)
	call("carol", "POST", "/presence", `{"deviceID":"d","state":"offline"}`)
	replace(t, &lapses, &lapse.Sweeper{Lapses: downLapses{}, Now: now}, nil)
	if err := sweep(t.Context(), event.New()); err == nil {
		t.Error("a part failed, and there is no error")
	}
	for user, want := range map[string]string{"alice": "", "bob": "", "carol": "T-carol"} {
		if d := devices(t, db, user); len(d) != 1 || d[0].Target.Value != want {
			t.Errorf("%s has %+v, want the target %q", user, d, want)
		}
	}
	for name, breaks := range map[string]func(){
		"calls":    func() { replace(t, &calls, nil, errors.New("configuration")) },
		"lapses":   func() { replace(t, &lapses, nil, errors.New("configuration")) },
		"registry": func() { replace(t, &registry, nil, errors.New("configuration")) },
	} {
		breaks()
		if err := sweep(t.Context(), event.New()); err == nil {
			t.Errorf("without %s there is no error", name)
		}
	}
}
