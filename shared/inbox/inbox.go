// Package inbox is what a person has in their conversations and missed: pages
// of everything since a cursor, unread counts and read positions, lists and
// histories. Peer conversations and groups have one; rooms don't.
package inbox

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Store reads conversations, and keeps how far they are read. Times are in
// milliseconds since 1970.
type Store interface {
	// Peers is userID's peer conversations whose last message is later than
	// since: all of them, as they are at one moment.
	Peers(ctx context.Context, userID string, since int64) ([]chat.Conversation, error)
	// LatestPeers is up to limit of userID's peer conversations, the one with the
	// latest message first, from the one behind after on.
	LatestPeers(ctx context.Context, userID string, after *Place, limit int) ([]chat.Conversation, error)
	// Memberships, Groups and ReadGroup are group.Store's.
	Memberships(ctx context.Context, userID, afterCID string, limit int) ([]group.Member, error)
	Groups(ctx context.Context, cids []string) (map[string]chat.Conversation, error)
	ReadGroup(ctx context.Context, cid string, userIDs []string) (*chat.Conversation, map[string]group.Member, error)

	// MessagesAfter is up to limit of a conversation's messages with an OrderKey
	// above seq, in order.
	MessagesAfter(ctx context.Context, cid string, seq int64, limit int) ([]chat.Message, error)
	// MessagesSince is up to limit of them later than since, in order.
	MessagesSince(ctx context.Context, cid string, since int64, limit int) ([]chat.Message, error)
	// MessagesBefore is up to limit of them with an OrderKey below seq, the last
	// one first.
	MessagesBefore(ctx context.Context, cid string, seq int64, limit int) ([]chat.Message, error)
	// LastMessages is the messages with the given IDs, by cid; who has expired is
	// absent.
	LastMessages(ctx context.Context, byCID map[string]string) (map[string]chat.Message, error)

	// SetRead runs f in a transaction on a conversation and, of a Group, userID's
	// membership, nil where there is none. What f returns is how far userID has
	// read by Conversation.Read or by the membership; nothing is written where
	// that is so already, or f fails. f may run several times.
	SetRead(ctx context.Context, t chat.ConversationType, cid, userID string, f func(*chat.Conversation, *group.Member) (int64, error)) error

	// RingingCalls is up to limit of the calls that ring for userID as they are
	// stored: some may be over.
	RingingCalls(ctx context.Context, userID string, limit int) ([]call.Call, error)
}

// Presence is where a user has their mutes, and the plan finds what is read.
type Presence interface {
	Users(ctx context.Context, userIDs []string) (map[string]*presence.User, error)
}

// Reads tells the plan what is read, and the user's other devices: see fanout.Reader.
type Reads interface {
	MarkRead(ctx context.Context, r push.Reading) error
}

// Service is what users do with their conversations. All but Read only read.
type Service struct {
	Store    Store
	Presence Presence
	Reads    Reads
	Now      func() time.Time
}

// box is a conversation as one of its users has it.
type box struct {
	cid    string
	userID string
	c      chat.Conversation
	member *group.Member // nil of a Peer conversation
}

// id is the conversationID that the user knows it by.
func (b *box) id() string {
	if b.member != nil {
		return b.c.ID
	}
	for _, id := range b.c.Members {
		if id != b.userID {
			return id
		}
	}
	return b.userID
}

// joinSeq is the OrderKey behind which messages are for the user.
func (b *box) joinSeq() int64 {
	if b.member != nil {
		return b.member.JoinSeq
	}
	return 0
}

// readSeq is the OrderKey up to which the user has read.
func (b *box) readSeq() int64 {
	if b.member != nil {
		return b.c.ReadSeq(b.userID, max(b.member.ReadSeq, b.member.JoinSeq))
	}
	return b.c.ReadSeq(b.userID, 0)
}

// unread is how many messages the user has not read.
func (b *box) unread() int64 { return max(0, b.c.LastSeq-b.readSeq()) }

// membershipPage is how many memberships, and then groups, are read at once.
const membershipPage = 300

// boxes is the conversations of userID whose last message is later than since,
// as they are at some moments after the call began. A conversation that somebody
// writes to meanwhile is among them or gets its message after that. Cost: a read
// for each such peer conversation and two for each group that the user is in,
// and at least three.
func (s *Service) boxes(ctx context.Context, userID string, since int64) ([]*box, error) {
	var peers, groups []*box
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error {
		found, err := s.Store.Peers(ctx, userID, since)
		for _, c := range found {
			peers = append(peers, peerBox(userID, c))
		}
		return err
	})
	tasks.Go(func() (err error) {
		groups, err = s.groupBoxes(ctx, userID, since)
		return err
	})
	err := tasks.Wait()
	return append(peers, groups...), err
}

func peerBox(userID string, c chat.Conversation) *box {
	b := &box{userID: userID, c: c}
	b.cid = chat.CID(chat.Peer, userID, b.id())
	return b
}

// groupBoxes is the groups among boxes: those with a message, and not dismissed.
func (s *Service) groupBoxes(ctx context.Context, userID string, since int64) ([]*box, error) {
	var out []*box
	for after := ""; ; {
		members, err := s.Store.Memberships(ctx, userID, after, membershipPage)
		if err != nil {
			return nil, err
		}
		cids := make([]string, len(members))
		for i, m := range members {
			cids[i] = group.CID(m.GroupID)
		}
		found, err := s.Store.Groups(ctx, cids)
		if err != nil {
			return nil, err
		}
		for i, m := range members {
			c, ok := found[cids[i]]
			if ok && !c.Dismissed && c.LastSeq > 0 && c.LastAt.UnixMilli() > since {
				out = append(out, &box{cid: cids[i], userID: userID, c: c, member: &m})
			}
		}
		if len(members) < membershipPage {
			return out, nil
		}
		after = cids[len(cids)-1]
	}
}
