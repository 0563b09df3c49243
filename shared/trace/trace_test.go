package trace

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/receipt"
)

var start = time.UnixMilli(1_700_000_000_000)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

func ledger(seconds int, status delivery.Status, detail, text string, tries int, batch string) Event {
	return Event{At: at(seconds), What: "message", Step: Became, Status: status, Detail: detail, Text: text, Tries: tries, Batch: batch}
}

func TestTell(t *testing.T) {
	users := map[string]*presence.User{"bob": {UserID: "bob", Devices: map[string]device.Device{
		"p1": {DeviceID: "phone", Platform: device.Android}, "p2": {DeviceID: "desk", Platform: device.Web},
	}}}
	entries := []delivery.Entry{
		{ID: "b2", Kind: "message", Outcomes: map[string]delivery.Outcome{
			"p1": {UserID: "bob", Status: delivery.Sent, Detail: "projects/p/messages/1", Tries: 3, At: at(9)},
			"p9": {UserID: "bob", Status: delivery.Failed, Detail: "unregistered", Tries: 1, At: at(2)},
		}},
		{ID: "b1", Kind: "message", Outcomes: map[string]delivery.Outcome{
			"p1": {UserID: "bob", Status: delivery.Pending, Detail: "unavailable", Tries: 1, At: at(1)},
		}},
		{ID: "skips", Kind: "message", Outcomes: map[string]delivery.Outcome{
			"p2":                      {UserID: "bob", Status: delivery.Skipped, Detail: "online", At: at(0)},
			delivery.UserKey("carol"): {UserID: "carol", Status: delivery.Skipped, Detail: "no_device", At: at(0)},
		}},
		{ID: "dead", Kind: "message", Outcomes: map[string]delivery.Outcome{
			"p7": {UserID: "dave", Status: delivery.DeadLetter, Detail: "credentials", Tries: 1, At: at(5)},
		}},
	}
	var all Story
	all.Tell(entries, nil, users, "")
	want := []Receiver{
		{UserID: "bob", Devices: []Device{
			{PushID: "p9", Events: []Event{ledger(2, "failed", "unregistered", "not pushed: the app is gone from the device: its target was removed", 1, "b2")}},
			{PushID: "p2", DeviceID: "desk", Platform: "web", Events: []Event{ledger(0, "skipped", "online", "not pushed: the device was online and got it directly", 0, "skips")}},
			{PushID: "p1", DeviceID: "phone", Platform: "android", Events: []Event{
				ledger(1, "pending", "unavailable", "to be tried again at the first try: FCM or the network was unavailable", 1, "b1"),
				ledger(9, "sent", "projects/p/messages/1", "pushed: FCM took it after 3 tries as projects/p/messages/1", 3, "b2"),
			}},
		}},
		{UserID: "carol", Devices: []Device{{Events: []Event{ledger(0, "skipped", "no_device", "not pushed: they have no device bound: never registered, unregistered or logged out", 0, "skips")}}}},
		{UserID: "dave", Devices: []Device{{PushID: "p7", Events: []Event{ledger(5, "dead_letter", "credentials", "in the dead letters at the first try: our service account may not send: give it the role that terraform/README.md names", 1, "dead")}}}},
	}
	if !reflect.DeepEqual(all.Receivers, want) {
		t.Errorf("got  %+v\nwant %+v", all.Receivers, want)
	}
	var one Story
	one.Tell(entries, nil, users, "carol")
	if !reflect.DeepEqual(one.Receivers, want[1:2]) {
		t.Errorf("of carol: %+v", one.Receivers)
	}
	var none Story
	if none.Tell(entries, nil, nil, "erin"); len(none.Receivers) != 0 {
		t.Errorf("of erin: %+v", none.Receivers)
	}
}

