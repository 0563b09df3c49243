//go:build integration

package functions_test

import (
	"net/http"
	"testing"
	"time"

	calling "github.com/doorbell-push/doorbell/shared/call"
)

// quietNow sets quiet hours that began half an hour ago and go on for as long, by
// a clock that is 5:45 ahead, with more said of them.
func (p person) quietNow(more object) {
	p.t.Helper()
	const zone = "Asia/Kathmandu"
	loc, err := time.LoadLocation(zone)
	if err != nil {
		p.t.Fatal(err)
	}
	there := time.Now().In(loc)
	q := object{
		"timeZone": zone, "weekdays": []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"},
		"from": there.Add(-30 * time.Minute).Format("15:04"), "to": there.Add(30 * time.Minute).Format("15:04"),
	}
	for name, v := range more {
		q[name] = v
	}
	p.set(object{"quiet": q})
}

// In Bob's quiet hours no message rings, nor does a mention that insists, unless he
// lets it; a call does, unless he doesn't. When he wants none any more, all ring.
func TestQuietHours(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	mention := func(localID string) object {
		body := message(bob.ID, "hello @bob", localID)
		body["message"].(object)["mentionedUserIDs"] = []string{bob.ID}
		body["config"].(object)["isNotifyMentionedUsers"] = true
		return body
	}
	held, rung := map[string]int{"quiet_hours": 1}, map[string]int{"push": 1}

	bob.quietNow(nil)
	wantPlanned(t, alice.send(bob, "hello", "1"), held)
	wantPlanned(t, alice.post(mention("2")), held)
	first := alice.ring(90, bob)
	waitText(t, d, first, videoCall)
	alice.act("/call-cancel", first, nil)
	waitText(t, d, first, "Missed call")

	bob.quietNow(object{"callsBreakThrough": false, "mentionsBreakThrough": true})
	wantPlanned(t, calling.ID(alice.ring(90, bob)), held)
	wantPlanned(t, alice.send(bob, "hello again", "3"), held)
	insisted := alice.post(mention("4"))
	wantPlanned(t, insisted, rung)

	bob.set(object{"quiet": object{"weekdays": []string{}}})
	bob.call(http.MethodGet, "/notification-settings", nil) // which is held to the API's description
	again := alice.send(bob, "and again", "5")
	wantPlanned(t, again, rung)
	waitShade(t, d, calling.ID(first), insisted, again)
}
