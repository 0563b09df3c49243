//go:build integration

package functions_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/scripts/system"
	"github.com/doorbell-push/doorbell/shared/chat"
)

// syncPage is what a test looks at in an answer of sync.
type syncPage struct {
	MessageList []struct {
		MessageID, ConversationID, SenderUserID, Message string
		ConversationType, Direction                      int
		Timestamp, OrderKey                              int64
		IsOfflineMessage                                 bool
	}
	Cursor           string
	HasMore          bool
	ConversationList []struct {
		ConversationID     string
		UnreadMessageCount int64
	}
	CallList []struct {
		CallID    string
		ExpiresAt int64
	}
}

func (p person) sync(cursor string, count int) (page syncPage) {
	p.t.Helper()
	if err := json.Unmarshal(p.insist("/sync", object{"cursor": cursor, "count": count}), &page); err != nil {
		p.t.Error(err)
	}
	return page
}

// text is a message without a push.
func text(kind chat.ConversationType, to, localID string) object {
	return object{
		"message": object{"type": 1, "message": localID}, "toConversationID": to, "conversationType": kind, "localMessageID": localID,
		"config": object{"priority": 1},
	}
}

// insist posts until it is answered 200, as a client does: a contended
// conversation answers 503, and who asks too often gets 429.
func (p person) insist(path string, body any) (answer json.RawMessage) {
	p.t.Helper()
	err := harness.Poll(p.t.Context(), 2*time.Minute, func(ctx context.Context) error {
		status, raw, err := p.Try(ctx, http.MethodPost, path, body)
		switch {
		case err != nil:
			return err
		case status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests:
			return fmt.Errorf("answered %d", status)
		case status != http.StatusOK:
			p.t.Errorf("%s answered %d %s", path, status, raw)
		}
		answer = raw
		return nil
	})
	if err != nil {
		p.t.Error(err)
	}
	return answer
}

