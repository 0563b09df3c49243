package inbox

import (
	"context"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// Info is ZIM's ZIMConversation, as far as Doorbell knows it.
type Info struct {
	ConversationID        string                `json:"conversationID"`
	Type                  chat.ConversationType `json:"type"`
	ConversationName      string                `json:"conversationName"`
	ConversationAvatarURL string                `json:"conversationAvatarUrl"`
	NotificationStatus    group.Status          `json:"notificationStatus"`
	MutedExpiredTime      int64                 `json:"mutedExpiredTime"` // ms since 1970; 0: none
	Level                 presence.Level        `json:"level,omitempty"`  // none: the user's settings say it
	UnreadMessageCount    int64                 `json:"unreadMessageCount"`
	ReadMessageSeq        int64                 `json:"readMessageSeq"`
	LastMessageSeq        int64                 `json:"lastMessageSeq"`
	// OrderKey is larger of a conversation with a later last message: its time.
	OrderKey    int64      `json:"orderKey"`
	LastMessage *chat.Sent `json:"lastMessage,omitempty"`
}

// info is b as its user sees it, who has presence u.
func (b *box) info(u *presence.User, now time.Time) Info {
	out := Info{
		ConversationID: b.id(), Type: b.c.Type, ConversationName: b.c.Name, ConversationAvatarURL: b.c.AvatarURL,
		UnreadMessageCount: b.unread(), ReadMessageSeq: b.readSeq(), LastMessageSeq: b.c.LastSeq, OrderKey: b.c.LastAt.UnixMilli(),
		NotificationStatus: group.Notify,
	}
	if b.member != nil {
		out.NotificationStatus, out.MutedExpiredTime, out.Level = b.member.Status, b.member.MutedUntil, b.member.Level
		return out
	}
	if mute, muted := u.Muted(b.cid, now); muted {
		out.NotificationStatus, out.MutedExpiredTime = group.DoNotDisturb, mute.MutedUntil
	}
	out.Level = u.PeerLevel(b.cid)
	return out
}

// infos is the conversations as userID sees them, with one read for their mutes.
func (s *Service) infos(ctx context.Context, userID string, boxes []*box) ([]Info, error) {
	out := make([]Info, len(boxes))
	if len(boxes) == 0 {
		return out, nil
	}
	users, err := s.Presence.Users(ctx, []string{userID})
	if err != nil {
		return nil, err
	}
	for i, b := range boxes {
		out[i] = b.info(users[userID], s.Now())
	}
	return out, nil
}
