//go:build integration

package functions_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/receipt"
)

// ruleCase is a client's request to Firestore itself, and whether the rules
// let it.
type ruleCase struct {
	who    person
	method string
	path   string // under the database's documents
	body   any
	allow  bool
}

// query is the body of a runQuery on a collection, or on all of that name,
// with conditions {field, operator, value}.
func query(collection string, everywhere bool, where ...[3]string) object {
	q := object{"from": []any{object{"collectionId": collection, "allDescendants": everywhere}}}
	var filters []any
	for _, w := range where {
		filters = append(filters, object{"fieldFilter": object{
			"field": object{"fieldPath": w[0]}, "op": w[1], "value": object{"stringValue": w[2]},
		}})
	}
	if len(filters) > 0 {
		q["where"] = object{"compositeFilter": object{"op": "AND", "filters": filters}}
	}
	return object{"structuredQuery": q}
}

// Clients read what they take part in and nothing else, and write nothing. All
// documents asked for exist, but for those of collections that don't.
func TestRules(t *testing.T) {
	alice, bob, carol, mallory := someone(t, "alice"), someone(t, "bob"), someone(t, "carol"), someone(t, "mallory")
	nobody := person{t: t}
	d := bob.newPhone("phone", "android")

	// Alice writes to bob and calls him; carol has left their group, and another
	// was dismissed; mallory has no part in anything but a room.
	mid := alice.send(bob, "hello", "1")
	waitLogged(t, "dispatched", mid)
	d.tell(t, http.StatusOK, receiptOf(mid, "message", "shown"))
	groupID, roomID, callID := ownID(t, "g"), ownID(t, "r"), ownID(t, "c")
	alice.call("POST", "/group-create", object{"groupInfo": object{"groupID": groupID, "groupName": "n"}, "userIDs": []string{bob.ID, carol.ID}})
	groupMID := alice.post(messageTo(chat.Group, groupID, "hello all", "1"))
	carol.call("POST", "/group-leave", object{"groupID": groupID})
	inRoom := messageTo(chat.Room, roomID, "hello room", "1")
	delete(inRoom["config"].(object), "pushConfig")
	roomMID := mallory.post(inRoom)
	goneID := ownID(t, "d")
	alice.call("POST", "/group-create", object{"groupInfo": object{"groupID": goneID, "groupName": "n"}, "userIDs": []string{bob.ID}})
	goneMID := alice.post(messageTo(chat.Group, goneID, "hello all", "1"))
	admin := harness.Client{TB: t, BaseURL: "http://" + world.FirestoreHost() + "/v1", Token: "owner"}
	closed := object{"fields": object{"dismissed": object{"booleanValue": true}}}
	gone := "/conversations/" + chat.CID(chat.Group, "", goneID)
	if status, answer := admin.Do("PATCH", documents(gone)+"?updateMask.fieldPaths=dismissed", closed); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	alice.call("POST", "/call-invite", object{"invitees": []string{bob.ID}, "callID": callID, "config": object{"timeout": 90}})

	peer := "/conversations/" + chat.CID(chat.Peer, alice.ID, bob.ID)
	group := "/conversations/" + chat.CID(chat.Group, "", groupID)
	room := "/conversations/" + chat.CID(chat.Room, "", roomID)
	theCall := "/calls/" + call.ID(callID)
	batch := push.NewBatch(push.Announcement{Kind: push.KindMessage, ID: mid}, "", 0, nil, time.Now())

	mine := func(p person) [3]string { return [3]string{"members", "ARRAY_CONTAINS", p.ID} }
	own := func(p person) [3]string { return [3]string{"userID", "EQUAL", p.ID} }
	cases := []ruleCase{
		{alice, "GET", peer, nil, true},
		{bob, "GET", peer, nil, true},
		{carol, "GET", peer, nil, false},
		{nobody, "GET", peer, nil, false},
		{bob, "POST", ":runQuery", query("conversations", false, mine(bob)), true},
		{bob, "POST", ":runQuery", query("conversations", false, mine(alice)), false},
		{nobody, "POST", ":runQuery", query("conversations", false, mine(bob)), false},
		{bob, "GET", "/conversations", nil, false},
		{bob, "POST", ":runQuery", query("conversations", false), false},
		{bob, "POST", ":runQuery", query("conversations", false, [3]string{"id", "EQUAL", groupID}), false},
		{bob, "POST", ":runQuery", query("conversations", true, mine(bob)), false},

		{alice, "GET", peer + "/messages/" + mid, nil, true},
		{bob, "GET", peer + "/messages/" + mid, nil, true},
		{bob, "GET", peer + "/messages", nil, true},
		{bob, "GET", peer + "/messages?orderBy=orderKey", nil, true},
		{bob, "POST", peer + ":runQuery", query("messages", false, [3]string{"senderUserID", "EQUAL", alice.ID}), true},
		{carol, "GET", peer + "/messages/" + mid, nil, false},
		{carol, "GET", peer + "/messages", nil, false},
		{carol, "POST", peer + ":runQuery", query("messages", false, [3]string{"senderUserID", "EQUAL", carol.ID}), false},
		{nobody, "GET", peer + "/messages", nil, false},
		{bob, "POST", ":runQuery", query("messages", true), false},
		{bob, "POST", ":runQuery", query("messages", true, [3]string{"senderUserID", "EQUAL", bob.ID}), false},
		{bob, "POST", ":runQuery", query("messages", true, [3]string{"conversationID", "EQUAL", bob.ID}), false},

		{bob, "GET", group, nil, true},
		{bob, "GET", group + "/messages/" + groupMID, nil, true},
		{bob, "GET", group + "/messages", nil, true},
		{bob, "GET", group + "/members/" + bob.ID, nil, true},
		{bob, "GET", group + "/members/" + alice.ID, nil, false}, // what she mutes, how far she has read
		{bob, "GET", group + "/members", nil, false},
		{bob, "GET", group + "/members?pageSize=2", nil, false},
		{bob, "POST", group + ":runQuery", query("members", false, own(alice)), false},
		{bob, "POST", group + ":runQuery", query("members", false, own(bob)), true},
		{bob, "POST", ":runQuery", query("members", true, own(bob)), true},
		{bob, "POST", ":runQuery", query("members", true, own(alice)), false},
		{bob, "POST", ":runQuery", query("members", true), false},
		{bob, "POST", ":runQuery", query("members", true, [3]string{"groupID", "EQUAL", groupID}), false},
		{carol, "GET", group, nil, false}, // an ex-member
		{carol, "GET", group + "/messages/" + groupMID, nil, false},
		{carol, "GET", group + "/messages", nil, false},
		{carol, "GET", group + "/members/" + bob.ID, nil, false},
		{carol, "GET", group + "/members", nil, false},
		{carol, "POST", ":runQuery", query("members", true, own(carol)), true}, // none of it
		{mallory, "GET", group, nil, false},
		{mallory, "GET", group + "/messages", nil, false},
		{mallory, "GET", group + "/members/" + bob.ID, nil, false},
		{mallory, "POST", ":runQuery", query("members", true, own(bob)), false},
		{nobody, "GET", group, nil, false},
		{nobody, "GET", group + "/messages", nil, false},
		{nobody, "GET", group + "/members/" + bob.ID, nil, false},
		{nobody, "POST", ":runQuery", query("members", true, own(bob)), false},

		// Being dismissed, with all its members still there.
		{bob, "GET", gone, nil, false},
		{alice, "GET", gone, nil, false},
		{bob, "GET", gone + "/messages/" + goneMID, nil, false},
		{bob, "GET", gone + "/messages", nil, false},
		{bob, "GET", gone + "/messages?orderBy=orderKey", nil, false},
		{bob, "POST", gone + ":runQuery", query("messages", false, [3]string{"senderUserID", "EQUAL", bob.ID}), false},
		{bob, "GET", gone + "/members/" + alice.ID, nil, false},
		{bob, "GET", gone + "/members", nil, false},
		{bob, "GET", gone + "/members/" + bob.ID, nil, true}, // one's own, until it is removed

		// A room is open to everyone who is signed in.
		{mallory, "GET", room, nil, true},
		{mallory, "GET", room + "/messages/" + roomMID, nil, true},
		{mallory, "GET", room + "/messages", nil, true},
		{carol, "GET", room + "/messages?orderBy=orderKey", nil, true},
		{carol, "GET", room + "/members/" + carol.ID, nil, false},
		{carol, "GET", room + "/roster", nil, false},
		{nobody, "GET", room, nil, false},
		{nobody, "GET", room + "/messages/" + roomMID, nil, false},
		{nobody, "GET", room + "/messages", nil, false},
		{carol, "POST", ":runQuery", query("conversations", false, [3]string{"id", "EQUAL", roomID}), false},
		{carol, "POST", ":runQuery", query("messages", true, [3]string{"conversationID", "EQUAL", roomID}), false},

		{alice, "GET", theCall, nil, true},
		{bob, "GET", theCall, nil, true},
		{carol, "GET", theCall, nil, false},
		{nobody, "GET", theCall, nil, false},
		{bob, "POST", ":runQuery", query("calls", false, mine(bob)), true},
		{bob, "POST", ":runQuery", query("calls", false, mine(bob), [3]string{"caller", "EQUAL", alice.ID}), true},
		{bob, "POST", ":runQuery", query("calls", false, mine(alice)), false},
		{bob, "POST", ":runQuery", query("calls", false, [3]string{"ringing", "ARRAY_CONTAINS", bob.ID}), false},
		{bob, "POST", ":runQuery", query("calls", false, [3]string{"caller", "EQUAL", bob.ID}), false},
		{bob, "POST", ":runQuery", query("calls", false), false},
		{bob, "GET", "/calls", nil, false},
		{bob, "POST", ":runQuery", query("calls", true, mine(bob)), false},
		{nobody, "POST", ":runQuery", query("calls", false, mine(bob)), false},
	}

	// The server's own: bob can't read even what is about him.
	target := device.Target{Kind: device.KindToken, Value: d.token}
	secret := map[string][2]string{ // collection and document
		"presence":   {"/presence", bob.ID},
		"tokens":     {"/tokens", target.Hash()},
		"deliveries": {"/deliveries", batch.ID},
		"receipts":   {"/receipts", receipt.DocID(mid, receipt.Shard(d.pushID))},
		"secrets":    {"/secrets", "receipts"},
		"roster":     {group + "/roster", "0"},
		"resources":  {"/resources", "applied"},
		"pauses":     {"/pauses", "fcm"},
		"unknown":    {"/unknown", "none"},
		"deeper":     {"/presence/" + bob.ID + "/deeper", "none"},
		"beside":     {group + "/beside", bob.ID},
		"below":      {theCall + "/below", bob.ID},
	}
	for name, at := range secret {
		cases = append(cases,
			ruleCase{bob, "GET", at[0] + "/" + at[1], nil, false},
			ruleCase{nobody, "GET", at[0] + "/" + at[1], nil, false},
			ruleCase{bob, "GET", at[0], nil, false},
			ruleCase{bob, "POST", ":runQuery", query(name, true), false},
		)
	}

	// And nobody writes, wherever they may read.
	fields := object{"fields": object{"userID": object{"stringValue": bob.ID}, "members": object{"arrayValue": object{"values": []any{object{"stringValue": bob.ID}}}}}}
	written := map[string][2]string{
		"conversations": {"/conversations", peer[len("/conversations/"):]},
		"messages":      {peer + "/messages", mid},
		"group":         {"/conversations", group[len("/conversations/"):]},
		"group's":       {group + "/messages", groupMID},
		"members":       {group + "/members", bob.ID},
		"calls":         {"/calls", call.ID(callID)},
		"room":          {"/conversations", room[len("/conversations/"):]},
		"room's":        {room + "/messages", roomMID},
	}
	for _, at := range secret {
		written[at[0]] = at
	}
	for _, at := range written {
		doc := at[0] + "/" + at[1]
		cases = append(cases,
			ruleCase{bob, "PATCH", doc, fields, false},
			ruleCase{bob, "DELETE", doc, nil, false},
			ruleCase{bob, "POST", at[0], fields, false},
			ruleCase{bob, "POST", at[0] + "?documentId=new", fields, false},
			ruleCase{bob, "POST", ":commit", object{"writes": []any{object{"update": object{"name": documents("")[1:] + doc, "fields": fields["fields"]}}}}, false},
		)
	}
	cases = append(cases,
		ruleCase{carol, "PATCH", group + "/members/" + carol.ID, fields, false}, // back in
		ruleCase{mallory, "PATCH", group + "/members/" + mallory.ID, fields, false},
		ruleCase{nobody, "POST", "/unknown", fields, false},
	)

	for _, tc := range cases {
		c := tc.who.Client
		c.TB, c.BaseURL = t, "http://"+world.FirestoreHost()+"/v1"
		want := http.StatusForbidden
		if tc.allow {
			want = http.StatusOK
		}
		if status, answer := c.Do(tc.method, documents(tc.path), tc.body); status != want {
			t.Errorf("%s %s %v by %q: %d %.300s, want %d", tc.method, tc.path, tc.body, tc.who.ID, status, answer, want)
		}
	}
	t.Logf("%d requests", len(cases))

	// They denied what is there, or the half of this would show nothing.
	for _, doc := range []string{peer, group, gone, gone + "/members/" + bob.ID, room, theCall, "/presence/" + bob.ID, "/tokens/" + target.Hash(), "/deliveries/" + batch.ID, group + "/roster/0"} {
		if status, answer := admin.Do("GET", documents(doc), nil); status != http.StatusOK {
			t.Errorf("%s: %d %.300s", doc, status, answer)
		}
	}
}

// documents is a path of Firestore's REST API.
func documents(path string) string {
	return "/projects/" + world.ProjectID + "/databases/(default)/documents" + path
}
