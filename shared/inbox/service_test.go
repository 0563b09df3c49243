package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fanout"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/inbox"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

var peer, room, inGroup = chat.Peer, chat.Room, chat.Group

// talk is a world in which ann, bob and me have written to each other, in pairs
// and in the group g. It takes a second per message.
func talk(t *testing.T) *world {
	w := newWorld(t)
	w.group("g", "ann", "bob", "me")
	for _, m := range []struct {
		from, to string
		kind     chat.ConversationType
	}{{"ann", "me", peer}, {"bob", "me", peer}, {"ann", "g", inGroup}, {"ann", "me", peer}, {"me", "g", inGroup}, {"ann", "bob", peer}, {"bob", "r", room}, {"bob", "g", inGroup}} {
		w.now = w.now.Add(time.Second)
		w.send(m.from, m.to, m.kind)
	}
	return w
}

// lines is messages as "conversation:OrderKey", of one's own with a "<".
func lines(items []inbox.Item) (out []string) {
	for _, m := range items {
		line := fmt.Sprintf("%s:%d", m.ConversationID, m.OrderKey)
		if m.Direction == 0 {
			line += "<"
		}
		out = append(out, line)
	}
	return out
}

func TestSync(t *testing.T) {
	w := talk(t)
	a := w.sync("me", "", 4)
	if got, want := fmt.Sprint(lines(a.MessageList)), "[ann:1 bob:1 g:1 ann:2]"; got != want || !a.HasMore {
		t.Errorf("first page %s, %t; want %s", got, a.HasMore, want)
	}
	m := a.MessageList[0]
	if !m.IsOfflineMessage || m.MessageSeq != 1 || m.SentStatus != chat.SentSuccess || m.SenderUserID != "ann" || m.Push != nil {
		t.Errorf("a message is %+v", m)
	}
	want := []inbox.Info{
		{ConversationID: "ann", Type: peer, NotificationStatus: 1, UnreadMessageCount: 2, LastMessageSeq: 2, OrderKey: began.UnixMilli() + 4000},
		{ConversationID: "bob", Type: peer, NotificationStatus: 1, UnreadMessageCount: 1, LastMessageSeq: 1, OrderKey: began.UnixMilli() + 2000},
		{ConversationID: "g", Type: inGroup, ConversationName: "name of g", NotificationStatus: 1, UnreadMessageCount: 3, LastMessageSeq: 3, OrderKey: began.UnixMilli() + 8000},
	}
	if !reflect.DeepEqual(a.ConversationList, want) {
		t.Errorf("conversations\ngot  %+v\nwant %+v", a.ConversationList, want)
	}
	b := w.sync("me", a.Cursor, 4)
	if got, want := fmt.Sprint(lines(b.MessageList)), "[g:2< g:3]"; got != want || b.HasMore || b.ServerTime != w.now.UnixMilli() || len(b.ConversationList) != 1 {
		t.Errorf("second page %s, %+v; want %s", got, b, want)
	}
	c := w.sync("me", b.Cursor, 4)
	if len(c.MessageList) != 0 || c.HasMore || c.MessageList == nil || c.ConversationList == nil || c.CallList == nil {
		t.Errorf("then %+v", c)
	}
	w.send("bob", "me", peer)
	if got := fmt.Sprint(lines(w.sync("me", c.Cursor, 4).MessageList)); got != "[bob:2]" {
		t.Errorf("then %s", got)
	}
	if d := w.sync("nobody", "", 4); len(d.MessageList) != 0 || d.HasMore {
		t.Errorf("somebody new has %+v", d)
	}
}

// A message is an offline message if it is older than the client's being online.
func TestOfflineMessages(t *testing.T) {
	w := talk(t)
	since := began.Add(4 * time.Second).UnixMilli()
	a, err := w.inbox.Sync(ctx, "me", &inbox.SyncRequest{OnlineSince: since})
	if err != nil || len(a.MessageList) != 6 {
		t.Fatalf("%+v, %v", a, err)
	}
	for _, m := range a.MessageList {
		if m.IsOfflineMessage != (m.Timestamp < since) {
			t.Errorf("offline: %t, of a message %d ms after coming online", m.IsOfflineMessage, m.Timestamp-since)
		}
	}
	// Right now counts as online.
	w.send("bob", "me", peer)
	w.now = w.now.Add(time.Millisecond)
	if a = w.sync("me", a.Cursor, 9); len(a.MessageList) != 1 || !a.MessageList[0].IsOfflineMessage {
		t.Errorf("a moment ago: %+v", a.MessageList)
	}
}

