package store_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/receipt"
	"github.com/doorbell-push/doorbell/shared/trace"
)

func tell(t *testing.T, s anyStore, pushID string, receipts ...receipt.Receipt) {
	t.Helper()
	if err := s.AddReceipts(t.Context(), pushID, receipts, at(time.Hour)); err != nil {
		t.Fatal(err)
	}
}

func told(t *testing.T, s anyStore, subjectID string, want map[string][]receipt.Receipt) {
	t.Helper()
	got, err := s.Receipts(t.Context(), subjectID)
	if err != nil || len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

// Told in any order, again, or in parts, the earliest of each stays.
func receiptsKept(t *testing.T, s anyStore) {
	m, c := docid.New(rand.Text()), docid.New(rand.Text())
	told(t, s, m, nil)
	arrived := receipt.Receipt{ID: m, Kind: push.KindMessage, Event: receipt.Arrived, At: 10}
	shown := receipt.Receipt{ID: m, Kind: push.KindMessage, Event: receipt.Shown, At: 10}
	clicked := receipt.Receipt{ID: m, Kind: push.KindMessage, Event: receipt.Clicked, At: 12}
	dropped := receipt.Receipt{ID: m, Kind: push.KindMessage, Event: receipt.Dropped, At: 11, Reason: "TypeError"}
	ring := receipt.Receipt{ID: c, Kind: push.KindCall, Event: receipt.Shown, At: 13, Reason: "late"}
	end := receipt.Receipt{ID: c, Kind: push.KindCallEnd, Event: receipt.Shown, At: 14}
	later := clicked
	later.At = 20
	tell(t, s, "p1", later)
	tell(t, s, "p1", arrived, shown, ring)
	for range 2 {
		tell(t, s, "p1", end, clicked)
		tell(t, s, "p1", later)
	}
	others := map[string][]receipt.Receipt{}
	for i := range 2 * receipt.Shards { // several in a shard
		id := fmt.Sprintf("other%d", i)
		others[id] = []receipt.Receipt{arrived, dropped}
		tell(t, s, id, arrived, dropped)
	}
	want := map[string][]receipt.Receipt{"p1": {arrived, shown, clicked}}
	for id, list := range others {
		want[id] = list
	}
	told(t, s, m, want)
	told(t, s, c, map[string][]receipt.Receipt{"p1": {ring, end}})
}

// What stands beside the ledger is read at once: receipts, the users that there
// are, and the call where one is asked for.
func aftermath(t *testing.T, s anyStore) {
	m, user, callID := docid.New(rand.Text()), "u"+rand.Text(), rand.Text()
	shown := receipt.Receipt{ID: m, Kind: push.KindMessage, Event: receipt.Shown, At: 1}
	tell(t, s, "p1", shown)
	change(t, s, func(tx presence.Tx) error {
		return tx.PutUser(&presence.User{UserID: user, Devices: map[string]device.Device{"p1": {DeviceID: "phone"}}})
	})
	if _, err := s.CreateCall(t.Context(), call.Call{CallID: callID, Caller: user}); err != nil {
		t.Fatal(err)
	}
	for _, asked := range []string{"", callID, "another" + callID} {
		a, err := s.Aftermath(t.Context(), m, asked, []string{user, "nobody"})
		if err != nil || !reflect.DeepEqual(a.Told, trace.Told{"p1": {shown}}) || len(a.Users) != 1 || a.Users[user].Devices["p1"].DeviceID != "phone" {
			t.Errorf("%+v, %v", a, err)
		}
		if found := a.Call != nil; found != (asked == callID) || found && a.Call.Caller != user {
			t.Errorf("asked for the call %q: %+v", asked, a.Call)
		}
	}
}

// Devices that tell at once, each several times, lose nothing.
func concurrentReceipts(t *testing.T, s anyStore) {
	m := docid.New(rand.Text())
	want := map[string][]receipt.Receipt{}
	var wg sync.WaitGroup
	for i := range 6 {
		pushID := fmt.Sprintf("p%d", i)
		first := receipt.Receipt{ID: m, Kind: push.KindMessage, Event: receipt.Arrived, At: 1}
		want[pushID] = []receipt.Receipt{first}
		for j := range 3 {
			again := first
			again.At += int64(j)
			wg.Go(func() {
				if err := s.AddReceipts(context.Background(), pushID, []receipt.Receipt{again}, at(time.Hour)); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	told(t, s, m, want)
}

// All that ask for a secret at once get the same one, and so does who asks later.
func secrets(t *testing.T, s anyStore) {
	name := rand.Text()
	var got [6]string
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			b, err := s.Secret(context.Background(), name, []byte(rand.Text()))
			if err != nil {
				t.Error(err)
			}
			got[i] = string(b)
		})
	}
	wg.Wait()
	b, err := s.Secret(t.Context(), name, []byte("late"))
	for _, one := range got {
		if err != nil || one == "" || one != string(b) {
			t.Errorf("got %q, and later %q, %v", got, b, err)
		}
	}
	if other, err := s.Secret(t.Context(), name+"2", []byte("another")); err != nil || string(other) != "another" {
		t.Errorf("another name has %q, %v", other, err)
	}
}