// When it was decided, and each of FCM's answers, stand among the rest; what is
// told by the outcome is not told twice.
func TestTellTries(t *testing.T) {
	refusals := func(seconds ...int) (list []delivery.Refusal) {
		for _, s := range seconds {
			list = append(list, delivery.Refusal{At: at(s), Class: "unavailable"})
		}
		return list
	}
	entries := []delivery.Entry{
		{ID: "b", Kind: "message", PlannedAt: at(1), Outcomes: map[string]delivery.Outcome{
			"p1": {UserID: "bob", Status: delivery.Sent, Detail: "n", Tries: 1, At: at(9)},
			"p2": {UserID: "bob", Status: delivery.DeadLetter, Detail: "unavailable", Tries: 1, At: at(9)},
			"p3": {UserID: "bob", Status: delivery.Skipped, Detail: "expired", At: at(9)},
		}, Refusals: map[string][]delivery.Refusal{"p1": refusals(2, 3), "p2": refusals(5, 9)}},
		{ID: "s", Kind: "message", PlannedAt: at(1), Outcomes: map[string]delivery.Outcome{
			"p4": {UserID: "bob", Status: delivery.Skipped, Detail: "online", At: at(1)},
		}},
	}
	var s Story
	s.Tell(entries, nil, nil, "")
	var got []string
	for _, d := range s.Receivers[0].Devices {
		for _, e := range d.Events {
			got = append(got, fmt.Sprint(d.PushID, " ", int(e.At.Sub(start).Seconds()), " ", e.Step, " ", e.Text))
		}
	}
	want := []string{
		"p1 1 decided decided: to be pushed to", "p1 2 tried try 1: FCM or the network was unavailable", "p1 3 tried try 2: FCM or the network was unavailable",
		"p1 9 became pushed: FCM took it after 3 tries as n",
		"p2 1 decided decided: to be pushed to", "p2 5 tried try 1: FCM or the network was unavailable",
		"p2 9 became in the dead letters after 2 tries: FCM or the network was unavailable",
		"p3 1 decided decided: to be pushed to", "p3 9 became not pushed: " + plan.Expired.Explain(),
		"p4 1 became not pushed: the device was online and got it directly",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// What devices told stands among what FCM said, in the order of time, and is
// counted by device; a device that the ledger doesn't know can't make itself count.
func TestTellReceipts(t *testing.T) {
	sent := func(userID string) delivery.Outcome {
		return delivery.Outcome{UserID: userID, Status: delivery.Sent, Detail: "n", Tries: 1, At: at(1)}
	}
	entries := []delivery.Entry{{ID: "b", Kind: "message", Outcomes: map[string]delivery.Outcome{"p1": sent("bob"), "p2": sent("bob"), "p3": sent("carol")}}}
	one := func(seconds int, e receipt.Event, reason string) receipt.Receipt {
		return receipt.Receipt{Kind: push.KindMessage, Event: e, At: at(seconds).UnixMilli(), Reason: reason}
	}
	told := Told{
		"p1":      {one(2, receipt.Arrived, ""), one(2, receipt.Shown, ""), one(9, receipt.Clicked, "")},
		"p3":      {one(0, receipt.Arrived, ""), one(3, receipt.Dropped, "TypeError")},
		"mallory": {one(2, receipt.Shown, "")},
	}
	var all, bobs Story
	all.Tell(entries, told, nil, "")
	bobs.Tell(entries, told, nil, "bob")
	words := func(s Story) (list []string) {
		for _, r := range s.Receivers {
			for _, d := range r.Devices {
				for _, e := range d.Events {
					list = append(list, fmt.Sprint(r.UserID, " ", d.PushID, " ", int(e.At.Sub(start).Seconds()), " ", e.Receipt, " ", e.Text))
				}
			}
		}
		return list
	}
	want := []string{
		"bob p1 1  pushed: FCM took it at the first try as n", "bob p1 2 arrived arrived on the device", "bob p1 2 shown shown", "bob p1 9 clicked clicked",
		"bob p2 1  pushed: FCM took it at the first try as n",
		"carol p3 0 arrived arrived on the device", "carol p3 1  pushed: FCM took it at the first try as n", "carol p3 3 dropped not shown: TypeError",
	}
	if got := words(all); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := words(bobs); !reflect.DeepEqual(got, want[:5]) {
		t.Errorf("of bob: %q", got)
	}
	if want := (receipt.Summary{Arrived: 2, Shown: 1, Clicked: 1, Dropped: 1}); all.Receipts != want {
		t.Errorf("counted %+v", all.Receipts)
	}
	if want := (receipt.Summary{Arrived: 1, Shown: 1, Clicked: 1}); bobs.Receipts != want {
		t.Errorf("counted of bob %+v", bobs.Receipts)
	}
}

// That a message was read elsewhere or revoked, and is taken away, is told of the
// devices that may show it, and of no others: by the first reading that came so far,
// where its tag is that of others too.
func TestTellDismissals(t *testing.T) {
	outcome := func(userID string, status delivery.Status, detail string, seconds int) delivery.Outcome {
		return delivery.Outcome{UserID: userID, Status: status, Detail: detail, Tries: 1, At: at(seconds)}
	}
	sent := func(userID string, seconds int) delivery.Outcome { return outcome(userID, delivery.Sent, "n", seconds) }
	shown := []delivery.Entry{
		{ID: "b", Kind: "message", Tag: "tag", Outcomes: map[string]delivery.Outcome{
			"b1": sent("bob", 1), "b2": sent("bob", 1), "b3": outcome("bob", delivery.Failed, "unregistered", 1), "c1": sent("carol", 1),
		}},
		{ID: "s", Kind: "message", Outcomes: map[string]delivery.Outcome{"d1": {UserID: "dave", Status: delivery.Skipped, Detail: "online", At: at(1)}}},
		{ID: "v", Kind: "revoke", PlannedAt: at(8), Outcomes: map[string]delivery.Outcome{"c1": sent("carol", 9)}},
	}
	reading := func(seq int64, seconds int, outcomes map[string]delivery.Outcome) delivery.Entry {
		return delivery.Entry{ID: fmt.Sprint("r", seq), Kind: "read", Seq: seq, PlannedAt: at(seconds), Outcomes: outcomes}
	}
	taken := []delivery.Entry{
		reading(9, 6, map[string]delivery.Outcome{"b1": sent("bob", 7), "b2": sent("bob", 7)}),
		reading(5, 2, map[string]delivery.Outcome{"b1": sent("bob", 3), "b3": sent("bob", 3), "d1": sent("dave", 3)}),
		reading(4, 0, map[string]delivery.Outcome{"b1": sent("bob", 0), "b2": sent("bob", 0)}), // of the one that showed before
		reading(11, 10, map[string]delivery.Outcome{"c1": outcome("carol", delivery.Failed, "unregistered", 11)}),
	}
	for name, tc := range map[string]struct {
		users []string
		keys  int
	}{"all": {[]string{"bob", "carol", "dave"}, 2}, "who was rung": {[]string{"carol"}, 1}, "who wasn't": {[]string{"dave"}, 0}, "nobody": {nil, 0}} {
		if keys := takeable(shown, tc.users); len(keys) != tc.keys {
			t.Errorf("%s: %q", name, keys)
		}
	}
	var s Story
	s.Tell(append(shown, dismissals(shown, taken, 5)...), nil, nil, "")
	var got []string
	for _, r := range s.Receivers {
		for _, d := range r.Devices {
			for _, e := range d.Events {
				got = append(got, fmt.Sprint(d.PushID, " ", int(e.At.Sub(start).Seconds()), " ", e.What, " ", e.Text))
			}
		}
	}
	pushed := " 1 message pushed: FCM took it at the first try as n"
	want := []string{
		"b1" + pushed, "b1 2 read decided: to be taken away, since it was read elsewhere",
		"b1 3 read taken away, since it was read elsewhere at 2023-11-14T22:13:22Z: FCM took it at the first try as n",
		"b2" + pushed, "b2 6 read decided: to be taken away, since it was read elsewhere",
		"b2 7 read taken away, since it was read elsewhere at 2023-11-14T22:13:26Z: FCM took it at the first try as n",
		"b3 1 message not pushed: the app is gone from the device: its target was removed",
		"c1" + pushed, "c1 8 revoke decided: to be taken away or replaced, since it was revoked",
		"c1 9 revoke taken away, or replaced by the sender's words, since it was revoked: FCM took it at the first try as n",
		"c1 10 read decided: to be taken away, since it was read elsewhere", "c1 11 read not taken away: the app is gone from the device: its target was removed",
		"d1 1 message not pushed: the device was online and got it directly",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
