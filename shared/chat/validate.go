package chat

import (
	"regexp"
	"unicode/utf8"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// Limits of a message. Those without a source are ours.
const (
	MaxUserIDBytes         = 128 // Firebase Authentication's uid
	MaxLocalMessageIDBytes = 64
	MaxExtendedDataBytes   = 1024 // ZIM: ZIMMessage.extendedData, 1K
	MaxCommandBytes        = 5120 // ZIM: command and barrage messages, 5 KB
	MaxMentions            = 50
	MaxResourcesIDBytes    = 32 // ZIM: ZIMPushConfig.resourcesID
	MaxThreadIDBytes       = 64
	MaxBadgeIncrement      = 999
	MaxCollapseIDBytes     = 64 // APNs: apns-collapse-id
	MaxVoIPHandleBytes     = 128
)

// A user, group or room ID: ZIM's charset for userID, which has no slash and
// no space, so it is a safe Firestore document ID too but for the reserved ones.
var (
	idPattern        = regexp.MustCompile(`^[0-9A-Za-z!#$%&()+\-:;<=.>?@\[\]^_{}|~]+$`)
	resourcesPattern = regexp.MustCompile(`^[ -.0-~]+$`)
	reservedPattern  = regexp.MustCompile(`^(\.|\.\.|__.*__)$`)
)

// CheckID checks a user, group or room ID named by field.
func CheckID(field, id string) error {
	switch {
	case id == "":
		return fault.Invalid(field, "is required")
	case len(id) > MaxUserIDBytes:
		return fault.Invalid(field, "is %d bytes long: at most %d", len(id), MaxUserIDBytes)
	case !idPattern.MatchString(id) || reservedPattern.MatchString(id):
		return fault.Invalid(field, "may hold digits, letters and !#$%%&()+-:;<=.>?@[]^_{}|~ only, and not be \".\", \"..\" or \"__…__\"")
	}
	return nil
}

// SendRequest is the body of `send`.
type SendRequest struct {
	Message          *Content          `json:"message"`
	ToConversationID string            `json:"toConversationID"`
	ConversationType *ConversationType `json:"conversationType"`
	Config           *SendConfig       `json:"config"`
	LocalMessageID   string            `json:"localMessageID"`
}

// Content is the part of ZIM's ZIMMessage that a client fills in.
type Content struct {
	Type             MessageType `json:"type"`
	Message          string      `json:"message"`
	SubType          int         `json:"subType"`
	ExtendedData     string      `json:"extendedData"`
	MentionedUserIDs []string    `json:"mentionedUserIDs"`
	IsMentionAll     bool        `json:"isMentionAll"`
}

// SendConfig is ZIM's ZIMMessageSendConfig.
type SendConfig struct {
	Priority               Priority         `json:"priority"`
	PushConfig             *PushConfigInput `json:"pushConfig"`
	IsNotifyMentionedUsers bool             `json:"isNotifyMentionedUsers"`
	// SkipPush is for a message that has a PushConfig and yet rings nobody.
	SkipPush     bool           `json:"skipPush"`
	DeviceFilter *device.Filter `json:"deviceFilter"`
	CollapseID   string         `json:"collapseID"`
}

// PushConfigInput is a PushConfig as clients send it: with payload or, before
// ZIM 2.5.0, extendedData.
type PushConfigInput struct {
	PushConfig
	ExtendedData string `json:"extendedData"`
}

// Check checks every field of r that needs nothing but r itself. maxText is
// the configured limit of message.message in bytes.
func (r *SendRequest) Check(sender string, maxText int) error {
	if r.ConversationType == nil {
		return fault.Invalid("conversationType", "is required: 0 peer, 1 room, 2 group")
	}
	switch *r.ConversationType {
	case Peer, Room, Group:
	default:
		return fault.Invalid("conversationType", "is %d: give 0 (peer), 1 (room) or 2 (group)", *r.ConversationType)
	}
	if err := CheckID("toConversationID", r.ToConversationID); err != nil {
		return err
	}
	if *r.ConversationType == Peer && r.ToConversationID == sender {
		return fault.Invalid("toConversationID", "is the sender: a message to oneself has no receiver")
	}
	if r.LocalMessageID == "" {
		return fault.Invalid("localMessageID", "is required: an ID of the client's own, the same on every retry of this message")
	}
	if len(r.LocalMessageID) > MaxLocalMessageIDBytes {
		return fault.Invalid("localMessageID", "is %d bytes long: at most %d", len(r.LocalMessageID), MaxLocalMessageIDBytes)
	}
	if r.Message == nil {
		return fault.Invalid("message", "is required")
	}
	if err := r.Message.Check(*r.ConversationType, maxText); err != nil {
		return err
	}
	if r.Config == nil {
		return fault.Invalid("config", "is required: at least {\"priority\":2}")
	}
	return r.Config.check(*r.ConversationType)
}

// Check checks the content of a message in a conversation of type t, found at
// "message". maxText is the configured limit of its text in bytes.
func (c *Content) Check(t ConversationType, maxText int) error {
	limit := maxText
	switch c.Type {
	case Text, Custom:
	case Command, Barrage:
		limit = max(limit, MaxCommandBytes)
	default:
		return fault.Invalid("message.type", "is %d: give 1 (text), 2 (command), 20 (barrage) or 200 (custom)", c.Type)
	}
	switch {
	case c.Type == Barrage && t != Room:
		return fault.Invalid("message.type", "20 (barrage) is for rooms (conversationType 1) only")
	case c.Message == "":
		return fault.Invalid("message.message", "is required and must not be empty")
	case len(c.Message) > limit:
		return fault.Invalid("message.message", "is %d bytes long: at most %d", len(c.Message), limit)
	case c.SubType < 0 || c.SubType > 200:
		return fault.Invalid("message.subType", "is %d: 0 to 200", c.SubType)
	case c.SubType != 0 && c.Type != Custom:
		return fault.Invalid("message.subType", "is for custom messages (type 200) only")
	case len(c.ExtendedData) > MaxExtendedDataBytes:
		return fault.Invalid("message.extendedData", "is %d bytes long: at most %d", len(c.ExtendedData), MaxExtendedDataBytes)
	case len(c.MentionedUserIDs) > MaxMentions:
		return fault.Invalid("message.mentionedUserIDs", "names %d users: at most %d; use isMentionAll for more", len(c.MentionedUserIDs), MaxMentions)
	}
	for _, id := range c.MentionedUserIDs {
		if err := CheckID("message.mentionedUserIDs", id); err != nil {
			return err
		}
	}
	return nil
}

func (c *SendConfig) check(t ConversationType) error {
	if c.Priority < Low || c.Priority > High {
		return fault.Invalid("config.priority", "is %d: give 1 (low), 2 (medium) or 3 (high)", c.Priority)
	}
	if len(c.CollapseID) > MaxCollapseIDBytes {
		return fault.Invalid("config.collapseID", "is %d bytes long: at most %d", len(c.CollapseID), MaxCollapseIDBytes)
	}
	if err := c.DeviceFilter.Check("config.deviceFilter"); err != nil {
		return err
	}
	if c.PushConfig == nil {
		return nil
	}
	if t == Room {
		return fault.Invalid("config.pushConfig", "room messages (conversationType 1) are never pushed: leave it out")
	}
	return c.PushConfig.Check("config.pushConfig")
}

// Check checks the push configuration found at field. It writes nothing but
// the payload given under its older name to the newer one.
func (p *PushConfigInput) Check(field string) error {
	if err := p.checkTexts(field); err != nil {
		return err
	}
	if err := p.VoIP.check(field + ".voIPConfig"); err != nil {
		return err
	}
	switch {
	case p.Payload != "" && p.ExtendedData != "" && p.Payload != p.ExtendedData:
		return fault.Invalid(field+".extendedData", "is the older name of payload: give one of them")
	case len(p.ResourcesID) > MaxResourcesIDBytes:
		return fault.Invalid(field+".resourcesID", "is %d bytes long: at most %d", len(p.ResourcesID), MaxResourcesIDBytes)
	case p.ResourcesID != "" && !resourcesPattern.MatchString(p.ResourcesID):
		return fault.Invalid(field+".resourcesID", "may hold printable ASCII characters only, without slashes")
	case len(p.ThreadID) > MaxThreadIDBytes:
		return fault.Invalid(field+".threadID", "is %d bytes long: at most %d", len(p.ThreadID), MaxThreadIDBytes)
	case p.BadgeIncrement < 0 || p.BadgeIncrement > MaxBadgeIncrement:
		return fault.Invalid(field+".badgeIncrement", "is %d: 0 to %d", p.BadgeIncrement, MaxBadgeIncrement)
	case p.BadgeIncrement != 0 && !p.EnableBadge:
		return fault.Invalid(field+".badgeIncrement", "needs enableBadge to be true")
	}
	for name, v := range map[string]string{"payload": p.Payload, "extendedData": p.ExtendedData} {
		if !utf8.ValidString(v) {
			return fault.Invalid(field+"."+name, "is not valid UTF-8")
		}
	}
	if p.Payload == "" {
		p.Payload = p.ExtendedData
	}
	return nil
}

// checkTexts checks what is shown: both texts, or of a silent push neither.
func (p *PushConfigInput) checkTexts(field string) error {
	for _, text := range []struct{ name, value string }{{"title", p.Title}, {"content", p.Content}} {
		switch {
		case p.Silent && text.value != "":
			return fault.Invalid(field+"."+text.name, "is for a push that shows something: leave it out, or silent")
		case p.Silent:
		case text.value == "":
			return fault.Invalid(field+"."+text.name, "is required and must not be empty: a push has a title and a content, unless it is silent")
		}
		if err := CheckText(field+"."+text.name, text.value); err != nil {
			return err
		}
	}
	return nil
}

func (v *VoIPConfig) check(field string) error {
	switch {
	case v == nil:
		return nil
	case v.HandleType < GenericHandle || v.HandleType > EmailAddress:
		return fault.Invalid(field+".iOSVoIPHandleType", "is %d: give 1 (generic), 2 (phone number) or 3 (email address)", v.HandleType)
	case v.HandleValue == "":
		return fault.Invalid(field+".iOSVoIPHandleValue", "is required and must not be empty")
	case len(v.HandleValue) > MaxVoIPHandleBytes:
		return fault.Invalid(field+".iOSVoIPHandleValue", "is %d bytes long: at most %d", len(v.HandleValue), MaxVoIPHandleBytes)
	}
	return CheckText(field+".iOSVoIPHandleValue", v.HandleValue)
}
