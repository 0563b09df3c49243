package functions

import (
	"context"
	"net/http"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// settingsAnswer is the answer of notification-settings.
type settingsAnswer struct {
	// Settings is what the user set themselves, Effective what is done: the
	// operator's defaults where they set nothing.
	Settings  presence.Settings `json:"settings"`
	Effective presence.Settings `json:"effective"`
	Devices   []settingsDevice  `json:"devices"`
}

// settingsDevice is one of the user's devices and what they set for it.
type settingsDevice struct {
	PushID   string          `json:"pushID"`
	DeviceID string          `json:"deviceID"`
	Platform device.Platform `json:"platform"`
	Privacy  device.Privacy  `json:"privacy,omitempty"` // none: as effective
}

// changeNotificationSettings changes the caller's own rules for being rung, as
// far as the request names them. Safe to repeat: what it names is a state.
func changeNotificationSettings(ctx context.Context, userID string, r *http.Request) (any, error) {
	body, err := decode[presence.SettingsChange](r)
	if err != nil {
		return nil, err
	}
	if err := body.Check(); err != nil {
		return nil, err
	}
	change := *body
	if change.OfDevice() {
		if change.PushID, err = ownPushID(userID, body.PushID, body.DeviceID); err != nil {
			return nil, err
		}
	}
	reg, err := registry()
	if err != nil {
		return nil, err
	}
	user, err := reg.ChangeSettings(ctx, userID, change)
	switch {
	case err != nil:
		return nil, err
	case user == nil && body.PushID != "":
		return nil, notYourDevice()
	case user == nil:
		return nil, fault.New(fault.NotFound, fault.PushIDInvalid, "this device is not registered: register it first")
	}
	return answerSettings(user, reg.Defaults), nil
}

// getNotificationSettings answers with the caller's rules.
func getNotificationSettings(ctx context.Context, userID string, _ *http.Request) (any, error) {
	reg, err := registry()
	if err != nil {
		return nil, err
	}
	user, err := reg.User(ctx, userID)
	if err != nil {
		return nil, err
	}
	return answerSettings(user, reg.Defaults), nil
}

func answerSettings(u *presence.User, defaults presence.Settings) settingsAnswer {
	out := settingsAnswer{Settings: u.Settings, Effective: u.Settings.Over(defaults), Devices: []settingsDevice{}}
	for _, d := range u.Sorted() {
		out.Devices = append(out.Devices, settingsDevice{d.PushID, d.DeviceID, d.Platform, d.Privacy})
	}
	return out
}
