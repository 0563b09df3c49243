package main

import (
	"context"
	"fmt"
	"time"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// platforms are the devices', in turn.
var platforms = []device.Platform{device.Android, device.IPhoneOS, device.Android, device.Web}

var standinPlatforms = map[device.Platform]standin.Platform{
	device.Android: standin.Android, device.IPhoneOS: standin.IOS, device.Web: standin.Web,
}

// announcement is a chat message as people write them.
func announcement(i int) push.Announcement {
	return push.OfMessage(chat.Message{
		MessageID: fmt.Sprintf("q6xkqkqp3v5jzrqfkq3pmu%04d", i), SenderUserID: "alice", ConversationID: "climbing", ConversationType: chat.Group,
		Timestamp: time.Now().UnixMilli(), Priority: chat.Medium,
		Push: &chat.PushConfig{
			Title: "Alice in Climbing", Content: "See you at the wall at seven, bring the long rope. Whoever is late belays first!",
			Payload: `{"page":"chat","conversation":"climbing","thread":"q6xkqkqp3v5jzrqfkq3pmuzxpe"}`, ResourcesID: "friendly", EnableBadge: true, BadgeIncrement: 1,
		},
	}, 28*24*time.Hour)
}

// batches are n pushes, of one message per full batch, to the devices in turn.
func batches(n, devices int) []push.Batch {
	var all []push.Batch
	for i := 0; n > 0; i++ {
		all = append(all, batch(i, min(n, push.MaxBatch), devices))
		n -= push.MaxBatch
	}
	return all
}

// target is the device of user d.
func target(d int) push.Target {
	return push.Target{
		UserID: fmt.Sprint("user", d), PushID: fmt.Sprintf("pushid%020d", d), Platform: platforms[d%len(platforms)],
		Kind: device.KindToken, Value: token(d), Badge: d % 7,
	}
}

// everybody is away, at that device, and in the group: the dispatcher looks at
// those again who wait.
type everybody struct{}

func (everybody) Users(_ context.Context, ids []string) (map[string]*presence.User, error) {
	out := map[string]*presence.User{}
	for _, id := range ids {
		var d int
		if _, err := fmt.Sscanf(id, "user%d", &d); err != nil {
			return nil, err
		}
		t := target(d)
		out[id] = &presence.User{UserID: id, Badge: t.Badge, Devices: map[string]device.Device{
			t.PushID: {PushID: t.PushID, Platform: t.Platform, Target: t.Device(), Popup: true},
		}}
	}
	return out, nil
}

func (everybody) RemoveTarget(context.Context, string, string, device.Target) (bool, error) {
	return false, nil
}

func (everybody) ReadGroup(_ context.Context, _ string, ids []string) (*chat.Conversation, map[string]group.Member, error) {
	members := map[string]group.Member{}
	for _, id := range ids {
		members[id] = group.Member{UserID: id}
	}
	return &chat.Conversation{Type: chat.Group}, members, nil
}

// batch is the i-th of them, to n devices.
func batch(i, n, devices int) push.Batch {
	targets := make([]push.Target, n)
	for j := range targets {
		targets[j] = target((i*push.MaxBatch + j) % devices)
	}
	return push.NewBatch(announcement(i), "", 0, targets, time.Now())
}
