package push

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	firebase "firebase.google.com/go/v4"
	"firebase.google.com/go/v4/messaging"
	"google.golang.org/api/option"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
)

// adminSDK is the Admin SDK's client with a network that keeps what it is to
// send.
type adminSDK struct {
	client *messaging.Client
	body   []byte
}

func newAdminSDK(t testing.TB) *adminSDK {
	s := &adminSDK{}
	app, err := firebase.NewApp(context.Background(), &firebase.Config{ProjectID: "demo"}, option.WithHTTPClient(&http.Client{Transport: s}))
	if err != nil {
		t.Fatal(err)
	}
	if s.client, err = app.Messaging(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *adminSDK) RoundTrip(r *http.Request) (*http.Response, error) {
	var err error
	if s.body, err = io.ReadAll(r.Body); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"name":"n"}`)), Request: r}, nil
}

// request is the body of the request the Admin SDK makes of a message.
func (s *adminSDK) request(t testing.TB, m *messaging.Message) []byte {
	t.Helper()
	if _, err := s.client.Send(context.Background(), m); err != nil {
		t.Fatalf("the Admin SDK refuses the message: %v", err)
	}
	return s.body
}

// Every request is, byte for byte, what the Admin SDK sends for the message
// that Render makes: for each kind, platform and target, whatever was encoded
// before it, at every moment.
func TestEncodeIsTheAdminSDKs(t *testing.T) {
	sdk := newAdminSDK(t)
	announcements := map[string]Announcement{
		"message": announcement(), "low": announcement(low), "high": announcement(high), "everything": announcement(everything),
		"call": ringing(), "missed": ended(Missed), "answered": ended(Answered), "declined": ended(Declined),
		"group": announcement(func(a *Announcement) { a.ConversationType = chat.Group }),
		"html": announcement(func(a *Announcement) {
			a.Push.Title, a.Push.Content = `<b>&"\</b>`, "\u2028 \x01 \u00e9 \U0001f468\u200d\U0001f469\u200d\U0001f467"
		}),
		"read": readElsewhere(), "summary": held(99, true), "bundle": bundled(5, false),
		"unread": announcement(counting), "unread of a bundle": countedBundle(), "silent unread": announcement(silent, counting),
		"silent": announcement(silent), "voip": ringingWith(voIP), "silent call": ringingWith(silent),
		"too long and silent": announcement(silent, func(a *Announcement) { a.Push.Payload = strings.Repeat("long ", 2000) }),
		"invalid":             announcement(func(a *Announcement) { a.Push.Content = "\xff\xc3\x28" }),
		"too long":            announcement(func(a *Announcement) { a.Push.Content = strings.Repeat("long ", 2000) }),
	}
	for name, a := range announcements {
		for _, r := range []Renderer{{}, {WebClickURL: "https://chat.example/?a=1&b=2"}} {
			e := r.Encoder(a)
			for _, now := range []time.Time{sentAt, sentAt, sentAt.Add(time.Second / 4), sentAt.Add(89 * time.Second), sentAt.Add(2 * time.Second), sentAt.Add(48 * time.Hour)} {
				for _, target := range everyTarget() {
					got, want := e.Encode(target, now), sdk.request(t, r.Render(a, target, now))
					if !bytes.Equal(got, want) {
						t.Fatalf("%s to %+v at %v:\n%s\nthe Admin SDK sends\n%s", name, target, now, got, want)
					}
				}
			}
		}
	}
}

