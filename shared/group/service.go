package group

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// Store keeps groups: the group's conversation, its members and its roster.
type Store interface {
	// ChangeGroup reads a group's conversation (nil: there is none) and the
	// memberships of userIDs (absent: there is none), has f say what is to
	// change and writes that, all in one transaction. f may run several times.
	// Nothing is written where f returns an error or no Change.
	ChangeGroup(ctx context.Context, cid string, userIDs []string, f func(*chat.Conversation, map[string]Member) (*Change, error)) error
	// ReadGroup reads what ChangeGroup does, without a transaction.
	ReadGroup(ctx context.Context, cid string, userIDs []string) (*chat.Conversation, map[string]Member, error)
	// Members is up to limit of a group's members with a number above after, by
	// number.
	Members(ctx context.Context, cid string, after int64, limit int) ([]Member, error)
	// Memberships is up to limit of a user's memberships in a fixed order, from
	// the one after the group with the given conversation on, or from the first.
	Memberships(ctx context.Context, userID, afterCID string, limit int) ([]Member, error)
	// Groups reads groups' conversations; who is none is absent.
	Groups(ctx context.Context, cids []string) (map[string]chat.Conversation, error)
	// ClearGroup removes up to limit members of a dismissed group, and when none
	// is left what there is of its roster, and then Clearing of its conversation.
	// It reports whether anything may be left.
	ClearGroup(ctx context.Context, cid string, limit int) (more bool, err error)
	// ClearingGroups is the conversations of up to limit groups with Clearing set.
	ClearingGroups(ctx context.Context, limit int) (cids []string, err error)
}

// Change is what a transaction on a group writes. A store keeps each member's
// Entry in the roster together with the member.
type Change struct {
	Conversation *chat.Conversation // nil: it stays
	Put          []Member
	Delete       []Member
	DropChunks   int // so many roster chunks go, from the first on
}

// Service is what can be done with groups. Each method is one transaction that
// sets a state rather than adding to it, so that a repeated request leaves the
// same state and gets an answer that says so.
type Service struct {
	Store      Store
	Now        func() time.Time
	MaxMembers int // of a group
}

// Create makes a group of the caller, its owner, and others. Creating the same
// group again, by the same caller under the same name, is answered with it;
// errorUserList then names those who aren't in it any more with 6000521.
// Errors: 6000524 the ID is taken, 6000527 it was a group's that is dismissed.
func (s *Service) Create(ctx context.Context, caller string, r *CreateRequest) (out Created, err error) {
	if err := r.check(s.MaxMembers); err != nil {
		return out, err
	}
	info, config := *r.GroupInfo, CreateConfig{}
	if r.Config != nil {
		config = *r.Config
	}
	if config.MaxMemberCount == 0 {
		config.MaxMemberCount = s.MaxMembers
	}
	if info.GroupID == "" {
		info.GroupID = strings.ToLower(rand.Text())
	}
	others := distinct(r.UserIDs, caller)
	err = s.change(ctx, info.GroupID, caller, others, func(g *state) error {
		out = Created{UserList: []MemberInfo{}, ErrorUserList: []ErrorUser{}}
		switch {
		case g.c == nil:
			g.c = &chat.Conversation{Type: chat.Group, ID: info.GroupID, GroupFields: chat.GroupFields{
				Name: info.GroupName, AvatarURL: info.GroupAvatarURL, Notice: config.GroupNotice, CreatedAt: g.now.UnixMilli(),
				JoinMode: config.JoinMode, InviteMode: config.InviteMode, MaxMembers: config.MaxMemberCount,
			}, LastAt: g.now}
			g.add(caller, Owner)
			for _, id := range others {
				if g.full() {
					break
				}
				g.add(id, Regular)
			}
		case g.c.Dismissed:
			return fault.New(fault.FailedPrecondition, fault.GroupDismissed, "this group was dismissed: choose another groupID")
		case g.members[caller].Role != Owner || g.c.Name != info.GroupName:
			return fault.New(fault.AlreadyExists, fault.GroupAlreadyExists, "there is such a group already: choose another groupID")
		}
		out.GroupInfo = fullInfo(g.c, g.members[caller])
		for _, id := range append([]string{caller}, others...) {
			switch m, ok := g.members[id]; {
			case ok:
				out.UserList = append(out.UserList, m.info())
			case g.full():
				out.ErrorUserList = append(out.ErrorUserList, ErrorUser{id, fault.GroupMemberLimit})
			default:
				out.ErrorUserList = append(out.ErrorUserList, ErrorUser{id, fault.GroupUserIsNotInTheGroup})
			}
		}
		return nil
	})
	return out, err
}

