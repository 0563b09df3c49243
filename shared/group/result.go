package group

import (
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// FullInfo is ZIM's ZIMGroupFullInfo, with the number of members.
type FullInfo struct {
	BaseInfo       BaseInfo   `json:"baseInfo"`
	GroupNotice    string     `json:"groupNotice"`
	CreateTime     int64      `json:"createTime"`
	MaxMemberCount int        `json:"maxMemberCount"`
	MemberCount    int        `json:"memberCount"`
	VerifyInfo     VerifyInfo `json:"verifyInfo"`
	// NotificationStatus and MutedExpiredTime are the caller's.
	NotificationStatus Status `json:"notificationStatus"`
	MutedExpiredTime   int64  `json:"mutedExpiredTime"`
}

// VerifyInfo is ZIM's ZIMGroupVerifyInfo.
type VerifyInfo struct {
	JoinMode   chat.JoinMode   `json:"joinMode"`
	InviteMode chat.InviteMode `json:"inviteMode"`
}

func fullInfo(c *chat.Conversation, m Member) FullInfo {
	return FullInfo{
		BaseInfo:    BaseInfo{GroupID: c.ID, GroupName: c.Name, GroupAvatarURL: c.AvatarURL},
		GroupNotice: c.Notice, CreateTime: c.CreatedAt, MaxMemberCount: c.MaxMembers, MemberCount: c.MemberCount,
		VerifyInfo:         VerifyInfo{JoinMode: c.JoinMode, InviteMode: c.InviteMode},
		NotificationStatus: m.Status, MutedExpiredTime: m.MutedUntil,
	}
}

// MemberInfo is ZIM's ZIMGroupMemberInfo, as far as Doorbell knows people.
type MemberInfo struct {
	UserID     string `json:"userID"`
	MemberRole Role   `json:"memberRole"`
	EnterTime  int64  `json:"enterTime"`
}

func (m Member) info() MemberInfo {
	return MemberInfo{UserID: m.UserID, MemberRole: m.Role, EnterTime: m.JoinedAt}
}

// ErrorUser is ZIM's ZIMErrorUserInfo: a user for whom it wasn't done.
type ErrorUser struct {
	UserID string     `json:"userID"`
	Reason fault.Code `json:"reason"`
}

// Created is ZIM's ZIMGroupCreatedResult.
type Created struct {
	GroupInfo     FullInfo     `json:"groupInfo"`
	UserList      []MemberInfo `json:"userList"`
	ErrorUserList []ErrorUser  `json:"errorUserList"`
}

// Info is the answer of group-join and group-info.
type Info struct {
	GroupInfo FullInfo `json:"groupInfo"`
}

// Done is the answer of group-leave and group-dismiss.
type Done struct {
	GroupID string `json:"groupID"`
}

// Invited is ZIM's ZIMGroupUsersInvitedResult.
type Invited struct {
	GroupID       string       `json:"groupID"`
	UserList      []MemberInfo `json:"userList"`
	ErrorUserList []ErrorUser  `json:"errorUserList"`
}

// Kicked is ZIM's ZIMGroupMemberKickedResult.
type Kicked struct {
	GroupID          string      `json:"groupID"`
	KickedUserIDList []string    `json:"kickedUserIDList"`
	ErrorUserList    []ErrorUser `json:"errorUserList"`
}

// MemberPage is ZIM's ZIMGroupMemberListQueriedResult. NextFlag is 0 on the
// last page.
type MemberPage struct {
	GroupID  string       `json:"groupID"`
	UserList []MemberInfo `json:"userList"`
	NextFlag int64        `json:"nextFlag"`
}

// GroupPage is a page of the caller's groups. NextFlag is empty on the last one.
type GroupPage struct {
	GroupList []Membership `json:"groupList"`
	NextFlag  string       `json:"nextFlag"`
}

// Membership is ZIM's ZIMGroup, with the caller's role.
type Membership struct {
	BaseInfo           BaseInfo `json:"baseInfo"`
	NotificationStatus Status   `json:"notificationStatus"`
	MutedExpiredTime   int64    `json:"mutedExpiredTime"`
	MemberRole         Role     `json:"memberRole"`
}

// StatusSet is ZIM's ZIMConversationNotificationStatusSetResult.
type StatusSet struct {
	ConversationID   string                `json:"conversationID"`
	ConversationType chat.ConversationType `json:"conversationType"`
}

// RoleSet is ZIM's ZIMGroupMemberRoleUpdatedResult.
type RoleSet struct {
	GroupID   string `json:"groupID"`
	ForUserID string `json:"forUserID"`
	Role      Role   `json:"role"`
}

// Transferred is ZIM's ZIMGroupOwnerTransferredResult.
type Transferred struct {
	GroupID  string `json:"groupID"`
	ToUserID string `json:"toUserID"`
}
