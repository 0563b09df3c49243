//go:build integration

package functions_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	calling "github.com/doorbell-push/doorbell/shared/call"
)

const videoCall = "Video call" + mark

// callTo is a body of call-invite that asks for a push.
func callTo(seconds int, people ...person) object {
	ids := make([]string, len(people))
	for i, p := range people {
		ids[i] = p.ID
	}
	return object{"invitees": ids, "config": object{"timeout": seconds, "pushConfig": object{"title": "Alice" + mark, "content": videoCall, "payload": "p" + mark}}}
}

// ring starts a call and returns its callID.
func (p person) ring(seconds int, people ...person) string {
	p.t.Helper()
	id, _ := p.call(http.MethodPost, "/call-invite", callTo(seconds, people...))["callID"].(string)
	return id
}

func (p person) act(path, callID string, more object) {
	p.t.Helper()
	body := object{"callID": callID}
	for k, v := range more {
		body[k] = v
	}
	p.call(http.MethodPost, path, body)
}

// waitText waits until the device shows one notification, of the call and with
// this text.
func waitText(t *testing.T, d phone, callID, text string) {
	t.Helper()
	shows := func() error {
		shade := world.FCM.Shade(d.token)
		if len(shade) != 1 || shade[0].Tag != calling.ID(callID) || shade[0].Body != text {
			return fmt.Errorf("device shows %+v, want %q", shade, text)
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if err := world.FCM.Wait(ctx, func(*standin.Server) bool { return shows() == nil }); err != nil {
		t.Fatalf("%v: %v", err, shows())
	}
}

// Seed: a call invitation rings on every offline device, for as long as it lasts.
func TestSeedCallInvitation(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	android, iphone, tab := bob.newPhone("phone", "android"), bob.newPhone("iphone", "ios"), bob.newPhone("tab", "web")
	open := bob.newPhone("open", "web")
	bob.presence(open, "online")
	id := alice.ring(90, bob)
	for _, d := range []phone{android, iphone, tab} {
		waitText(t, d, id, videoCall)
	}
	assertShade(t, open)

	var sent struct {
		Data    map[string]string
		Android struct{ Priority, TTL string }
		APNS    struct{ Headers map[string]string }
		Webpush struct{ Headers map[string]string }
	}
	for _, d := range []phone{android, iphone, tab} {
		if err := json.Unmarshal(world.FCM.Messages(d.token)[0].Message, &sent); err != nil {
			t.Fatal(err)
		}
	}
	left := func(s string) bool { return s == "90" || s == "89" || s == "88" || s == "87" }
	if d := sent.Data; d["kind"] != "call" || d["callID"] != id || d["payload"] != "p"+mark || d["senderUserID"] != alice.ID {
		t.Errorf("data %v", d)
	}
	var expires int64
	fmt.Sscan(sent.Data["expiresAt"], &expires)
	if in := time.Until(time.UnixMilli(expires)); in > 90*time.Second || in < 60*time.Second {
		t.Errorf("expires in %v", in)
	}
	if sent.Android.Priority != "high" || !left(sent.Android.TTL[:len(sent.Android.TTL)-1]) {
		t.Errorf("android %+v", sent.Android)
	}
	if h := sent.APNS.Headers; h["apns-priority"] != "10" || h["apns-expiration"] != fmt.Sprint(expires/1000) && h["apns-expiration"] != fmt.Sprint(expires/1000-1) {
		t.Errorf("apns %v, expires at %d", h, expires)
	}
	if h := sent.Webpush.Headers; h["Urgency"] != "high" || !left(h["TTL"]) {
		t.Errorf("webpush %v", h)
	}
}

// Accepting on one device dismisses the ringing on the others, and only there.
func TestAnsweredOnAnotherDevice(t *testing.T) {
	alice, bob, carol := someone(t, "alice"), someone(t, "bob"), someone(t, "carol")
	android, tab := bob.newPhone("phone", "android"), bob.newPhone("tab", "web")
	carols := carol.newPhone("phone", "ios")
	id := alice.ring(90, bob, carol)
	for _, d := range []phone{android, tab, carols} {
		waitText(t, d, id, videoCall)
	}
	bob.act("/call-accept", id, object{"deviceID": "phone"})
	waitText(t, tab, id, "Answered on another device")
	carol.act("/call-reject", id, object{"deviceID": "elsewhere"})
	waitText(t, carols, id, "Declined on another device")
	waitText(t, android, id, videoCall) // its app takes it away when it opens the call

	status, raw := bob.Do(http.MethodPost, "/call-accept", object{"callID": id, "deviceID": "tab"})
	if status != http.StatusConflict {
		t.Errorf("the second device is answered %d %s", status, raw)
	}
}

func TestCancelledCallIsMissed(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		config     object
	}{
		{"silently", "Missed call", nil},
		{"in own words", "Call me back", object{"config": object{"pushConfig": object{"title": "Alice", "content": "Call me back"}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			alice, bob := someone(t, "alice"), someone(t, "bob")
			d := bob.newPhone("phone", "android")
			online := bob.newPhone("tab", "web")
			bob.presence(online, "online")
			id := alice.ring(90, bob)
			waitText(t, d, id, videoCall)
			bob.presence(d, "online") // what it shows has to go all the same
			alice.act("/call-cancel", id, tc.config)
			waitText(t, d, id, tc.want)
			assertShade(t, online)
			if n := len(world.FCM.Messages(online.token)); n != 0 {
				t.Errorf("a device that never rang got %d pushes", n)
			}
		})
	}
}

// A cancel that overtakes the invite wins: nothing rings, and nothing is
// dismissed.
func TestCancelOvertakesInvite(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	for _, stage := range []string{"on-call", "dispatch-urgent"} {
		resume := pause(t, stage)
		id := alice.ring(90, bob)
		waitHeld(t, stage, 1)
		alice.act("/call-cancel", id, nil)
		resume()
		waitLogged(t, "dispatched", calling.ID(id))
	}
	if got := world.FCM.Messages(d.token); len(got) != 0 {
		t.Errorf("the phone got %d pushes: %s", len(got), got[0].Message)
	}
}

// Whatever FCM does, what dismisses comes after what rings.
func TestDismissalComesLast(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	t.Cleanup(world.FCM.ClearFaults)
	err := world.FCM.SetFaults(standin.Plan{
		Latency: standin.Latency{Base: standin.Delay(300 * time.Millisecond)},
		Rules: []standin.Rule{
			{Match: standin.Match{Token: d.token, Nth: 1}, Action: standin.Action{Kind: standin.FaultLostAnswer}},
			{Match: standin.Match{Token: d.token, Nth: 2}, Action: standin.Action{Error: standin.Unavailable}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := alice.ring(90, bob)
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if err := world.FCM.Wait(ctx, func(s *standin.Server) bool { return len(s.Messages(d.token)) > 0 }); err != nil {
		t.Fatal(err)
	}
	alice.act("/call-cancel", id, nil)
	waitText(t, d, id, "Missed call")
	waitLogged(t, "dispatched", calling.ID(id))
	waitText(t, d, id, "Missed call")
}

// A call that nobody answers ends without any client.
func TestCallTimesOut(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	id := alice.ring(2, bob)
	waitText(t, d, id, videoCall)
	waitText(t, d, id, "Missed call")
	answer := alice.call(http.MethodPost, "/call-query", object{"callID": id})
	list, _ := answer["callList"].([]any)
	c, _ := list[0].(map[string]any)
	if c["state"] != 2.0 || c["endTime"].(float64)-c["createTime"].(float64) != 2000 {
		t.Errorf("the call is %v", c)
	}
}

// Events that come twice, at once and late do nothing more.
func TestRepeatedCallEvents(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	t.Cleanup(world.Gate.Reset)
	planned, dispatched := answered("on-call"), answered("dispatch-urgent")
	world.Gate.Duplicate("on-call", 2, true)
	world.Gate.Duplicate("dispatch-urgent", 2, true)
	id := alice.ring(90, bob)
	waitText(t, d, id, videoCall)
	bob.act("/call-reject", id, object{"deviceID": "elsewhere"})
	waitText(t, d, id, "Declined on another device")
	waitDelivered(t, "on-call", planned+4)
	waitDelivered(t, "dispatch-urgent", dispatched+4)
	if got := len(world.FCM.Messages(d.token)); got != 2 {
		t.Errorf("FCM got %d pushes, want the ring and its end", got)
	}
}