// Join makes the caller a member; joining again succeeds. Errors: 6000523 no
// such group, 6000525 it is full, 6000542 and 6000543 its joinMode.
func (s *Service) Join(ctx context.Context, caller string, r *Request) (out Info, err error) {
	if err := r.check(); err != nil {
		return out, err
	}
	err = s.change(ctx, r.GroupID, caller, nil, func(g *state) error {
		if err := g.exists(); err != nil {
			return err
		}
		if _, ok := g.members[caller]; !ok {
			switch {
			case g.c.JoinMode == chat.JoinForbid:
				return fault.New(fault.PermissionDenied, fault.GroupForbidJoin, "nobody can join this group by themselves: ask a member to invite you")
			case g.c.JoinMode == chat.JoinAuth:
				return fault.New(fault.PermissionDenied, fault.GroupNeedApplyJoin, "joining this group needs approval: ask a member to invite you")
			case g.full():
				return fault.New(fault.FailedPrecondition, fault.GroupMemberLimit, "the group is full: it has %d members", g.c.MemberCount)
			}
			g.add(caller, Regular)
		}
		out = Info{fullInfo(g.c, g.members[caller])}
		return nil
	})
	return out, err
}

// Leave ends the caller's membership; having left already succeeds. An owner
// can't leave: 6000501.
func (s *Service) Leave(ctx context.Context, caller string, r *Request) (Done, error) {
	if err := r.check(); err != nil {
		return Done{}, err
	}
	return Done{r.GroupID}, s.change(ctx, r.GroupID, caller, nil, func(g *state) error {
		if err := g.exists(); err != nil {
			return err
		}
		m, ok := g.members[caller]
		if !ok {
			return nil
		}
		if !m.Role.may(leave) {
			return fault.New(fault.FailedPrecondition, fault.GroupCommon, "the owner can't leave the group: transfer it first (group-transfer), or dismiss it (group-dismiss)")
		}
		g.remove(m)
		return nil
	})
}

// Invite makes others members, as far as there is room. errorUserList names
// those who are members already (6000522) and those there is no room for
// (6000525).
func (s *Service) Invite(ctx context.Context, caller string, r *UsersRequest) (out Invited, err error) {
	if err := r.check(); err != nil {
		return out, err
	}
	others := distinct(r.UserIDs)
	err = s.change(ctx, r.GroupID, caller, others, func(g *state) error {
		out = Invited{GroupID: r.GroupID, UserList: []MemberInfo{}, ErrorUserList: []ErrorUser{}}
		if err := g.exists(); err != nil {
			return err
		}
		if _, err := g.actor(caller, inviting(g.c)); err != nil {
			return err
		}
		for _, id := range others {
			_, in := g.members[id]
			switch {
			case in:
				out.ErrorUserList = append(out.ErrorUserList, ErrorUser{id, fault.GroupMemberAlreadyIn})
			case g.full():
				out.ErrorUserList = append(out.ErrorUserList, ErrorUser{id, fault.GroupMemberLimit})
			default:
				out.UserList = append(out.UserList, g.add(id, Regular).info())
			}
		}
		return nil
	})
	return out, err
}

