package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/inbox"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// room is a group of people. Its owner never leaves.
type room struct {
	id     string
	owner  *person
	muters map[string]bool           // who wants nothing of it to ring, all the time
	levels map[string]presence.Level // and who has a level of their own for it
}

// membership is what a request of a member's made of their membership.
type membership struct {
	span
	in bool
}

// reading is a request that read all of a conversation there was.
type reading struct {
	span
	cid string
}

// said is a message that was sent.
type said struct {
	span
	id, cid string
	sender  *person
	peer    *person // nil: of a group
	in      *room
	pushed  bool // it asked for a push
	refused bool
	// mentions is whom it mentions, by ID; insists: and is to ring whatever they
	// have muted.
	mentions map[string]bool
	insists  bool
}

// formGroups makes the groups: each of some people, and one of everybody.
func (w *World) formGroups() {
	r := w.dice.stream("groups")
	for n := range w.Size.Groups {
		members := w.some(r, min(w.Size.People, 2+r.IntN(max(w.Size.People, 3)-1)))
		if n == 0 && w.Size.Crowd > 0 {
			members = w.people
		}
		g := &room{id: fmt.Sprintf("%s-g%d", w.name, n), owner: members[0], muters: map[string]bool{}, levels: map[string]presence.Level{}}
		w.rooms = append(w.rooms, g)
		w.must("create "+g.id, func(ctx context.Context, p *process) error {
			_, err := p.groups.Create(ctx, g.owner.id, &group.CreateRequest{GroupInfo: &group.BaseInfo{GroupID: g.id, GroupName: "group"}})
			return err
		})
		for some := range slices.Chunk(members[1:], group.MaxUsers) {
			ids := make([]string, len(some))
			for i, p := range some {
				ids[i] = p.id
			}
			w.must("invite to "+g.id+" from "+ids[0], func(ctx context.Context, p *process) error {
				_, err := p.groups.Invite(ctx, g.owner.id, &group.UsersRequest{GroupID: g.id, UserIDs: ids})
				return err
			})
		}
		for _, p := range members {
			p.belongs(g, membership{in: true})
			if p != g.owner && r.IntN(10) == 0 {
				w.wishOfGroup(g, p, group.DoNotDisturb, "")
			} else if p != g.owner && r.IntN(12) == 0 {
				w.wishOfGroup(g, p, group.Notify, aLevel(r))
			}
		}
	}
}

// must makes a request that can't be refused.
func (w *World) must(id string, f func(context.Context, *process) error) span {
	s, err := w.request(id, id, f)
	if err != nil {
		w.fail("a request is refused that must not be", "", "", "%s: %v", id, err)
	}
	return s
}

func (p *person) belongs(g *room, m membership) {
	if p.rooms == nil {
		p.rooms = map[string][]membership{}
	}
	p.rooms[g.id] = append(p.rooms[g.id], m)
}

// possiblyIn is whether p may have been, and may not have been, a member at some
// time in [from, to].
func (p *person) possiblyIn(g *room, from, to time.Time) (in, out bool) {
	history := append([]membership{{}}, p.rooms[g.id]...)
	for i, m := range history {
		begin, end := m.from, to.Add(time.Hour)
		if i+1 < len(history) {
			end = history[i+1].to
		}
		if begin.After(to) || end.Before(from) {
			continue
		}
		in, out = in || m.in, out || !m.in
	}
	return in, out
}

