package device

import (
	"strings"

	"golang.org/x/text/language"

	"github.com/doorbell-push/doorbell/shared/fault"
)

// Limits of what a device says of itself.
const (
	MaxDeviceIDBytes   = 128
	MaxTargetBytes     = 4096 // FCM promises no length of a token; today's have some 160
	MaxSDKVersionBytes = 64
	MaxLocaleBytes     = 35 // RFC 5646 §4.4.1
)

// Registration is the body of `register`.
type Registration struct {
	Token      string   `json:"token"`
	FID        string   `json:"fid"`
	Platform   Platform `json:"platform"`
	DeviceID   string   `json:"deviceID"`
	Locale     string   `json:"locale"`
	SDKVersion string   `json:"sdkVersion"`
	Popup      *bool    `json:"popup"`
	Silent     *bool    `json:"silent"`
	DataOnly   bool     `json:"dataOnly"`
}

// Device checks r and returns the device it describes.
func (r Registration) Device() (Device, error) {
	target := Target{Kind: KindToken, Value: r.Token}
	field := "token"
	if r.Token == "" {
		target, field = Target{Kind: KindFID, Value: r.FID}, "fid"
	}
	switch {
	case r.Token == "" && r.FID == "":
		return Device{}, fault.Invalid("token", "is required: the device's FCM registration token, or its Firebase installation ID as fid")
	case r.Token != "" && r.FID != "":
		return Device{}, fault.Invalid("fid", "give token or fid, not both")
	case len(target.Value) > MaxTargetBytes:
		return Device{}, fault.Invalid(field, "is %d bytes long: at most %d", len(target.Value), MaxTargetBytes)
	case !printable(target.Value):
		return Device{}, fault.Invalid(field, "holds a space or another character that no FCM target has")
	case r.Platform == 0:
		return Device{}, fault.Invalid("platform", "is required")
	case !r.Platform.Pushable():
		return Device{}, fault.Invalid("platform", "%s can't receive FCM pushes: register android, ios, ipados, macos or web", r.Platform)
	case r.DataOnly && r.Platform != Android:
		return Device{}, fault.Invalid("dataOnly", "is for android: leave it out. A browser's service worker gets every push anyway, and Apple's devices may not deliver what shows nothing")
	case len(r.SDKVersion) > MaxSDKVersionBytes:
		return Device{}, fault.Invalid("sdkVersion", "is %d bytes long: at most %d", len(r.SDKVersion), MaxSDKVersionBytes)
	case !printable(strings.ReplaceAll(r.SDKVersion, " ", "")):
		return Device{}, fault.Invalid("sdkVersion", "may hold printable ASCII characters only")
	}
	if err := CheckDeviceID(r.DeviceID); err != nil {
		return Device{}, err
	}
	locale, err := canonical(r.Locale)
	if err != nil {
		return Device{}, err
	}
	return Device{
		DeviceID: r.DeviceID, Platform: r.Platform, Target: target, Locale: locale, SDKVersion: r.SDKVersion,
		Popup: r.Popup == nil || *r.Popup, Silent: r.Silent == nil || *r.Silent, DataOnly: r.DataOnly,
	}, nil
}

// CheckDeviceID checks the ID an app gives its installation.
func CheckDeviceID(id string) error {
	switch {
	case id == "":
		return fault.Invalid("deviceID", "is required: an ID of the app's own for this installation, the same on every start")
	case len(id) > MaxDeviceIDBytes:
		return fault.Invalid("deviceID", "is %d bytes long: at most %d", len(id), MaxDeviceIDBytes)
	case !printable(id):
		return fault.Invalid("deviceID", "may hold printable ASCII characters without spaces only")
	}
	return nil
}

func canonical(locale string) (string, error) {
	if locale == "" {
		return "", nil
	}
	return CheckLocale("locale", locale)
}

// CheckLocale is a language's tag in its canonical form. field names it in the
// request.
func CheckLocale(field, locale string) (string, error) {
	if len(locale) > MaxLocaleBytes {
		return "", fault.Invalid(field, "is %d bytes long: at most %d", len(locale), MaxLocaleBytes)
	}
	tag, err := language.Parse(locale)
	if err != nil || locale == "" {
		return "", fault.Invalid(field, "is not a BCP 47 language tag such as en-GB")
	}
	return tag.String(), nil
}

func printable(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) < 0
}
