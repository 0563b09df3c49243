package inbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fanout"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/inbox"
	"github.com/doorbell-push/doorbell/shared/presence"
)

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
