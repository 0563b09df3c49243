package inbox

import (
	"context"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
)

// Missed is a message that somebody else sent the user.
type Missed struct {
	Message chat.Message
	// Member is the user's membership of a Group's message, else nil.
	Member *group.Member
	// Read is whether they have read it.
	Read bool
}

// Missed is what others sent userID after since and up to until (ms since
// 1970), earliest first: the first limit of it. more says that there may be more
// behind the last one. Nothing of a room, of a group they aren't in,
// or from before they joined. For its cost see boxes and merge.
func (s *Service) Missed(ctx context.Context, userID string, since, until int64, limit int) (out []Missed, more bool, err error) {
	defer fault.Wrap(&err, "what %q missed", userID)
	all, err := s.boxes(ctx, userID, since)
	if err != nil {
		return nil, false, err
	}
	var streams []*stream
	for _, b := range all {
		one := newStream(b, since, b.joinSeq())
		if one.until = until; one.pending() {
			streams = append(streams, one)
		}
	}
	// One's own messages are passed over, so one round may not be enough.
	for more = true; more && len(out) < limit; {
		more, err = merge(ctx, s.Store, streams, limit-len(out), func(b *stream, m chat.Message) bool {
			if m.SenderUserID != userID {
				out = append(out, Missed{Message: m, Member: b.member, Read: m.OrderKey <= b.readSeq()})
			}
			return true
		})
		if err != nil {
			return nil, false, err
		}
	}
	return out, more, nil
}
