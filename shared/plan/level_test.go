package plan

import (
	"testing"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

const (
	all      = presence.LevelAll
	mentions = presence.LevelMentions
	none     = presence.LevelNone
)

// leveled is u with levels for everything and for peers.
func leveled(level, peers presence.Level, u *presence.User) *presence.User {
	u.Settings.Level, u.Settings.PeerLevel = level, peers
	return u
}

// snoozed is u who wants nothing to ring for so many milliseconds more.
func snoozed(ms int64, u *presence.User) *presence.User {
	u.Settings.SnoozedUntil = now.UnixMilli() + ms
	return u
}

// levelRows: a message in a group, or with peer of the conversation "c", that
// mentions bob where its words say so.
var levelRows = []struct {
	name               string
	peer               bool
	conversation       presence.Level // bob's of this conversation
	settings, defaults presence.Settings
	// by the message: 0 doesn't mention bob, 1 does, 2 insists as well.
	words int
	want  Reason
}{
	{name: "nothing set", want: Push},

	// A conversation's own level, in a group and with a peer.
	{name: "group: all", conversation: all, want: Push},
	{name: "group: mentions", conversation: mentions, want: LevelTooLow},
	{name: "group: mentions, mentioned", conversation: mentions, words: 1, want: Push},
	{name: "group: none", conversation: none, want: LevelTooLow},
	{name: "group: none, mentioned", conversation: none, words: 1, want: LevelTooLow},
	{name: "group: none, insisted", conversation: none, words: 2, want: Push},
	{name: "peer: all", peer: true, conversation: all, want: Push},
	{name: "peer: mentions", peer: true, conversation: mentions, want: LevelTooLow},
	{name: "peer: mentions, mentioned", peer: true, conversation: mentions, words: 1, want: Push},
	{name: "peer: none", peer: true, conversation: none, want: LevelTooLow},
	{name: "peer: none, mentioned", peer: true, conversation: none, words: 1, want: LevelTooLow},
	{name: "peer: none, insisted", peer: true, conversation: none, words: 2, want: Push},

	// The type's level is for its conversations only.
	{name: "groups none", settings: presence.Settings{GroupLevel: none}, want: LevelTooLow},
	{name: "groups mentions, mentioned", settings: presence.Settings{GroupLevel: mentions}, words: 1, want: Push},
	{name: "groups none, a peer", peer: true, settings: presence.Settings{GroupLevel: none}, want: Push},
	{name: "peers none", peer: true, settings: presence.Settings{PeerLevel: none}, want: LevelTooLow},
	{name: "peers none, insisted", peer: true, settings: presence.Settings{PeerLevel: none}, words: 2, want: Push},
	{name: "peers none, a group", settings: presence.Settings{PeerLevel: none}, want: Push},

	// The level of all.
	{name: "none at all", settings: presence.Settings{Level: none}, want: LevelTooLow},
	{name: "none at all, a peer", peer: true, settings: presence.Settings{Level: none}, want: LevelTooLow},
	{name: "only mentions, mentioned", settings: presence.Settings{Level: mentions}, words: 1, want: Push},

	// The nearest one decides, either way.
	{name: "this one, but no group", conversation: all, settings: presence.Settings{GroupLevel: none}, want: Push},
	{name: "groups, but not this one", conversation: none, settings: presence.Settings{GroupLevel: all}, want: LevelTooLow},
	{name: "this one, but none at all", peer: true, conversation: all, settings: presence.Settings{Level: none}, want: Push},
	{name: "groups, but nothing else", settings: presence.Settings{Level: none, GroupLevel: all}, want: Push},
	{name: "everything but groups", settings: presence.Settings{Level: all, GroupLevel: none}, want: LevelTooLow},

	// The operator's defaults are for who set nothing.
	{name: "default none", defaults: presence.Settings{Level: none}, want: LevelTooLow},
	{name: "default none for peers", peer: true, defaults: presence.Settings{PeerLevel: none}, want: LevelTooLow},
	{name: "default none for groups", defaults: presence.Settings{GroupLevel: none}, want: LevelTooLow},
	{name: "default none for groups, a peer", peer: true, defaults: presence.Settings{GroupLevel: none}, want: Push},
	{name: "default mentions, mentioned", defaults: presence.Settings{GroupLevel: mentions}, words: 1, want: Push},
	{name: "default none, bob: all", defaults: presence.Settings{Level: none}, settings: presence.Settings{Level: all}, want: Push},
	{name: "default all for groups, bob: none", defaults: presence.Settings{GroupLevel: all}, settings: presence.Settings{Level: none}, want: LevelTooLow},
	{name: "default none, this one", defaults: presence.Settings{Level: none, GroupLevel: none}, conversation: all, want: Push},

	// A snooze holds back what insists, too.
	{name: "snoozed", settings: presence.Settings{SnoozedUntil: now.UnixMilli() + 1}, want: Snoozed},
	{name: "snoozed until now", settings: presence.Settings{SnoozedUntil: now.UnixMilli()}, want: Push},
	{name: "snoozed, insisted", settings: presence.Settings{SnoozedUntil: now.UnixMilli() + 1}, words: 2, want: Snoozed},
	{name: "snoozed, none at all", settings: presence.Settings{SnoozedUntil: now.UnixMilli() + 1, Level: none}, want: LevelTooLow},
}

// What Decide decides, Recheck and RecheckMember decide again.
func TestLevels(t *testing.T) {
	for _, tc := range levelRows {
		t.Run(tc.name, func(t *testing.T) {
			a, r := inGroup, Receiver{UserID: "bob", Presence: bob(phone()), Mentioned: tc.words > 0, Insisted: tc.words > 1}
			r.Presence.Settings = tc.settings
			if tc.peer {
				a = seventh
				r.Presence.Levels = map[string]presence.Level{"c": tc.conversation, "other": none}
			} else {
				r.Member = &Member{Level: tc.conversation}
				r.Presence.Levels = map[string]presence.Level{"c": none} // no group's
			}
			rules := Rules{Defaults: tc.defaults}
			got := rules.Decide(a, r, now)
			if len(got) != 1 || got[0].Reason != tc.want {
				t.Errorf("got %+v, want %q", got, tc.want)
			}
			// Whose membership decides needn't be looked up.
			byMember := r.Member != nil && tc.conversation != "" && tc.want == LevelTooLow
			if NeedsPresence(a, r, now) == byMember {
				t.Errorf("needs presence: %t", !byMember)
			}

			target := planned
			target.Mentioned, target.Insisted = r.Mentioned, r.Insisted
			if d := got[0]; d.Reason == Push && d.Target != target {
				t.Errorf("target %+v, want %+v", d.Target, target)
			}
			again := rules.Recheck(a, target, r.Presence, now).Reason
			if again == Push && !tc.peer {
				again = rules.RecheckMember(a, target, r.Presence.Settings, r.Member, now)
			}
			if again != tc.want && tc.settings.SnoozedUntil == 0 {
				t.Errorf("again: %q, want %q", again, tc.want)
			}
		})
	}
}

// Levels are of messages: a call rings at every level, but not through a snooze,
// which lets it be dismissed all the same.
func TestLevelsOfCalls(t *testing.T) {
	u := leveled(none, none, bob(phone()))
	ring := push.Announcement{Kind: push.KindCall, SenderUserID: "alice", ExpiresAt: call.ExpiresAt}
	decide := func(u *presence.User) Reason {
		return Rules{}.Decide(ring, Receiver{UserID: "bob", Presence: u}, now)[0].Reason
	}
	if got := decide(u); got != Push {
		t.Errorf("at level none: %q", got)
	}
	if got := decide(snoozed(1, u)); got != Snoozed {
		t.Errorf("snoozed: %q", got)
	}
	end := ring
	end.Kind = push.KindCallEnd
	if got := (Rules{}).Recheck(end, planned, u, now).Reason; got != Push {
		t.Errorf("its end, snoozed: %q", got)
	}
}

// A device is told what its own privacy allows, else its user's, else the
// operator's; also of a call that stops ringing.
func TestPrivacy(t *testing.T) {
	for _, tc := range []struct{ device, user, operator, want device.Privacy }{
		{"", "", "", ""}, // all
		{"", "", "id", "id"}, {"", "sender", "id", "sender"}, {"generic", "sender", "id", "generic"},
		{"full", "sender", "id", ""}, {"", "full", "id", ""}, {"id", "", "", "id"},
	} {
		u := bob(phone(func(d *device.Device) { d.Privacy = tc.device }))
		u.Settings.Privacy = tc.user
		rules := Rules{Defaults: presence.Settings{Privacy: tc.operator}}
		r := Receiver{UserID: "bob", Presence: u}
		if got := rules.Decide(call, r, now)[0].Target.Privacy; got != tc.want {
			t.Errorf("%+v: rung with %q", tc, got)
		}
		if got := rules.Dismissal(r, func(string) bool { return true }, "")[0].Target.Privacy; got != tc.want {
			t.Errorf("%+v: dismissed with %q", tc, got)
		}
		// Changed since the plan: what counts is now.
		before := planned
		before.Privacy, before.Gen = device.PrivacySender, 3
		if got := rules.Recheck(call, before, u, now).Target; got.Privacy != tc.want || got.Gen != 3 {
			t.Errorf("%+v: again with %+v", tc, got)
		}
	}
}

// What insists need not say that it mentions, as targets planned by an earlier
// version don't.
func TestInsistedReaches(t *testing.T) {
	for level, want := range map[presence.Level]bool{"": true, all: true, mentions: true, none: true} {
		if got := (Receiver{Insisted: true}).reaches(level); got != want {
			t.Errorf("%q: %t", level, got)
		}
	}
}

func TestMemberOf(t *testing.T) {
	e := group.Entry{Role: group.Admin, Muted: true, MutedUntil: 5, Level: mentions, JoinSeq: 7}
	if got := *MemberOf(e); got != (Member{Muted: true, MutedUntil: 5, Level: mentions}) {
		t.Errorf("got %+v", got)
	}
}

// Who left or muted the group since the plan is not rung.
func TestRecheckMember(t *testing.T) {
	for name, tc := range map[string]struct {
		member *Member
		insist bool
		want   Reason
	}{
		"member":          {&Member{}, false, Push},
		"left":            {nil, false, NotMember},
		"left, mentioned": {nil, true, NotMember},
		"muted":           {&Member{Muted: true}, false, Muted},
		"muted, insisted": {&Member{Muted: true}, true, Push},
		"mute over":       {&Member{Muted: true, MutedUntil: now.UnixMilli()}, false, Push},
		"level set":       {&Member{Level: none}, false, LevelTooLow},
	} {
		target := planned
		target.Insisted = tc.insist
		if got := (Rules{}).RecheckMember(inGroup, target, presence.Settings{}, tc.member, now); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
