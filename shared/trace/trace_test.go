package trace

import (
	"reflect"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
)

var start = time.UnixMilli(1_700_000_000_000)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

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
	all.Tell(entries, users, "")
	want := []Receiver{
		{UserID: "bob", Devices: []Device{
			{PushID: "p9", Events: []Event{{at(2), "message", "failed", "unregistered", "not pushed: the app is gone from the device: its target was removed", 1, "b2"}}},
			{PushID: "p2", DeviceID: "desk", Platform: "web", Events: []Event{{at(0), "message", "skipped", "online", "not pushed: the device was online and got it directly", 0, "skips"}}},
			{PushID: "p1", DeviceID: "phone", Platform: "android", Events: []Event{
				{at(1), "message", "pending", "unavailable", "to be tried again at the first try: FCM or the network was unavailable", 1, "b1"},
				{at(9), "message", "sent", "projects/p/messages/1", "pushed: FCM took it after 3 tries as projects/p/messages/1", 3, "b2"},
			}},
		}},
		{UserID: "carol", Devices: []Device{{Events: []Event{{at(0), "message", "skipped", "no_device",
			"not pushed: they have no device bound: never registered, unregistered or logged out", 0, "skips"}}}}},
		{UserID: "dave", Devices: []Device{{PushID: "p7", Events: []Event{{at(5), "message", "dead_letter", "credentials",
			"in the dead letters at the first try: our service account may not send: give it the role that terraform/README.md names", 1, "dead"}}}}},
	}
	if !reflect.DeepEqual(all.Receivers, want) {
		t.Errorf("got  %+v\nwant %+v", all.Receivers, want)
	}
	var one Story
	one.Tell(entries, users, "carol")
	if !reflect.DeepEqual(one.Receivers, want[1:2]) {
		t.Errorf("of carol: %+v", one.Receivers)
	}
	var none Story
	if none.Tell(entries, nil, "erin"); len(none.Receivers) != 0 {
		t.Errorf("of erin: %+v", none.Receivers)
	}
}
