package presence

import (
	"cmp"
	"context"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// Level says which messages ring.
type Level string

// The levels. None set means that a wider setting decides.
const (
	LevelAll      Level = "all"
	LevelMentions Level = "mentions" // those that mention the receiver, or everyone
	LevelNone     Level = "none"     // but for a mention that insists
)

// Check checks a level that may be left out.
func (l Level) Check(field string) error {
	switch l {
	case "", LevelAll, LevelMentions, LevelNone:
		return nil
	}
	return fault.Invalid(field, `is no level: give "all", "mentions" or "none"`)
}

// Settings is a person's own rules for being rung. What they didn't set has its
// zero value. The operator's defaults have the same form.
type Settings struct {
	// Level is for all messages, PeerLevel and GroupLevel are for those of one
	// conversation type. A conversation may have a level of its own.
	Level      Level `firestore:"level,omitempty" json:"level,omitempty"`
	PeerLevel  Level `firestore:"peerLevel,omitempty" json:"peerLevel,omitempty"`
	GroupLevel Level `firestore:"groupLevel,omitempty" json:"groupLevel,omitempty"`
	// SnoozedUntil, in ms since 1970, is until when nothing rings.
	SnoozedUntil int64 `firestore:"snoozedUntil,omitempty" json:"snoozedUntil,omitempty"`
	// Privacy is of all the user's devices that have none of their own.
	Privacy device.Privacy `firestore:"privacy,omitempty" json:"privacy,omitempty"`
	// Quiet is the hours in which nothing rings; nil: the defaults say them.
	Quiet *Quiet `firestore:"quiet,omitempty" json:"quiet,omitempty"`
	// BundleSeconds is for how long messages that follow one that rang, in its
	// conversation, are told of together: MinBundle to MaxBundle, 0 for not at all;
	// nil: the defaults say it, and where they don't it is 0.
	BundleSeconds *int `firestore:"bundleSeconds,omitempty" json:"bundleSeconds,omitempty"`
}

// Over is s with what it leaves open taken from the defaults, and from what the
// product does where those leave it open too. Whatever a person says beats
// whatever the operator says: who wants none isn't rung for groups because the
// operator has a default for groups.
func (s Settings) Over(defaults Settings) Settings {
	s.PeerLevel = cmp.Or(s.PeerLevel, s.Level, defaults.PeerLevel, defaults.Level, LevelAll)
	s.GroupLevel = cmp.Or(s.GroupLevel, s.Level, defaults.GroupLevel, defaults.Level, LevelAll)
	s.Level = cmp.Or(s.Level, defaults.Level, LevelAll)
	s.Privacy = cmp.Or(s.Privacy, defaults.Privacy, device.PrivacyFull)
	s.Quiet = cmp.Or(s.Quiet, defaults.Quiet)
	s.BundleSeconds = cmp.Or(s.BundleSeconds, defaults.BundleSeconds)
	return s
}

// BundleWindow is for how long messages are told of together; 0: not at all.
func (s Settings) BundleWindow() time.Duration {
	if s.BundleSeconds == nil {
		return 0
	}
	return time.Duration(*s.BundleSeconds) * time.Second
}

// SnoozedAt reports whether nothing is to ring at now.
func (s Settings) SnoozedAt(now time.Time) bool { return now.UnixMilli() < s.SnoozedUntil }

// Check checks settings, a person's or the operator's.
func (s Settings) Check() error {
	for _, l := range []struct {
		field string
		level Level
	}{{"level", s.Level}, {"peerLevel", s.PeerLevel}, {"groupLevel", s.GroupLevel}} {
		if err := l.level.Check(l.field); err != nil {
			return err
		}
	}
	if s.SnoozedUntil < 0 {
		return fault.Invalid("snoozedUntil", "is negative: give milliseconds since 1970, or 0 for no snooze")
	}
	if b := s.BundleSeconds; b != nil && *b != 0 && (*b < MinBundle || *b > MaxBundle) {
		return fault.Invalid("bundleSeconds", "is %d: %d to %d, or 0 for each message by itself", *b, MinBundle, MaxBundle)
	}
	if err := s.Quiet.Check("quiet"); err != nil {
		return err
	}
	return s.Privacy.Check("privacy")
}

// Change is a field of a request that changes some fields and leaves the
// others: left out, it stays as it is; null takes it back to the default.
type Change[T any] struct {
	Given bool
	Value T // the zero value for null
}

// UnmarshalJSONFrom reads a field that is given.
func (c *Change[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	c.Given = true
	return json.UnmarshalDecode(d, &c.Value)
}

// set sets a field where the change is given.
func (c Change[T]) set(field *T) {
	if c.Given {
		*field = c.Value
	}
}

// SettingsChange is the body of notification-settings: what of a person's
// Settings, and of one of their devices, to change.
type SettingsChange struct {
	Level        Change[Level]          `json:"level"`
	PeerLevel    Change[Level]          `json:"peerLevel"`
	GroupLevel   Change[Level]          `json:"groupLevel"`
	SnoozedUntil Change[int64]          `json:"snoozedUntil"`
	Privacy      Change[device.Privacy] `json:"privacy"`
	Quiet        Change[*Quiet]         `json:"quiet"`
	// BundleSeconds is a pointer, as 0 is a wish of its own.
	BundleSeconds Change[*int] `json:"bundleSeconds"`

	// DevicePrivacy is of the device with the PushID or DeviceID.
	PushID        string                 `json:"pushID"`
	DeviceID      string                 `json:"deviceID"`
	DevicePrivacy Change[device.Privacy] `json:"devicePrivacy"`
}

// apply is s after c.
func (c SettingsChange) apply(s Settings) Settings {
	c.Level.set(&s.Level)
	c.PeerLevel.set(&s.PeerLevel)
	c.GroupLevel.set(&s.GroupLevel)
	c.SnoozedUntil.set(&s.SnoozedUntil)
	c.Privacy.set(&s.Privacy)
	c.Quiet.set(&s.Quiet)
	c.BundleSeconds.set(&s.BundleSeconds)
	return s
}

// OfDevice reports whether c names a device.
func (c SettingsChange) OfDevice() bool { return c.PushID != "" || c.DeviceID != "" }

// Check checks every field that is given but which device is meant.
func (c SettingsChange) Check() error {
	switch {
	case c.OfDevice() && !c.DevicePrivacy.Given:
		return fault.Invalid("devicePrivacy", "is required with a device: it is all there is to set for one")
	case !c.OfDevice() && c.DevicePrivacy.Given:
		return fault.Invalid("deviceID", "is required with devicePrivacy: name the device by it, or by its pushID")
	}
	if err := c.DevicePrivacy.Value.Check("devicePrivacy"); err != nil {
		return err
	}
	return c.apply(Settings{}).Check()
}

// ChangeSettings changes the user's settings, and those of the device with
// c.PushID if c is of one. It returns the user as they stand now, nil where they
// have no such device and so nothing was changed. Fields that others change at
// the same time are kept; repeating it leaves the same settings.
func (r *Registry) ChangeSettings(ctx context.Context, userID string, c SettingsChange) (out *User, err error) {
	defer fault.Wrap(&err, "set notification settings of %q", userID)
	err = r.Store.Change(ctx, func(tx Tx) error {
		out = nil
		user, err := tx.User(userID)
		if err != nil {
			return err
		}
		if c.OfDevice() {
			d, ok := user.Device(c.PushID)
			if !ok {
				return nil
			}
			c.DevicePrivacy.set(&d.Privacy)
			user.put(d)
		}
		user.Settings = c.apply(user.Settings)
		out = user
		return write(tx, user)
	})
	return out, err
}

// User is the user as they stand now; one whom nothing is known of has no
// devices and set nothing.
func (r *Registry) User(ctx context.Context, userID string) (_ *User, err error) {
	defer fault.Wrap(&err, "read presence of %q", userID)
	users, err := r.Store.Users(ctx, []string{userID})
	if err != nil {
		return nil, err
	}
	if u := users[userID]; u != nil {
		return u, nil
	}
	return &User{UserID: userID}, nil
}
