package device

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestPlatforms(t *testing.T) {
	for _, tc := range []struct {
		p               Platform
		name            string
		apple, pushable bool
	}{
		{Windows, "windows", false, false},
		{IPhoneOS, "ios", true, true},
		{Android, "android", false, true},
		{MacOS, "macos", true, true},
		{Linux, "linux", false, false},
		{Web, "web", false, true},
		{MiniProgram, "miniprogram", false, false},
		{IPadOS, "ipados", true, true},
		{OHOS, "ohos", false, false},
	} {
		if tc.p.String() != tc.name || tc.p.Apple() != tc.apple || tc.p.Pushable() != tc.pushable || !tc.p.Valid() {
			t.Errorf("%d: name %s, apple %t, pushable %t, valid %t", tc.p, tc.p, tc.p.Apple(), tc.p.Pushable(), tc.p.Valid())
		}
		for _, form := range []string{`"` + tc.name + `"`, fmt.Sprint(int(tc.p))} {
			var got Platform
			if err := json.Unmarshal([]byte(form), &got); err != nil || got != tc.p {
				t.Errorf("%s decodes to %v, %v", form, got, err)
			}
		}
	}
	for _, p := range []Platform{0, 8, 11, -1} {
		if p.Valid() || p.Pushable() || p.String() != fmt.Sprintf("platform(%d)", int(p)) {
			t.Errorf("%d passes for a platform: %s", int(p), p)
		}
	}
}

func TestPlatformRefuses(t *testing.T) {
	for _, form := range []string{`""`, `"iphone"`, `0`, `8`, `11`, `-3`, `3.5`, `1e300`, `true`, `{}`, `[3]`, `"3"`, `null`} {
		p := Web
		if err := p.UnmarshalJSON([]byte(form)); !errors.Is(err, ErrPlatform) || p != Web {
			t.Errorf("%s gave %v, %v", form, p, err)
		}
	}
	var p Platform
	if err := p.UnmarshalJSON([]byte(`"Android"`)); err != nil || p != Android {
		t.Errorf("a name in another case gave %v, %v", p, err)
	}
}

func TestTarget(t *testing.T) {
	if !(Target{Kind: KindToken}).IsZero() || (Target{Value: "x"}).IsZero() {
		t.Error("a target is zero exactly when it has no value")
	}
	token, fid := Target{KindToken, "secret"}, Target{KindFID, "secret"}
	if token.Hash() == fid.Hash() {
		t.Error("a token and an installation ID of the same value are one document")
	}
}

func TestOnlineAt(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	for _, tc := range []struct {
		state State
		lease time.Time
		want  bool
	}{
		{Online, now.Add(1), true},
		{Online, now, false},
		{Online, now.Add(-1), false},
		{Online, time.Time{}, false},
		{Background, now.Add(time.Hour), false},
		{Offline, now.Add(time.Hour), false},
		{"", now.Add(time.Hour), false},
	} {
		if got := (Device{State: tc.state, LeaseUntil: tc.lease}).OnlineAt(now); got != tc.want {
			t.Errorf("%s with a lease of %v: online %t", tc.state, tc.lease.Sub(now), got)
		}
	}
}

func TestLastSeenOrder(t *testing.T) {
	at := time.UnixMilli(0)
	devices := []Device{{PushID: "b", SeenAt: at.Add(2)}, {PushID: "c", SeenAt: at}, {PushID: "a", SeenAt: at.Add(2)}}
	slices.SortFunc(devices, LastSeen)
	if got := devices[0].PushID + devices[1].PushID + devices[2].PushID; got != "cab" {
		t.Errorf("order %s, want cab", got)
	}
}

func TestPushID(t *testing.T) {
	same, other := PushID("alice", "phone"), PushID("bob", "phone")
	if same != PushID("alice", "phone") || same == other || same == PushID("alice", "tablet") {
		t.Error("a PushID must be the same for a user's device, and another for any other")
	}
}
