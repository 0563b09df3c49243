package chat

import "github.com/doorbell-push/doorbell/shared/fault"

// JoinMode is ZIM's ZIMGroupJoinMode: who may join by themselves.
type JoinMode int

// The join modes of a group.
const (
	JoinAny    JoinMode = 0
	JoinAuth   JoinMode = 1 // after an application, which Doorbell doesn't have yet: by invitation
	JoinForbid JoinMode = 2 // by invitation only
)

// InviteMode is ZIM's ZIMGroupInviteMode: who may invite.
type InviteMode int

// The invite modes of a group.
const (
	InviteAny   InviteMode = 0 // every member
	InviteAdmin InviteMode = 1 // the owner and admins
)

// BeInviteMode is ZIM's ZIMGroupBeInviteMode: whether who is invited is asked.
type BeInviteMode int

// BeInviteNone is the only one here: they aren't.
const BeInviteNone BeInviteMode = 0

// GroupFields is what the conversation document of a group holds beyond every
// conversation's fields. Package group owns them.
type GroupFields struct {
	Name       string     `firestore:"name,omitempty"`
	AvatarURL  string     `firestore:"avatarUrl,omitempty"`
	Notice     string     `firestore:"notice,omitempty"`
	JoinMode   JoinMode   `firestore:"joinMode,omitempty"`
	InviteMode InviteMode `firestore:"inviteMode,omitempty"`
	CreatedAt  int64      `firestore:"createdAt,omitempty"` // ms since 1970

	MemberCount int `firestore:"memberCount,omitempty"`
	MaxMembers  int `firestore:"maxMembers,omitempty"`
	// Joined counts those who ever joined: a member's number, which orders
	// members for paging.
	Joined int64 `firestore:"joined,omitempty"`
	// Chunks is how many members each roster chunk holds. A new member goes to
	// the first with room, and empty ones at the end are dropped, so a fan-out
	// knows from here what to read.
	Chunks []int `firestore:"chunks,omitempty"`

	// Dismissed is set first when a group is dismissed: from then on nothing
	// works in it, while its members are still being removed.
	Dismissed bool `firestore:"dismissed,omitempty"`
	// DismissedBy may repeat the dismissal, to finish one that broke off.
	DismissedBy string `firestore:"dismissedBy,omitempty"`
	// Clearing is set until the last member of a dismissed group is removed: the
	// sweep finds by it what broke off.
	Clearing bool `firestore:"clearing,omitempty"`
}

// Fanout is what the fan-out of a group's message needs to know of the group,
// as it was when the message was stored: it then needn't read the conversation.
type Fanout struct {
	Chunks  int `firestore:"chunks" json:"chunks"`   // roster chunks
	Members int `firestore:"members" json:"members"` // in them
}

// MaySend reports why m can't be sent to the group c, which is nil where there is
// none, by a user who is one of its members or isn't.
func MaySend(c *Conversation, m Message, member bool) error {
	switch {
	case c == nil || c.Dismissed:
		return NoGroup()
	case !member && !m.System:
		return NotInGroup()
	}
	return nil
}

// NoGroup is the error for a group that doesn't exist, or not any more.
func NoGroup() error {
	return fault.New(fault.NotFound, fault.GroupDoesNotExist, "there is no such group")
}

// NotInGroup is the error for a caller who isn't a member.
func NotInGroup() error {
	return fault.New(fault.PermissionDenied, fault.GroupUserIsNotInTheGroup, "you are not a member of this group")
}
