package inbox_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/inbox"
)

// storing is how long a message takes from its sender's look at the clock to
// the store: a request's time.
const storing = 20 * time.Second

// simulation is a person who pages while others write, and leave and join.
type simulation struct {
	*world
	*rand.Rand
	people []string
	groups []string
	stays  map[string][]stay // mine in each group
	all    int               // messages still to be sent
	quiet  bool              // I send nothing myself
}

// stay is the OrderKeys of a group while I was in it.
type stay struct {
	after, upTo int64
	over        bool
}

func newSimulation(t *testing.T, seed uint64) *simulation {
	s := &simulation{world: newWorld(t), Rand: rand.New(rand.NewPCG(seed, 0)), stays: map[string][]stay{}, all: 250}
	// Any two clocks and a message's way into the store: within Tolerance.
	apart := inbox.Tolerance - storing - time.Second
	s.clocks = nil
	for range 4 {
		s.clocks = append(s.clocks, time.Duration(s.Int64N(int64(apart)))-apart/2)
	}
	for i := range 5 {
		s.people = append(s.people, fmt.Sprint("p", i))
	}
	for i := range 3 {
		id := fmt.Sprint("g", i)
		s.group(id, "owner", append(s.people, "me")...)
		s.groups, s.stays[id] = append(s.groups, id), []stay{{}}
	}
	return s
}

// busy has things happen while a page is read.
func (s *simulation) busy() {
	s.happen = func() {
		for range s.IntN(4) {
			s.step()
		}
	}
}

// step lets a little time pass, in which somebody may do something.
func (s *simulation) step() {
	s.at = s.IntN(len(s.clocks))
	s.now = s.now.Add(pick(s.Rand, []time.Duration{0, time.Millisecond, 10 * time.Millisecond, time.Second, 20 * time.Second, 3 * time.Minute}))
	s.settle()
	if s.all == 0 {
		return
	}
	s.all--
	from, to, kind := pick(s.Rand, s.people), "me", chat.Peer
	switch s.IntN(8) {
	case 0, 1, 2:
		to, kind = pick(s.Rand, s.groups), chat.Group
	case 3:
		if s.quiet {
			break
		}
		from, to = "me", from // from another device of mine
	case 4:
		if s.quiet {
			break
		}
		from, to, kind = "me", pick(s.Rand, s.groups), chat.Group
	}
	s.waiting = append(s.waiting, waiting{s.message(from, to, kind, s.clock()), s.now.Add(time.Duration(s.Int64N(int64(storing))))})
}

// regroup has me leave a group or come back to it.
func (s *simulation) regroup() {
	id := pick(s.Rand, s.groups[:2]) // I stay in the third
	last := s.lastSeq(id)
	now := &s.stays[id][len(s.stays[id])-1]
	var err error
	if now.over {
		_, err = s.world.groups.Join(ctx, "me", &group.Request{GroupID: id})
		s.stays[id] = append(s.stays[id], stay{after: last})
	} else {
		_, err = s.world.groups.Leave(ctx, "me", &group.Request{GroupID: id})
		now.over, now.upTo = true, last
	}
	if err != nil {
		s.Fatal(err)
	}
}

func (s *simulation) lastSeq(groupID string) int64 {
	c, _, err := s.ReadGroup(ctx, group.CID(groupID), nil)
	if err != nil {
		s.Fatal(err)
	}
	return c.LastSeq
}

// page asks for a page, at times more than once: the answer was lost, or the
// client died before it stored it.
func (s *simulation) page(c *client) (more bool) {
	size := pick(s.Rand, []int{1, 2, 3, 7, 13, 100, 500})
	a := s.sync("me", c.cursor, size)
	for s.IntN(4) == 0 {
		again := s.sync("me", c.cursor, inbox.MaxCount)
		s.superset(a, again)
		a = s.sync("me", c.cursor, size)
	}
	c.take(a)
	return a.HasMore
}

// superset checks that a repeated page with room for all has what the first
// had, and of each conversation begins where that began.
func (s *simulation) superset(first, again inbox.SyncAnswer) {
	s.Helper()
	one, two := (&client{got: first.MessageList}).byConversation(), (&client{got: again.MessageList}).byConversation()
	for id, seqs := range one {
		if len(two[id]) < len(seqs) || !slices.Equal(two[id][:len(seqs)], seqs) {
			s.Fatalf("a repeated page has of %s %v, the first had %v", id, two[id], seqs)
		}
	}
}