// Kick ends others' memberships. errorUserList names those who aren't members
// (6000521) and those whom the caller's role can't remove (6000541).
func (s *Service) Kick(ctx context.Context, caller string, r *UsersRequest) (out Kicked, err error) {
	if err := r.check(); err != nil {
		return out, err
	}
	others := distinct(r.UserIDs)
	err = s.change(ctx, r.GroupID, caller, others, func(g *state) error {
		out = Kicked{GroupID: r.GroupID, KickedUserIDList: []string{}, ErrorUserList: []ErrorUser{}}
		me, err := g.actor(caller, kickRegular)
		if err != nil {
			return err
		}
		for _, id := range others {
			m, in := g.members[id]
			switch {
			case !in:
				out.ErrorUserList = append(out.ErrorUserList, ErrorUser{id, fault.GroupUserIsNotInTheGroup})
			case !me.Role.may(kicking(m.Role)):
				out.ErrorUserList = append(out.ErrorUserList, ErrorUser{id, fault.GroupNoAuthority})
			default:
				g.remove(m)
				out.KickedUserIDList = append(out.KickedUserIDList, id)
			}
		}
		return nil
	})
	return out, err
}

// clearStep is how many members one step of a dismissal removes: with the
// document that a step reads for each, well inside a request to Firestore.
const clearStep = 250

// clearBudget is how long Dismiss and Clear remove members: half of a request's
// time, some 10,000 members on the emulator.
const clearBudget = 10 * time.Second

// maxClearing is how many groups Clear asks for at a time.
const maxClearing = 20

// Dismiss ends the group. One transaction closes it for everyone and takes its
// roster away, so that no message of it is planned any more; then its members
// are removed, step by step, which the sweep goes on with (Clear) where it takes
// longer than clearBudget or breaks off. Repeating it does so, too. The group's
// ID can't be used again, and its messages stay until they expire.
func (s *Service) Dismiss(ctx context.Context, caller string, r *Request) (Done, error) {
	if err := r.check(); err != nil {
		return Done{}, err
	}
	err := s.change(ctx, r.GroupID, caller, nil, func(g *state) error {
		if g.c != nil && g.c.Dismissed && g.c.DismissedBy == caller {
			return nil
		}
		if _, err := g.actor(caller, dismiss); err != nil {
			return err
		}
		g.change.DropChunks = len(g.c.Chunks)
		g.c.Dismissed, g.c.DismissedBy, g.c.Clearing = true, caller, true
		g.c.MemberCount, g.c.Chunks = 0, nil
		g.changed = true
		return nil
	})
	if err != nil {
		return Done{}, err
	}
	_, err = s.clear(ctx, CID(r.GroupID), s.Now().Add(clearBudget))
	return Done{r.GroupID}, err
}

// Clear goes on with the dismissals that broke off, and returns how many of them
// it finished. It is safe to run twice, concurrently or after dying anywhere: a
// group is looked for until its last member is removed, and removing one who is
// gone changes nothing. Cost: a read, where there is nothing to do.
func (s *Service) Clear(ctx context.Context) (finished int, err error) {
	defer fault.Wrap(&err, "clear dismissed groups")
	end := s.Now().Add(clearBudget)
	cids, err := s.Store.ClearingGroups(ctx, maxClearing)
	if err != nil {
		return 0, err
	}
	for _, cid := range cids {
		done, err := s.clear(ctx, cid, end)
		if err != nil || !done {
			return finished, err
		}
		finished++
	}
	return finished, nil
}

// clear removes a dismissed group's members until end, and reports whether all
// are gone.
func (s *Service) clear(ctx context.Context, cid string, end time.Time) (done bool, err error) {
	for {
		more, err := s.Store.ClearGroup(ctx, cid, clearStep)
		if err != nil || !more {
			return err == nil, err
		}
		if s.Now().After(end) {
			return false, nil
		}
	}
}

// Members is a page of the group's members, in the order they joined in.
func (s *Service) Members(ctx context.Context, caller string, r *MembersRequest) (out MemberPage, err error) {
	if err := r.check(); err != nil {
		return out, err
	}
	if _, _, err := s.view(ctx, r.GroupID, caller); err != nil {
		return out, err
	}
	members, err := s.Store.Members(ctx, CID(r.GroupID), r.NextFlag, r.Count)
	if err != nil {
		return out, err
	}
	out = MemberPage{GroupID: r.GroupID, UserList: []MemberInfo{}}
	for _, m := range members {
		out.UserList = append(out.UserList, m.info())
	}
	if len(members) == r.Count {
		out.NextFlag = members[len(members)-1].Number
	}
	return out, nil
}