// The bar: 1,000 messages from 10 senders, in ten conversations with
// the receiver and a group of all, while the receiver pages. None is missing,
// none comes twice, each conversation is in order. Pages are of odd sizes, and
// some answers are lost.
func TestSyncUnderConcurrentSends(t *testing.T) {
	const senders, each, toGroup, groupID = 10, 100, 15, "g"
	log := &safeBuffer{}
	s, err := system.Start(t.Context(), system.Options{Race: true, NoClock: true, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	b := &groupBench{t, s}
	me := person{Client: b.as("me"), t: t, ID: "me"}
	var all []person
	var ids []string
	for i := range senders {
		id := fmt.Sprint("s", i)
		all, ids = append(all, person{Client: b.as(id), t: t, ID: id}), append(ids, id)
	}
	me.call(http.MethodPost, "/group-create", object{"groupInfo": object{"groupID": groupID, "groupName": "n"}, "userIDs": ids})

	began := time.Now()
	sent := make(chan struct{}, senders*each)
	// Two at a time: of more transactions that wait for one document, the emulator
	// lets some wait for minutes.
	inGroup := make(chan struct{}, 2)
	var sending sync.WaitGroup
	for i, p := range all {
		sending.Go(func() {
			for n := range each {
				if (n+i)%(each/toGroup+1) == 0 {
					inGroup <- struct{}{}
					p.insist("/send", text(chat.Group, groupID, fmt.Sprint(n)))
					<-inGroup
				} else {
					p.insist("/send", text(chat.Peer, me.ID, fmt.Sprint(n)))
				}
				sent <- struct{}{}
			}
		})
	}
	go func() { sending.Wait(); close(sent) }()

	r := receiver{person: me, got: map[string][]int64{}, seen: map[string]bool{}}
	for open := true; open; {
		for range 5 { // a page for each few messages
			if _, open = <-sent; !open {
				break // what the pages from now on don't have is not there
			}
		}
		for r.page() {
		}
	}
	if len(r.got) != senders+1 || len(r.seen) != senders*each {
		t.Errorf("%d messages of %d conversations, want %d of %d", len(r.seen), len(r.got), senders*each, senders+1)
	}
	for key, seqs := range r.got {
		for i, seq := range seqs {
			if seq != int64(i+1) {
				t.Fatalf("conversation %s: %v", key, seqs)
			}
		}
	}
	if bytes.Contains(log.Bytes(), []byte("DATA RACE")) {
		t.Errorf("the functions' process has a data race:\n%s", log.Bytes())
	}
	t.Logf("%d messages, %d of them in the group, on %d pages, %d answers lost, in %v",
		len(r.seen), len(r.got["2"+groupID]), r.pages, r.lost, time.Since(began).Round(time.Millisecond))
}

// receiver is a person who pages.
type receiver struct {
	person
	cursor      string
	got         map[string][]int64 // OrderKeys by conversation
	seen        map[string]bool    // messageIDs
	pages, lost int
}

// page takes a page and reports whether there is more.
func (r *receiver) page() bool {
	r.t.Helper()
	count := []int{1, 7, 13, 50, 100, 3, 500}[r.pages%7]
	page := r.sync(r.cursor, count)
	if r.pages++; r.pages%5 == 0 { // the first answer was lost
		page = r.sync(r.cursor, count)
		r.lost++
	}
	if len(page.MessageList) > count || page.HasMore && len(page.MessageList) == 0 {
		r.t.Fatalf("a page of %d has %d messages, and more: %t", count, len(page.MessageList), page.HasMore)
	}
	for i, m := range page.MessageList {
		if r.seen[m.MessageID] {
			r.t.Errorf("message %d of %s twice", m.OrderKey, m.ConversationID)
		}
		if i > 0 && m.Timestamp < page.MessageList[i-1].Timestamp {
			r.t.Errorf("page %d isn't in the order of time", r.pages)
		}
		if m.Direction != 1 {
			r.t.Errorf("message %+v is not received", m)
		}
		r.seen[m.MessageID] = true
		key := fmt.Sprint(m.ConversationType, m.ConversationID)
		r.got[key] = append(r.got[key], m.OrderKey)
	}
	r.cursor = page.Cursor
	return page.HasMore
}

// What a page costs, in a steady state and after an absence.
func TestCostOfSync(t *testing.T) {
	me := someone(t, "me")
	var friends []person
	for i := range 3 {
		friends = append(friends, someone(t, fmt.Sprint("f", i)))
	}
	for i := range 2 {
		me.call(http.MethodPost, "/group-create", object{"groupInfo": object{"groupID": ownID(t, fmt.Sprint("g", i)), "groupName": "n"}})
	}
	var last string
	say := func(from person, n int) {
		for range n {
			last = from.post(text(chat.Peer, me.ID, fmt.Sprint(time.Now().UnixNano())))
			waitLogged(t, "planned", last) // its reads are not to be counted
		}
	}
	var before harness.RPCs
	costs := func(what string, reads, writes int, do func()) {
		t.Helper()
		before = world.firestore.Snapshot()
		do()
		c := world.firestore.Snapshot().Sub(before)
		t.Logf("%s: %v", what, c)
		if c.Reads > reads || c.Writes > writes {
			t.Errorf("%s costs %d reads and %d writes, at most %d and %d", what, c.Reads, c.Writes, reads, writes)
		}
	}
	var page syncPage
	sync := func(count, want int) func() {
		return func() {
			t.Helper()
			if page = me.sync(page.Cursor, count); len(page.MessageList) != want {
				t.Errorf("%d messages, want %d", len(page.MessageList), want)
			}
		}
	}
	const groups = 2 * 2 // the membership and the conversation
	settle(t)
	costs("nothing yet", 1+groups+1, 0, sync(100, 0))
	say(friends[0], 1)
	costs("one message", 1+groups+1+1+1, 0, sync(100, 1)) // the conversation, the message, one's presence
	say(friends[0], 5)
	say(friends[1], 5)
	costs("ten messages of two people", 2+groups+1+10+1, 0, sync(100, 10))
	costs("nothing new", 2+groups+1, 0, sync(100, 0))
	say(friends[0], 9)
	say(friends[2], 1)
	costs("ten messages, nine of one", 3+groups+1+2*10+1, 0, sync(100, 10))

	costs("read", 2, 2, func() { // the conversation and one's presence
		me.call(http.MethodPost, "/read", object{"conversationID": friends[0].ID, "conversationType": 0})
	})
	costs("read again", 2, 0, func() {
		me.call(http.MethodPost, "/read", object{"conversationID": friends[0].ID, "conversationType": 0})
	})
	costs("three conversations", 3+groups+3+1, 0, func() { me.call(http.MethodPost, "/conversations", object{}) })
	costs("five messages of a history", 1+5, 0, func() {
		me.call(http.MethodPost, "/messages", object{"conversationID": friends[0].ID, "conversationType": 0, "count": 5, "reverse": true})
	})
}

// A person comes back: what they missed, what still rings, what is unread; and
// what they read before its push leaves isn't pushed.
func TestOnReturn(t *testing.T) {
	alice, bob, carol := someone(t, "alice"), someone(t, "bob"), someone(t, "carol")
	d := bob.newPhone("phone", "android")
	first := alice.send(bob, "hello", "1")
	waitShade(t, d, first)
	callID := ownID(t, "c")
	alice.call(http.MethodPost, "/call-invite", object{"invitees": []string{bob.ID}, "callID": callID})

	resume := pause(t, "dispatch")
	second, third := alice.send(bob, "read at once", "2"), carol.send(bob, "not read", "1")
	waitHeld(t, "dispatch", 2)
	page := bob.sync("", 100)
	var ids []string
	for _, m := range page.MessageList {
		if ids = append(ids, m.MessageID); !m.IsOfflineMessage {
			t.Errorf("message %+v is not an offline message", m)
		}
	}
	if want := []string{first, second, third}; !slices.Equal(ids, want) {
		t.Errorf("missed %v, want %v", ids, want)
	}
	if len(page.CallList) != 1 || page.CallList[0].CallID != callID || page.CallList[0].ExpiresAt <= time.Now().UnixMilli() {
		t.Errorf("ringing %+v", page.CallList)
	}
	if c := page.ConversationList; len(c) != 2 || c[0].ConversationID != alice.ID || c[0].UnreadMessageCount != 2 || c[1].UnreadMessageCount != 1 {
		t.Errorf("conversations %+v", c)
	}
	answer := bob.call(http.MethodPost, "/read", object{"conversationID": alice.ID, "conversationType": 0})
	if got := fmt.Sprint(answer["unreadMessageCount"]); got != "0" {
		t.Errorf("read answers %v", answer)
	}
	resume()
	waitLogged(t, "dispatched", second)
	waitLogged(t, "dispatched", third)
	for _, n := range world.FCM.Shade(d.token) {
		if n.Tag == second {
			t.Error("what was read before its push left was pushed")
		}
	}
	if n := len(bob.sync("", 100).MessageList); n != 1 {
		t.Errorf("%d messages are unread, want carol's", n)
	}
	alice.call(http.MethodPost, "/call-cancel", object{"callID": callID})
	if calls := bob.sync(page.Cursor, 1).CallList; len(calls) != 0 {
		t.Errorf("cancelled, and there is %+v", calls)
	}
}

// Nobody gets anything of a conversation that isn't theirs, and an unknown one
// looks the same.
func TestSyncOfOthersConversations(t *testing.T) {
	alice, bob, mallory := someone(t, "alice"), someone(t, "bob"), someone(t, "mallory")
	groupID := ownID(t, "g")
	alice.call(http.MethodPost, "/group-create", object{"groupInfo": object{"groupID": groupID, "groupName": "n"}, "userIDs": []string{bob.ID, mallory.ID}})
	mallory.call(http.MethodPost, "/group-leave", object{"groupID": groupID})
	alice.post(text(chat.Group, groupID, "1"))
	alice.post(text(chat.Peer, bob.ID, "2"))
	if page := mallory.sync("", 100); len(page.MessageList) != 0 || len(page.ConversationList) != 0 || len(page.CallList) != 0 {
		t.Errorf("mallory gets %+v", page)
	}
	if list := mallory.call(http.MethodPost, "/conversations", object{})["conversationList"]; len(list.([]any)) != 0 {
		t.Errorf("mallory lists %v", list)
	}
	var answers []string
	for _, conversation := range []object{
		{"conversationID": groupID, "conversationType": 2}, {"conversationID": "none", "conversationType": 2},
		{"conversationID": alice.ID, "conversationType": 0}, {"conversationID": "none", "conversationType": 0},
	} {
		for _, path := range []string{"/read", "/messages"} {
			status, raw := mallory.Do(http.MethodPost, path, conversation)
			check(t, status, raw, refusal{http.StatusNotFound, 6000603, ""})
			answers = append(answers, string(raw))
		}
	}
	if slices.Sort(answers); answers[0] != answers[len(answers)-1] {
		t.Errorf("they are told apart: %q", answers)
	}
	// Bob's cursor is no key to what bob has.
	status, raw := mallory.Do(http.MethodPost, "/sync", object{"cursor": bob.sync("", 1).Cursor})
	check(t, status, raw, refusal{http.StatusBadRequest, 6000001, "cursor"})
}

func TestBadSyncRequests(t *testing.T) {
	alice, bob := someone(t, "alice"), someone(t, "bob")
	alice.post(text(chat.Peer, bob.ID, "1"))
	cursor := bob.sync("", 100).Cursor
	page := object{"cursor": cursor, "count": 10, "onlineSince": 1}
	read := object{"conversationID": alice.ID, "conversationType": 0, "messageSeq": 1}
	history := object{"conversationID": alice.ID, "conversationType": 0, "nextMessageSeq": 1, "count": 10, "reverse": true}
	list := object{"count": 10, "nextFlag": ""}
	bad := func(field string) refusal { return refusal{http.StatusBadRequest, 6000001, field} }
	for _, tc := range []struct {
		name, path string
		body       any
		want       refusal
	}{
		{"sync: no body", "/sync", "", bad("")},
		{"sync: an array", "/sync", "[]", bad("")},
		{"sync: unknown field", "/sync", edited(page, "since", 1), bad("since")},
		{"sync: count 0", "/sync", edited(page, "count", 0), bad("count")},
		{"sync: count 501", "/sync", edited(page, "count", 501), bad("count")},
		{"sync: negative count", "/sync", edited(page, "count", -1), bad("count")},
		{"sync: count as text", "/sync", edited(page, "count", "10"), bad("count")},
		{"sync: count as fraction", "/sync", edited(page, "count", 1.5), bad("count")},
		{"sync: cursor as number", "/sync", edited(page, "cursor", 1), bad("cursor")},
		{"sync: cursor of nobody", "/sync", edited(page, "cursor", "x"), bad("cursor")},
		{"sync: cursor cut off", "/sync", edited(page, "cursor", cursor[:len(cursor)-2]), bad("cursor")},
		{"sync: cursor and more", "/sync", edited(page, "cursor", cursor+"AA"), bad("cursor")},
		{"sync: cursor changed", "/sync", edited(page, "cursor", strings.ToLower(cursor)), bad("cursor")},
		{"sync: alice's cursor", "/sync", edited(page, "cursor", alice.sync("", 1).Cursor), bad("cursor")},
		{"sync: huge cursor", "/sync", edited(page, "cursor", strings.Repeat("A", 70_000)), bad("cursor")},
		{"sync: negative onlineSince", "/sync", edited(page, "onlineSince", -1), bad("onlineSince")},
		{"sync: onlineSince as date", "/sync", edited(page, "onlineSince", "2024-01-01"), bad("onlineSince")},

		{"read: nothing", "/read", "{}", bad("conversationType")},
		{"read: no type", "/read", edited(read, "conversationType", nil), bad("conversationType")},
		{"read: a room", "/read", edited(read, "conversationType", 1), bad("conversationType")},
		{"read: unknown type", "/read", edited(read, "conversationType", 7), bad("conversationType")},
		{"read: no conversation", "/read", edited(read, "conversationID", nil), bad("conversationID")},
		{"read: oneself", "/read", edited(read, "conversationID", bob.ID), bad("conversationID")},
		{"read: an ID with a slash", "/read", edited(read, "conversationID", "a/b"), bad("conversationID")},
		{"read: too long an ID", "/read", edited(read, "conversationID", strings.Repeat("x", 129)), bad("conversationID")},
		{"read: negative seq", "/read", edited(read, "messageSeq", -1), bad("messageSeq")},
		{"read: seq as text", "/read", edited(read, "messageSeq", "1"), bad("messageSeq")},
		{"read: seq out of range", "/read", strings.Replace(edited(read, "messageSeq", 77), "77", "1e30", 1), bad("messageSeq")},
		{"read: unknown conversation", "/read", edited(read, "conversationID", "none"), refusal{http.StatusNotFound, 6000603, ""}},

		{"messages: nothing", "/messages", "{}", bad("conversationType")},
		{"messages: a room", "/messages", edited(history, "conversationType", 1), bad("conversationType")},
		{"messages: oneself", "/messages", edited(history, "conversationID", bob.ID), bad("conversationID")},
		{"messages: count 0", "/messages", edited(history, "count", 0), bad("count")},
		{"messages: count 101", "/messages", edited(history, "count", 101), bad("count")},
		{"messages: negative seq", "/messages", edited(history, "nextMessageSeq", -5), bad("nextMessageSeq")},
		{"messages: reverse as number", "/messages", edited(history, "reverse", 1), bad("reverse")},
		{"messages: unknown conversation", "/messages", edited(history, "conversationID", "none"), refusal{http.StatusNotFound, 6000603, ""}},

		{"conversations: count 0", "/conversations", edited(list, "count", 0), bad("count")},
		{"conversations: count 101", "/conversations", edited(list, "count", 101), bad("count")},
		{"conversations: unknown flag", "/conversations", edited(list, "nextFlag", "x"), bad("nextFlag")},
		{"conversations: a flag of another kind", "/conversations", edited(list, "nextFlag", "1-abc"), bad("nextFlag")},
		{"conversations: flag as number", "/conversations", edited(list, "nextFlag", 1), bad("nextFlag")},
		{"conversations: unknown field", "/conversations", edited(list, "marks", []int{1}), bad("marks")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client := bob.Client
			client.TB = t
			status, raw := client.Do(http.MethodPost, tc.path, tc.body)
			check(t, status, raw, tc.want)
		})
	}
	for _, path := range []string{"/sync", "/read", "/messages", "/conversations"} {
		status, raw := harness.Client{TB: t, BaseURL: world.FunctionsURL()}.Do(http.MethodPost, path, "{}")
		check(t, status, raw, refusal{http.StatusUnauthorized, 6000121, ""})
		status, raw = bob.Do(http.MethodGet, path, nil)
		check(t, status, raw, refusal{http.StatusMethodNotAllowed, 6000001, ""})
	}
}