// socialLife is what a person does but for sending: they leave groups and come
// back, and read.
func (w *World) socialLife(p *person) {
	r := w.dice.stream("social", p.id)
	for n := range r.IntN(4) {
		time.Sleep(within(r, w.Size.For/2))
		if len(w.rooms) == 0 || r.IntN(2) == 0 {
			w.read(p, r, n)
			continue
		}
		g := w.rooms[r.IntN(len(w.rooms))]
		if in, _ := p.possiblyIn(g, time.Now(), time.Now()); !in || p == g.owner || g.muters[p.id] || g.levels[p.id] != "" {
			continue
		}
		p.belongs(g, membership{w.must(fmt.Sprintf("leave %s by %s, %d", g.id, p.id, n), func(ctx context.Context, i *process) error {
			_, err := i.groups.Leave(ctx, p.id, &group.Request{GroupID: g.id})
			return err
		}), false})
		if r.IntN(2) == 0 {
			time.Sleep(within(r, w.Size.For/4))
			p.belongs(g, membership{w.must(fmt.Sprintf("join %s by %s, %d", g.id, p.id, n), func(ctx context.Context, i *process) error {
				_, err := i.groups.Join(ctx, p.id, &group.Request{GroupID: g.id})
				return err
			}), true})
		}
	}
}

// read has a person read a conversation to its end. It is refused where there is
// none.
func (w *World) read(p *person, r *rand.Rand, n int) {
	t, id := chat.Peer, w.some(r, 1, p)[0].id
	if len(w.rooms) > 0 && r.IntN(2) == 0 {
		t, id = chat.Group, w.rooms[r.IntN(len(w.rooms))].id
	}
	cid := chat.CID(t, p.id, id)
	s, err := w.request(fmt.Sprintf("read %s by %s, %d", id, p.id, n), cid, func(ctx context.Context, i *process) error {
		_, err := i.inbox.Read(ctx, p.id, &inbox.ReadRequest{ConversationID: id, ConversationType: &t})
		return err
	})
	if err == nil {
		p.reads = append(p.reads, reading{s, cid})
	}
}

// messageLane is one message.
func (w *World) messageLane(n int) {
	r := w.dice.stream("message", fmt.Sprint(n))
	time.Sleep(within(r, w.Size.For))
	two := w.some(r, 2)
	m := &said{sender: two[0], pushed: r.IntN(20) > 0}
	t, to := chat.Peer, two[1].id
	if len(w.rooms) > 0 && r.IntN(3) > 0 {
		m.in = w.rooms[r.IntN(len(w.rooms))]
		t, to = chat.Group, m.in.id
	} else {
		m.peer = two[1]
	}
	local := fmt.Sprintf("%s-m%d", w.name, n)
	m.cid = chat.CID(t, m.sender.id, to)
	m.id = docid.New("message", m.cid, m.sender.id, local)
	req := &chat.SendRequest{
		Message: &chat.Content{Type: chat.Text, Message: local}, ToConversationID: to, ConversationType: &t, LocalMessageID: local,
		Config: &chat.SendConfig{Priority: chat.Priority(1 + r.IntN(3))},
	}
	w.mention(m, r, req)
	if m.pushed {
		req.Config.PushConfig = pushConfig(local, "says hello")
	}
	s, err := w.request("send "+local, m.id, func(ctx context.Context, p *process) error {
		stored, err := p.sender.Send(ctx, m.sender.id, req)
		if err == nil && stored.MessageID != m.id {
			err = fault.Invalid("messageID", "is called %s", stored.MessageID) // asking again helps nobody
		}
		return err
	})
	m.span, m.refused = s, err != nil
	w.mu.Lock()
	defer w.mu.Unlock()
	w.messages = append(w.messages, m)
}

// mention has some messages mention somebody, or everyone.
func (w *World) mention(m *said, r *rand.Rand, req *chat.SendRequest) {
	m.mentions = map[string]bool{}
	switch r.IntN(12) {
	case 0:
		req.Message.IsMentionAll = true
		for _, p := range w.people {
			m.mentions[p.id] = true
		}
	case 1, 2, 3:
		for _, p := range w.some(r, 1+r.IntN(2), m.sender) {
			req.Message.MentionedUserIDs = append(req.Message.MentionedUserIDs, p.id)
			m.mentions[p.id] = true
		}
	}
	m.insists = r.IntN(2) == 0
	req.Config.IsNotifyMentionedUsers = m.insists
}
