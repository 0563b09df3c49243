package chat_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
)

// sent appends messages of the senders, by clocks (ms), and returns their times.
func sent(c *chat.Conversation, membership int64, clocks map[string]int64, senders ...string) (times []int64) {
	for _, s := range senders {
		m := chat.Message{MessageID: fmt.Sprint(s, c.LastSeq), SenderUserID: s, Timestamp: clocks[s]}
		c.Append(&m, membership)
		times = append(times, m.Timestamp)
	}
	return times
}

// Whatever the clocks of the instances, a later message has a later time.
func TestTimesGrow(t *testing.T) {
	c := chat.Conversation{}
	clocks := map[string]int64{"ahead": 2000, "behind": 500, "right": 1000}
	got := sent(&c, 0, clocks, "right", "behind", "ahead", "right", "right")
	if want := "[1000 1001 2000 2001 2002]"; fmt.Sprint(got) != want {
		t.Errorf("times %v, want %s", got, want)
	}
	if c.LastSeq != 5 || !c.LastAt.Equal(time.UnixMilli(2002)) || c.LastMessageID != "right4" {
		t.Errorf("the conversation is %+v", c)
	}
}

// Sending moves the sender's read position if it was at the end.
func TestOwnMessagesAreRead(t *testing.T) {
	c := chat.Conversation{Type: chat.Peer}
	sent(&c, 0, nil, "ann", "ann", "bob", "ann")
	if got, want := c.Read, map[string]int64{"ann": 2}; !maps.Equal(got, want) {
		t.Errorf("read %v, want %v: bob had two unread when he sent, ann one", got, want)
	}
	c.Read["ann"] = 4
	sent(&c, 0, nil, "ann")
	if c.ReadSeq("ann", 0) != 5 || c.ReadSeq("bob", 0) != 0 {
		t.Errorf("read %v", c.Read)
	}

	room := chat.Conversation{Type: chat.Room}
	if sent(&room, 0, nil, "ann"); len(room.Read) != 0 {
		t.Errorf("a room keeps read positions: %v", room.Read)
	}
}

// A room goes some days after its last message, which may be another than the
// one that was added last. Nothing else goes by itself.
func TestRoomsExpire(t *testing.T) {
	last := time.UnixMilli(1_700_000_000_000).UTC()
	for kind, want := range map[chat.ConversationType]time.Time{chat.Room: last.Add(48 * time.Hour), chat.Peer: {}, chat.Group: {}} {
		c := chat.Conversation{Type: kind}
		for _, m := range []chat.Message{{ExpireAt: last.Add(-time.Hour)}, {ExpireAt: last}, {ExpireAt: last.Add(-time.Minute)}} {
			c.Append(&m, 0)
		}
		if !c.ExpireAt.Equal(want) {
			t.Errorf("a conversation of type %d expires at %v, want %v", kind, c.ExpireAt, want)
		}
	}
}

func TestOwnMessagesInAGroup(t *testing.T) {
	c := chat.Conversation{Type: chat.Group, LastSeq: 7}
	sent(&c, 7, nil, "ann", "ann") // whose membership says 7
	sent(&c, 7, nil, "bob")        // whose too: he hasn't read ann's
	if got, want := c.Read, map[string]int64{"ann": 9}; !maps.Equal(got, want) {
		t.Errorf("read %v, want %v", got, want)
	}
	if got := c.ReadSeq("ann", 7); got != 9 {
		t.Errorf("ann has read up to %d", got)
	}
	if got := c.ReadSeq("ann", 10); got != 10 {
		t.Errorf("ann, who read since, has read up to %d", got)
	}
	// Those who sent longest ago make room.
	for i := range chat.MaxRecentSenders {
		sent(&c, c.LastSeq, nil, fmt.Sprint("u", i))
	}
	if _, kept := c.Read["ann"]; kept || len(c.Read) != chat.MaxRecentSenders || c.Read["u0"] != 11 {
		t.Errorf("kept %v", c.Read)
	}
}

func TestMessageFor(t *testing.T) {
	m := chat.Message{SenderUserID: "ann", ConversationID: "bob", OrderKey: 3}
	if got := m.For("ann"); got.Direction != 0 || got.ConversationID != "bob" || got.MessageSeq != 3 {
		t.Errorf("to its sender it is %+v", got)
	}
	if got := m.For("bob"); got.Direction != 1 || got.ConversationID != "ann" || got.SentStatus != chat.SentSuccess {
		t.Errorf("to its receiver it is %+v", got)
	}
	m.ConversationType, m.ConversationID = chat.Group, "g"
	if got := m.For("bob"); got.Direction != 1 || got.ConversationID != "g" {
		t.Errorf("to a member it is %+v", got)
	}
}
