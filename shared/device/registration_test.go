package device

import (
	"reflect"
	"strings"
	"testing"

	"github.com/doorbell-push/doorbell/shared/fault"
)

// registration is a valid one, changed by edit.
func registration(edit func(*Registration)) Registration {
	r := Registration{Token: "tok", Platform: Android, DeviceID: "phone"}
	edit(&r)
	return r
}

func TestRegistration(t *testing.T) {
	no, yes := false, true
	want := func(edit func(*Device)) Device {
		d := Device{DeviceID: "phone", Platform: Android, Target: Target{KindToken, "tok"}, Popup: true, Silent: true}
		edit(&d)
		return d
	}
	for name, tc := range map[string]struct {
		edit func(*Registration)
		want Device
	}{
		"least":           {func(*Registration) {}, want(func(*Device) {})},
		"fid":             {func(r *Registration) { r.Token, r.FID = "", "f" }, want(func(d *Device) { d.Target = Target{KindFID, "f"} })},
		"switches off":    {func(r *Registration) { r.Popup, r.Silent = &no, &no }, want(func(d *Device) { d.Popup, d.Silent = false, false })},
		"switches on":     {func(r *Registration) { r.Popup, r.Silent = &yes, &yes }, want(func(*Device) {})},
		"data only":       {func(r *Registration) { r.DataOnly = true }, want(func(d *Device) { d.DataOnly = true })},
		"locale":          {func(r *Registration) { r.Locale = "en_gb" }, want(func(d *Device) { d.Locale = "en-GB" })},
		"sdkVersion":      {func(r *Registration) { r.SDKVersion = "web 1.2" }, want(func(d *Device) { d.SDKVersion = "web 1.2" })},
		"longest token":   {func(r *Registration) { r.Token = strings.Repeat("x", MaxTargetBytes) }, want(func(d *Device) { d.Target.Value = strings.Repeat("x", MaxTargetBytes) })},
		"longest ID":      {func(r *Registration) { r.DeviceID = strings.Repeat("x", MaxDeviceIDBytes) }, want(func(d *Device) { d.DeviceID = strings.Repeat("x", MaxDeviceIDBytes) })},
		"edge characters": {func(r *Registration) { r.DeviceID = "!~" }, want(func(d *Device) { d.DeviceID = "!~" })},
	} {
		if got, err := registration(tc.edit).Device(); err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestRegistrationRefuses(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n+1) }
	for _, tc := range []struct {
		field, message string
		edit           func(*Registration)
	}{
		{"token", "is required: the device's FCM registration token, or its Firebase installation ID as fid", func(r *Registration) { r.Token = "" }},
		{"fid", "give token or fid, not both", func(r *Registration) { r.FID = "f" }},
		{"token", "is 4097 bytes long: at most 4096", func(r *Registration) { r.Token = long(MaxTargetBytes) }},
		{"fid", "is 4097 bytes long: at most 4096", func(r *Registration) { r.Token, r.FID = "", long(MaxTargetBytes) }},
		{"token", "holds a space or another character that no FCM target has", func(r *Registration) { r.Token = "a b" }},
		{"token", "holds a space or another character that no FCM target has", func(r *Registration) { r.Token = "a\n" }},
		{"fid", "holds a space or another character that no FCM target has", func(r *Registration) { r.Token, r.FID = "", "é" }},
		{"platform", "is required", func(r *Registration) { r.Platform = 0 }},
		{"platform", "windows can't receive FCM pushes: register android, ios, ipados, macos or web", func(r *Registration) { r.Platform = Windows }},
		{"platform", "platform(77) can't receive FCM pushes: register android, ios, ipados, macos or web", func(r *Registration) { r.Platform = 77 }},
		{"dataOnly", "is for android: leave it out. A browser's service worker gets every push anyway, and Apple's devices may not deliver what shows nothing", func(r *Registration) { r.Platform, r.DataOnly = Web, true }},
		{"sdkVersion", "may hold printable ASCII characters only", func(r *Registration) { r.SDKVersion = "1\n" }},
		{"sdkVersion", "is 65 bytes long: at most 64", func(r *Registration) { r.SDKVersion = long(MaxSDKVersionBytes) }},
		{"deviceID", "is required: an ID of the app's own for this installation, the same on every start", func(r *Registration) { r.DeviceID = "" }},
		{"deviceID", "is 129 bytes long: at most 128", func(r *Registration) { r.DeviceID = long(MaxDeviceIDBytes) }},
		{"deviceID", "may hold printable ASCII characters without spaces only", func(r *Registration) { r.DeviceID = "a b" }},
		{"deviceID", "may hold printable ASCII characters without spaces only", func(r *Registration) { r.DeviceID = "a\x7f" }},
		{"deviceID", "may hold printable ASCII characters without spaces only", func(r *Registration) { r.DeviceID = "日本" }},
		{"locale", "is 36 bytes long: at most 35", func(r *Registration) { r.Locale = long(MaxLocaleBytes) }},
		{"locale", "is not a BCP 47 language tag such as en-GB", func(r *Registration) { r.Locale = "!" }},
		{"locale", "is not a BCP 47 language tag such as en-GB", func(r *Registration) { r.Locale = "english please" }},
	} {
		d, err := registration(tc.edit).Device()
		if want := fault.Invalid(tc.field, "%s", tc.message); !reflect.DeepEqual(err, error(want)) || d != (Device{}) {
			t.Errorf("got %+v, %v; want %v", d, err, want)
		}
	}
}
