package functions

import (
	"context"
	"net/http"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// registerAnswer is the answer of POST register.
type registerAnswer struct {
	PushID string `json:"pushID"`
	// ReceiptToken is what the device shows when it posts receipts.
	ReceiptToken string `json:"receiptToken"`
	// DroppedPushIDs are the devices that made room for this one, where the
	// user had as many as allowed.
	DroppedPushIDs []string `json:"droppedPushIDs,omitempty"`
}

// register binds the caller's device. Safe to repeat: the binding is a state,
// set in one transaction.
func register(ctx context.Context, userID string, r *http.Request) (any, error) {
	body, err := decode[device.Registration](r)
	if err != nil {
		return nil, err
	}
	d, err := body.Device()
	if err != nil {
		return nil, err
	}
	s, err := receipts()
	if err != nil {
		return nil, err
	}
	token, err := s.Token(ctx, device.PushID(userID, d.DeviceID))
	if err != nil {
		return nil, err
	}
	reg, err := registry()
	if err != nil {
		return nil, err
	}
	done, err := reg.Register(ctx, userID, d)
	if err != nil {
		return nil, err
	}
	return registerAnswer{PushID: done.PushID, ReceiptToken: token, DroppedPushIDs: done.Dropped}, nil
}

// unregister removes the device named by the query's pushID or deviceID: a
// DELETE's body is lost on some ways to us. Safe to repeat: a device that is
// gone stays gone.
func unregister(ctx context.Context, userID string, r *http.Request) (any, error) {
	query, err := parameters(r, "give pushID or deviceID, once", "pushID", "deviceID")
	if err != nil {
		return nil, err
	}
	pushID, err := ownPushID(userID, query.Get("pushID"), query.Get("deviceID"))
	if err != nil {
		return nil, err
	}
	reg, err := registry()
	if err != nil {
		return nil, err
	}
	existed, err := reg.Unregister(ctx, userID, pushID)
	if err != nil {
		return nil, err
	}
	if !existed && query.Get("pushID") != "" {
		return nil, notYourDevice()
	}
	return struct{}{}, nil
}

// ownPushID is the PushID a request names, directly or by deviceID.
func ownPushID(userID, pushID, deviceID string) (string, error) {
	switch {
	case pushID != "" && deviceID != "":
		return "", fault.Invalid("deviceID", "give pushID or deviceID, not both")
	case len(pushID) > device.MaxDeviceIDBytes:
		return "", fault.Invalid("pushID", "is %d bytes long: at most %d", len(pushID), device.MaxDeviceIDBytes)
	case pushID != "":
		return pushID, nil
	}
	if err := device.CheckDeviceID(deviceID); err != nil {
		return "", err
	}
	return device.PushID(userID, deviceID), nil
}

// notYourDevice answers for a pushID that isn't among the caller's, in the same
// words whether it is another user's or nobody's.
func notYourDevice() error {
	return fault.New(fault.PermissionDenied, fault.PushIDInvalid, "this pushID is none of your devices: register the device again")
}
