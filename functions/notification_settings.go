package functions

import (
	"context"
	"net/http"

	"github.com/doorbell-push/doorbell/shared/presence"
)

// settingsAnswer is the answer of notification-settings.
type settingsAnswer struct {
	// Settings is what the user set themselves, Effective what is done: the
	// operator's defaults where they set nothing.
	Settings  presence.Settings `json:"settings"`
	Effective presence.Settings `json:"effective"`
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
	reg, err := registry()
	if err != nil {
		return nil, err
	}
	s, err := reg.ChangeSettings(ctx, userID, *body)
	if err != nil {
		return nil, err
	}
	return settingsAnswer{Settings: s, Effective: s.Over(reg.Defaults)}, nil
}

// getNotificationSettings answers with the caller's rules.
func getNotificationSettings(ctx context.Context, userID string, _ *http.Request) (any, error) {
	reg, err := registry()
	if err != nil {
		return nil, err
	}
	s, err := reg.Settings(ctx, userID)
	if err != nil {
		return nil, err
	}
	return settingsAnswer{Settings: s, Effective: s.Over(reg.Defaults)}, nil
}
