//go:build integration

package functions_test

import (
	"net/http"
	"testing"
)

// An iPhone's icon counts from what its user's client set; Android is
// told only how much is new, and the web nothing.
func TestUserBadge(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	android, ios, web := bob.newPhone("phone", "android"), bob.newPhone("tablet", "ios"), bob.newPhone("tab", "web")
	counted := func(localID string) string {
		body := message(bob.ID, "hello", localID)
		body["config"] = object{"priority": 2, "pushConfig": pushConfig(object{"enableBadge": true, "badgeIncrement": 2})}
		return alice.post(body)
	}
	var ids []string
	for _, tc := range []struct {
		localID string
		set     int
		ios     float64
	}{{"1", 5, 7}, {"2", 0, 2}} {
		bob.call(http.MethodPost, "/badge", object{"badge": tc.set})
		id := counted(tc.localID)
		ids = append(ids, id)
		waitShade(t, ios, ids...)
		waitShade(t, android, ids...)
		waitShade(t, web, ids...)
		if got := at(ios.push(t, id), "apns", "payload", "aps", "badge"); got != tc.ios {
			t.Errorf("set to %d: the iPhone got %v", tc.set, got)
		}
		if got := at(android.push(t, id), "android", "notification", "notification_count"); got != 2. {
			t.Errorf("set to %d: Android got %v", tc.set, got)
		}
	}
	without := alice.send(bob, "doesn't count", "3")
	waitShade(t, ios, append(ids, without)...)
	if got := at(ios.push(t, without), "apns", "payload", "aps", "badge"); got != nil {
		t.Errorf("without enableBadge the iPhone got %v", got)
	}
}
