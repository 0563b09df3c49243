//go:build integration

package functions_test

import (
	"net/http"
	"reflect"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/firestore"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/receipt"
	"github.com/doorbell-push/doorbell/shared/store"
)

// receiptOf is a receipt of something that happened now.
func receiptOf(id, kind, event string) object {
	return object{"id": id, "kind": kind, "event": event, "at": time.Now().UnixMilli()}
}

// tell posts receipts as the device.
func (d phone) tell(t *testing.T, want int, receipts ...object) {
	t.Helper()
	c := someone(t, "device").Client
	c.Token = d.receiptToken
	if status, raw := c.Do(http.MethodPost, "/receipts", object{"receipts": receipts}); status != want {
		t.Fatalf("receipts answered %d %s", status, raw)
	}
}

// A push's receipts are kept once, however often and in what order they come, and
// are held between what can have been.
func TestReceipts(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	first, second := bob.newPhone("phone", "android"), bob.newPhone("tab", "web")
	id := alice.send(bob, "hello", "1")
	waitShade(t, first, id)
	waitShade(t, second, id)
	data, _ := first.push(t, id)["data"].(object)
	if data["id"] != id || data["kind"] != "message" {
		t.Fatalf("the push says %v: nothing to give a receipt of", data)
	}

	began := time.Now().Add(-time.Second).UnixMilli()
	arrived, shown, clicked := receiptOf(id, "message", "arrived"), receiptOf(id, "message", "shown"), receiptOf(id, "message", "clicked")
	ahead := receiptOf(id, "message", "shown")
	ahead["at"] = time.Now().Add(24 * time.Hour).UnixMilli()
	first.tell(t, http.StatusOK, ahead)
	first.tell(t, http.StatusOK, clicked)
	var posts sync.WaitGroup
	for range 4 {
		posts.Go(func() { first.tell(t, http.StatusOK, arrived, shown) })
	}
	posts.Wait()
	dropped := receiptOf(id, "message", "dropped")
	dropped["reason"] = "TypeError"
	second.tell(t, http.StatusOK, arrived, dropped)

	t.Setenv("FIRESTORE_EMULATOR_HOST", world.FirestoreHost())
	client, err := firestore.NewClient(t.Context(), world.ProjectID)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	db := store.NewFirestore(client)
	told, err := db.Receipts(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var summary receipt.Summary
	for _, d := range []phone{first, second} {
		summary.Add(told[d.pushID])
		for _, r := range told[d.pushID] {
			if r.At < began || r.At > time.Now().UnixMilli() {
				t.Errorf("%+v happened at another time", r)
			}
		}
	}
	if want := (receipt.Summary{Arrived: 2, Shown: 1, Clicked: 1, Dropped: 1}); summary != want || len(told) != 2 || len(told[first.pushID]) != 3 {
		t.Errorf("told is %+v, in all %+v", told, summary)
	}
	doc, err := client.Collection("receipts").Doc(receipt.DocID(id, receipt.Shard(first.pushID))).Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if until, _ := doc.Data()["expireAt"].(time.Time); until.Before(time.Now().Add(24*time.Hour)) || until.After(time.Now().Add(32*24*time.Hour)) {
		t.Errorf("kept until %v", until)
	}

	// What is refused is refused as a whole, and another's token is no use.
	first.tell(t, http.StatusBadRequest, receiptOf(id, "message", "dropped"), receiptOf("x", "message", "dropped"))
	forged := phone{receiptToken: second.pushID + first.receiptToken[len(first.pushID):]}
	forged.tell(t, http.StatusUnauthorized, shown)
	if again, err := db.Receipts(t.Context(), id); err != nil || !reflect.DeepEqual(again, told) {
		t.Errorf("told is %+v, %v\nand was %+v", again, err, told)
	}
}

// A ring's receipts bear the ID that its push has.
func TestReceiptsOfACall(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	answer := alice.call(http.MethodPost, "/call-invite", object{"invitees": []string{bob.ID}, "config": object{"pushConfig": pushConfig(object{})}})
	callID, _ := answer["callID"].(string)
	id := call.ID(callID)
	waitShade(t, d, id)
	if data, _ := d.push(t, id)["data"].(object); data["id"] != id || data["kind"] != "call" {
		t.Errorf("the ring says %v", data)
	}
	d.tell(t, http.StatusOK, receiptOf(id, "call", "shown"), receiptOf(id, "call_end", "shown"))
	alice.call(http.MethodPost, "/call-cancel", object{"callID": callID})
}

// Receipts cost a write a message that they tell of, and no read.
func TestCostOfReceipts(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "web")
	one, other := alice.send(bob, "one", "1"), alice.send(bob, "other", "2")
	waitLogged(t, "dispatched", one)
	waitLogged(t, "dispatched", other)
	d.tell(t, http.StatusOK, receiptOf(one, "message", "arrived")) // the secret is read, if it wasn't
	settle(t)
	for _, tc := range []struct {
		receipts []object
		writes   int
	}{
		{[]object{receiptOf(one, "message", "arrived"), receiptOf(one, "message", "shown")}, 1},
		{[]object{receiptOf(one, "message", "clicked"), receiptOf(other, "message", "clicked")}, 2},
	} {
		before := world.firestore.Snapshot()
		d.tell(t, http.StatusOK, tc.receipts...)
		if got := world.firestore.Snapshot().Sub(before); got.Reads != 0 || got.Writes != tc.writes || len(got.Commits) != 1 {
			t.Errorf("%d receipts cost %v; want no read, and %d writes in 1 commit", len(tc.receipts), got, tc.writes)
		}
	}
}
