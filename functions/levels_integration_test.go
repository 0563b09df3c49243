//go:build integration

package functions_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/shared/chat"
)

// set changes p's own rules for being rung.
func (p person) set(change object) {
	p.t.Helper()
	p.call(http.MethodPost, "/notification-settings", change)
}

// wantPlanned waits until the message id is planned, and checks how many
// devices or users got which decision.
func wantPlanned(t *testing.T, id string, want map[string]int) {
	t.Helper()
	waitLogged(t, "planned", id)
	for line := range bytes.Lines(world.log.Bytes()) {
		var entry struct {
			Message, SubjectID string
			Decisions          map[string]int
		}
		at := bytes.IndexByte(line, '{')
		if at < 0 || json.Unmarshal(line[at:], &entry) != nil || entry.Message != "planned" || entry.SubjectID != id {
			continue
		}
		if !maps.Equal(entry.Decisions, want) {
			t.Errorf("planned %v, want %v", entry.Decisions, want)
		}
		return
	}
	t.Errorf("no plan of %s", id)
}

// Bob wants to hear of mentions only, but of everything in one group, and
// nothing for a while. A mention that insists rings where a level is in its way.
func TestLevelsAndSnooze(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	d := bob.newPhone("phone", "android")
	var groups []string
	for _, id := range []string{"dear", "other"} {
		id = ownID(t, id)
		alice.call(http.MethodPost, "/group-create", object{"groupInfo": object{"groupID": id, "groupName": id}, "userIDs": []string{bob.ID}})
		groups = append(groups, id)
	}
	bob.set(object{"level": "mentions"})
	bob.call(http.MethodPost, "/conversation-notification-status", object{"status": 1, "conversationID": groups[0], "conversationType": 2, "level": "all"})

	inDear := alice.post(messageTo(chat.Group, groups[0], "hello", "1"))
	inOther := alice.post(messageTo(chat.Group, groups[1], "hello", "2"))
	peer := alice.send(bob, "hello", "3")
	mention := message(bob.ID, "hello @bob", "4")
	mention["message"].(object)["mentionedUserIDs"] = []string{bob.ID}
	mentioned := alice.post(mention)
	wantPlanned(t, inOther, map[string]int{"level": 1, "sender": 1})
	wantPlanned(t, peer, map[string]int{"level": 1})
	waitShade(t, d, inDear, mentioned)

	bob.set(object{"peerLevel": "none"})
	mention["localMessageID"] = "5"
	wantPlanned(t, alice.post(mention), map[string]int{"level": 1})
	mention["localMessageID"] = "6"
	mention["config"].(object)["isNotifyMentionedUsers"] = true
	insisted := alice.post(mention)
	waitShade(t, d, inDear, mentioned, insisted)

	bob.set(object{"snoozedUntil": time.Now().Add(time.Hour).UnixMilli()})
	mention["localMessageID"] = "7"
	wantPlanned(t, alice.post(mention), map[string]int{"snoozed": 1})
	bob.set(object{"snoozedUntil": 0, "level": nil, "peerLevel": nil})
	waitShade(t, d, inDear, mentioned, insisted, alice.send(bob, "again", "8"))
}

// Bob's phone may say who writes, his browser not even that, and what reaches
// his tablet holds IDs only.
func TestPrivacy(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	mobile, tab, tablet := bob.newPhone("phone", "android"), bob.newPhone("tab", "web"), bob.newPhone("tablet", "ios")
	bob.set(object{"privacy": "sender"})
	bob.set(object{"deviceID": tab.deviceID, "devicePrivacy": "generic"})
	bob.set(object{"pushID": tablet.pushID, "devicePrivacy": "id"})
	id := alice.send(bob, "the secret", "1")
	for _, tc := range []struct {
		phone
		title, body string
		payload     any
	}{
		{mobile, "Title" + mark, "New message", "p" + mark}, {tab, "New message", "Open the app to see it", "p" + mark}, {tablet, "New message", "Open the app to see it", nil},
	} {
		waitShade(t, tc.phone, id)
		m := tc.push(t, id)
		if at(m, "notification", "title") != tc.title || at(m, "notification", "body") != tc.body || at(m, "data", "payload") != tc.payload {
			t.Errorf("%s got %v", tc.deviceID, m)
		}
		if raw, _ := json.Marshal(m); bytes.Contains(raw, []byte("the secret")) {
			t.Errorf("%s got the content: %s", tc.deviceID, raw)
		}
	}
}

// The sender picks the devices, or none; and of messages that collapse, each
// sender's latest is shown.
func TestDeviceFilterSkipPushAndCollapse(t *testing.T) {
	alice, bob, carol := someone(t, "alice"), someone(t, "bob"), someone(t, "carol")
	mobile, tab := bob.newPhone("phone", "android"), bob.newPhone("tab", "web")
	config := func(localID string, more object) object {
		body := message(bob.ID, localID, localID)
		for name, v := range more {
			body["config"].(object)[name] = v
		}
		return body
	}
	onTab := alice.post(config("1", object{"deviceFilter": object{"only": object{"platforms": []any{"web"}}}}))
	notOnTab := alice.post(config("2", object{"deviceFilter": object{"except": object{"pushIDs": []string{tab.pushID}}}}))
	wantPlanned(t, onTab, map[string]int{"push": 1, "device_filter": 1})
	wantPlanned(t, alice.post(config("3", object{"skipPush": true})), map[string]int{"no_push_config": 1})
	waitShade(t, mobile, notOnTab)
	waitShade(t, tab, onTab)

	alice.post(config("score 1:0", object{"collapseID": "score"}))
	carol.post(config("score 0:1", object{"collapseID": "score"}))
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	shows := func(want ...string) func(*standin.Server) bool {
		return func(s *standin.Server) bool {
			for _, d := range []phone{mobile, tab} {
				var got []string
				for _, n := range s.Shade(d.token) {
					got = append(got, n.Body)
				}
				if slices.Sort(got); len(got) != 3 || !slices.Equal(got[1:], want) {
					return false
				}
			}
			return true
		}
	}
	if err := world.FCM.Wait(ctx, shows("score 0:1"+mark, "score 1:0"+mark)); err != nil {
		t.Fatalf("phone %+v, tab %+v: %v", world.FCM.Shade(mobile.token), world.FCM.Shade(tab.token), err)
	}
	alice.post(config("score 2:0", object{"collapseID": "score"}))
	if err := world.FCM.Wait(ctx, shows("score 0:1"+mark, "score 2:0"+mark)); err != nil {
		t.Fatalf("phone %+v, tab %+v: %v", world.FCM.Shade(mobile.token), world.FCM.Shade(tab.token), err)
	}
}
