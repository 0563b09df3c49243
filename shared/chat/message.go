// Package chat is messages and the conversations they belong to: what a client
// may send, and how it is stored.
package chat

import (
	"slices"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/docid"
)

// ConversationType is ZIM's ZIMConversationType.
type ConversationType int

// The kinds of conversation.
const (
	Peer  ConversationType = 0
	Room  ConversationType = 1 // stored for those present, never pushed
	Group ConversationType = 2
)

// MessageType is ZIM's ZIMMessageType.
type MessageType int

// The kinds of message that can be sent.
const (
	Text    MessageType = 1
	Command MessageType = 2
	Barrage MessageType = 20
	Custom  MessageType = 200
)

// Revoke is the type of a message that was taken back. It can't be sent.
const Revoke MessageType = 31

// RevokeStatus is ZIM's ZIMMessageRevokeStatus: in what capacity a message was
// taken back.
type RevokeStatus int

// The capacities that there are here.
const (
	SelfRevoke       RevokeStatus = 0
	GroupAdminRevoke RevokeStatus = 3
	GroupOwnerRevoke RevokeStatus = 4
)

// Priority is ZIM's ZIMMessagePriority.
type Priority int

// The priorities of a message.
const (
	Low    Priority = 1
	Medium Priority = 2
	High   Priority = 3
)

// SentSuccess is ZIM's ZIMMessageSentStatus of a stored message.
const SentSuccess = 1

// Message is a stored message: the document conversations/{cid}/messages/{mid}
// with ZIM's field names. Its JSON form is the document's; Sent is what
// endpoints answer with.
type Message struct {
	MessageID      string      `firestore:"messageID" json:"messageID"`
	LocalMessageID string      `firestore:"localMessageID" json:"localMessageID"`
	Type           MessageType `firestore:"type" json:"type"`
	Message        string      `firestore:"message" json:"message"`
	SubType        int         `firestore:"subType,omitempty" json:"subType,omitempty"`
	ExtendedData   string      `firestore:"extendedData,omitempty" json:"extendedData,omitempty"`
	SenderUserID   string      `firestore:"senderUserID" json:"senderUserID"`
	// ConversationID is what the sender addressed: the other user's ID of a
	// Peer conversation, else the room's or group's.
	ConversationID   string           `firestore:"conversationID" json:"conversationID"`
	ConversationType ConversationType `firestore:"conversationType" json:"conversationType"`
	// Timestamp is the server's clock in milliseconds since 1970, and later than
	// that of every message before it in its conversation.
	Timestamp int64 `firestore:"timestamp" json:"timestamp"`
	// OrderKey counts a conversation's messages from 1, without gaps: a later
	// message has the larger one, whichever instance stored it.
	OrderKey         int64    `firestore:"orderKey" json:"orderKey"`
	MentionedUserIDs []string `firestore:"mentionedUserIDs,omitempty" json:"mentionedUserIDs,omitempty"`
	IsMentionAll     bool     `firestore:"isMentionAll,omitempty" json:"isMentionAll,omitempty"`
	Priority         Priority `firestore:"priority" json:"priority"`
	// Push is nil for a message that asked for no push.
	Push *PushConfig `firestore:"push,omitempty" json:"push,omitempty"`
	// ForcePush is config.isNotifyMentionedUsers: a mention beats do-not-disturb.
	ForcePush bool `firestore:"forcePush,omitempty" json:"forcePush,omitempty"`
	// DeviceFilter is which of a receiver's devices ring; nil: any. Its IDs are
	// hashed, as members may read the document. What else it says of the delivery
	// is no secret: all of them get the push.
	DeviceFilter *device.Sealed `firestore:"deviceFilter,omitempty" json:"deviceFilter,omitempty"`
	// CollapseID is the sender's: of their messages with the same one in a
	// conversation, a device shows the latest only.
	CollapseID string `firestore:"collapseID,omitempty" json:"collapseID,omitempty"`
	// System: the operator's backend sent it (Sender.Broadcast), which is in no
	// group and may send to each.
	System bool `firestore:"system,omitempty" json:"system,omitempty"`
	// Fanout is set of a group's message.
	Fanout *Fanout `firestore:"fanout,omitempty" json:"fanout,omitempty"`
	// Of a message that was revoked: when, by whom, in what capacity, with what word
	// of theirs, and what it was. Its Type is Revoke, its content and mentions are
	// gone, and Push is what the revocation shows.
	RevokeTimestamp     int64        `firestore:"revokeTimestamp,omitempty" json:"revokeTimestamp,omitempty"`
	OperatedUserID      string       `firestore:"operatedUserID,omitempty" json:"operatedUserID,omitempty"`
	RevokeStatus        RevokeStatus `firestore:"revokeStatus,omitempty" json:"revokeStatus,omitempty"`
	RevokeExtendedData  string       `firestore:"revokeExtendedData,omitempty" json:"revokeExtendedData,omitempty"`
	OriginalMessageType MessageType  `firestore:"originalMessageType,omitempty" json:"originalMessageType,omitempty"`
	// Of a message that was edited: by whom, and when last.
	EditorUserID string `firestore:"editorUserID,omitempty" json:"editorUserID,omitempty"`
	EditedTime   int64  `firestore:"editedTime,omitempty" json:"editedTime,omitempty"`
	// ChangedAt is when it was revoked or edited last, in ms since 1970: each change
	// has a later one. 0: it is as it was sent.
	ChangedAt int64 `firestore:"changedAt,omitempty" json:"changedAt,omitempty"`
	// Traceparent is the trace of the request that sent it, or changed it last
	// (package tracing).
	Traceparent string `firestore:"traceparent,omitempty" json:"traceparent,omitempty"`
	// ExpireAt is when Firestore's TTL policy removes the message.
	ExpireAt time.Time `firestore:"expireAt" json:"expireAt"`
}

