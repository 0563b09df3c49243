//go:build integration

package functions_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"github.com/doorbell-push/doorbell/scripts/cost"
	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/scripts/system"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// groupBench is a running system, and clients of it.
type groupBench struct {
	*testing.T
	*system.System
}

func (b *groupBench) as(user string) harness.Client {
	b.Helper()
	token, err := b.SignIn(b.Context(), user)
	if err != nil {
		b.Fatal(err)
	}
	return harness.Client{TB: b.T, BaseURL: b.FunctionsURL(), Token: token}
}

func (b *groupBench) ok(c harness.Client, path string, body any) {
	b.Helper()
	if status, answer := c.Do(http.MethodPost, path, body); status != http.StatusOK {
		b.Fatalf("%s: %d %s", path, status, answer)
	}
}

// A group of 10,000, 8,000 of them offline: each of those rings once, nobody else.
func TestGroupOfTenThousand(t *testing.T) {
	rpcs, err := harness.NewRPCCounter("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rpcs.Close() })
	s, err := system.Start(t.Context(), system.Options{NoClock: true, FirestoreVia: rpcs.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	if err := rpcs.SetTarget(s.FirestoreHost()); err != nil {
		t.Fatal(err)
	}
	b := &groupBench{t, s}
	t.Setenv("FIRESTORE_EMULATOR_HOST", s.FirestoreHost())
	client, err := firestore.NewClient(t.Context(), s.ProjectID)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })

	const members = 10_000
	var ids []string
	devices := map[string]string{} // tokens, by user
	writer := client.BulkWriter(t.Context())
	for i := range members - 1 {
		id := fmt.Sprintf("u%05d", i)
		phone, err := s.FCM.NewDevice(standin.Device{Kind: "token", Platform: "android", On: true})
		if err != nil {
			t.Fatal(err)
		}
		d := device.Device{PushID: "p", DeviceID: "d", Platform: device.Android, Popup: true, Target: device.Target{Kind: device.KindToken, Value: phone.Token}}
		if i%5 == 0 {
			d.State, d.LeaseUntil = device.Online, time.Now().Add(time.Hour)
		}
		u := presence.User{Devices: map[string]device.Device{device.PushID(id, "d"): d}}
		if _, err := writer.Set(client.Collection("presence").Doc(id), u); err != nil {
			t.Fatal(err)
		}
		ids, devices[id] = append(ids, id), phone.Token
	}
	writer.End()

	olga := b.as("olga")
	b.ok(olga, "/group-create", map[string]any{"groupInfo": map[string]any{"groupID": "g", "groupName": "n"}})
	began := time.Now()
	for some := range slices.Chunk(ids, group.MaxUsers) {
		b.ok(olga, "/group-invite", map[string]any{"groupID": "g", "userIDs": some})
	}
	t.Logf("%d invited in %v", len(ids), time.Since(began).Round(time.Millisecond))

	s.Gate.Reset()
	before := rpcs.Snapshot()
	began = time.Now()
	b.ok(olga, "/send", map[string]any{
		"message": map[string]any{"type": 1, "message": "hi"}, "toConversationID": "g", "conversationType": 2, "localMessageID": "l",
		"config": map[string]any{"priority": 2, "pushConfig": map[string]any{"title": "t", "content": "c"}},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	const offline = 7_999 // every fifth of 9,999 is online, the first too
	if err := s.FCM.Wait(ctx, func(fcm *standin.Server) bool { return fcm.Stats().Accepted >= offline }); err != nil {
		t.Errorf("%v: %+v", err, s.FCM.Stats())
	}
	took := time.Since(began)
	if err := s.Gate.WaitDelivered(ctx, "fan-out", 3); err != nil {
		t.Error(err)
	}
	if err := s.Gate.WaitDelivered(ctx, "dispatch", 20); err != nil {
		t.Error(err)
	}
	for i, id := range ids {
		want := 1
		if i%5 == 0 {
			want = 0
		}
		if got := len(s.FCM.Messages(devices[id])); got != want {
			t.Errorf("%s got %d pushes, want %d", id, got, want)
		}
	}
	t.Logf("%d pushes in %v; fan-out %+v, dispatch %+v", s.FCM.Stats().Accepted, took.Round(time.Millisecond), s.Gate.Counts("fan-out"), s.Gate.Counts("dispatch"))

	asked, model := rpcs.Snapshot().Sub(before), cost.GroupMessage(members, offline/(members-1.0))
	t.Logf("cost: %v", asked)
	// A batch for each 500 members, and 3 tasks.
	if most := members*105/100 + 50; asked.Reads > most || s.Gate.Counts("dispatch").Arrived > 20+3 {
		t.Errorf("%d reads, at most %d; %+v batches", asked.Reads, most, s.Gate.Counts("dispatch"))
	}
	// Exactly the model's, and for each second in which dispatch has much to send one
	// for what FCM told others, of which there is no document. Only a batch that was planned
	// more than five seconds ago, on a machine that slow, has its receivers looked at again.
	if float64(asked.Writes) != model.Writes {
		t.Errorf("%d writes, the model has %v", asked.Writes, model.Writes)
	}
	found, looks := float64(asked.DocumentsFound), float64(asked.Reads-asked.DocumentsFound)
	if took < 5*time.Second && (found != model.Reads || looks < 1 || looks > 1+math.Ceil(took.Seconds())) {
		t.Errorf("%v reads, the model has %v, and %v looks in %v", found, model.Reads, looks, took)
	}
	// One process serves every function here, so it bounds each of them.
	peak, err := s.FunctionsPeakMemory()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("peak memory of the functions' process: %d MiB", peak>>20)
	if peak > 256<<20 {
		t.Errorf("peak memory is %d MiB", peak>>20)
	}

	began = time.Now()
	b.ok(olga, "/group-dismiss", map[string]any{"groupID": "g"})
	t.Logf("dismissed in %v", time.Since(began).Round(time.Millisecond))
}
