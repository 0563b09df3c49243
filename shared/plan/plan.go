// Package plan decides who is rung, and says why nobody else is. It is the one
// place that decides: pure functions of what is announced, a receiver's
// presence and the clock, without I/O. What it decides is what is published
// and what the trace shows.
package plan

import (
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Reason says why a device is not rung. The list is closed: a reason that
// isn't here doesn't exist.
type Reason string

// The reasons for no push; Push is the absence of one.
const (
	Push         Reason = ""
	Sender       Reason = "sender"         // the receiver sent it
	NoPushConfig Reason = "no_push_config" // the sender asked for no push
	Room         Reason = "room"           // room messages never push
	NotMember    Reason = "not_member"     // the receiver wasn't in the group when it was sent
	Muted        Reason = "muted"          // the receiver muted the conversation, and isn't mentioned with isNotifyMentionedUsers
	LevelTooLow  Reason = "level"          // their level of the conversation, its type or all leaves the message out
	Snoozed      Reason = "snoozed"        // the receiver wants nothing to ring for a while
	QuietHours   Reason = "quiet_hours"    // these are the receiver's quiet hours
	Bundled      Reason = "bundled"        // it is told of with others of its conversation, when their window ends
	Expired      Reason = "expired"        // what it announces is over
	Blocked      Reason = "blocked"        // the receiver has blocked the sender
	AlreadyRead  Reason = "already_read"   // the receiver has read the conversation that far
	Revoked      Reason = "revoked"        // the message was taken back
	NoDevice     Reason = "no_device"      // the receiver has no device bound
	FilteredOut  Reason = "device_filter"  // the sender asked for other devices
	NoTarget     Reason = "no_target"      // the device never registered for pushes, unregistered, or its token died
	Online       Reason = "online"         // the device has the message already
	RulePlatform Reason = "rule_platform"  // updateUserOfflinePushRule
	PopupOff     Reason = "popup_off"      // the device takes no popup pushes
	SilentOff    Reason = "silent_off"     // the device takes no silent pushes
)

// Decision is what becomes of one device, or of a receiver without any.
type Decision struct {
	UserID string
	PushID string // empty where the reason concerns the user
	Reason Reason
	Target push.Target // of a device that is rung
	// Hold is, of QuietHours, what is to be noted with the user, so that they are
	// told when the hours end; nil: nothing.
	Hold *presence.Held
	// Burst is what is to be noted with the user of the conversation's burst; nil:
	// nothing. It stands in one of their decisions.
	Burst *presence.Burst
}

// Receiver is a person the announcement is for.
type Receiver struct {
	UserID   string
	Presence *presence.User // nil: nothing known, so no device
	// Member is the receiver's membership of the group that the announcement is
	// from, nil for who has none. It doesn't matter to other announcements.
	Member *Member
	// Mentioned: the message mentions them, or everyone. Insisted: and is to ring
	// although they muted the conversation or want none of its messages.
	Mentioned, Insisted bool
}

// Member is what of a membership decides.
type Member struct {
	Muted      bool           // the receiver doesn't want to be disturbed
	MutedUntil int64          // ms since 1970; 0: without an end
	Level      presence.Level // empty: the receiver's settings say it
}

// MemberOf is what decides of a group member's entry.
func MemberOf(e group.Entry) *Member {
	return &Member{Muted: e.Muted, MutedUntil: e.MutedUntil, Level: e.Level}
}

// silent reports whether m keeps an announcement from ringing at now.
func (m Member) silent(now time.Time) bool {
	return m.Muted && (m.MutedUntil == 0 || now.UnixMilli() < m.MutedUntil)
}

// Rules decides by what the operator set. The zero value decides by what the
// product does where they set nothing.
type Rules struct {
	Defaults presence.Settings // of who set nothing themselves
}

// Decide is the plan for one receiver: every offline device is rung, even
// while another of theirs is online, because an idle tab must not silence a
// phone; PushRule narrows that where the user wants it.
func (p Rules) Decide(a push.Announcement, r Receiver, now time.Time) []Decision {
	reason := forMember(a, r, now)
	if reason == Push {
		reason = p.forConversation(a, r, now)
	}
	if reason == Push {
		reason = p.forUser(a, r, now)
	}
	if reason != Push {
		return []Decision{{UserID: r.UserID, Reason: reason, Hold: p.hold(a, r, reason, now)}}
	}
	var out []Decision
	for _, d := range r.Presence.Sorted() {
		decision := Decision{UserID: r.UserID, PushID: d.PushID, Reason: forDevice(a, r.Presence, d, now)}
		if decision.Reason == Push {
			decision.Target = p.target(a, r, d)
		}
		out = append(out, decision)
	}
	return out
}

// NeedsPresence reports whether the plan for r depends on their presence: who
// isn't rung anyway needn't be looked up.
func NeedsPresence(a push.Announcement, r Receiver, now time.Time) bool {
	return forMember(a, r, now) == Push
}

// forMember is what can be decided by the membership.
func forMember(a push.Announcement, r Receiver, now time.Time) Reason {
	switch {
	case r.UserID == a.SenderUserID && !a.Kind.Ends():
		return Sender
	case a.Expired(now):
		return Expired
	case a.ConversationType != chat.Group || a.Kind.Ends():
	case r.Member == nil:
		return NotMember
	case a.Push.Silent || a.Kind.Follows(): // it disturbs nobody
	case r.Member.silent(now) && !r.Insisted:
		return Muted
	case r.Member.Level != "" && !r.reaches(r.Member.Level):
		return LevelTooLow
	}
	return Push
}

func (p Rules) forUser(a push.Announcement, r Receiver, now time.Time) Reason {
	switch {
	case r.UserID == a.SenderUserID && !a.Kind.Ends(): // which whoever rang is told
		return Sender
	case a.Expired(now):
		return Expired
	case r.Presence.Blocks(a.SenderUserID) && !a.Kind.Ends(): // which only ends what is shown already
		return Blocked
	case a.Seq > 0 && a.Seq <= r.Presence.ReadSeq(a.CID) && !a.Withdraws(), a.Held != nil && r.Presence.HasRead(a.Held.Last):
		return AlreadyRead
	case !a.Kind.Follows() && !a.Push.Silent && r.settings(p.Defaults).SnoozedAt(now):
		return Snoozed
	case r.Presence == nil || len(r.Presence.Devices) == 0:
		return NoDevice
	case p.quiet(a, r, now):
		return QuietHours
	}
	return Push
}

func forDevice(a push.Announcement, u *presence.User, d device.Device, now time.Time) Reason {
	switch {
	case !a.Filter.Allows(d):
		return FilteredOut
	case d.Target.IsZero():
		return NoTarget
	case d.OnlineAt(now):
		return Online
	case u.Silences(d.Platform, now):
		return RulePlatform
	case a.Push.Silent && !d.Silent:
		return SilentOff
	case !a.Push.Silent && !d.Popup:
		return PopupOff
	}
	return Push
}

// Recheck decides again for a target planned earlier, with the presence as it
// is now: who came online, read it, muted it, unregistered or handed the phone
// on since is not rung. A device that registered a new FCM target since is rung
// there: a PushID is of one user on one device, whatever its target; and what is
// shown goes by the privacy it has now. What is from a group is for
// RecheckMember, too.
func (p Rules) Recheck(a push.Announcement, t push.Target, u *presence.User, now time.Time) Decision {
	r := receiver(t, u)
	out := Decision{UserID: t.UserID, PushID: t.PushID, Reason: p.forUser(a, r, now)}
	if out.Reason == Push && a.ConversationType == chat.Peer {
		out.Reason = p.forConversation(a, r, now)
	}
	if out.Reason != Push {
		out.Hold = p.hold(a, r, out.Reason, now)
		return out
	}
	d, ok := u.Device(t.PushID)
	switch {
	case !ok:
		out.Reason = NoDevice
	case a.Kind.Follows():
		out.Reason = forShown(a, d, now)
	default:
		out.Reason = forDevice(a, u, d, now)
	}
	if out.Reason == Push {
		out.Target = p.target(a, r, d)
		out.Target.Gen, out.Target.Counted, out.Target.Unread = t.Gen, t.Counted, t.Unread
	}
	return out
}

// RecheckMember decides again for a target of a group's message, with what the
// user set for all conversations, and the membership as it is now, nil if there
// is none any more.
func (p Rules) RecheckMember(a push.Announcement, t push.Target, s presence.Settings, m *Member, now time.Time) Reason {
	r := receiver(t, &presence.User{Settings: s})
	r.Member = m
	if reason := forMember(a, r, now); reason != Push {
		return reason
	}
	return p.forConversation(a, r, now)
}

// receiver is whom t was planned for.
func receiver(t push.Target, u *presence.User) Receiver {
	return Receiver{UserID: t.UserID, Presence: u, Mentioned: t.Mentioned, Insisted: t.Insisted}
}
