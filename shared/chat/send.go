package chat

import (
	"context"
	"time"

	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/resource"
	"github.com/doorbell-push/doorbell/shared/tracing"
)

// Store keeps conversations and their messages.
type Store interface {
	// AddMessage stores m in its conversation, creating a Peer or Room
	// conversation that doesn't exist, and fills in m.OrderKey. A message with
	// the same ID is left as it is and returned instead, also to a sender who has
	// left since. A Group must exist and
	// have the sender as a member (see MaySend); its message gets m.Fanout too.
	AddMessage(ctx context.Context, m Message) (Message, error)
	// Users reads users' presence, and with it whom they have blocked.
	Users(ctx context.Context, userIDs []string) (map[string]*presence.User, error)
}

// Resources are what the operator applied; *resource.Cache is one.
type Resources interface {
	// Find is the resource of a resourcesID, nil where there is none.
	Find(ctx context.Context, id string) (*resource.Resource, error)
}

// Sender stores messages. What follows from a stored message, its push
// included, is the business of the trigger on it.
type Sender struct {
	Store     Store
	Now       func() time.Time
	MaxText   int           // bytes of message.message
	Retention time.Duration // how long messages are kept
	// CheckPush reports why a push for m could never reach a device.
	CheckPush func(m Message) error
	Resources Resources // nil: there are none

	slots presence.Slots // of what broadcasts read of their receivers
}

// Send checks r and stores its message. It is safe to repeat: the message's ID
// is derived from the sender, the conversation and the client's localMessageID,
// so a retry finds the first one and returns it, and no second document means
// no second trigger. Only a receiver who has blocked the sender meanwhile has
// the retry refused too.
func (s *Sender) Send(ctx context.Context, sender string, r *SendRequest) (_ Message, err error) {
	defer fault.Wrap(&err, "send")
	if err := r.Check(sender, s.MaxText); err != nil {
		return Message{}, err
	}
	m := s.message(sender, r)
	m.Traceparent = tracing.Traceparent(ctx)
	if m.Push != nil {
		if err := m.Push.Settle(ctx, s.Resources); err != nil {
			return Message{}, err
		}
		if err := s.CheckPush(m); err != nil {
			return Message{}, err
		}
	}
	if err := s.checkBlacklist(ctx, m); err != nil {
		return Message{}, err
	}
	return s.Store.AddMessage(ctx, m)
}

// checkBlacklist refuses a message to somebody who has blocked its sender. It
// costs a read, which is not part of the transaction that stores the message:
// there it would be locked against the receiver's own heartbeats, to gain that a
// message is refused which crosses with its being blocked. The plan asks again,
// so not even that one rings.
func (s *Sender) checkBlacklist(ctx context.Context, m Message) error {
	if m.ConversationType != Peer {
		return nil
	}
	users, err := s.Store.Users(ctx, []string{m.ConversationID})
	if err == nil && users[m.ConversationID].Blocks(m.SenderUserID) {
		err = fault.New(fault.PermissionDenied, fault.SenderInBlacklist, "the receiver has blocked you: this message can't be sent")
	}
	return err
}

func (s *Sender) message(sender string, r *SendRequest) Message {
	now := s.Now()
	m := Message{
		LocalMessageID:   r.LocalMessageID,
		Type:             r.Message.Type,
		Message:          r.Message.Message,
		SubType:          r.Message.SubType,
		ExtendedData:     r.Message.ExtendedData,
		SenderUserID:     sender,
		ConversationID:   r.ToConversationID,
		ConversationType: *r.ConversationType,
		Timestamp:        now.UnixMilli(),
		MentionedUserIDs: r.Message.MentionedUserIDs,
		IsMentionAll:     r.Message.IsMentionAll,
		Priority:         r.Config.Priority,
		ForcePush:        r.Config.IsNotifyMentionedUsers,
		DeviceFilter:     r.Config.DeviceFilter.Seal(),
		CollapseID:       r.Config.CollapseID,
		ExpireAt:         now.Add(s.Retention),
	}
	m.MessageID = docid.New("message", m.CID(), sender, r.LocalMessageID)
	if r.Config.PushConfig != nil && !r.Config.SkipPush {
		push := r.Config.PushConfig.PushConfig
		m.Push = &push
	}
	return m
}

// Settle makes p silent where its resource is, once and for all: the plan goes by
// that, and what is planned must not change when resources do. Everything else a
// resource says is looked up when the push leaves. It costs a read a minute at most.
func (p *PushConfig) Settle(ctx context.Context, known Resources) error {
	if p == nil || p.ResourcesID == "" || known == nil {
		return nil
	}
	r, err := known.Find(ctx, p.ResourcesID)
	if err != nil || r == nil || !r.Silent {
		return err
	}
	p.Silent, p.Title, p.Content = true, "", ""
	return nil
}
