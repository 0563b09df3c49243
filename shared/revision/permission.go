package revision

import (
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
)

// Stored is a message as it is when it is to be changed.
type Stored struct {
	Message *chat.Message // nil: there is none
	// Of a Group's message: the group, nil where there is none, and the memberships
	// of the caller and of the message's sender, as far as there are any.
	Group   *chat.Conversation
	Members map[string]group.Member
}

// check reports why the caller can't know of w. A message that isn't there and one
// of a conversation that the caller isn't in are answered alike.
func (w Stored) check(caller string, t chat.ConversationType) error {
	if t == chat.Group {
		_, in := w.Members[caller]
		if err := chat.MaySend(w.Group, chat.Message{}, in); err != nil {
			return err
		}
	}
	if w.Message == nil {
		return fault.New(fault.NotFound, fault.TargetDoesNotExist, "there is no such message in this conversation")
	}
	return nil
}

// mayRevoke is in what capacity the caller may take w back: who sent it may, and in
// a group the owner, and an admin what a regular member or somebody who has left
// sent.
func (w Stored) mayRevoke(caller string) (chat.RevokeStatus, error) {
	if w.Message.SenderUserID == caller {
		return chat.SelfRevoke, nil
	}
	sender, in := w.Members[w.Message.SenderUserID]
	switch role := w.Members[caller].Role; {
	case w.Message.ConversationType != chat.Group:
		return 0, fault.New(fault.PermissionDenied, fault.MessageCommon, "you didn't send it: its sender may revoke it")
	case role == group.Owner:
		return chat.GroupOwnerRevoke, nil
	case role == group.Admin && (!in || sender.Role == group.Regular):
		return chat.GroupAdminRevoke, nil
	}
	return 0, fault.New(fault.PermissionDenied, fault.GroupNoAuthority, "your role doesn't let you revoke this: its sender may, the owner, and an admin what regular members sent")
}

// mayEdit reports why the caller may not edit w: its sender may.
func (w Stored) mayEdit(caller string) error {
	if w.Message.SenderUserID != caller {
		return fault.New(fault.PermissionDenied, fault.EditNoAuthority, "you didn't send it: its sender may edit it")
	}
	return nil
}

func revoked() error {
	return fault.New(fault.FailedPrecondition, fault.HasBeenRevoked, "it was revoked already")
}
