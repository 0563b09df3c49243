package functions

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	calling "github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/lapse"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/store"
)

// downLapses are lapsed leases that can't be listed.
type downLapses struct{}

func (downLapses) LapsedUsers(context.Context, int, time.Time, *presence.User, int) ([]*presence.User, error) {
	return nil, errors.New("index is missing")
}

// sweepEvent is the event of a message with this data on the topic sweep.
func sweepEvent(t *testing.T, data string) event.Event {
	t.Helper()
	e := event.New()
	if err := e.SetData(event.ApplicationJSON, map[string]any{"message": map[string]any{"data": []byte(data)}}); err != nil {
		t.Fatal(err)
	}
	return e
}

// A sweep for one call ends that call, on time, and asks the database for nothing
// else; what it can't understand it says.
func TestSweepOfOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &countingCalls{Memory: &store.Memory{}}
		s := &calling.Service{Store: db, Presence: db, Now: time.Now, MaxInvitees: 9, Retention: time.Hour}
		replace(t, &calls, s, nil)
		replace(t, &lapses, nil, errors.New("not asked"))
		replace(t, &registry, nil, errors.New("not asked"))
		began := time.Now()
		const n = 40
		var sweeps sync.WaitGroup
		for i := range n {
			c := calling.Call{CallID: fmt.Sprint("c", i), Caller: "alice", State: calling.Started, Users: map[string]calling.User{
				"alice": {State: calling.Accepted},
				"bob":   {State: calling.Inviting, Gen: 1, Inviter: "alice", ExpiresAt: began.Add(time.Duration(10+i) * time.Second).UnixMilli()},
			}}
			c.DueAt = c.Users["bob"].ExpiresAt
			if _, err := db.CreateCall(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			sweeps.Go(func() {
				if err := sweep(t.Context(), sweepEvent(t, fmt.Sprintf(`{"callID":%q,"dueAt":%d}`, c.CallID, c.DueAt))); err != nil {
					t.Error(err)
				}
				if late := time.Since(began) - time.Duration(10+i)*time.Second; late != 0 {
					t.Errorf("%s was ended %v late", c.CallID, late)
				}
			})
		}
		sweeps.Wait()
		if reads, lists := db.reads.Load(), db.lists.Load(); reads != n || lists != 0 {
			t.Errorf("%d reads and %d lists for %d calls", reads, lists, n)
		}
		for i := range n {
			if c, err := db.Call(t.Context(), fmt.Sprint("c", i)); err != nil || c.State != calling.Ended {
				t.Errorf("%+v, %v", c, err)
			}
		}
		for _, data := range []string{``, `x`, `{"callID":"c"}`, `{"callID":"a/b","dueAt":1}`, `{"dueAt":1}`} {
			if err := sweep(t.Context(), sweepEvent(t, data)); err == nil || !strings.Contains(err.Error(), "decode sweep") {
				t.Errorf("%q: %v", data, err)
			}
		}
	})
}

// What a sweep by the clock asks the database for while nothing rings and no lease
// has lapsed; Firestore counts a read for each list, though it be empty. README
// has the number.
func TestIdleSweepCosts(t *testing.T) {
	db := &countingCalls{Memory: &store.Memory{}}
	reg := &presence.Registry{Store: db, Now: time.Now, Lease: time.Minute, MaxDevices: 2}
	replace(t, &registry, reg, nil)
	replace(t, &calls, &calling.Service{Store: db, Presence: db, Now: time.Now}, nil)
	replace(t, &lapses, &lapse.Sweeper{Lapses: db, Leases: reg, Ledger: db, Now: time.Now}, nil)
	replace(t, &groups, &group.Service{Store: db, Now: time.Now}, nil)
	if err := sweep(t.Context(), sweepEvent(t, `{}`)); err != nil {
		t.Fatal(err)
	}
	if reads, lists := db.reads.Load(), db.lists.Load(); reads != 0 || lists != 14 {
		t.Errorf("%d reads of calls and %d lists, want none and 14", reads, lists)
	}
}

// countingCalls counts the reads of calls, and the lists that a sweep asks for.
type countingCalls struct {
	*store.Memory
	reads, lists atomic.Int64
}

func (c *countingCalls) LapsedUsers(ctx context.Context, shard int, until time.Time, after *presence.User, limit int) ([]*presence.User, error) {
	c.lists.Add(1)
	return c.Memory.LapsedUsers(ctx, shard, until, after, limit)
}

func (c *countingCalls) StaleOwners(ctx context.Context, day int64, limit int) (map[string]presence.Owner, error) {
	c.lists.Add(1)
	return c.Memory.StaleOwners(ctx, day, limit)
}

func (c *countingCalls) ClearingGroups(ctx context.Context, limit int) ([]string, error) {
	c.lists.Add(1)
	return c.Memory.ClearingGroups(ctx, limit)
}

func (c *countingCalls) ChangeCall(ctx context.Context, callID string, f func(*calling.Call) (*calling.Call, error)) error {
	c.reads.Add(1)
	return c.Memory.ChangeCall(ctx, callID, f)
}

func (c *countingCalls) DueCalls(ctx context.Context, shard int, after calling.Due, until int64, limit int) ([]calling.Due, error) {
	c.lists.Add(1)
	return c.Memory.DueCalls(ctx, shard, after, until, limit)
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
	if err := sweep(t.Context(), sweepEvent(t, `{}`)); err == nil {
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
		"groups":   func() { replace(t, &groups, nil, errors.New("configuration")) },
		"registry": func() { replace(t, &registry, nil, errors.New("configuration")) },
	} {
		breaks()
		if err := sweep(t.Context(), sweepEvent(t, `{}`)); err == nil {
			t.Errorf("without %s there is no error", name)
		}
	}
}

// A dismissal that broke off is finished by the sweep.
func TestSweepClearsDismissedGroups(t *testing.T) {
	db := callsOnMemory(t)
	now := func() time.Time { return clock }
	replace(t, &lapses, &lapse.Sweeper{Lapses: downLapses{}, Now: now}, nil)
	replace(t, &groups, &group.Service{Store: breaksOff{db}, Now: now, MaxMembers: 10}, nil)
	call("alice", "POST", "/group-create", createBody)
	call("alice", "POST", "/group-dismiss", `{"groupID":"g"}`)
	left := func() int {
		members, err := db.Members(t.Context(), group.CID("g"), 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(members)
	}
	if n := left(); n != 3 {
		t.Fatalf("%d members are left", n)
	}
	replace(t, &groups, &group.Service{Store: db, Now: now}, nil)
	_ = sweep(t.Context(), sweepEvent(t, `{}`)) // the lapses fail
	if n := left(); n != 0 {
		t.Errorf("%d members are left", n)
	}
}

// breaksOff is a store on which a dismissal only closes the group.
type breaksOff struct{ *store.Memory }

func (breaksOff) ClearGroup(context.Context, string, int) (bool, error) {
	return true, errors.New("the process dies")
}