// What has been read is not on a first run, but is on any later one.
func TestFirstRunLeavesOutWhatIsRead(t *testing.T) {
	w := talk(t)
	for _, r := range []inbox.ReadRequest{{"ann", &peer, 1}, {"bob", &peer, 0}, {"g", &inGroup, 2}} {
		if _, err := w.inbox.Read(ctx, "me", &r); err != nil {
			t.Fatal(err)
		}
	}
	other := &client{} // of another device, which had all before
	for _, size := range []int{1, 100} {
		first := &client{}
		for more := true; more; {
			a := w.sync("me", first.cursor, size)
			first.take(a)
			more = a.HasMore
		}
		if got, want := fmt.Sprint(lines(first.got)), "[ann:2 g:3]"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		other = first
	}
	w.send("ann", "me", peer)
	if _, err := w.inbox.Read(ctx, "me", &inbox.ReadRequest{"ann", &peer, 0}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(lines(w.sync("me", other.cursor, 9).MessageList)); got != "[ann:3]" {
		t.Errorf("read elsewhere: %s", got)
	}
}

// A page that gets long ends, however many messages were asked for.
func TestLongPagesEnd(t *testing.T) {
	w := newWorld(t)
	for range 200 {
		m := w.message("ann", "me", peer, w.now)
		m.Message = strings.Repeat("x", 32<<10)
		if _, err := w.AddMessage(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	c := &client{}
	for more := true; more; {
		a := w.sync("me", c.cursor, 500)
		if c.take(a); len(a.MessageList) > 128 {
			t.Fatalf("a page of %d messages of 32 KiB", len(a.MessageList))
		}
		more = a.HasMore
	}
	c.want(t, "0ann", 0, 200)
}

// More conversations were active in a moment than a cursor lists.
func TestManyConversations(t *testing.T) {
	const people = inbox.MaxPositions + 100
	w, c := newWorld(t), &client{}
	for round := range 2 {
		for i := range people {
			if i%100 == 0 {
				w.now = w.now.Add(time.Millisecond)
			}
			w.send(fmt.Sprint("p", i), "me", peer)
		}
		for more := true; more; {
			a := w.sync("me", c.cursor, 500)
			if c.take(a); len(a.Cursor) > inbox.MaxCursorBytes {
				t.Errorf("a cursor of %d bytes", len(a.Cursor))
			}
			more = a.HasMore
		}
		for i := range people {
			c.want(t, fmt.Sprint("0p", i), 0, int64(round+1))
		}
	}
}

func TestUnreadCounts(t *testing.T) {
	w := talk(t)
	unread := func(user, id string) int64 {
		t.Helper()
		list, err := w.inbox.List(ctx, user, &inbox.ListRequest{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list.ConversationList {
			if c.ConversationID == id {
				return c.UnreadMessageCount
			}
		}
		return -1
	}
	for _, step := range []struct {
		do             func()
		user, id       string
		before, unread int64
	}{
		{func() { w.send("me", "ann", peer) }, "me", "ann", 2, 3},                                       // had not read: their own counts until they do
		{func() { w.inbox.Read(ctx, "me", &inbox.ReadRequest{"ann", &peer, 2}) }, "me", "ann", 3, 1},    // theirs
		{func() { w.inbox.Read(ctx, "me", &inbox.ReadRequest{"ann", &peer, 0}) }, "me", "ann", 1, 0},    //
		{func() { w.send("me", "ann", peer) }, "me", "ann", 0, 0},                                       // had read all: it doesn't
		{func() {}, "ann", "me", 2, 2},                                                                  // both of mine, not her own
		{func() { w.send("ann", "me", peer) }, "me", "ann", 0, 1},                                       //
		{func() { w.inbox.Read(ctx, "me", &inbox.ReadRequest{"g", &inGroup, 0}) }, "me", "g", 3, 0},     //
		{func() { w.send("me", "g", inGroup); w.send("me", "g", inGroup) }, "me", "g", 0, 0},            //
		{func() { w.send("bob", "g", inGroup); w.send("me", "g", inGroup) }, "me", "g", 0, 2},           // bob's, and one's own behind it
		{func() { w.inbox.Read(ctx, "me", &inbox.ReadRequest{"g", &inGroup, 6}) }, "me", "g", 2, 1},     //
		{func() { w.groups.Leave(ctx, "me", &group.Request{GroupID: "g"}) }, "me", "g", 1, -1},          //
		{func() { w.groups.Join(ctx, "me", &group.Request{GroupID: "g"}) }, "me", "g", -1, 0},           // what was before isn't for them
		{func() { w.groups.Dismiss(ctx, "ann", &group.Request{GroupID: "g"}) }, "me", "g", 0, -1},       //
		{func() { w.inbox.Read(ctx, "bob", &inbox.ReadRequest{"me", &peer, 9999}) }, "bob", "me", 0, 0}, //
	} {
		if got := unread(step.user, step.id); got != step.before {
			t.Errorf("%+v: %d unread before", step, got)
		}
		step.do()
		if got := unread(step.user, step.id); got != step.unread {
			t.Errorf("%+v: %d unread", step, got)
		}
	}
}

func TestRead(t *testing.T) {
	w := talk(t)
	for _, step := range []struct {
		seq, unread, told int64
	}{{1, 1, 1}, {0, 0, 2}, {1, 0, 2}, {1, 0, 2}, {999, 0, 2}} { // it only moves forward, and not beyond the end
		got, err := w.inbox.Read(ctx, "me", &inbox.ReadRequest{"ann", &peer, step.seq})
		if want := (inbox.ReadAnswer{"ann", peer, step.unread}); err != nil || got != want {
			t.Errorf("up to %d: %+v, %v; want %+v", step.seq, got, err, want)
		}
		users, err := w.Users(ctx, []string{"me"})
		if err != nil || users["me"].ReadSeq(chat.CID(peer, "me", "ann")) != step.told {
			t.Errorf("up to %d: the plan knows %+v, %v", step.seq, users["me"], err)
		}
	}
	if got, err := w.inbox.Read(ctx, "me", &inbox.ReadRequest{"g", &inGroup, 1}); err != nil || got != (inbox.ReadAnswer{"g", inGroup, 2}) {
		t.Errorf("of a group: %+v, %v", got, err)
	}
}

// failing is a Reads that fails the first time.
type failing struct {
	inbox.Reads
	failed *bool
}

func (f failing) MarkRead(ctx context.Context, r push.Reading) error {
	if !*f.failed {
		*f.failed = true
		return errors.New("died")
	}
	return f.Reads.MarkRead(ctx, r)
}

// It dies between its two writes, and a repeat does the second.
func TestReadHeals(t *testing.T) {
	w, failed := talk(t), false
	w.inbox.Reads = failing{w.inbox.Reads, &failed}
	r := &inbox.ReadRequest{"ann", &peer, 0}
	if _, err := w.inbox.Read(ctx, "me", r); err == nil {
		t.Fatal("succeeded")
	}
	got, err := w.inbox.Read(ctx, "me", r)
	users, _ := w.Users(ctx, []string{"me"})
	if err != nil || got.UnreadMessageCount != 0 || users["me"].ReadSeq(chat.CID(peer, "me", "ann")) != 2 {
		t.Errorf("%+v, %v; the plan knows %+v", got, err, users["me"])
	}
}

// missed is the first limit of what user missed.
func (w *world) missed(user string, since, until int64, limit int) (out []inbox.Missed, more bool, err error) {
	more, err = w.inbox.Missed(ctx, user, since, until, func(m inbox.Missed) (bool, error) {
		out = append(out, m)
		return len(out) < limit, nil
	})
	return out, more, err
}

// Many more than are merged at once, in more conversations than that: all come,
// in order, and what can't be dealt with ends it.
func TestMissedGoesOn(t *testing.T) {
	w := newWorld(t)
	const conversations, each = 70, 5
	for i := range conversations * each {
		w.now = w.now.Add(time.Second)
		w.send(fmt.Sprint("p", i%conversations), "me", peer)
	}
	until := w.now.UnixMilli()
	got, more, err := w.missed("me", began.UnixMilli(), until, 10_000)
	if len(got) != conversations*each || more || err != nil {
		t.Errorf("%d, %t, %v", len(got), more, err)
	}
	for i, m := range got {
		if m.Message.SenderUserID != fmt.Sprint("p", i%conversations) || m.Message.OrderKey != int64(i/conversations+1) {
			t.Fatalf("at %d: %+v", i, m.Message)
		}
	}
	for _, n := range []int{1, 49, 50, 51, 349} {
		if got, more, err := w.missed("me", began.UnixMilli(), until, n); len(got) != n || !more || err != nil {
			t.Errorf("the first %d: %d, %t, %v", n, len(got), more, err)
		}
	}
	down, calls := errors.New("down"), 0
	_, err = w.inbox.Missed(ctx, "me", began.UnixMilli(), until, func(inbox.Missed) (bool, error) {
		calls++
		return true, down
	})
	if !errors.Is(err, down) || calls != 1 {
		t.Errorf("took %d, %v", calls, err)
	}
}

func TestMissed(t *testing.T) {
	w := talk(t)
	w.inbox.Read(ctx, "me", &inbox.ReadRequest{"ann", &peer, 1})
	ms := began.UnixMilli()
	for name, tc := range map[string]struct {
		since, until int64
		limit        int
		want         string
		more         bool
	}{
		"all":               {0, ms + 60_000, 10, "ann:1:read bob:1 g:1 ann:2 g:3", false}, // not one's own, nor the room's
		"since and until":   {ms + 2000, ms + 4000, 10, "g:1 ann:2", false},
		"the first":         {0, ms + 60_000, 4, "ann:1:read bob:1 g:1 ann:2", true},
		"as many as are":    {0, ms + 60_000, 5, "ann:1:read bob:1 g:1 ann:2 g:3", false},
		"one, behind mine":  {ms + 4000, ms + 60_000, 1, "g:3", false},
		"nothing in there":  {ms + 4001, ms + 7999, 10, "", false},
		"nothing any more":  {ms + 8000, ms + 60_000, 10, "", false},
		"an empty interval": {ms + 5000, ms + 1000, 10, "", false},
	} {
		got, more, err := w.missed("me", tc.since, tc.until, tc.limit)
		var out []string
		for _, m := range got {
			line := fmt.Sprintf("%s:%d", m.Message.For("me").ConversationID, m.Message.OrderKey)
			if m.Read {
				line += ":read"
			}
			if out = append(out, line); (m.Member != nil) != (m.Message.ConversationType == inGroup) || m.Message.Push == nil {
				t.Errorf("%s: %+v", name, m)
			}
		}
		if err != nil || strings.Join(out, " ") != tc.want || more != tc.more {
			t.Errorf("%s: %q, %t, %v; want %q, %t", name, out, more, err, tc.want, tc.more)
		}
	}
}

// Many of one's own messages lie between, in more conversations than are wanted.
func TestMissedAmongOnesOwn(t *testing.T) {
	w := newWorld(t)
	for i := range 30 {
		w.now = w.now.Add(time.Second)
		w.send("me", fmt.Sprint("p", i%6), peer)
		if i%10 == 9 {
			w.send(fmt.Sprint("p", i%6), "me", peer)
		}
	}
	for limit := 1; limit <= 3; limit++ {
		got, more, err := w.missed("me", began.UnixMilli(), w.now.Add(time.Hour).UnixMilli(), limit)
		var from []string
		for _, m := range got {
			from = append(from, m.Message.SenderUserID)
		}
		if want := []string{"p3", "p1", "p5"}[:limit]; err != nil || !slices.Equal(from, want) || more != (limit < 3) {
			t.Errorf("%d: %v, %t, %v", limit, from, more, err)
		}
	}
}

func TestRingingCalls(t *testing.T) {
	w := newWorld(t)
	ms := w.now.UnixMilli()
	for id, c := range map[string]call.Call{
		"late":    {State: call.Started, CreateTime: ms - 10_000, Users: map[string]call.User{"me": {State: call.Inviting, ExpiresAt: ms + 1, Gen: 1, Inviter: "ann"}, "ann": {State: call.Accepted}}, DueAt: ms + 1},
		"first":   {State: call.Started, CreateTime: ms - 20_000, Timeout: 30, Users: map[string]call.User{"me": {State: call.Inviting, ExpiresAt: ms + 9000, Gen: 1}, "ann": {State: call.Accepted}}, DueAt: ms + 9000},
		"overdue": {State: call.Started, CreateTime: ms - 30_000, Users: map[string]call.User{"me": {State: call.Inviting, ExpiresAt: ms, Gen: 1}, "ann": {State: call.Accepted}}, DueAt: ms},
	} {
		c.CallID, c.Caller, c.Ringing, c.Members = id, "ann", []string{"me"}, []string{"ann", "me"}
		if _, err := w.CreateCall(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	got := w.sync("me", "", 1).CallList
	if len(got) != 2 || got[0].CallID != "first" || got[0].ExpiresAt != ms+9000 || got[0].Timeout != 30 || got[1].CallID != "late" || got[1].Caller != "ann" {
		t.Errorf("ringing: %+v", got)
	}
	if none := w.sync("ann", "", 1).CallList; len(none) != 0 {
		t.Errorf("for the caller rings %+v", none)
	}
}

func TestList(t *testing.T) {
	w := talk(t)
	var got []string
	flag, one := "", 1
	for {
		a, err := w.inbox.List(ctx, "me", &inbox.ListRequest{Count: &one, NextFlag: flag})
		if err != nil || len(a.ConversationList) != 1 {
			t.Fatalf("%+v, %v", a, err)
		}
		c := a.ConversationList[0]
		got = append(got, fmt.Sprint(c.ConversationID, " ", c.LastMessage.SenderUserID, c.LastMessage.OrderKey, " ", c.LastMessage.Direction))
		if flag = a.NextFlag; flag == "" {
			break
		}
	}
	if want := []string{"g bob3 1", "ann ann2 1", "bob bob1 1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	w.group("empty", "me")
	if a, err := w.inbox.List(ctx, "me", &inbox.ListRequest{}); err != nil || len(a.ConversationList) != 3 {
		t.Errorf("with a group without messages: %+v, %v", a, err)
	}
}

// A mute is the conversation's notification status, of peers and of groups.
func TestMutes(t *testing.T) {
	w := talk(t)
	until := w.now.Add(time.Minute).UnixMilli()
	reg := w.inbox.Reads.(*fanout.Reader).Positions.(*presence.Registry)
	if err := reg.SetPeer(ctx, "me", chat.CID(peer, "me", "ann"), &presence.Mute{MutedUntil: until}, presence.LevelAll); err != nil {
		t.Fatal(err)
	}
	if _, err := w.groups.SetStatus(ctx, "me", &group.StatusRequest{Status: group.DoNotDisturb, ConversationID: "g", ConversationType: &inGroup, Level: presence.LevelMentions}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []map[string]string{
		{"ann": fmt.Sprint(2, until, " all"), "bob": "1 0", "g": "2 0 mentions"}, {"ann": "1 0 all", "bob": "1 0", "g": "2 0 mentions"},
	} {
		for _, c := range w.sync("me", "", 9).ConversationList {
			if got := strings.TrimSpace(fmt.Sprintln(c.NotificationStatus, c.MutedExpiredTime, c.Level)); got != want[c.ConversationID] {
				t.Errorf("%s: %s, want %s", c.ConversationID, got, want[c.ConversationID])
			}
		}
		w.now = w.now.Add(time.Minute)
	}
}

func TestHistory(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		w.send("ann", "me", peer)
		w.send("me", "ann", peer)
	}
	three := 3
	for name, tc := range map[string]struct {
		reverse bool
		from    int64
		want    []string
	}{
		"from the newest":       {true, 0, []string{"8-10", "5-7", "2-4", "1-1"}},
		"from the oldest":       {false, 0, []string{"1-3", "4-6", "7-9", "10-10"}},
		"back from the fourth":  {true, 4, []string{"2-4", "1-1"}},
		"back from the third":   {true, 3, []string{"1-3"}},
		"on from the eighth":    {false, 8, []string{"8-10"}},
		"back from beyond":      {true, 999, []string{"8-10", "5-7", "2-4", "1-1"}},
		"on from beyond, empty": {false, 999, []string{""}},
	} {
		var got []string
		for from, more := tc.from, true; more; {
			a, err := w.inbox.History(ctx, "me", &inbox.HistoryRequest{ConversationID: "ann", ConversationType: &peer, Count: &three, Reverse: tc.reverse, NextMessageSeq: from})
			if err != nil || a.ConversationID != "ann" {
				t.Fatalf("%s: %+v, %v", name, a, err)
			}
			line := ""
			if n := len(a.MessageList); n > 0 {
				line = fmt.Sprintf("%d-%d", a.MessageList[0].OrderKey, a.MessageList[n-1].OrderKey)
			}
			got = append(got, line)
			from, more = a.NextMessageSeq, a.NextMessageSeq != 0
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// Who isn't in a conversation gets nothing of it, and doesn't learn whether it
// is there.
func TestOthersConversations(t *testing.T) {
	w := talk(t)
	w.group("theirs", "ann", "bob")
	w.send("ann", "theirs", inGroup)
	w.groups.Leave(ctx, "bob", &group.Request{GroupID: "g"})
	w.group("gone", "ann", "me")
	w.send("ann", "gone", inGroup)
	w.groups.Dismiss(ctx, "ann", &group.Request{GroupID: "gone"})

	texts := map[string]bool{}
	for _, tc := range []struct {
		user, id string
		kind     *chat.ConversationType
	}{
		{"me", "theirs", &inGroup}, {"me", "unknown", &inGroup}, {"bob", "g", &inGroup}, {"me", "gone", &inGroup},
		{"me", "stranger", &peer}, {"eve", "ann", &peer}, {"me", "g", &peer}, {"me", "ann", &inGroup},
	} {
		_, readErr := w.inbox.Read(ctx, tc.user, &inbox.ReadRequest{tc.id, tc.kind, 0})
		_, historyErr := w.inbox.History(ctx, tc.user, &inbox.HistoryRequest{ConversationID: tc.id, ConversationType: tc.kind})
		for _, err := range []error{readErr, historyErr} {
			e := fault.From(err)
			if texts[e.Message] = true; e.Status != fault.NotFound || e.Code != fault.ConversationDoesNotExist {
				t.Errorf("%+v: %v", tc, err)
			}
		}
	}
	if len(texts) != 1 {
		t.Errorf("they are told apart by %v", texts)
	}
	for user, want := range map[string]string{"eve": "[]", "bob": "[ann:1 theirs:1]"} {
		if got := fmt.Sprint(lines(w.sync(user, "", 500).MessageList)); got != want {
			t.Errorf("%s gets %s, want %s", user, got, want)
		}
	}
	// A cursor of another's says nothing of their conversations.
	if _, err := w.inbox.Sync(ctx, "eve", &inbox.SyncRequest{Cursor: w.sync("me", "", 2).Cursor}); fault.From(err).Field != "cursor" {
		t.Errorf("another's cursor: %v", err)
	}
}

func TestBadRequests(t *testing.T) {
	w := talk(t)
	number := func(n int) *int { return &n }
	do := map[string]func() error{
		"count":      func() error { _, err := w.inbox.Sync(ctx, "me", &inbox.SyncRequest{Count: number(0)}); return err },
		"count ":     func() error { _, err := w.inbox.Sync(ctx, "me", &inbox.SyncRequest{Count: number(501)}); return err },
		"cursor":     func() error { _, err := w.inbox.Sync(ctx, "me", &inbox.SyncRequest{Cursor: "x"}); return err },
		"messageSeq": func() error { _, err := w.inbox.Read(ctx, "me", &inbox.ReadRequest{"ann", &peer, -1}); return err },
		"conversationType": func() error {
			_, err := w.inbox.Read(ctx, "me", &inbox.ReadRequest{"ann", nil, 0})
			return err
		},
		"conversationType ": func() error {
			_, err := w.inbox.History(ctx, "me", &inbox.HistoryRequest{ConversationID: "r", ConversationType: &room})
			return err
		},
		"conversationID": func() error { _, err := w.inbox.Read(ctx, "me", &inbox.ReadRequest{"me", &peer, 0}); return err },
		"conversationID ": func() error {
			_, err := w.inbox.Read(ctx, "me", &inbox.ReadRequest{"a/b", &inGroup, 0})
			return err
		},
		"nextMessageSeq": func() error {
			_, err := w.inbox.History(ctx, "me", &inbox.HistoryRequest{ConversationID: "ann", ConversationType: &peer, NextMessageSeq: -1})
			return err
		},
		"count  ": func() error {
			_, err := w.inbox.History(ctx, "me", &inbox.HistoryRequest{ConversationID: "ann", ConversationType: &peer, Count: number(101)})
			return err
		},
		"count   ":    func() error { _, err := w.inbox.List(ctx, "me", &inbox.ListRequest{Count: number(-1)}); return err },
		"onlineSince": func() error { _, err := w.inbox.Sync(ctx, "me", &inbox.SyncRequest{OnlineSince: -1}); return err },
	}
	for i, flag := range []string{"x", "-", "1-", "1-x", "01-" + chat.CID(peer, "a", "b"), "1-" + chat.CID(peer, "a", "b") + "x"} {
		do["nextFlag"+strings.Repeat(" ", i)] = func() error {
			_, err := w.inbox.List(ctx, "me", &inbox.ListRequest{NextFlag: flag})
			return err
		}
	}
	for field, try := range do {
		if e := fault.From(try()); e.Status != fault.InvalidArgument || e.Field != strings.TrimSpace(field) {
			t.Errorf("%s: %+v", field, e)
		}
	}
}