// Others send while I page, by clocks that differ: nothing is missing, nothing
// comes twice, and each conversation is in order.
func TestNothingMissingNothingTwice(t *testing.T) {
	for seed := range uint64(80) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s, c := newSimulation(t, seed), &client{}
			s.page(c)
			s.busy()
			for s.all > 0 || len(s.waiting) > 0 {
				for s.page(c) && s.IntN(3) > 0 {
				}
				if s.IntN(5) == 0 { // away for a while
					for range s.IntN(30) {
						s.step()
					}
					s.now = s.now.Add(time.Duration(s.IntN(90)) * time.Minute)
					s.regroup()
				}
				s.step()
			}
			for s.page(c) {
			}
			if more := s.sync("me", c.cursor, 500); len(more.MessageList) != 0 || more.HasMore {
				t.Errorf("after the last page there is %+v", more.MessageList)
			}
			s.complete(c)
		})
	}
}

// complete checks that the client has everything.
func (s *simulation) complete(c *client) {
	s.Helper()
	peers, err := s.Memory.Peers(ctx, "me", 0)
	if err != nil || len(peers) != len(s.people) {
		s.Fatalf("%d conversations, %v", len(peers), err)
	}
	for _, p := range peers {
		other := p.Members[0]
		if other == "me" {
			other = p.Members[1]
		}
		c.want(s.T, "0"+other, 0, p.LastSeq)
	}
	for id, stays := range s.stays {
		got := c.byConversation()["2"+id]
		for _, stay := range stays {
			if !stay.over {
				stay.upTo = s.lastSeq(id)
			}
			seq := stay.after
			for seq < stay.upTo && len(got) > 0 && got[0] == seq+1 {
				seq, got = seq+1, got[1:]
			}
			// What I hadn't fetched when I left I don't get.
			if !stay.over && seq < stay.upTo {
				s.Errorf("of %s nothing after %d, there is up to %d", id, seq, stay.upTo)
			}
		}
		if len(got) > 0 {
			s.Errorf("of %s, where I was %+v: %v too much", id, stays, got)
		}
	}
}

// A first run gives what is unread and then goes on like any other, while
// others write and another device of mine reads.
func TestFirstRunBeginsWithWhatIsUnread(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newSimulation(t, seed)
			s.quiet = true
			for range 120 {
				s.step()
				if s.IntN(10) == 0 {
					s.read()
				}
			}
			s.now = s.now.Add(storing)
			s.settle()
			before := s.unread()

			s.busy()
			c, reads := &client{}, s.IntN(2) == 0
			for s.page(c) || s.all > 0 || len(s.waiting) > 0 {
				if s.step(); reads && s.IntN(3) == 0 {
					s.read()
				}
			}
			for s.page(c) {
			}
			for id, unread := range s.unread() {
				got := c.byConversation()[id]
				from := before[id].read
				if len(got) > 0 {
					from = got[0] - 1
				}
				// What was read elsewhere before the run came to the conversation may be left out.
				if from < before[id].read || from > unread.read || (!reads && from != before[id].read) {
					t.Errorf("%s begins behind %d; read before %d, after %d", id, from, before[id].read, unread.read)
				}
				c.want(t, id, from, unread.last)
			}
		})
	}
}

// position is how far I have read of a conversation, and what there is.
type position struct{ read, last int64 }

// unread is my position in each conversation.
func (s *simulation) unread() map[string]position {
	s.Helper()
	out := map[string]position{}
	count, flag := 3, ""
	for {
		list, err := s.inbox.List(ctx, "me", &inbox.ListRequest{Count: &count, NextFlag: flag})
		if err != nil {
			s.Fatal(err)
		}
		for _, c := range list.ConversationList {
			out[fmt.Sprint(c.Type, c.ConversationID)] = position{c.ReadMessageSeq, c.LastMessageSeq}
		}
		if flag = list.NextFlag; flag == "" {
			return out
		}
	}
}

// read has another device of mine read some conversation up to some message.
func (s *simulation) read() {
	r := &inbox.ReadRequest{ConversationID: pick(s.Rand, s.people), ConversationType: new(chat.ConversationType), MessageSeq: int64(s.IntN(20))}
	if s.IntN(2) == 0 {
		r.ConversationID, *r.ConversationType = pick(s.Rand, s.groups), chat.Group
	}
	_, err := s.inbox.Read(ctx, "me", r)
	if err != nil && fault.From(err).Code != fault.ConversationDoesNotExist {
		s.Error(err)
	}
}
