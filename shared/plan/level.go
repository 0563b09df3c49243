package plan

import (
	"cmp"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// forConversation is what the receiver wants of a message's conversation: by a
// mute of it, and by the level that is nearest to it: the conversation's own,
// its type's, theirs for all, and the operator's in the same order.
func (p Rules) forConversation(a push.Announcement, r Receiver, now time.Time) Reason {
	if a.Kind != push.KindMessage || a.Push.Silent {
		return Push
	}
	settings := r.settings(p.Defaults)
	level := settings.PeerLevel
	if a.ConversationType == chat.Group {
		level = cmp.Or(r.Member.Level, settings.GroupLevel)
	} else {
		if _, muted := r.Presence.Muted(a.CID, now); muted && !r.Insisted {
			return Muted
		}
		level = cmp.Or(r.Presence.PeerLevel(a.CID), level)
	}
	if !r.reaches(level) {
		return LevelTooLow
	}
	return Push
}

// reaches reports whether a message reaches r at a level of theirs.
func (r Receiver) reaches(l presence.Level) bool {
	switch l {
	case presence.LevelNone:
		return r.Insisted
	case presence.LevelMentions:
		return r.Mentioned || r.Insisted
	}
	return true
}

// settings is r's settings over the operator's defaults.
func (r Receiver) settings(defaults presence.Settings) presence.Settings {
	if r.Presence == nil {
		return presence.Settings{}.Over(defaults)
	}
	return r.Presence.Settings.Over(defaults)
}
