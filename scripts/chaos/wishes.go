package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// wishes is what a person doesn't want to ring, from before anything happens to
// the end.
type wishes struct {
	mutes, blocks map[string]bool           // people, by ID
	levels        map[string]presence.Level // of what people send them, by ID
	peer, group   presence.Level            // of all that has no level of its own
}

var wishedLevels = []presence.Level{presence.LevelAll, presence.LevelMentions, presence.LevelNone}

func aLevel(r *rand.Rand) presence.Level { return wishedLevels[r.IntN(len(wishedLevels))] }

// wish has some of the people say what they don't want.
func (w *World) wish() {
	r := w.dice.stream("wishes")
	for _, p := range w.people[:w.Size.People] {
		p.wishes = wishes{mutes: map[string]bool{}, blocks: map[string]bool{}, levels: map[string]presence.Level{}}
		if r.IntN(4) == 0 {
			w.wishOfPeer(p, w.some(r, 1, p)[0], true, "")
		}
		if r.IntN(5) == 0 {
			w.wishOfPeer(p, w.some(r, 1, p)[0], false, aLevel(r))
		}
		if r.IntN(6) == 0 {
			other := w.some(r, 1, p)[0]
			p.blocks[other.id] = true
			w.must("block "+other.id+" by "+p.id, func(ctx context.Context, i *process) error {
				_, err := i.registry.AddToBlacklist(ctx, p.id, []string{other.id})
				return err
			})
		}
		if r.IntN(5) == 0 {
			p.peer, p.group = aLevel(r), aLevel(r)
			var c presence.SettingsChange
			c.PeerLevel.Given, c.PeerLevel.Value = true, p.peer
			c.GroupLevel.Given, c.GroupLevel.Value = true, p.group
			w.must("levels of "+p.id, func(ctx context.Context, i *process) error {
				_, err := i.registry.ChangeSettings(ctx, p.id, c)
				return err
			})
		}
	}
}

// wishOfPeer is what p wants of another's messages.
func (w *World) wishOfPeer(p, other *person, muted bool, level presence.Level) {
	var mute *presence.Mute
	if muted {
		mute = &presence.Mute{}
	}
	delete(p.mutes, other.id)
	if muted {
		p.mutes[other.id] = true
	}
	p.levels[other.id] = level
	w.must(fmt.Sprintf("status of %s by %s, %q", other.id, p.id, level), func(ctx context.Context, i *process) error {
		return i.registry.SetPeer(ctx, p.id, chat.CID(chat.Peer, p.id, other.id), mute, level)
	})
}

// wishOfGroup is what a member wants of a group's messages.
func (w *World) wishOfGroup(g *room, who *person, status group.Status, level presence.Level) {
	g.muters[who.id], g.levels[who.id] = status == group.DoNotDisturb, level
	t := chat.Group
	w.must(fmt.Sprintf("status of %s by %s", g.id, who.id), func(ctx context.Context, p *process) error {
		_, err := p.groups.SetStatus(ctx, who.id, &group.StatusRequest{Status: status, ConversationID: g.id, ConversationType: &t, Level: level})
		return err
	})
}

// unwanted is why the person doesn't want to be rung for m, "" if they do.
func (p *person) unwanted(m *said) string {
	level, muted := p.peer, p.mutes[m.sender.id]
	if m.in != nil {
		level, muted = p.group, m.in.muters[p.id]
		if own := m.in.levels[p.id]; own != "" {
			level = own
		}
	} else if own := p.levels[m.sender.id]; own != "" {
		level = own
	}
	insisted := m.insists && m.mentions[p.id]
	switch {
	case p.blocks[m.sender.id]:
		return "its sender is blocked"
	case muted && !insisted:
		return "the conversation is muted"
	case level == presence.LevelNone && !insisted, level == presence.LevelMentions && !m.mentions[p.id]:
		return "the level leaves it out"
	}
	return ""
}
