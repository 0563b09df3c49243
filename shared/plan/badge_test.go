package plan

import (
	"testing"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Who asks for a number, and gives none, gets what the user has not read.
func TestNeedsUnread(t *testing.T) {
	for name, tc := range map[string]struct {
		kind     push.Kind
		enable   bool
		step, by int // the sender's, the app's
		want     bool
	}{
		"enabled":             {push.KindMessage, true, 0, 0, true},
		"not enabled":         {push.KindMessage, false, 0, 0, false},
		"with a step":         {push.KindMessage, true, 1, 0, false},
		"the app's number":    {push.KindMessage, true, 0, 1, false},
		"both":                {push.KindMessage, true, 1, 1, false},
		"a call":              {push.KindCall, true, 0, 0, false},
		"an edit":             {push.KindEdit, true, 0, 0, false},
		"what was read":       {push.KindRead, false, 0, 0, false},
		"of one that said it": {push.KindRead, true, 0, 0, true},
		"of the app's own":    {push.KindRead, true, 0, 1, false},
		"of the quiet hours":  {push.KindSummary, true, 0, 0, false},
	} {
		a := push.Announcement{Kind: tc.kind, Push: chat.PushConfig{EnableBadge: tc.enable, BadgeIncrement: tc.step}}
		if got := NeedsUnread(a, push.Target{Badge: tc.by}); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// What is in the number: the conversations whose every message may ring.
func TestInBadge(t *testing.T) {
	u := func() *presence.User { return bob(phone()) }
	in := &Member{}
	for name, tc := range map[string]struct {
		peer   bool
		u      *presence.User
		member *Member
		by     presence.Settings // the operator's
		want   bool
	}{
		"peer":                    {peer: true, u: u(), want: true},
		"peer, nobody known":      {peer: true, want: true},
		"peer, muted":             {peer: true, u: mute(0, u())},
		"peer, muted until later": {peer: true, u: mute(now.UnixMilli()+1, u())},
		"peer, muted until now":   {peer: true, u: mute(now.UnixMilli(), u()), want: true},
		"peer, blocked":           {peer: true, u: blocking(u())},
		"peer, own level none":    {peer: true, u: func() *presence.User { u := u(); u.Levels = map[string]presence.Level{"c": none}; return u }()},
		"peer, own level all over none": {peer: true, u: func() *presence.User {
			u := leveled(none, none, u())
			u.Levels = map[string]presence.Level{"c": all}
			return u
		}(), want: true},
		"peer, peers none":                    {peer: true, u: leveled("", none, u())},
		"peer, mentions":                      {peer: true, u: leveled(mentions, "", u())},
		"peer, the operator's none":           {peer: true, u: u(), by: presence.Settings{PeerLevel: none}},
		"peer, the operator's none for group": {peer: true, u: u(), by: presence.Settings{GroupLevel: none}, want: true},
		"peer, snoozed":                       {peer: true, u: snoozed(1000, u()), want: true},
		"group":                               {u: u(), member: in, want: true},
		"group, not a member":                 {u: u()},
		"group, its owner blocked":            {u: blocking(u()), member: in, want: true},
		"group, muted":                        {u: u(), member: &Member{Muted: true}},
		"group, muted until later":            {u: u(), member: &Member{Muted: true, MutedUntil: now.UnixMilli() + 1}},
		"group, muted until now":              {u: u(), member: &Member{Muted: true, MutedUntil: now.UnixMilli()}, want: true},
		"group, mentions":                     {u: u(), member: &Member{Level: mentions}},
		"group, none":                         {u: u(), member: &Member{Level: none}},
		"group, all over none":                {u: leveled(none, "", u()), member: &Member{Level: all}, want: true},
		"group, the operator's mentions":      {u: u(), member: in, by: presence.Settings{GroupLevel: mentions}},
	} {
		kind, with := chat.Group, ""
		if tc.peer {
			kind, with = chat.Peer, "alice"
		}
		r := Receiver{UserID: "bob", Presence: tc.u, Member: tc.member}
		for _, mentioned := range []bool{false, true} {
			r.Mentioned, r.Insisted = mentioned, mentioned // a message is, a conversation isn't
			if got := (Rules{Defaults: tc.by}).InBadge(kind, "c", with, r, now); got != tc.want {
				t.Errorf("%s: %t", name, got)
			}
		}
	}
}

// A target that is decided about again keeps what was counted for it.
func TestRecheckKeepsTheCount(t *testing.T) {
	counted := planned
	counted.Counted, counted.Unread = true, 3
	if got := (Rules{}).Recheck(call, counted, bob(phone()), now).Target; !got.Counted || got.Unread != 3 {
		t.Errorf("got %+v", got)
	}
}