// Sent is ZIM's message as endpoints answer with it: a Message and what is
// constant of one that is stored.
type Sent struct {
	Message
	MessageSeq int64 `json:"messageSeq"`
	Direction  int   `json:"direction"` // 0: sent by the caller, 1: received
	SentStatus int   `json:"sentStatus"`

	// How a message is delivered is not part of it for clients: these hide
	// Message's fields of the same names.
	Priority     *struct{} `json:"priority,omitempty"`
	Push         *struct{} `json:"push,omitempty"`
	ForcePush    *struct{} `json:"forcePush,omitempty"`
	DeviceFilter *struct{} `json:"deviceFilter,omitempty"`
	CollapseID   *struct{} `json:"collapseID,omitempty"`
	Fanout       *struct{} `json:"fanout,omitempty"`
	ChangedAt    *struct{} `json:"changedAt,omitempty"`
	Traceparent  *struct{} `json:"traceparent,omitempty"`
	ExpireAt     *struct{} `json:"expireAt,omitempty"`
}

// Sent is m as its sender gets it back.
func (m Message) Sent() Sent {
	return Sent{Message: m, MessageSeq: m.OrderKey, SentStatus: SentSuccess}
}

// For is m as userID gets it, who is in its conversation: of a Peer
// conversation ConversationID is the other user's ID.
func (m Message) For(userID string) Sent {
	out := m.Sent()
	if m.SenderUserID == userID {
		return out
	}
	out.Direction = 1
	if m.ConversationType == Peer {
		out.ConversationID = m.SenderUserID
	}
	return out
}

// Revoked reports whether m was taken back.
func (m Message) Revoked() bool { return m.Type == Revoke }

// Mentions reports whether m mentions userID, or everyone.
func (m Message) Mentions(userID string) bool {
	return m.IsMentionAll || slices.Contains(m.MentionedUserIDs, userID)
}

// Insists reports whether m is to ring userID whatever they have muted: they
// are mentioned, and the sender asked for it.
func (m Message) Insists(userID string) bool { return m.ForcePush && m.Mentions(userID) }

// CID is the ID of the conversation document m belongs to.
func (m Message) CID() string {
	return CID(m.ConversationType, m.SenderUserID, m.ConversationID)
}

// CID is the document ID of the conversation of type t that userID addresses
// as conversationID. Both users of a Peer conversation get the same one.
func CID(t ConversationType, userID, conversationID string) string {
	switch t {
	case Peer:
		return docid.New("peer", min(userID, conversationID), max(userID, conversationID))
	case Room:
		return docid.New("room", conversationID)
	default:
		return docid.New("group", conversationID)
	}
}

// PushConfig is ZIM's ZIMPushConfig: what the receiver's device shows. It is
// how a message and a call invitation alike ask for a push.
type PushConfig struct {
	Title       string `firestore:"title" json:"title"`
	Content     string `firestore:"content" json:"content"`
	Payload     string `firestore:"payload,omitempty" json:"payload,omitempty"`
	ResourcesID string `firestore:"resourcesID,omitempty" json:"resourcesID,omitempty"`
	ThreadID    string `firestore:"threadID,omitempty" json:"threadID,omitempty"`
	// EnableBadge is for a push that says the number on the app's icon: what the user's
	// app set (updateUserBadge) and BadgeIncrement, or where both are 0 how much the
	// user has not read, without what they muted.
	EnableBadge    bool `firestore:"enableBadge,omitempty" json:"enableBadge,omitempty"`
	BadgeIncrement int  `firestore:"badgeIncrement,omitempty" json:"badgeIncrement,omitempty"`
	// Silent is for a push that shows nothing and gives the app its payload: it
	// has neither title nor content.
	Silent bool `firestore:"silent,omitempty" json:"silent,omitempty"`
	// VoIP is what an iOS app needs to show a call as the system's own.
	VoIP *VoIPConfig `firestore:"voIPConfig,omitempty" json:"voIPConfig,omitempty"`
}

// VoIPHandleType is ZIM's ZIMCXHandleType, which is Apple's CXHandle.HandleType.
type VoIPHandleType int

// The kinds of handle that say who calls.
const (
	GenericHandle VoIPHandleType = 1
	PhoneNumber   VoIPHandleType = 2
	EmailAddress  VoIPHandleType = 3
)

// VoIPConfig is ZIM's ZIMVoIPConfig. It travels to Apple devices as data: FCM
// can't send the pushes of PushKit.
type VoIPConfig struct {
	HandleType  VoIPHandleType `firestore:"iOSVoIPHandleType" json:"iOSVoIPHandleType"`
	HandleValue string         `firestore:"iOSVoIPHandleValue" json:"iOSVoIPHandleValue"`
	HasVideo    bool           `firestore:"iOSVoIPHasVideo,omitempty" json:"iOSVoIPHasVideo,omitempty"`
}
