// Package group is groups and their members: who may do what in them, and where
// their members are kept so that a message to ten thousand costs forty reads to
// know them all.
package group

import (
	"slices"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// Role is ZIM's ZIMGroupMemberRole.
type Role int

// The roles in a group, which has one Owner.
const (
	Owner   Role = 1
	Admin   Role = 2
	Regular Role = 3
)

// Status is ZIM's ZIMGroupMessageNotificationStatus: whether a member wants to
// be rung for the group's messages.
type Status int

// The notification statuses.
const (
	Notify       Status = 1
	DoNotDisturb Status = 2
)

// Member is conversations/{cid}/members/{uid}: the truth about a membership.
// Times are the server's clock in milliseconds since 1970.
type Member struct {
	UserID  string `firestore:"userID"`
	GroupID string `firestore:"groupID"`
	Role    Role   `firestore:"role"`
	// Number orders a group's members by when they joined.
	Number   int64 `firestore:"number"`
	JoinedAt int64 `firestore:"joinedAt"`
	// JoinSeq is the conversation's last OrderKey when the member joined: later
	// messages are for them. ReadSeq is the last one they have read.
	JoinSeq int64  `firestore:"joinSeq"`
	ReadSeq int64  `firestore:"readSeq"`
	Status  Status `firestore:"status"`
	// MutedUntil ends DoNotDisturb; 0 means that it lasts.
	MutedUntil int64 `firestore:"mutedUntil"`
	// Level is which of the group's messages ring while it isn't muted; without
	// one the member's settings say it.
	Level presence.Level `firestore:"level,omitempty"`
	// Chunk is the roster chunk that holds the member's Entry.
	Chunk int `firestore:"chunk"`
}

// Entry is what a roster chunk holds of a member: what a fan-out must know.
// conversations/{cid}/roster/{n} is a map of them by user ID, written in the
// transactions that write the Members.
type Entry struct {
	Role       Role           `firestore:"role"`
	Muted      bool           `firestore:"muted"`
	MutedUntil int64          `firestore:"mutedUntil"`
	Level      presence.Level `firestore:"level"`
	JoinSeq    int64          `firestore:"joinSeq"`
}

// Entry is m as its roster chunk holds it.
func (m Member) Entry() Entry {
	return Entry{
		Role: m.Role, Muted: m.Status == DoNotDisturb, MutedUntil: m.MutedUntil, Level: m.Level, JoinSeq: m.JoinSeq,
	}
}

// CID is the document ID of a group's conversation.
func CID(groupID string) string { return chat.CID(chat.Group, "", groupID) }

// MaxChunk is how many members a roster chunk holds: at most some 60 kB of a
// document's 1 MiB, and as many as presence is read for at once.
const MaxChunk = 250

// place counts a new member into the first chunk of c with room, and returns
// which that is.
func place(c *chat.Conversation) int {
	c.MemberCount++
	c.Joined++
	for i, n := range c.Chunks {
		if n < MaxChunk {
			c.Chunks[i]++
			return i
		}
	}
	c.Chunks = append(c.Chunks, 1)
	return len(c.Chunks) - 1
}

// vacate counts a member out of a chunk of c.
func vacate(c *chat.Conversation, chunk int) {
	c.MemberCount--
	c.Chunks[chunk]--
	for len(c.Chunks) > 0 && c.Chunks[len(c.Chunks)-1] == 0 {
		c.Chunks = slices.Delete(c.Chunks, len(c.Chunks)-1, len(c.Chunks))
	}
}

// action is something that a role allows or doesn't.
type action string

const (
	view          action = "see its members"
	leave         action = "leave it"
	mute          action = "set their notification status"
	invite        action = "invite"         // where every member may (InviteAny)
	inviteByAdmin action = "invite into it" // where only admins may (InviteAdmin)
	kickRegular   action = "remove a member"
	kickAdmin     action = "remove an admin"
	kickOwner     action = "remove the owner"
	setRole       action = "set roles"
	transfer      action = "transfer it"
	dismiss       action = "dismiss it"
)

// permissions is who may do what. What is not listed nobody may.
var permissions = map[action][]Role{
	view:          {Owner, Admin, Regular},
	mute:          {Owner, Admin, Regular},
	leave:         {Admin, Regular}, // an owner transfers or dismisses the group
	invite:        {Owner, Admin, Regular},
	inviteByAdmin: {Owner, Admin},
	kickRegular:   {Owner, Admin},
	kickAdmin:     {Owner},
	kickOwner:     {},
	setRole:       {Owner},
	transfer:      {Owner},
	dismiss:       {Owner},
}

// may reports whether the role allows the action.
func (r Role) may(a action) bool { return slices.Contains(permissions[a], r) }

// inviting is the action that an invitation to c is.
func inviting(c *chat.Conversation) action {
	if c.InviteMode == chat.InviteAdmin {
		return inviteByAdmin
	}
	return invite
}

// kicking is the action that the removal of a member with the role is.
func kicking(r Role) action {
	switch r {
	case Owner:
		return kickOwner
	case Admin:
		return kickAdmin
	}
	return kickRegular
}