// Mine is a page of the caller's groups. A page may be shorter than asked for,
// or empty, and yet not the last: NextFlag tells.
func (s *Service) Mine(ctx context.Context, caller string, r *MineRequest) (out GroupPage, err error) {
	if err := r.check(); err != nil {
		return out, err
	}
	after := ""
	if r.NextFlag != "" {
		after = CID(r.NextFlag)
	}
	members, err := s.Store.Memberships(ctx, caller, after, r.Count)
	if err != nil {
		return out, err
	}
	cids := make([]string, len(members))
	for i, m := range members {
		cids[i] = CID(m.GroupID)
	}
	groups, err := s.Store.Groups(ctx, cids)
	if err != nil {
		return out, err
	}
	out.GroupList = []Membership{}
	for i, m := range members {
		// A dismissed group's members are being removed.
		if c, ok := groups[cids[i]]; ok && !c.Dismissed {
			info := fullInfo(&c, m)
			out.GroupList = append(out.GroupList, Membership{info.BaseInfo, m.Status, m.MutedUntil, m.Role})
		}
	}
	if len(members) == r.Count {
		out.NextFlag = members[len(members)-1].GroupID
	}
	return out, nil
}

// Info is what a member may know of the group.
func (s *Service) Info(ctx context.Context, caller string, r *Request) (out Info, err error) {
	if err := r.check(); err != nil {
		return out, err
	}
	c, m, err := s.view(ctx, r.GroupID, caller)
	if err != nil {
		return out, err
	}
	return Info{fullInfo(c, m)}, nil
}

// SetStatus sets whether the caller is rung for the group's messages.
func (s *Service) SetStatus(ctx context.Context, caller string, r *StatusRequest) (out StatusSet, err error) {
	if err := r.Check(caller); err != nil {
		return out, err
	}
	if *r.ConversationType != chat.Group {
		return out, fault.Invalid("conversationType", "is %d: give 2 (group) here, and a peer at conversation-notification-status", *r.ConversationType)
	}
	return StatusSet{r.ConversationID, chat.Group}, s.change(ctx, r.ConversationID, caller, nil, func(g *state) error {
		m, err := g.actor(caller, mute)
		if err != nil {
			return err
		}
		m.Status, m.MutedUntil, m.Level = r.Status, r.MutedUntil, r.Level
		g.update(m)
		return nil
	})
}

// SetRole makes a member an admin, or an admin an ordinary member.
func (s *Service) SetRole(ctx context.Context, caller string, r *RoleRequest) (out RoleSet, err error) {
	if err := r.check(caller); err != nil {
		return out, err
	}
	return RoleSet(*r), s.change(ctx, r.GroupID, caller, []string{r.ForUserID}, func(g *state) error {
		if _, err := g.actor(caller, setRole); err != nil {
			return err
		}
		m, err := g.member("forUserID", r.ForUserID)
		if err != nil {
			return err
		}
		m.Role = r.Role
		g.update(m)
		return nil
	})
}

// Transfer makes a member the owner, and the caller an ordinary member. A
// transfer to who is the owner already succeeds, whichever member asks.
func (s *Service) Transfer(ctx context.Context, caller string, r *TransferRequest) (out Transferred, err error) {
	if err := r.check(); err != nil {
		return out, err
	}
	return Transferred(*r), s.change(ctx, r.GroupID, caller, []string{r.ToUserID}, func(g *state) error {
		me, err := g.actor(caller, view)
		if err != nil {
			return err
		}
		to, err := g.member("toUserID", r.ToUserID)
		if err != nil {
			return err
		}
		if to.Role == Owner {
			return nil
		}
		if me, err = g.actor(caller, transfer); err != nil {
			return err
		}
		me.Role, to.Role = Regular, Owner
		g.update(me)
		g.update(to)
		return nil
	})
}
