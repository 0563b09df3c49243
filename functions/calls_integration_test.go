//go:build integration

package functions_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	calling "github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
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

	// Who comes too late is told who was first, and nobody else is.
	for _, tc := range []struct {
		who                  person
		path, device, winner string
		answer               string
	}{
		{bob, "/call-accept", "tab", "phone", "accepted"}, {bob, "/call-reject", "tab", "phone", "accepted"},
		{carol, "/call-accept", "phone", "elsewhere", "rejected"}, {alice, "/call-accept", "phone", "", ""},
	} {
		var told struct{ Error fault.Error }
		status, raw := tc.who.Do(http.MethodPost, tc.path, object{"callID": id, "deviceID": tc.device})
		if err := json.Unmarshal(raw, &told); err != nil {
			t.Fatal(err)
		}
		want, wantStatus := &fault.Details{AnsweredBy: device.PushID(tc.who.ID, tc.winner), Answer: tc.answer}, http.StatusConflict
		if tc.winner == "" {
			want, wantStatus = nil, http.StatusForbidden
		}
		if status != wantStatus || !reflect.DeepEqual(told.Error.Details, want) {
			t.Errorf("%s on %q is answered %d %s, want %d with %+v", tc.path, tc.device, status, raw, wantStatus, want)
		}
	}
	bob.act("/call-accept", id, object{"deviceID": "phone"}) // the first may repeat it
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
			for _, p := range []person{alice, bob} {
				p.sees(id, calling.Ended, states{alice.ID: calling.Cancelled, bob.ID: calling.BeCancelled})
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
	// The sweep has written it: a query would settle it too.
	if c, err := alice.database().Call(t.Context(), id); err != nil || c.State != calling.Ended || c.Users[bob.ID].State != calling.Timeout {
		t.Errorf("the sweep left %+v, %v", c, err)
	}
	for _, p := range []person{alice, bob} {
		c := p.sees(id, calling.Ended, states{alice.ID: calling.Timeout, bob.ID: calling.Timeout})
		if c.EndTime-c.CreateTime != 2000 {
			t.Errorf("it lasted %d ms", c.EndTime-c.CreateTime)
		}
	}
}

// states are those of a call's people, by their IDs.
type states map[string]calling.UserState

// sees asks for a call as p, and checks its state and everybody's in it.
func (p person) sees(callID string, state calling.State, want states) calling.Info {
	p.t.Helper()
	var list calling.List
	if err := json.Unmarshal(p.insist("/call-query", object{"callID": callID}), &list); err != nil || len(list.CallList) != 1 {
		p.t.Fatalf("%v: %+v", err, list)
	}
	c, got := list.CallList[0], states{}
	for _, u := range c.CallUserList {
		got[u.UserID] = u.State
	}
	if c.State != state || !maps.Equal(got, want) {
		p.t.Errorf("the call is in state %d with %v, want %d with %v", c.State, got, state, want)
	}
	return c
}

// meeting is a call of the mode Advanced that bob has accepted and that rings at carol's.
func meeting(t *testing.T) (alice, bob, carol person, id string, rings phone) {
	t.Helper()
	alice, bob, carol = someone(t, "alice"), someone(t, "bob"), someone(t, "carol")
	bob.newPhone("phone", "android")
	rings = carol.newPhone("phone", "ios")
	body := callTo(90, bob, carol)
	body["config"].(object)["mode"] = calling.Advanced
	id, _ = alice.call(http.MethodPost, "/call-invite", body)["callID"].(string)
	waitText(t, rings, id, videoCall)
	bob.act("/call-accept", id, object{"deviceID": "phone"})
	alice.sees(id, calling.Started, states{alice.ID: calling.Accepted, bob.ID: calling.Accepted, carol.ID: calling.Inviting})
	return alice, bob, carol, id, rings
}

// call-end ends an Advanced call for everyone: what rings stops, in the words of who ends it.
func TestCallEnd(t *testing.T) {
	alice, bob, carol, id, rings := meeting(t)
	for range 2 { // a client may repeat it
		bob.act("/call-end", id, object{"config": object{"pushConfig": object{"title": "Bob", "content": "We are done"}}})
	}
	waitText(t, rings, id, "We are done")
	for _, p := range []person{alice, bob, carol} {
		p.sees(id, calling.Ended, states{alice.ID: calling.Finished, bob.ID: calling.Finished, carol.ID: calling.BeCancelled})
	}
	if status, raw := carol.Do(http.MethodPost, "/call-accept", object{"callID": id, "deviceID": "phone"}); status != http.StatusConflict {
		t.Errorf("who comes too late is answered %d %s", status, raw)
	}
	if status, raw := alice.Do(http.MethodPost, "/call-end", object{"callID": id}); status != http.StatusConflict {
		t.Errorf("it is ended again: %d %s", status, raw)
	}
}

// Who quits leaves an Advanced call to the others: it rings on until nobody is in it.
func TestCallQuit(t *testing.T) {
	alice, bob, carol, id, rings := meeting(t)
	for range 2 { // a client may repeat it
		alice.act("/call-quit", id, nil)
	}
	bob.sees(id, calling.Started, states{alice.ID: calling.Quit, bob.ID: calling.Accepted, carol.ID: calling.Inviting})
	waitText(t, rings, id, videoCall)
	bob.act("/call-quit", id, nil)
	waitText(t, rings, id, "Missed call")
	for _, p := range []person{alice, bob, carol} {
		p.sees(id, calling.Ended, states{alice.ID: calling.Quit, bob.ID: calling.Quit, carol.ID: calling.BeCancelled})
	}
	if got := len(world.FCM.Messages(rings.token)); got != 2 {
		t.Errorf("FCM got %d pushes, want the ring and its end", got)
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