func everyTarget() []Target {
	var all []Target
	for _, p := range append(platformsFCM, device.OHOS) {
		for _, badge := range []int{0, 0, 5, 99999} {
			all = append(all, onDevice(p, func(t *Target) { t.Badge = badge }), onDevice(p, fid, func(t *Target) { t.Badge = badge }))
		}
		for _, unread := range []int{0, 3} {
			all = append(all, onDevice(p, unreadOf(unread)), onDevice(p, unreadOf(unread), badged(5)))
		}
		for _, privacy := range []device.Privacy{device.PrivacySender, device.PrivacyGeneric, device.PrivacyID, ""} {
			all = append(all, onDevice(p, private(privacy)), onDevice(p, private(privacy), speaking("fr")))
		}
	}
	for _, edit := range []func(*Target){fid, private(device.PrivacyID), speaking("fr"), unreadOf(3), badged(5)} {
		all = append(all, onDevice(device.Android, dataOnly, edit))
	}
	return append(all, onDevice(device.Web, func(t *Target) { t.Value = `odd "<token>` + "\xff" }))
}

// What FCM gets doesn't depend on how the content got too long for it.
func FuzzEncode(f *testing.F) {
	sdk := newAdminSDK(f)
	f.Add("Alice", "Are you there?", "payload", "TOKEN", uint8(0), uint8(0), int64(0), 0, true)
	f.Add("<&>", strings.Repeat("\u2028", 1400), `{"a":"\\"}`, `"`, uint8(1), uint8(1), int64(1500), 3, false)
	f.Add("\xff", strings.Repeat("👨‍👩‍👧", 500), "\xed\xa0\x80", "\xff", uint8(4), uint8(2), int64(4000_000), -1, true)
	f.Fuzz(func(t *testing.T, title, content, payload, value string, platform, kind uint8, later int64, badge int, byFID bool) {
		a := []Announcement{announcement(everything), ringing(), ended(Missed)}[kind%3]
		a.Push.Title, a.Push.Content, a.Push.Payload = title, content, payload
		target := onDevice(platformsFCM[int(platform)%len(platformsFCM)], func(t *Target) { t.Value, t.Badge = value, badge })
		target.DataOnly = target.Platform == device.Android && platform >= 128
		if byFID {
			target.Kind = device.KindFID
		}
		if value == "" {
			return // there are no such targets: see plan.NoTarget
		}
		e := Renderer{}.Encoder(a)
		for _, now := range []time.Time{sentAt, sentAt.Add(time.Duration(later) * time.Millisecond)} {
			got := e.Encode(target, now)
			if want := sdk.request(t, Renderer{}.Render(a, target, now)); !bytes.Equal(got, want) {
				t.Fatalf("got\n%s\nthe Admin SDK sends\n%s", got, want)
			}
			if !json.Valid(got) {
				t.Fatal("not JSON")
			}
		}
	})
}

// A batch is encoded once for each platform, not once for each device.
func TestEncodeOnce(t *testing.T) {
	e := Renderer{}.Encoder(announcement(everything))
	targets := make([]Target, 0, MaxBatch)
	for i := range MaxBatch {
		targets = append(targets, onDevice(platformsFCM[i%len(platformsFCM)], func(t *Target) { t.Badge = i % 3 }))
	}
	for _, target := range targets {
		e.Encode(target, sentAt)
	}
	if n := len(e.encoded); n != 7 { // Android, and three badges each of the web's and Apple's
		t.Errorf("%d encodings, want 7", n)
	}
	numberless := Renderer{}.Encoder(announcement())
	for _, target := range targets {
		numberless.Encode(target, sentAt)
	}
	if n := len(numberless.encoded); n != 3 {
		t.Errorf("%d encodings without a badge, want 3", n)
	}
	e.Encode(targets[0], sentAt.Add(10*time.Second))
	if n := len(e.encoded); n != 1 {
		t.Errorf("%d encodings are kept of a time that has passed", n-1)
	}
	per := testing.AllocsPerRun(100, func() {
		for _, target := range targets {
			e.Encode(target, sentAt)
		}
	}) / MaxBatch
	if per > 1 {
		t.Errorf("%.1f allocations a device", per)
	}
}

func BenchmarkEncode(b *testing.B) {
	e, target := Renderer{}.Encoder(announcement(everything)), onDevice(device.IPhoneOS)
	b.ReportAllocs()
	for b.Loop() {
		e.Encode(target, sentAt)
	}
}
