package group

import (
	"context"
	"slices"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// state is a group as a transaction finds it, and what it is to become.
type state struct {
	now     time.Time
	c       *chat.Conversation
	members map[string]Member // of those who matter to the transaction
	change  Change
	changed bool // the conversation
}

// change runs f on the group, with the caller's membership and others'.
func (s *Service) change(ctx context.Context, groupID, caller string, others []string, f func(*state) error) (err error) {
	defer fault.Wrap(&err, "group %q", groupID)
	now := s.Now()
	return s.Store.ChangeGroup(ctx, CID(groupID), distinct(append([]string{caller}, others...)), func(c *chat.Conversation, members map[string]Member) (*Change, error) {
		g := &state{now: now, c: c, members: members}
		if err := f(g); err != nil {
			return nil, err
		}
		if g.changed {
			g.change.Conversation = g.c
		}
		return &g.change, nil
	})
}

// view is the group and the caller's membership, if that lets them see it.
func (s *Service) view(ctx context.Context, groupID, caller string) (_ *chat.Conversation, m Member, err error) {
	defer fault.Wrap(&err, "group %q", groupID)
	c, members, err := s.Store.ReadGroup(ctx, CID(groupID), []string{caller})
	if err != nil {
		return nil, m, err
	}
	m, err = (&state{c: c, members: members}).actor(caller, view)
	return c, m, err
}

func (g *state) exists() error {
	if g.c == nil || g.c.Dismissed {
		return chat.NoGroup()
	}
	return nil
}

// actor is the caller's membership, if that allows the action.
func (g *state) actor(caller string, a action) (Member, error) {
	if err := g.exists(); err != nil {
		return Member{}, err
	}
	m, ok := g.members[caller]
	switch {
	case !ok:
		return m, chat.NotInGroup()
	case !m.Role.may(a):
		return m, fault.New(fault.PermissionDenied, fault.GroupNoAuthority, "your role in this group doesn't allow you to %s", a)
	}
	return m, nil
}

// member is the membership of the user that field names.
func (g *state) member(field, userID string) (Member, error) {
	m, ok := g.members[userID]
	if !ok {
		e := fault.New(fault.NotFound, fault.GroupUserIsNotInTheGroup, "is not a member of this group")
		e.Field = field
		return m, e
	}
	return m, nil
}

func (g *state) full() bool { return g.c.MemberCount >= g.c.MaxMembers }

func (g *state) add(userID string, role Role) Member {
	chunk := place(g.c)
	m := Member{
		UserID: userID, GroupID: g.c.ID, Role: role, Number: g.c.Joined, JoinedAt: g.now.UnixMilli(),
		JoinSeq: g.c.LastSeq, ReadSeq: g.c.LastSeq, Status: Notify, Chunk: chunk,
	}
	g.changed = true
	g.update(m)
	return m
}

func (g *state) update(m Member) {
	g.members[m.UserID] = m
	g.change.Put = append(g.change.Put, m)
}

func (g *state) remove(m Member) {
	vacate(g.c, m.Chunk)
	g.changed = true
	delete(g.members, m.UserID)
	g.change.Delete = append(g.change.Delete, m)
}

// distinct is ids without repeats and without those in except.
func distinct(ids []string, except ...string) []string {
	var out []string
	seen := map[string]bool{}
	for _, id := range ids {
		if !seen[id] && !slices.Contains(except, id) {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}
