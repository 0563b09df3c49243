package inbox_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/inbox"
)

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
