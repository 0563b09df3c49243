package inbox

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
)

// Ringing is a call that rings for the user.
type Ringing struct {
	call.Info
	// ExpiresAt is when the invitation runs out, by the server's clock, in ms
	// since 1970.
	ExpiresAt int64 `json:"expiresAt"`
}

// maxRinging bounds the calls looked at. An invitation that nobody ended rings
// at most ten minutes and the sweep ends it a minute later.
const maxRinging = 50

// ringing is the calls that ring for userID at now, in the order they began in:
// a read for each, and at least one.
func (s *Service) ringing(ctx context.Context, userID string, now time.Time) ([]Ringing, error) {
	calls, err := s.Store.RingingCalls(ctx, userID, maxRinging)
	if err != nil {
		return nil, err
	}
	out := []Ringing{}
	for _, c := range calls {
		if c = call.Settle(c, now); c.RingsFor(userID, now) {
			out = append(out, Ringing{Info: c.Info(userID), ExpiresAt: c.Users[userID].ExpiresAt})
		}
	}
	slices.SortFunc(out, func(a, b Ringing) int {
		return cmp.Or(cmp.Compare(a.CreateTime, b.CreateTime), cmp.Compare(a.CallID, b.CallID))
	})
	return out, nil
}
