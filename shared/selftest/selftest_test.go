package selftest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fcm"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
)

var clock = time.UnixMilli(1_700_000_000_000)

// answers is FCM, which has one answer and keeps what it was given.
type answers struct {
	err error
	got []string
}

func (a *answers) Send(_ context.Context, body []byte) (string, error) {
	a.got = append(a.got, string(body))
	return "projects/p/messages/1", a.err
}

func bob(change func(*presence.User, *device.Device)) *presence.User {
	u := &presence.User{UserID: "bob"}
	d := device.Device{DeviceID: "phone", PushID: "p1", Platform: device.Android, Popup: true, Target: device.Target{Kind: device.KindToken, Value: "T"}}
	change(u, &d)
	if u.Devices == nil {
		u.Devices = map[string]device.Device{}
	}
	u.Devices["p1"] = d
	return u
}

// Each thing that can be broken is named, and what comes after it is tried all
// the same.
func TestRun(t *testing.T) {
	refusal := func(code string) error { return &fcm.Error{HTTP: 400, Status: "INVALID_ARGUMENT", Code: code} }
	for name, tc := range map[string]struct {
		change func(*presence.User, *device.Device)
		fcm    error
		broken string // the steps
		says   string
	}{
		"well": {func(*presence.User, *device.Device) {}, nil, "", "FCM would take the push"},
		"online": {func(_ *presence.User, d *device.Device) {
			d.State, d.LeaseUntil = device.Online, clock.Add(time.Minute)
		}, nil, "", "online now"},
		"online elsewhere": {func(u *presence.User, d *device.Device) {
			u.Rule = presence.PushRule{OnlinePlatforms: []device.Platform{device.Web}, NotToReceiveOfflinePushPlatforms: []device.Platform{device.Android}}
			u.Devices = map[string]device.Device{"p2": {DeviceID: "tab", PushID: "p2", Platform: device.Web, State: device.Online, LeaseUntil: clock.Add(time.Minute)}}
		}, nil, "", "silent just now"},
		"no token":         {func(_ *presence.User, d *device.Device) { d.Target = device.Target{} }, nil, "rules target", "there is no FCM token"},
		"snoozed":          {func(u *presence.User, _ *device.Device) { u.Settings.SnoozedUntil = clock.UnixMilli() + 1 }, nil, "rules", plan.Snoozed.Explain()},
		"level":            {func(u *presence.User, _ *device.Device) { u.Settings.Level = presence.LevelNone }, nil, "rules", plan.LevelTooLow.Explain()},
		"no popups":        {func(_ *presence.User, d *device.Device) { d.Popup = false }, nil, "rules", plan.PopupOff.Explain()},
		"app gone":         {func(*presence.User, *device.Device) {}, refusal("UNREGISTERED"), "fcm", "knows the target no more"},
		"another project":  {func(*presence.User, *device.Device) {}, refusal("SENDER_ID_MISMATCH"), "fcm", "another Firebase project"},
		"no APNs key":      {func(*presence.User, *device.Device) {}, refusal("THIRD_PARTY_AUTH_ERROR"), "fcm", "APNs key or web push key"},
		"snoozed and gone": {func(u *presence.User, _ *device.Device) { u.Settings.SnoozedUntil = clock.UnixMilli() + 1 }, refusal("UNREGISTERED"), "rules fcm", "knows the target no more"},
	} {
		sender := &answers{err: tc.fcm}
		steps := (&Tester{Sender: sender, Now: func() time.Time { return clock }}).Run(t.Context(), bob(tc.change), "phone")
		var broken []string
		for _, s := range steps {
			if !s.OK {
				broken = append(broken, s.Name)
			}
		}
		if all := fmt.Sprint(steps); strings.Join(broken, " ") != tc.broken || !strings.Contains(all, tc.says) {
			t.Errorf("%s: broken %q, want %q and %q in %v", name, broken, tc.broken, tc.says, all)
		}
		for _, body := range sender.got {
			if !strings.HasPrefix(body, `{"validate_only":true,"message":{`) {
				t.Errorf("%s: it isn't only validated: %s", name, body)
			}
		}
	}
}

func TestRing(t *testing.T) {
	sender := &answers{}
	steps := (&Tester{Sender: sender, Now: func() time.Time { return clock }, Ring: true}).Run(t.Context(), bob(func(*presence.User, *device.Device) {}), "phone")
	if len(steps) != 4 || len(sender.got) != 1 || strings.Contains(sender.got[0], "validate_only") || !strings.Contains(sender.got[0], `"ttl":"60s"`) {
		t.Errorf("%v, %q", steps, sender.got)
	}
}

func TestNoSuchDevice(t *testing.T) {
	for _, u := range []*presence.User{nil, {UserID: "bob"}, bob(func(*presence.User, *device.Device) {})} {
		steps := (&Tester{Now: func() time.Time { return clock }}).Run(t.Context(), u, "tablet")
		if len(steps) != 1 || steps[0].OK || !slices.Equal([]string{steps[0].Name}, []string{"registered"}) {
			t.Errorf("%v", steps)
		}
	}
}

// pauses is what others were told.
type pauses struct {
	told delivery.Pause
	err  error
}

func (p pauses) Pause(context.Context) (delivery.Pause, error) { return p.told, p.err }

// Within the time that FCM wants to hear nothing, nothing is sent, and the person who
// tests learns until when that is.
func TestPaused(t *testing.T) {
	until := clock.Add(time.Minute)
	quota := &fcm.Error{HTTP: 503, Status: "UNAVAILABLE", RetryAfter: "60"}
	for name, tc := range map[string]struct {
		pauses Pauses
		fcm    error
		sent   int
		waits  []bool // of each of two devices, whether it is told to wait
	}{
		"nobody keeps it":                    {nil, nil, 2, []bool{false, false}},
		"nothing was told":                   {pauses{}, nil, 2, []bool{false, false}},
		"told":                               {pauses{told: delivery.NewPause(until, clock)}, nil, 0, []bool{true, true}},
		"over":                               {pauses{told: delivery.NewPause(clock.Add(-time.Minute), clock.Add(-2*time.Minute))}, nil, 2, []bool{false, false}},
		"not to be read":                     {pauses{err: errors.New("no")}, nil, 2, []bool{false, false}},
		"told by the first":                  {pauses{}, quota, 1, []bool{false, true}},
		"of the one target":                  {pauses{}, &fcm.Error{HTTP: 429, Status: "RESOURCE_EXHAUSTED", Code: "QUOTA_EXCEEDED", RetryAfter: "60"}, 2, []bool{false, false}},
		"nobody keeps it, told by the first": {nil, quota, 1, []bool{false, true}},
	} {
		u := bob(func(u *presence.User, d *device.Device) {
			other := *d
			other.PushID, other.DeviceID, other.Target.Value = "p2", "tablet", "T2"
			u.Devices = map[string]device.Device{"p2": other}
		})
		sender := &answers{err: tc.fcm}
		steps := (&Tester{Sender: sender, Pauses: tc.pauses, Now: func() time.Time { return clock }}).Run(t.Context(), u, "")
		var waits []bool
		for _, s := range steps {
			if s.Name != "fcm" {
				continue
			}
			told := strings.Contains(s.Text, "2023-11-14T22:14:2") // the minute after clock
			if told && s.OK {
				t.Errorf("%s: %+v", name, s)
			}
			waits = append(waits, told)
		}
		if len(sender.got) != tc.sent || !slices.Equal(waits, tc.waits) {
			t.Errorf("%s: sent %d, waits %v in %v", name, len(sender.got), waits, steps)
		}
	}
}
