package functions

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/presence"
)

// heartbeatRequest is the body of POST presence.
type heartbeatRequest struct {
	PushID   string `json:"pushID"`
	DeviceID string `json:"deviceID"`
	// Platform lets a device that takes no pushes be present: with it, an
	// unknown deviceID is added rather than refused.
	Platform device.Platform `json:"platform"`
	State    string          `json:"state"`
	// AckedUpTo is the timestamp of the newest message the device has, in ms
	// since 1970; 0: it doesn't say. What it may have missed when its lease lapses
	// is looked for from there on.
	AckedUpTo int64 `json:"ackedUpTo"`
}

// heartbeatAnswer is the answer of POST presence. A client repeats its state
// before the lease ends; the server's clock lets it know when that is.
type heartbeatAnswer struct {
	LeaseSeconds int   `json:"leaseSeconds"`
	ServerTime   int64 `json:"serverTime"` // ms since 1970
}

const stateLogout = "logout"

// heartbeat sets a device's state. Safe to repeat: the last state that arrives
// stands, and a lease bounds how long a wrong one does.
func heartbeat(ctx context.Context, userID string, r *http.Request) (any, error) {
	body, err := decode[heartbeatRequest](r)
	if err != nil {
		return nil, err
	}
	pushID, err := ownPushID(userID, body.PushID, body.DeviceID)
	if err != nil {
		return nil, err
	}
	if body.AckedUpTo < 0 {
		return nil, fault.Invalid("ackedUpTo", "is negative: give the timestamp of the newest message you have, or leave it out")
	}
	reg, err := registry()
	if err != nil {
		return nil, err
	}
	answer := heartbeatAnswer{LeaseSeconds: int(reg.Lease / time.Second), ServerTime: reg.Now().UnixMilli()}

	switch state := device.State(body.State); state {
	case device.Online, device.Background, device.Offline:
		beat := presence.Beat{PushID: pushID, DeviceID: body.DeviceID, State: state, AckedUpTo: body.AckedUpTo}
		if body.DeviceID != "" {
			beat.Platform = body.Platform
		}
		known, err := reg.Heartbeat(ctx, userID, beat)
		switch {
		case err != nil:
			return nil, err
		case !known && body.PushID != "":
			return nil, notYourDevice()
		case !known:
			return nil, fault.New(fault.NotFound, fault.PushIDInvalid, "this device is not registered: register it, or give its platform if it takes no pushes")
		}
		return answer, nil
	case stateLogout:
		existed, err := reg.Unregister(ctx, userID, pushID)
		if err == nil && !existed && body.PushID != "" {
			err = notYourDevice()
		}
		return answer, err
	}
	return nil, fault.Invalid("state", "is %q: give online, background, offline or logout", clip(body.State, 32))
}

// clip bounds what of a caller's value is sent back to most bytes.
func clip(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
