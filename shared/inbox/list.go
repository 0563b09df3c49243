package inbox

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/doorbell-push/doorbell/shared/fault"
)

// MaxListCount is how many conversations one page of a list has at most.
const MaxListCount = 100

// ListRequest is the body of `conversations`: ZIM's queryConversationList.
type ListRequest struct {
	Count    *int   `json:"count"`    // 1 to MaxListCount; left out: MaxListCount
	NextFlag string `json:"nextFlag"` // empty for the first page, then the last answer's
}

// ListAnswer is ZIM's ZIMConversationListQueriedResult.
type ListAnswer struct {
	ConversationList []Info `json:"conversationList"`
	NextFlag         string `json:"nextFlag"` // empty on the last page
}

// Place is a conversation's place in a list, the latest message first.
type Place struct {
	LastAt int64 // ms since 1970
	CID    string
}

// Compare orders places as a list does; those of one millisecond by document ID.
func (p Place) Compare(q Place) int {
	return cmp.Or(cmp.Compare(q.LastAt, p.LastAt), cmp.Compare(q.CID, p.CID))
}

func (p Place) flag() string { return strconv.FormatInt(p.LastAt, 10) + "-" + p.CID }

func (b *box) place() Place { return Place{LastAt: b.c.LastAt.UnixMilli(), CID: b.cid} }

func (r *ListRequest) check() (count int, after *Place, err error) {
	if count, err = checkCount(r.Count, MaxListCount); err != nil || r.NextFlag == "" {
		return count, nil, err
	}
	digits, cid, _ := strings.Cut(r.NextFlag, "-")
	ms, err := strconv.ParseInt(digits, 10, 64)
	after = &Place{LastAt: ms, CID: cid}
	if err != nil || !cidPattern.MatchString(cid) || after.flag() != r.NextFlag {
		return 0, nil, fault.Invalid("nextFlag", "is none of ours: give back the nextFlag of the page before, or none for the first")
	}
	return count, after, nil
}

// List is a page of the caller's conversations that have a message, the one with
// the latest first. One that gets a message while its user pages moves to the
// front, where Sync shows it. Cost: a read for each peer conversation of the
// page and for each last message, two for each group the caller is in, and one.
func (s *Service) List(ctx context.Context, caller string, r *ListRequest) (out ListAnswer, err error) {
	defer fault.Wrap(&err, "conversations of %q", caller)
	count, after, err := r.check()
	if err != nil {
		return out, err
	}
	peers, err := s.Store.LatestPeers(ctx, caller, after, count+1) // one more tells whether there is more
	if err != nil {
		return out, err
	}
	all, err := s.groupBoxes(ctx, caller, 0)
	if err != nil {
		return out, err
	}
	for _, c := range peers {
		all = append(all, peerBox(caller, c))
	}
	all = slices.DeleteFunc(all, func(b *box) bool { return after != nil && b.place().Compare(*after) <= 0 })
	slices.SortFunc(all, func(a, b *box) int { return a.place().Compare(b.place()) })
	if len(all) > count {
		all = all[:count]
		out.NextFlag = all[count-1].place().flag()
	}
	if out.ConversationList, err = s.infos(ctx, caller, all); err != nil {
		return ListAnswer{}, err
	}
	return out, s.showLast(ctx, caller, all, out.ConversationList)
}

// showLast has the last messages in the infos of conversations.
func (s *Service) showLast(ctx context.Context, caller string, boxes []*box, infos []Info) error {
	if len(boxes) == 0 {
		return nil
	}
	ids := map[string]string{}
	for _, b := range boxes {
		ids[b.cid] = b.c.LastMessageID
	}
	last, err := s.Store.LastMessages(ctx, ids)
	for i, b := range boxes {
		if m, ok := last[b.cid]; ok {
			sent := m.For(caller)
			infos[i].LastMessage = &sent
		}
	}
	return err
}
