// Package device is one installation of an app: what it is, where FCM reaches
// it and until when it counts as online.
package device

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/doorbell-push/doorbell/shared/docid"
)

// Platform is ZIM's ZIMPlatformType.
type Platform int

// The platforms a client may name; numbers as in ZIMPlatformType.
const (
	Windows     Platform = 1
	IPhoneOS    Platform = 2
	Android     Platform = 3
	MacOS       Platform = 4
	Linux       Platform = 5
	Web         Platform = 6
	MiniProgram Platform = 7
	IPadOS      Platform = 9
	OHOS        Platform = 10
)

var platformNames = map[string]Platform{
	"windows": Windows, "ios": IPhoneOS, "android": Android, "macos": MacOS, "linux": Linux,
	"web": Web, "miniprogram": MiniProgram, "ipados": IPadOS, "ohos": OHOS,
}

// Valid reports whether p is one of the platforms above.
func (p Platform) Valid() bool {
	for _, known := range platformNames {
		if p == known {
			return true
		}
	}
	return false
}

func (p Platform) String() string {
	for name, known := range platformNames {
		if p == known {
			return name
		}
	}
	return fmt.Sprintf("platform(%d)", int(p))
}

// Apple reports whether FCM reaches p through APNs.
func (p Platform) Apple() bool { return p == IPhoneOS || p == IPadOS || p == MacOS }

// Pushable reports whether FCM can reach p at all: Android, Apple's platforms
// and the web are FCM's clients; the others can only be present.
func (p Platform) Pushable() bool { return p == Android || p == Web || p.Apple() }

// ErrPlatform is returned for a platform that is neither a ZIMPlatformType
// number nor a name.
var ErrPlatform = errors.New(`platform must be "android", "ios", "ipados", "macos", "web", "windows", "linux", "miniprogram", "ohos" or ZIM's ZIMPlatformType number`)

// UnmarshalJSON takes ZIM's number or the platform's name.
func (p *Platform) UnmarshalJSON(b []byte) error {
	var name string
	if json.Unmarshal(b, &name) == nil {
		known, ok := platformNames[strings.ToLower(name)]
		if !ok {
			return ErrPlatform
		}
		*p = known
		return nil
	}
	var number int
	if json.Unmarshal(b, &number) != nil || !Platform(number).Valid() {
		return ErrPlatform
	}
	*p = Platform(number)
	return nil
}

// Target is where FCM reaches a device. FCM moves from registration tokens to
// Firebase installation IDs, so a target says which of the two it is.
type Target struct {
	Kind  string `firestore:"kind" json:"kind"` // "token" or "fid"
	Value string `firestore:"value" json:"value"`
}

// The kinds of Target.
const (
	KindToken = "token"
	KindFID   = "fid"
)

// IsZero reports whether there is no target: a device that can't be pushed to.
func (t Target) IsZero() bool { return t.Value == "" }

// Hash is t's document ID: a token is a secret, so it is never one itself.
func (t Target) Hash() string { return docid.New("target", t.Kind, t.Value) }

// State is what a device last said of itself.
type State string

// The states of a device. Only Online with a valid lease counts as online: a
// device in the background rings, or an idle tab would silence a phone.
const (
	Online     State = "online"
	Background State = "background"
	Offline    State = "offline"
)

// Device is one of a user's devices as presence/{userID} holds it.
type Device struct {
	PushID     string   `firestore:"-" json:"pushID"` // the key it is stored under
	DeviceID   string   `firestore:"deviceID" json:"deviceID"`
	Platform   Platform `firestore:"platform" json:"platform"`
	Target     Target   `firestore:"target" json:"-"`
	Locale     string   `firestore:"locale,omitempty" json:"locale,omitempty"`
	SDKVersion string   `firestore:"sdkVersion,omitempty" json:"sdkVersion,omitempty"`
	// Popup and Silent say which kinds of push the device takes.
	Popup  bool `firestore:"popup" json:"popup"`
	Silent bool `firestore:"silent" json:"silent"`
	// DataOnly: an Android app that shows its pushes itself.
	DataOnly bool `firestore:"dataOnly,omitempty" json:"dataOnly,omitempty"`
	// Privacy is the device's own; without one its user's settings say it.
	Privacy Privacy `firestore:"privacy,omitempty" json:"privacy,omitempty"`

	State      State     `firestore:"state,omitempty" json:"state,omitempty"`
	LeaseUntil time.Time `firestore:"leaseUntil" json:"leaseUntil"`
	// OnlineSince is when the device came online, zero where nothing is to be looked
	// for that it may have missed. HeardAt is when it was last known to be awake: by
	// its last word that it is online, or by the one that it leaves where that came
	// before a heartbeat was overdue.
	OnlineSince time.Time `firestore:"onlineSince,omitempty" json:"onlineSince,omitzero"`
	HeardAt     time.Time `firestore:"heardAt,omitempty" json:"heardAt,omitzero"`
	// LeftAt is until when a device counted as online that has said since that it
	// isn't any more, zero where nothing is to be looked for.
	LeftAt time.Time `firestore:"leftAt,omitempty" json:"leftAt,omitzero"`
	// AckedUpTo is the timestamp of the newest message the device said it has, 0 of
	// one that never says it; LookedUpTo that of the last message that was looked at
	// for whether the device missed it. Both are in ms since 1970.
	AckedUpTo  int64 `firestore:"ackedUpTo,omitempty" json:"ackedUpTo,omitempty"`
	LookedUpTo int64 `firestore:"lookedUpTo,omitempty" json:"lookedUpTo,omitempty"`
	// SeenAt is the device's last request; the one seen longest ago makes room
	// when a user has too many devices.
	SeenAt time.Time `firestore:"seenAt" json:"seenAt"`
	// TargetAt is when the target was registered last.
	TargetAt time.Time `firestore:"targetAt" json:"targetAt"`
}

// OnlineAt reports whether d counts as online at now. A lapsed lease is how
// the server notices a client that died without a word.
func (d Device) OnlineAt(now time.Time) bool {
	return d.State == Online && now.Before(d.LeaseUntil)
}

// LastSeen orders devices, the one seen longest ago first, ties by PushID.
func LastSeen(a, b Device) int {
	return cmp.Or(a.SeenAt.Compare(b.SeenAt), cmp.Compare(a.PushID, b.PushID))
}

// PushID names the binding of a user and one of their devices. It is derived
// from both, so that registering again, also after a crash half-way, gives the
// same one, and another user of the same device gets another.
func PushID(userID, deviceID string) string { return docid.New("push", userID, deviceID) }
