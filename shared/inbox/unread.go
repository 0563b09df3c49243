package inbox

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// MaxCounted bounds what Unread reads, and holds: so many peer conversations, those
// with the latest messages, and so many groups.
const MaxCounted = 50

// Unread is how many messages u has not read of the conversations that are in their
// badge by the rules, at most presence.MaxBadge: of MaxCounted peer conversations,
// those with the latest messages, and of all groups. A conversation counts as its
// unreadMessageCount says. Who is in more than MaxCounted groups isn't counted for
// (known is false): which of their groups have the latest messages can't be told
// without reading all.
//
// Cost: a read for each such peer conversation and at least one, one for each group
// and at least one, and another for each group that is in the badge: at most
// 3·MaxCounted in all.
func (s *Service) Unread(ctx context.Context, u *presence.User, rules plan.Rules) (n int, known bool, err error) {
	defer fault.Wrap(&err, "count what %q has not read", u.UserID)
	var peers, groups int64
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() (err error) {
		peers, err = s.unreadOfPeers(ctx, u, rules)
		return err
	})
	tasks.Go(func() (err error) {
		groups, known, err = s.unreadOfGroups(ctx, u, rules)
		return err
	})
	if err := tasks.Wait(); err != nil || !known {
		return 0, false, err
	}
	return int(min(peers+groups, presence.MaxBadge)), true, nil
}

func (s *Service) unreadOfPeers(ctx context.Context, u *presence.User, rules plan.Rules) (n int64, err error) {
	found, err := s.Store.LatestPeers(ctx, u.UserID, nil, MaxCounted)
	for _, c := range found {
		b := peerBox(u.UserID, c)
		if rules.InBadge(chat.Peer, b.cid, b.id(), plan.Receiver{UserID: u.UserID, Presence: u}, s.Now()) {
			n += b.unread()
		}
	}
	return n, err
}

func (s *Service) unreadOfGroups(ctx context.Context, u *presence.User, rules plan.Rules) (n int64, known bool, err error) {
	members, err := s.Store.Memberships(ctx, u.UserID, "", MaxCounted+1)
	if err != nil || len(members) > MaxCounted {
		return 0, false, err
	}
	loud := map[string]*group.Member{}
	var cids []string
	for _, m := range members {
		cid := group.CID(m.GroupID)
		r := plan.Receiver{UserID: u.UserID, Presence: u, Member: plan.MemberOf(m.Entry())}
		if rules.InBadge(chat.Group, cid, "", r, s.Now()) {
			loud[cid], cids = &m, append(cids, cid)
		}
	}
	if len(cids) == 0 {
		return 0, true, nil
	}
	found, err := s.Store.Groups(ctx, cids)
	for cid, c := range found {
		if b := (box{cid: cid, userID: u.UserID, c: c, member: loud[cid]}); !c.Dismissed {
			n += b.unread()
		}
	}
	return n, true, err
}
