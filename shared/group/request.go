package group

import (
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// Limits of groups. Those without a source are ours.
const (
	MaxUsers        = 100 // ZIM: userIDs of one create or invite
	MaxPage         = 100 // members or groups of one page
	MaxGroupIDBytes = 32
	MaxNameBytes    = 50
	MaxAvatarBytes  = 500
	MaxNoticeBytes  = 300
)

// CreateRequest is the body of group-create: ZIM's createGroup. Without
// groupInfo.groupID the group gets a random ID, and a retry makes another group.
type CreateRequest struct {
	GroupInfo *BaseInfo     `json:"groupInfo"`
	UserIDs   []string      `json:"userIDs"`
	Config    *CreateConfig `json:"config"`
}

// BaseInfo is ZIM's ZIMGroupInfo.
type BaseInfo struct {
	GroupID        string `json:"groupID"`
	GroupName      string `json:"groupName"`
	GroupAvatarURL string `json:"groupAvatarUrl"`
}

// CreateConfig is ZIM's ZIMGroupAdvancedConfig, as far as Doorbell has it.
type CreateConfig struct {
	GroupNotice string `json:"groupNotice"`
	// MaxMemberCount is at most the deployment's limit, which 0 stands for.
	MaxMemberCount int             `json:"maxMemberCount"`
	JoinMode       chat.JoinMode   `json:"joinMode"`
	InviteMode     chat.InviteMode `json:"inviteMode"`
	// GroupAttributes and BeInviteMode are what Doorbell doesn't have: only their
	// neutral values are taken, as ZIM's clients send them.
	GroupAttributes map[string]string `json:"groupAttributes"`
	BeInviteMode    chat.BeInviteMode `json:"beInviteMode"`
}

func (r *CreateRequest) check(maxMembers int) error {
	if r.GroupInfo == nil {
		return fault.Invalid("groupInfo", `is required: at least {"groupName":"…"}`)
	}
	if r.GroupInfo.GroupID != "" {
		if err := checkGroupID("groupInfo.groupID", r.GroupInfo.GroupID); err != nil {
			return err
		}
	}
	if r.GroupInfo.GroupName == "" {
		return fault.Invalid("groupInfo.groupName", "is required")
	}
	if err := checkText("groupInfo.groupName", r.GroupInfo.GroupName, MaxNameBytes, chat.CheckName); err != nil {
		return err
	}
	if err := checkText("groupInfo.groupAvatarUrl", r.GroupInfo.GroupAvatarURL, MaxAvatarBytes, chat.CheckImageURL); err != nil {
		return err
	}
	if err := checkUserIDs(r.UserIDs, 0); err != nil {
		return err
	}
	if r.Config == nil {
		return nil
	}
	if err := checkText("config.groupNotice", r.Config.GroupNotice, MaxNoticeBytes, chat.CheckText); err != nil {
		return err
	}
	switch c := r.Config; {
	case c.MaxMemberCount != 0 && (c.MaxMemberCount < 2 || c.MaxMemberCount > maxMembers):
		return fault.Invalid("config.maxMemberCount", "is %d: 2 to %d", c.MaxMemberCount, maxMembers)
	case c.JoinMode < chat.JoinAny || c.JoinMode > chat.JoinForbid:
		return fault.Invalid("config.joinMode", "is %d: give 0 (any), 1 (auth) or 2 (forbid)", c.JoinMode)
	case c.InviteMode < chat.InviteAny || c.InviteMode > chat.InviteAdmin:
		return fault.Invalid("config.inviteMode", "is %d: give 0 (any) or 1 (admin)", c.InviteMode)
	case len(c.GroupAttributes) > 0:
		return fault.Invalid("config.groupAttributes", "holds %d attributes: groups have none here; leave it out or give {}", len(c.GroupAttributes))
	case c.BeInviteMode != chat.BeInviteNone:
		return fault.Invalid("config.beInviteMode", "is %d: give 0 (none); who is invited is a member without being asked", c.BeInviteMode)
	}
	return nil
}

// Request is the body of what concerns a group as a whole: group-join,
// group-leave, group-dismiss and group-info.
type Request struct {
	GroupID string `json:"groupID"`
}

func (r *Request) check() error { return checkGroupID("groupID", r.GroupID) }

// UsersRequest is the body of group-invite and group-kick.
type UsersRequest struct {
	GroupID string   `json:"groupID"`
	UserIDs []string `json:"userIDs"`
}

func (r *UsersRequest) check() error {
	if err := checkGroupID("groupID", r.GroupID); err != nil {
		return err
	}
	return checkUserIDs(r.UserIDs, 1)
}

// MembersRequest is the body of group-members: ZIM's queryGroupMemberList.
type MembersRequest struct {
	GroupID  string `json:"groupID"`
	NextFlag int64  `json:"nextFlag"` // 0 for the first page, then the last answer's
	Count    int    `json:"count"`
}

func (r *MembersRequest) check() error {
	if err := checkGroupID("groupID", r.GroupID); err != nil {
		return err
	}
	if r.NextFlag < 0 {
		return fault.Invalid("nextFlag", "is %d: give 0, or the nextFlag of the page before", r.NextFlag)
	}
	return checkCount(r.Count)
}

// MineRequest is the body of group-mine.
type MineRequest struct {
	NextFlag string `json:"nextFlag"` // empty for the first page, then the last answer's
	Count    int    `json:"count"`
}

func (r *MineRequest) check() error {
	if r.NextFlag != "" {
		if err := checkGroupID("nextFlag", r.NextFlag); err != nil {
			return err
		}
	}
	return checkCount(r.Count)
}

// StatusRequest is ZIM's setConversationNotificationStatus: the body of
// conversation-notification-status, and of groups only, of
// group-notification-status.
type StatusRequest struct {
	Status           Status                 `json:"status"`
	ConversationID   string                 `json:"conversationID"`
	ConversationType *chat.ConversationType `json:"conversationType"`
	// MutedUntil ends DoNotDisturb, in milliseconds since 1970; 0: it lasts.
	MutedUntil int64 `json:"mutedUntil"`
	// Level is which messages ring while Status is Notify or DoNotDisturb is
	// over; left out, the user's settings say it.
	Level presence.Level `json:"level"`
}

// Check checks r, of a group or of a peer of the caller.
func (r *StatusRequest) Check(caller string) error {
	switch {
	case r.ConversationType == nil:
		return fault.Invalid("conversationType", "is required: 0 (peer) or 2 (group)")
	case *r.ConversationType != chat.Peer && *r.ConversationType != chat.Group:
		return fault.Invalid("conversationType", "is %d: only peers (0) and groups (2) have a notification status", *r.ConversationType)
	case r.Status != Notify && r.Status != DoNotDisturb:
		return fault.Invalid("status", "is %d: give 1 (notify) or 2 (do not disturb)", r.Status)
	case r.MutedUntil < 0:
		return fault.Invalid("mutedUntil", "is negative: give milliseconds since 1970, or 0 for no end")
	case r.MutedUntil != 0 && r.Status == Notify:
		return fault.Invalid("mutedUntil", "is for status 2 (do not disturb) only")
	case r.Level.Check("level") != nil:
		return r.Level.Check("level")
	case *r.ConversationType == chat.Peer && r.ConversationID == caller:
		return fault.Invalid("conversationID", "is the caller: give the other user's ID")
	case *r.ConversationType == chat.Peer:
		return chat.CheckID("conversationID", r.ConversationID)
	}
	return checkGroupID("conversationID", r.ConversationID)
}

// RoleRequest is the body of group-role: ZIM's setGroupMemberRole.
type RoleRequest struct {
	GroupID   string `json:"groupID"`
	ForUserID string `json:"forUserID"`
	Role      Role   `json:"role"`
}

func (r *RoleRequest) check(caller string) error {
	if err := checkGroupID("groupID", r.GroupID); err != nil {
		return err
	}
	if err := chat.CheckID("forUserID", r.ForUserID); err != nil {
		return err
	}
	switch {
	case r.Role != Admin && r.Role != Regular:
		return fault.Invalid("role", "is %d: give 2 (admin) or 3 (member); group-transfer makes an owner", r.Role)
	case r.ForUserID == caller:
		return fault.Invalid("forUserID", "is the caller: the owner stays it until group-transfer")
	}
	return nil
}

// TransferRequest is the body of group-transfer: ZIM's transferGroupOwner.
type TransferRequest struct {
	GroupID  string `json:"groupID"`
	ToUserID string `json:"toUserID"`
}

func (r *TransferRequest) check() error {
	if err := checkGroupID("groupID", r.GroupID); err != nil {
		return err
	}
	return chat.CheckID("toUserID", r.ToUserID)
}

// checkGroupID takes what chat.CheckID does, at MaxGroupIDBytes.
func checkGroupID(field, id string) error {
	if len(id) > MaxGroupIDBytes {
		return fault.Invalid(field, "is %d bytes long: at most %d", len(id), MaxGroupIDBytes)
	}
	return chat.CheckID(field, id)
}

func checkUserIDs(ids []string, least int) error {
	if len(ids) < least || len(ids) > MaxUsers {
		return fault.Invalid("userIDs", "names %d users: %d to %d", len(ids), least, MaxUsers)
	}
	for _, id := range ids {
		if err := chat.CheckID("userIDs", id); err != nil {
			return err
		}
	}
	return nil
}

func checkCount(n int) error {
	if n < 1 || n > MaxPage {
		return fault.Invalid("count", "is %d: 1 to %d", n, MaxPage)
	}
	return nil
}

func checkText(field, s string, most int, check func(field, s string) error) error {
	if len(s) > most {
		return fault.Invalid(field, "is %d bytes long: at most %d", len(s), most)
	}
	return check(field, s)
}
