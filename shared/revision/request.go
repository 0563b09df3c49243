// Package revision is what becomes of a message after it was sent: its sender
// edits it, or somebody who may takes it back.
package revision

import (
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// address is which message a request is about, as its caller knows it.
type address struct {
	messageID, conversationID string
	conversationType          chat.ConversationType
	cid                       string
}

// RevokeRequest is the body of `message-revoke`: ZIM's revokeMessage.
type RevokeRequest struct {
	MessageID        string                 `json:"messageID"`
	ConversationID   string                 `json:"conversationID"` // the other user's ID, or the group's
	ConversationType *chat.ConversationType `json:"conversationType"`
	Config           RevokeConfig           `json:"config"`
}

// RevokeConfig is ZIM's ZIMMessageRevokeConfig.
type RevokeConfig struct {
	// RevokeExtendedData is for who sees that it was revoked, at most
	// chat.MaxExtendedDataBytes.
	RevokeExtendedData string `json:"revokeExtendedData"`
	// PushConfig is what the devices that were rung for the message show in its
	// place; without one the notification is taken away.
	PushConfig *chat.PushConfigInput `json:"pushConfig"`
}

// says reports whether c puts words in the message's place.
func (c RevokeConfig) says() bool { return c.RevokeExtendedData != "" || c.PushConfig != nil }

// EditRequest is the body of `message-edit`: ZIM's editMessage.
type EditRequest struct {
	MessageID        string                 `json:"messageID"`
	ConversationID   string                 `json:"conversationID"`
	ConversationType *chat.ConversationType `json:"conversationType"`
	Message          *chat.Content          `json:"message"` // all of its new content, of the type it has
	Config           EditConfig             `json:"config"`
}

// EditConfig is ZIM's ZIMMessageEditConfig, which has no field, and ours.
type EditConfig struct {
	// PushConfig is what the devices that were rung for the message show from now
	// on. Without one a push whose content was the message's text follows it, and
	// any other stays as it is.
	PushConfig *chat.PushConfigInput `json:"pushConfig"`
}

// Answer is ZIM's ZIMMessageRevokedResult and ZIMMessageEditedResult.
type Answer struct {
	Message chat.Sent `json:"message"`
}

func addressOf(caller, messageID, conversationID string, t *chat.ConversationType) (address, error) {
	switch {
	case !docid.Valid(messageID):
		return address{}, fault.Invalid("messageID", "is not the messageID of a message")
	case t == nil:
		return address{}, fault.Invalid("conversationType", "is required: 0 peer, 2 group")
	case *t != chat.Peer && *t != chat.Group:
		return address{}, fault.Invalid("conversationType", "is %d: give 0 (peer) or 2 (group); messages of rooms stay as they are", *t)
	}
	if err := chat.CheckID("conversationID", conversationID); err != nil {
		return address{}, err
	}
	if *t == chat.Peer && conversationID == caller {
		return address{}, fault.Invalid("conversationID", "is the caller: give the other user's ID")
	}
	return address{messageID, conversationID, *t, chat.CID(*t, caller, conversationID)}, nil
}

func (r *RevokeRequest) check(caller string) (address, error) {
	at, err := addressOf(caller, r.MessageID, r.ConversationID, r.ConversationType)
	if err != nil {
		return at, err
	}
	if n := len(r.Config.RevokeExtendedData); n > chat.MaxExtendedDataBytes {
		return at, fault.Invalid("config.revokeExtendedData", "is %d bytes long: at most %d", n, chat.MaxExtendedDataBytes)
	}
	return at, checkPush(r.Config.PushConfig)
}

func (r *EditRequest) check(caller string, maxText int) (address, error) {
	at, err := addressOf(caller, r.MessageID, r.ConversationID, r.ConversationType)
	if err != nil {
		return at, err
	}
	if r.Message == nil {
		return at, fault.Invalid("message", "is required: all of the message's new content")
	}
	if r.Message.Type != chat.Text && r.Message.Type != chat.Custom {
		return at, fault.Invalid("message.type", "is %d: text (1) and custom (200) messages can be edited", r.Message.Type)
	}
	if err := r.Message.Check(*r.ConversationType, maxText); err != nil {
		return at, err
	}
	return at, checkPush(r.Config.PushConfig)
}

func checkPush(p *chat.PushConfigInput) error {
	if p == nil {
		return nil
	}
	return p.Check("config.pushConfig")
}
