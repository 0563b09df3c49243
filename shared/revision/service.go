package revision

import (
	"context"
	"slices"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/tracing"
)

// Store keeps messages.
type Store interface {
	// ChangeMessage runs f in a transaction on a message, and of a Group on what it
	// says of the caller and the message's sender. What f returns is stored instead,
	// and of a Peer conversation that it has changed; nil: nothing is written. f may
	// run several times.
	ChangeMessage(ctx context.Context, t chat.ConversationType, cid, messageID, caller string, f func(Stored) (*chat.Message, error)) error
	// Users reads users' presence, and with it whom they have blocked.
	Users(ctx context.Context, userIDs []string) (map[string]*presence.User, error)
}

// Service changes messages. What follows for the devices that show them is the
// business of the trigger on the change.
type Service struct {
	Store        Store
	Now          func() time.Time
	MaxText      int           // bytes of message.message
	RevokeWithin time.Duration // after it was sent
	EditWithin   time.Duration
	// CheckPush reports why the push for a changed message could never reach a
	// device.
	CheckPush func(m chat.Message) error
}

// Revoke takes a message back: its content is gone from the store, for everyone.
//
// It is safe to repeat: who has revoked it is answered with it again, and nothing
// is written. Of several who revoke it at once the first stands, and the others are
// told that it was revoked. Whom its receiver has blocked may take it back, but not
// put other words in its place: whether they have is a read, where there are words.
func (s *Service) Revoke(ctx context.Context, caller string, r *RevokeRequest) (_ Answer, err error) {
	defer fault.Wrap(&err, "revoke")
	at, err := r.check(caller)
	if err != nil {
		return Answer{}, err
	}
	var unheard error
	if r.Config.says() {
		unheard = s.checkBlacklist(ctx, caller, at, "what you sent them can be revoked, but without config.pushConfig and config.revokeExtendedData")
	}
	return s.change(ctx, caller, at, func(w Stored, now time.Time) (*chat.Message, error) {
		status, err := w.mayRevoke(caller)
		switch {
		case err != nil:
			return nil, err
		case w.Message.Revoked() && w.Message.OperatedUserID == caller:
			return nil, nil
		case w.Message.Revoked():
			return nil, revoked()
		case now.Sub(time.UnixMilli(w.Message.Timestamp)) > s.RevokeWithin:
			return nil, fault.New(fault.FailedPrecondition, fault.ExceedsRevokeTime, "it was sent over %v ago: it can't be revoked any more", s.RevokeWithin)
		case unheard != nil: // last, so that a repeat is answered as the first time
			return nil, unheard
		}
		m := s.taken(*w.Message, r.Config, now)
		m.OperatedUserID, m.RevokeStatus = caller, status
		return &m, nil
	})
}

// taken is m without what it said.
func (s *Service) taken(m chat.Message, config RevokeConfig, now time.Time) chat.Message {
	m.OriginalMessageType, m.Type = m.Type, chat.Revoke
	m.Message, m.SubType, m.ExtendedData, m.MentionedUserIDs, m.IsMentionAll = "", 0, "", nil, false
	m.RevokeExtendedData = config.RevokeExtendedData
	m.ChangedAt = max(now.UnixMilli(), m.ChangedAt+1)
	m.RevokeTimestamp = m.ChangedAt
	asked := m.Push != nil
	m.Push = nil
	if asked && config.PushConfig != nil { // who wasn't rung isn't told either
		m.Push = &config.PushConfig.PushConfig
	}
	return m
}

