package presence

import (
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
)

func TestSilences(t *testing.T) {
	now := time.UnixMilli(1000)
	online := func(p device.Platform) device.Device {
		return device.Device{Platform: p, State: device.Online, LeaseUntil: now.Add(1)}
	}
	lapsed := device.Device{Platform: device.Web, State: device.Online, LeaseUntil: now}
	rule := PushRule{OnlinePlatforms: []device.Platform{device.Web, device.Windows}, NotToReceiveOfflinePushPlatforms: []device.Platform{device.Android}}
	for name, tc := range map[string]struct {
		rule    PushRule
		other   device.Device
		p       device.Platform
		silence bool
	}{
		"online on one of them":      {rule, online(device.Web), device.Android, true},
		"online on the other":        {rule, online(device.Windows), device.Android, true},
		"online elsewhere":           {rule, online(device.MacOS), device.Android, false},
		"lease over":                 {rule, lapsed, device.Android, false},
		"platform not named":         {rule, online(device.Web), device.IPhoneOS, false},
		"no rule":                    {PushRule{}, online(device.Web), device.Android, false},
		"only the first half of it":  {PushRule{OnlinePlatforms: rule.OnlinePlatforms}, online(device.Web), device.Android, false},
		"only the second half of it": {PushRule{NotToReceiveOfflinePushPlatforms: rule.NotToReceiveOfflinePushPlatforms}, online(device.Web), device.Android, false},
	} {
		u := &User{Rule: tc.rule, Devices: map[string]device.Device{"x": tc.other}}
		if got := u.Silences(tc.p, now); got != tc.silence {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestNilUserHasNoDevices(t *testing.T) {
	var u *User
	if _, ok := u.Device("x"); ok || u.Sorted() != nil {
		t.Error("a nil user has a device")
	}
}

func TestSortedByPushID(t *testing.T) {
	u := &User{Devices: map[string]device.Device{"c": {}, "a": {}, "b": {}}}
	for range 20 {
		s := u.Sorted()
		if got := s[0].PushID + s[1].PushID + s[2].PushID; got != "abc" {
			t.Fatalf("order %s", got)
		}
	}
}
