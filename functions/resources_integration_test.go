//go:build integration

package functions_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
)

// speaks registers a device again, with a language.
func (p person) speaks(d phone, platform, locale string) phone {
	p.t.Helper()
	p.call(http.MethodPost, "/register", object{"token": d.token, "platform": platform, "deviceID": d.deviceID, "locale": locale})
	return d
}

// waitData waits for a push whose data has a value, and is it as FCM was given it.
func waitData(t *testing.T, d phone, name, value string) (found object) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	err := world.FCM.Wait(ctx, func(s *standin.Server) bool {
		for _, m := range s.Messages(d.token) {
			var one object
			if json.Unmarshal(m.Message, &one) == nil && at(one, "data", name) == value {
				found = one
				return true
			}
		}
		return false
	})
	if err != nil {
		t.Fatalf("%s got no push whose %s is %s: %v", d.deviceID, name, value, err)
	}
	return found
}

// A push looks on each platform as its resource says, in the language of the
// device: a message, a call, and the words that are Doorbell's own. The resources
// are those of the repository, applied when the system started.
func TestResources(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	android := bob.speaks(bob.newPhone("phone", "android"), "android", "de-AT")
	ios := bob.speaks(bob.newPhone("tablet", "ios"), "ios", "fr")
	web := bob.speaks(bob.newPhone("tab", "web"), "web", "ja")

	body := message(bob.ID, "hello", "1")
	body["config"] = object{"priority": 2, "pushConfig": pushConfig(object{"resourcesID": "chat"})}
	answer := alice.call(http.MethodPost, "/send", body)
	if answer["warnings"] != nil {
		t.Errorf("a resource that there is has warnings: %v", answer["warnings"])
	}
	id := at(answer, "message", "messageID").(string)
	for _, d := range []phone{android, ios, web} {
		waitShade(t, d, id)
	}
	for _, tc := range []struct {
		d    phone
		path []string
		want any
	}{
		{android, []string{"android", "notification", "channel_id"}, "messages"},
		{android, []string{"android", "notification", "icon"}, "ic_message"},
		{android, []string{"android", "notification", "color"}, "#1a73e8"},
		{android, []string{"android", "notification", "sound"}, "message"},
		{ios, []string{"apns", "payload", "aps", "sound"}, "message.caf"},
		{ios, []string{"apns", "payload", "aps", "category"}, "MESSAGE"},
		{ios, []string{"apns", "payload", "aps", "interruption-level"}, "active"},
	} {
		if got := at(tc.d.push(t, id), tc.path...); got != tc.want {
			t.Errorf("%s: %s is %v, want %v", tc.d.deviceID, strings.Join(tc.path, "."), got, tc.want)
		}
	}
	if buttons, _ := at(web.push(t, id), "webpush", "notification", "actions").([]any); len(buttons) != 2 || buttons[0].(object)["title"] != "Reply" {
		t.Errorf("in a browser that speaks neither, the buttons are %v", buttons)
	}

	// A call rings in their language, and ends in Doorbell's own words in it.
	call := callTo(90, bob)
	call["config"].(object)["pushConfig"].(object)["resourcesID"] = "call"
	rang := alice.call(http.MethodPost, "/call-invite", call)
	callID, _ := rang["callID"].(string)
	if rang["warnings"] != nil {
		t.Errorf("the call has warnings: %v", rang["warnings"])
	}
	ring := waitData(t, android, "kind", "call")
	if title, _ := at(ring, "notification", "title").(string); !strings.HasSuffix(title, " ruft an") {
		t.Errorf("it rings as %q", title)
	}
	alice.act("/call-cancel", callID, nil)
	for d, want := range map[phone]string{android: "Verpasster Anruf", ios: "Appel manqué", web: "Missed call"} {
		if got := at(waitData(t, d, "kind", "call_end"), "notification", "body"); got != want {
			t.Errorf("%s reads %v, want %s", d.deviceID, got, want)
		}
	}

	// What is told to who wants no more told is in their language too.
	bob.set(object{"privacy": "generic"})
	veiled := alice.send(bob, "the secret", "2")
	waitLogged(t, "dispatched", veiled)
	for d, want := range map[phone]string{android: "Neue Nachricht", ios: "Nouveau message", web: "New message"} {
		if got := at(d.push(t, veiled), "notification", "title"); got != want {
			t.Errorf("%s reads %v, want %s", d.deviceID, got, want)
		}
	}
}

// A resource that isn't there is named in the answer, and the push goes plainly; a
// silent one makes the push silent.
func TestUnknownAndSilentResource(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	body := message(bob.ID, "hello", "1")
	body["config"] = object{"priority": 2, "pushConfig": pushConfig(object{"resourcesID": "no-such"})}
	for range 2 { // a repeat is answered the same
		answer := alice.call(http.MethodPost, "/send", body)
		warnings, _ := answer["warnings"].([]any)
		if len(warnings) != 1 || warnings[0].(object)["field"] != "config.pushConfig.resourcesID" {
			t.Errorf("answered %v", answer)
		}
	}
	call := callTo(90, bob)
	call["config"].(object)["pushConfig"].(object)["resourcesID"] = "no-such"
	if warnings, _ := alice.call(http.MethodPost, "/call-invite", call)["warnings"].([]any); len(warnings) != 1 {
		t.Errorf("the call's warnings are %v", warnings)
	}

	quiet := message(bob.ID, "hello", "2")
	quiet["config"] = object{"priority": 2, "pushConfig": pushConfig(object{"resourcesID": "silent", "payload": "p" + mark})}
	sent := alice.call(http.MethodPost, "/send", quiet)
	got := waitData(t, d, "id", at(sent, "message", "messageID").(string))
	if at(got, "notification") != nil || at(got, "android", "notification") != nil || at(got, "data", "payload") != "p"+mark {
		t.Errorf("a silent resource's push is %v", got)
	}
	timestamp, _ := at(sent, "message", "timestamp").(float64)
	if want := strconv.FormatInt(int64(timestamp)+3600_000, 10); at(got, "data", "expiresAt") != want {
		t.Errorf("it is worth until %v, want %s", at(got, "data", "expiresAt"), want)
	}
}
