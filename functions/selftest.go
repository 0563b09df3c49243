package functions

import (
	"context"
	"net/http"
	"slices"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/selftest"
)

// selfTester tests the devices of users whose presence it reads.
type selfTester struct {
	Users interface {
		Users(ctx context.Context, userIDs []string) (map[string]*presence.User, error)
	}
	Tester selftest.Tester
}

// selfTestRequest is the body of POST self-test.
type selfTestRequest struct {
	// DeviceID is the caller's device to test; all of them where it is left out.
	DeviceID string `json:"deviceID"`
	// Ring has FCM deliver the push; else FCM is only asked whether it would take it.
	Ring bool `json:"ring"`
}

// selfTestAnswer is its answer.
type selfTestAnswer struct {
	OK    bool            `json:"ok"` // no step is broken
	Steps []selftest.Step `json:"steps"`
}

// selfTest walks every step of a push to the caller's own devices. Safe to repeat:
// it changes nothing; with ring, it rings again.
func selfTest(ctx context.Context, userID string, r *http.Request) (any, error) {
	body, err := decode[selfTestRequest](r)
	if err != nil {
		return nil, err
	}
	if body.DeviceID != "" {
		if err := device.CheckDeviceID(body.DeviceID); err != nil {
			return nil, err
		}
	}
	s, err := selfTests()
	if err != nil {
		return nil, err
	}
	users, err := s.Users.Users(ctx, []string{userID})
	if err != nil {
		return nil, err
	}
	tester := s.Tester
	tester.Ring = body.Ring
	steps := tester.Run(ctx, users[userID], body.DeviceID)
	return selfTestAnswer{!slices.ContainsFunc(steps, func(s selftest.Step) bool { return !s.OK }), steps}, nil
}