// Edit gives a message another content.
//
// It is safe to repeat: a content that it has already changes nothing. An edit that
// is repeated after a later one stands again, as it was asked for last.
func (s *Service) Edit(ctx context.Context, caller string, r *EditRequest) (_ Answer, err error) {
	defer fault.Wrap(&err, "edit")
	at, err := r.check(caller, s.MaxText)
	if err != nil {
		return Answer{}, err
	}
	if err := s.checkBlacklist(ctx, caller, at, "what you sent them can't be edited"); err != nil {
		return Answer{}, err
	}
	return s.change(ctx, caller, at, func(w Stored, now time.Time) (*chat.Message, error) {
		if err := w.mayEdit(caller); err != nil {
			return nil, err
		}
		switch {
		case w.Message.Revoked():
			return nil, revoked()
		case w.Message.Type != r.Message.Type:
			return nil, fault.Invalid("message.type", "is %d: the message is of type %d, and stays so", r.Message.Type, w.Message.Type)
		case now.Sub(time.UnixMilli(w.Message.Timestamp)) > s.EditWithin:
			return nil, fault.New(fault.FailedPrecondition, fault.ExceedsEditTime, "it was sent over %v ago: it can't be edited any more", s.EditWithin)
		}
		m, err := edited(*w.Message, r)
		if err != nil || same(m, *w.Message) {
			return nil, err
		}
		m.ChangedAt = max(now.UnixMilli(), m.ChangedAt+1)
		m.EditorUserID, m.EditedTime = caller, m.ChangedAt
		return &m, nil
	})
}

// change runs f on the message at an address, and answers with what it is then.
func (s *Service) change(ctx context.Context, caller string, at address, f func(Stored, time.Time) (*chat.Message, error)) (Answer, error) {
	now, trace := s.Now(), tracing.Traceparent(ctx)
	var answer Answer
	err := s.Store.ChangeMessage(ctx, at.conversationType, at.cid, at.messageID, caller, func(w Stored) (*chat.Message, error) {
		if err := w.check(caller, at.conversationType); err != nil {
			return nil, err
		}
		m, err := f(w, now)
		if err != nil {
			return nil, err
		}
		if m == nil {
			answer.Message = w.Message.For(caller)
			return nil, nil
		}
		m.Traceparent = trace
		if m.Push != nil {
			if err := s.CheckPush(*m); err != nil {
				return nil, err
			}
		}
		answer.Message = m.For(caller)
		return m, nil
	})
	return answer, err
}

// checkBlacklist refuses what would say something to who has blocked the caller, as
// sending does (chat.Sender), and tells the caller what follows: a read, outside of
// the transaction.
func (s *Service) checkBlacklist(ctx context.Context, caller string, at address, follows string) error {
	if at.conversationType != chat.Peer {
		return nil
	}
	users, err := s.Store.Users(ctx, []string{at.conversationID})
	if err == nil && users[at.conversationID].Blocks(caller) {
		err = fault.New(fault.PermissionDenied, fault.SenderInBlacklist, "the receiver has blocked you: %s", follows)
	}
	return err
}

// edited is m with the content and the push that r gives it.
func edited(m chat.Message, r *EditRequest) (chat.Message, error) {
	was, c, p := m.Message, r.Message, r.Config.PushConfig
	m.Message, m.SubType, m.ExtendedData = c.Message, c.SubType, c.ExtendedData
	m.MentionedUserIDs, m.IsMentionAll = c.MentionedUserIDs, c.IsMentionAll
	if m.Push == nil {
		return m, nil // nobody was rung, so nobody is told
	}
	push := *m.Push
	switch {
	case p != nil && p.Silent != push.Silent:
		return m, fault.Invalid("config.pushConfig.silent", "must be %t, as it was when the message was sent", push.Silent)
	case p != nil:
		push = p.PushConfig
	case !push.Silent && push.Content == was:
		if err := chat.CheckText("message.message", c.Message); err != nil {
			return m, err
		}
		push.Content = c.Message
	}
	m.Push = &push
	return m, nil
}

// same reports whether two forms of a message have the same content and push.
func same(a, b chat.Message) bool {
	samePush := (a.Push == nil) == (b.Push == nil)
	if samePush && a.Push != nil {
		x, y := *a.Push, *b.Push
		samePush = (x.VoIP == nil) == (y.VoIP == nil) && (x.VoIP == nil || *x.VoIP == *y.VoIP)
		x.VoIP, y.VoIP = nil, nil
		samePush = samePush && x == y
	}
	return samePush && a.Message == b.Message && a.SubType == b.SubType && a.ExtendedData == b.ExtendedData &&
		a.IsMentionAll == b.IsMentionAll && slices.Equal(a.MentionedUserIDs, b.MentionedUserIDs)
}
