// Package content is what a push that says no more than IDs (device.PrivacyID) is
// about: the device that got it asks the server, so that neither Google nor Apple
// ever has the words.
package content

import (
	"context"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Request names what a push is about, by that push's data.
type Request struct {
	// UserID is whose device it is: a push doesn't say it, the app knows it.
	UserID string `json:"userID"`
	// Kind and ID are data.kind, which is message, edit or call, and data.id.
	Kind push.Kind `json:"kind"`
	ID   string    `json:"id"`
	// ConversationID and ConversationType are those of the data, of a message.
	ConversationID   string                `json:"conversationID"`
	ConversationType chat.ConversationType `json:"conversationType"`
	// CallID is the data's, of a call.
	CallID string `json:"callID"`
}

// Check reports what is wrong with r, by itself.
func (r *Request) Check() error {
	if err := chat.CheckID("userID", r.UserID); err != nil {
		return err
	}
	if !docid.Valid(r.ID) {
		return fault.Invalid("id", "must be data.id of a push: 26 of the characters a-z and 2-7")
	}
	switch r.Kind {
	case push.KindCall:
		if call.ID(r.CallID) != r.ID {
			return fault.Invalid("callID", "must be data.callID of the push whose data.id is given")
		}
		return nil
	case push.KindMessage, push.KindEdit:
		if r.ConversationType != chat.Peer && r.ConversationType != chat.Group {
			return fault.Invalid("conversationType", "must be 0 (one to one) or 2 (group)")
		}
		return chat.CheckID("conversationID", r.ConversationID)
	}
	return fault.Invalid("kind", "must be message, edit or call: nothing else keeps words back")
}

// Content is what a push didn't say.
type Content struct {
	// Notification is what it would have shown; absent: it shows nothing.
	Notification *push.Preview    `json:"notification,omitempty"`
	SenderUserID string           `json:"senderUserID"`
	Payload      string           `json:"payload,omitempty"`
	ResourcesID  string           `json:"resourcesID,omitempty"`
	VoIPConfig   *chat.VoIPConfig `json:"voIPConfig,omitempty"`
}

// Store is what is read.
type Store interface {
	Users(ctx context.Context, userIDs []string) (map[string]*presence.User, error)
	// Message is nil where there is no such message, Call where there is no such call.
	Message(ctx context.Context, cid, messageID string) (*chat.Message, error)
	Call(ctx context.Context, callID string) (*call.Call, error)
	ReadGroup(ctx context.Context, cid string, userIDs []string) (*chat.Conversation, map[string]group.Member, error)
}

// Service answers devices.
type Service struct {
	Store     Store
	Resources chat.Resources // nil: there are none
	Rules     plan.Rules
	Renderer  push.Renderer
	Now       func() time.Time
	PushTTL   time.Duration
}

// Fetch is the content of a push to a device, which the caller has shown to be.
//
// A device is told what it would have been pushed if its user kept nothing back, for
// as long as that push is worth something: while it is its user's, is one that is
// told IDs only, and its user may read what it is about. What was edited is as it is
// now. Cost in reads: two of a call or a message to one person; of a group's message
// four.
func (s *Service) Fetch(ctx context.Context, pushID string, r *Request) (_ *Content, err error) {
	defer fault.Wrap(&err, "content of %s", r.ID)
	if err := r.Check(); err != nil {
		return nil, err
	}
	users, err := s.Store.Users(ctx, []string{r.UserID})
	if err != nil {
		return nil, err
	}
	u := users[r.UserID]
	d, bound := u.Device(pushID)
	if !bound {
		return nil, fault.New(fault.PermissionDenied, fault.PushIDInvalid, "this device is not registered for this user (any more)")
	}
	if s.Rules.Privacy(u, d) != device.PrivacyID {
		return nil, fault.New(fault.PermissionDenied, fault.ParamsInvalid, `pushes to this device say what they may: only one whose privacy is "id" asks`)
	}
	a, err := s.announcement(ctx, r)
	if err != nil {
		return nil, err
	}
	if a == nil || u.Blocks(a.SenderUserID) {
		return nil, over()
	}
	return s.told(ctx, *a, d)
}

// announcement is what r names, as its user may read it now; nil: there is none.
func (s *Service) announcement(ctx context.Context, r *Request) (*push.Announcement, error) {
	if r.Kind == push.KindCall {
		return s.ofCall(ctx, r)
	}
	cid := chat.CID(r.ConversationType, r.UserID, r.ConversationID)
	var joined int64 // what came up to then isn't for them
	if r.ConversationType == chat.Group {
		c, members, err := s.Store.ReadGroup(ctx, cid, []string{r.UserID})
		if err != nil {
			return nil, err
		}
		member, ok := members[r.UserID]
		// A dismissed group's members are removed only after it was closed to them.
		if !ok || c == nil || c.Dismissed {
			return nil, chat.NotInGroup()
		}
		joined = member.JoinSeq
	}
	m, err := s.Store.Message(ctx, cid, r.ID)
	if err != nil || m == nil || m.Push == nil || m.Revoked() || m.OrderKey <= joined {
		return nil, err
	}
	a := push.OfMessage(*m, s.PushTTL)
	if m.ChangedAt > 0 {
		a = push.OfEdit(*m, s.PushTTL)
	}
	return &a, nil
}

func (s *Service) ofCall(ctx context.Context, r *Request) (*push.Announcement, error) {
	c, err := s.Store.Call(ctx, r.CallID)
	if err != nil || c == nil || !c.RingsFor(r.UserID, s.Now()) || c.PushFor(r.UserID) == nil {
		return nil, err
	}
	a := push.OfCall(*c, r.UserID)
	return &a, nil
}

// told is a as d is told it where nothing is kept back.
func (s *Service) told(ctx context.Context, a push.Announcement, d device.Device) (*Content, error) {
	renderer := s.Renderer
	if s.Resources != nil {
		named, err := s.Resources.Find(ctx, a.Push.ResourcesID)
		if err != nil {
			return nil, err
		}
		renderer, a = renderer.With(named), a.Within(named)
	}
	now := s.Now()
	if a.Expired(now) {
		return nil, over()
	}
	out := &Content{SenderUserID: a.SenderUserID, Payload: a.Push.Payload, ResourcesID: a.Push.ResourcesID}
	if d.Platform.Apple() {
		out.VoIPConfig = a.Push.VoIP
	}
	shown, ok := push.Show(renderer.Encoder(a).Encode(push.Target{Platform: d.Platform, Locale: d.Locale, Kind: device.KindToken}, now))
	if ok {
		out.Notification = &shown
	}
	return out, nil
}

func over() error {
	return fault.New(fault.NotFound, fault.TargetDoesNotExist, "there is nothing of this push to show (any more): it ran out, was revoked or answered, or isn't for this user")
}
