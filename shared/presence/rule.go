package presence

import (
	"context"
	"slices"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// PushRule is ZIM's offline push rule (updateUserOfflinePushRule): while the
// user is online on any of OnlinePlatforms, nothing is pushed to their devices
// on NotToReceiveOfflinePushPlatforms. With either of them empty there is no
// rule.
type PushRule struct {
	OnlinePlatforms                  []device.Platform `firestore:"onlinePlatforms" json:"onlinePlatforms"`
	NotToReceiveOfflinePushPlatforms []device.Platform `firestore:"notToReceiveOfflinePushPlatforms" json:"notToReceiveOfflinePushPlatforms"`
}

// maxRulePlatforms bounds a list of platforms, of which there are nine; one
// named twice counts twice.
const maxRulePlatforms = 20

// Check checks a rule that a client wants. Whether its platforms exist was
// found out when it was decoded.
func (r PushRule) Check() error {
	for _, list := range []struct {
		field     string
		platforms []device.Platform
	}{
		{"onlinePlatforms", r.OnlinePlatforms},
		{"notToReceiveOfflinePushPlatforms", r.NotToReceiveOfflinePushPlatforms},
	} {
		switch {
		case list.platforms == nil:
			return fault.Invalid(list.field, "is required: an array of platforms, [] for none")
		case len(list.platforms) > maxRulePlatforms:
			return fault.Invalid(list.field, "names %d platforms: at most %d", len(list.platforms), maxRulePlatforms)
		}
	}
	return nil
}

// canonical is r with each list a sorted set.
func (r PushRule) canonical() PushRule {
	set := func(p []device.Platform) []device.Platform {
		p = append([]device.Platform{}, p...)
		slices.Sort(p)
		return slices.Compact(p)
	}
	return PushRule{set(r.OnlinePlatforms), set(r.NotToReceiveOfflinePushPlatforms)}
}

// Keeps reports whether the rule keeps pushes from platform p while the user is
// online on platform online.
func (r PushRule) Keeps(online, p device.Platform) bool {
	return slices.Contains(r.OnlinePlatforms, online) && slices.Contains(r.NotToReceiveOfflinePushPlatforms, p)
}

// Silences reports whether the rule keeps pushes from platform p at now.
func (u *User) Silences(p device.Platform, now time.Time) bool {
	for _, d := range u.Devices {
		if d.OnlineAt(now) && u.Rule.Keeps(d.Platform, p) {
			return true
		}
	}
	return false
}

// setRule replaces u's rule at now. A device that matters from now on, since the
// rule keeps pushes from others while it is online, has kept none until now.
func (u *User) setRule(rule PushRule, now time.Time) {
	before := u.Rule
	for _, d := range u.Sorted() {
		u.Rule = before
		mattered := u.sweepable(d)
		if u.Rule = rule; mattered || !u.sweepable(d) {
			continue
		}
		if d.OnlineSince = now; !d.OnlineAt(now) {
			d = d.Settled()
		}
		u.put(d)
	}
	u.Rule = rule
}

// SetRule replaces the user's rule and returns it as it stands now. Repeating
// it leaves the same rule.
func (r *Registry) SetRule(ctx context.Context, userID string, rule PushRule) (_ PushRule, err error) {
	defer fault.Wrap(&err, "set push rule of %q", userID)
	rule = rule.canonical()
	return rule, r.Store.Change(ctx, func(tx Tx) error {
		user, err := tx.User(userID)
		if err != nil {
			return err
		}
		user.setRule(rule, r.Now())
		return write(tx, user)
	})
}

// Rule is the user's rule, with empty lists where they never set one.
func (r *Registry) Rule(ctx context.Context, userID string) (_ PushRule, err error) {
	defer fault.Wrap(&err, "read push rule of %q", userID)
	u, err := r.user(ctx, userID)
	switch {
	case err != nil:
		return PushRule{}, err
	case u == nil:
		return PushRule{}.canonical(), nil
	}
	return u.Rule.canonical(), nil
}
