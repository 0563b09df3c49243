package push

import (
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
)

func TestOfBundle(t *testing.T) {
	last := OfMessage(chat.Message{
		MessageID: "m5", SenderUserID: "alice", ConversationID: "bob", OrderKey: 5, Timestamp: 1_700_000_000_000, Priority: chat.Medium,
		Push: &chat.PushConfig{Title: "Alice", Content: "secret", Payload: "p"},
	}, time.Hour)
	for _, tc := range []struct {
		count          int
		more           bool
		full, sender   string // contents
		generic, title string // content and title
	}{
		{1, false, "secret", "New message", dictionary[0].open, "New message"},
		{5, false, "5 new messages", "5 new messages", dictionary[0].open, "5 new messages"},
		{99, true, "99+ new messages", "99+ new messages", dictionary[0].open, "99+ new messages"},
	} {
		a := OfBundle(last, tc.count, tc.more, "m1")
		if a.Tag() != "m1" || a.ID != "m5" || a.Seq != 5 || a.Push.Title != "Alice" || a.Push.Payload != "p" || a.Push.Content != tc.full {
			t.Errorf("%d: %+v", tc.count, a)
		}
		if got := a.told(Target{Privacy: device.PrivacySender}).Push; got.Title != "Alice" || got.Content != tc.sender {
			t.Errorf("%d, the sender only: %+v", tc.count, got)
		}
		if got := a.told(Target{Privacy: device.PrivacyGeneric}).Push; got.Title != tc.title || got.Content != tc.generic {
			t.Errorf("%d, generic: %+v", tc.count, got)
		}
	}
}
