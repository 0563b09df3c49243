package inbox

import (
	"context"
	"errors"

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

// missedPage is how many messages are merged at once, which bounds the memory.
const missedPage = 50

// Missed hands to take what others sent userID after since and up to until (ms
// since 1970), earliest first, until take wants no more or fails. more says that
// there may be more behind the last one taken. Nothing of a room, of a group they
// aren't in, or from before they joined. For its cost see boxes and merge.
func (s *Service) Missed(ctx context.Context, userID string, since, until int64, take func(Missed) (goOn bool, err error)) (more bool, err error) {
	defer fault.Wrap(&err, "what %q missed", userID)
	all, err := s.boxes(ctx, userID, since)
	if err != nil {
		return false, err
	}
	var streams []*stream
	for _, b := range all {
		one := newStream(b, since, b.joinSeq())
		if one.until = until; one.pending() {
			streams = append(streams, one)
		}
	}
	goOn, failed := true, error(nil)
	for more = true; more && goOn; {
		more, err = merge(ctx, s.Store, streams, missedPage, func(b *stream, m chat.Message) bool {
			if m.SenderUserID != userID {
				goOn, failed = take(Missed{Message: m, Member: b.member, Read: m.OrderKey <= b.readSeq()})
			}
			goOn = goOn && failed == nil
			return goOn
		})
		if err != nil || failed != nil {
			return false, errors.Join(err, failed)
		}
	}
	return more, nil
}
