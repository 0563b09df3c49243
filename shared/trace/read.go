package trace

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// Store is what a story is read from. Each method is one request, Taken one for each 30
// keys.
type Store interface {
	// FindMessage is the message of an ID in whichever conversation; nil: there is
	// none.
	FindMessage(ctx context.Context, messageID string) (*chat.Message, error)
	// Entries is the ledger's entries of a subject.
	Entries(ctx context.Context, subjectID string) ([]delivery.Entry, error)
	// Taken is the entries of what took away any of delivery.TookKeys.
	Taken(ctx context.Context, keys []string) ([]delivery.Entry, error)
	// Aftermath is what devices told of a subject, the users that there are, and
	// the call of an ID unless that is empty.
	Aftermath(ctx context.Context, subjectID, callID string, userIDs []string) (Aftermath, error)
}

// Aftermath is what is known beside the ledger.
type Aftermath struct {
	Told  Told
	Users map[string]*presence.User
	Call  *call.Call // nil: there is none, or none was asked for
}

var messageID = regexp.MustCompile(`^[a-z2-7]{26}$`)

// mostNamed is for how many users the devices' names are looked up: a read each.
const mostNamed = 100

// Read is the story of a message or a call, of userID only unless that is empty.
// It makes at most three requests: for the message, for the ledger, and for all
// that is found by ID; and where devices were rung for a message a fourth, for what took
// it away again since it was read, of which 30 people are asked for at a time. Its reads:
// one for the message or call, one for each entry, one for each shard of the receipts,
// and one for each of up to 100 receivers; and of what took it away, one for each of the
// same receivers who read it elsewhere, where messages share a collapse ID for each such
// reading, and at least one a request. It fails with a *fault.Error where there is no
// such message or call.
func Read(ctx context.Context, db Store, id, userID string) (*Story, error) {
	s := &Story{ID: id, Receivers: []Receiver{}}
	callID, seq := id, int64(0)
	if messageID.MatchString(id) {
		m, err := db.FindMessage(ctx, id)
		if err != nil {
			return nil, err
		}
		if m != nil {
			callID, seq = "", m.OrderKey
			s.ofMessage(m)
		}
	}
	if callID != "" {
		s.SubjectID = call.ID(callID)
	}
	entries, err := db.Entries(ctx, s.SubjectID)
	if err != nil {
		return nil, err
	}
	known := receivers(entries, userID)
	a, err := db.Aftermath(ctx, s.SubjectID, callID, known)
	if err != nil {
		return nil, err
	}
	if keys := takeable(entries, known); len(keys) > 0 {
		taken, err := db.Taken(ctx, keys)
		if err != nil {
			return nil, err
		}
		entries = append(entries, dismissals(entries, taken, seq)...)
	}
	if callID != "" && a.Call == nil {
		return nil, fault.New(fault.NotFound, fault.TargetDoesNotExist, "there is no message or call %q: it may have expired, or be in another project", id)
	}
	if a.Call != nil {
		s.ofCall(a.Call)
	}
	s.Tell(entries, a.Told, a.Users, userID)
	return s, nil
}

func (s *Story) ofMessage(m *chat.Message) {
	kind := map[chat.ConversationType]string{chat.Peer: "", chat.Group: "group ", chat.Room: "room "}[m.ConversationType]
	s.Kind, s.From, s.To = "message", m.SenderUserID, kind+m.ConversationID
	s.At, s.Asked, s.SubjectID = time.UnixMilli(m.Timestamp).UTC(), m.Push != nil, m.MessageID
}

func (s *Story) ofCall(c *call.Call) {
	s.Kind, s.From, s.To = "call", c.Caller, fmt.Sprint(len(c.Users)-1, " invitees")
	s.At, s.Asked = time.UnixMilli(c.CreateTime).UTC(), len(c.Pushes) > 0
}

// receivers is the users whose devices' names are looked up.
func receivers(entries []delivery.Entry, userID string) []string {
	if userID != "" {
		return []string{userID}
	}
	ids := map[string]bool{}
	for _, e := range entries {
		for _, o := range e.Outcomes {
			ids[o.UserID] = true
		}
	}
	sorted := slices.Sorted(maps.Keys(ids))
	return sorted[:min(len(sorted), mostNamed)]
}

// takeable is the keys of what the users' devices may show of a message, by its
// entries: what shows nothing has no tag.
func takeable(entries []delivery.Entry, userIDs []string) []string {
	keys := map[string]bool{}
	for _, e := range entries {
		for key, o := range e.Outcomes {
			if e.Tag != "" && e.MayHaveShown(key) && slices.Contains(userIDs, o.UserID) {
				keys[delivery.TookKey(o.UserID, e.Tag)] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// dismissals is, of taken, what took the message with the OrderKey seq away, for the
// devices that may show it by entries. A tag may be that of several messages, one after
// another, and then of several readings: it was the first that came so far.
func dismissals(entries, taken []delivery.Entry, seq int64) (out []delivery.Entry) {
	shows := map[string]bool{} // by PushID
	for _, e := range entries {
		for key := range e.Outcomes {
			shows[key] = shows[key] || e.Tag != "" && e.MayHaveShown(key)
		}
	}
	slices.SortFunc(taken, func(a, b delivery.Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, e := range taken {
		if e.Seq < seq {
			continue
		}
		e.Outcomes = maps.Clone(e.Outcomes)
		maps.DeleteFunc(e.Outcomes, func(key string, _ delivery.Outcome) bool { return !shows[key] })
		for key := range e.Outcomes {
			shows[key] = false
		}
		out = append(out, e)
	}
	return out
}
