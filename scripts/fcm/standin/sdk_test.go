package standin

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	firebase "firebase.google.com/go/v4"
	"firebase.google.com/go/v4/errorutils"
	"firebase.google.com/go/v4/messaging"
	"google.golang.org/api/option"
)

// start runs a server for a test.
func start(t *testing.T, opts Options, useTLS bool) *Local {
	t.Helper()
	l, err := Start("127.0.0.1:0", opts, useTLS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil && !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return l
}

// testClient returns an HTTP client that is closed with the test.
func (l *Local) testClient(t *testing.T) *http.Client {
	c := l.Client()
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// sdk returns a real Admin SDK client that talks to the server.
func sdk(t *testing.T, l *Local) *messaging.Client {
	t.Helper()
	app, err := firebase.NewApp(t.Context(), &firebase.Config{ProjectID: l.opts.Project},
		option.WithEndpoint(l.URL+"/v1"), option.WithHTTPClient(l.testClient(t)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := app.Messaging(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newDevice(t *testing.T, s *Server, d Device) string {
	t.Helper()
	d, err := s.NewDevice(d)
	if err != nil {
		t.Fatal(err)
	}
	return d.Token
}

// TestSDKMessages sends every field the Admin SDK has.
func TestSDKMessages(t *testing.T) {
	l := start(t, Options{Project: "p"}, false)
	c := sdk(t, l)
	one, stamp, ttl, when := 1, int64(1), 3500*time.Millisecond, time.Unix(1700000000, 5)
	opts := &messaging.FCMOptions{AnalyticsLabel: "label"}
	androidFull := func() *messaging.AndroidConfig {
		return &messaging.AndroidConfig{CollapseKey: "k", Priority: "high", TTL: &ttl, RestrictedPackageName: "p",
			Data: map[string]string{"a": "b"}, DirectBootOK: true, BandwidthConstrainedOK: true, RestrictedSatelliteOK: true,
			FCMOptions: &messaging.AndroidFCMOptions{AnalyticsLabel: "label"},
			Notification: &messaging.AndroidNotification{Title: "t", Body: "b", Icon: "i", Color: "#00ff00", Sound: "s", Tag: "tag",
				ClickAction: "c", BodyLocKey: "k", BodyLocArgs: []string{"a"}, TitleLocKey: "k", TitleLocArgs: []string{"a"},
				ChannelID: "ch", ImageURL: "https://e.example/i.png", Ticker: "t", Sticky: true, EventTimestamp: &when,
				LocalOnly: true, Priority: messaging.PriorityMax, VibrateTimingMillis: []int64{0, 1500}, DefaultVibrateTimings: true,
				DefaultSound: true, DefaultLightSettings: true, Visibility: messaging.VisibilitySecret, NotificationCount: &one,
				LightSettings: &messaging.LightSettings{Color: "#11223344", LightOnDurationMillis: 100, LightOffDurationMillis: 200},
				Proxy:         messaging.ProxyIfPriorityLowered}}
	}
	aps := &messaging.Aps{Alert: &messaging.ApsAlert{Title: "t", SubTitle: "s", Body: "b", LocKey: "k", LocArgs: []string{"a"},
		TitleLocKey: "k", TitleLocArgs: []string{"a"}, SubTitleLocKey: "k", SubTitleLocArgs: []string{"a"}, ActionLocKey: "k",
		LaunchImage: "i"}, Badge: &one, CriticalSound: &messaging.CriticalSound{Critical: true, Name: "n", Volume: 0.5},
		ContentAvailable: true, MutableContent: true, Category: "c", ThreadID: "t", CustomData: map[string]any{"x": []int{1}}}
	web := &messaging.WebpushConfig{Headers: map[string]string{"TTL": "5", "Urgency": "high", "Topic": "t"},
		Data: map[string]string{"a": "b"}, FCMOptions: &messaging.WebpushFCMOptions{Link: "https://e.example/"},
		Notification: &messaging.WebpushNotification{Actions: []*messaging.WebpushNotificationAction{{Action: "a", Title: "t", Icon: "i"}},
			Title: "t", Body: "b", Icon: "i", Badge: "b", Direction: "rtl", Data: map[string]any{"a": 1}, Image: "i", Language: "en",
			Renotify: true, RequireInteraction: true, Silent: true, Tag: "tag", TimestampMillis: &stamp, Vibrate: []int{1, 2},
			CustomData: map[string]any{"k": "v"}}}
	apns := &messaging.APNSConfig{Headers: map[string]string{"apns-priority": "10", "apns-expiration": "1700000000",
		"apns-push-type": "alert", "apns-collapse-id": "c", "apns-topic": "com.example"},
		Payload:           &messaging.APNSPayload{Aps: aps, CustomData: map[string]any{"k": map[string]any{"v": 1.5}}},
		FCMOptions:        &messaging.APNSFCMOptions{AnalyticsLabel: "label", ImageURL: "https://e.example/i.png"},
		LiveActivityToken: "live"}
	for name, m := range map[string]*messaging.Message{
		"data":         {Data: map[string]string{"a": "b"}},
		"notification": {Notification: &messaging.Notification{Title: "t", Body: "b", ImageURL: "https://e.example/i.png"}, FCMOptions: opts},
		"android":      {Android: androidFull()},
		"webpush":      {Webpush: web},
		"apns":         {APNS: apns},
		"apns strings": {APNS: &messaging.APNSConfig{Payload: &messaging.APNSPayload{Aps: &messaging.Aps{AlertString: "a", Sound: "s"}}}},
		"everything": {Data: map[string]string{"a": "b"}, Notification: &messaging.Notification{Title: "t"}, Android: androidFull(),
			Webpush: web, APNS: apns, FCMOptions: opts},
	} {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []Kind{Token, FID} {
				target := newDevice(t, l.Server, Device{Kind: kind})
				//lint:ignore SA1019 FCM still takes registration tokens
				m.Token, m.Fid = "", target
				if kind == Token {
					//lint:ignore SA1019 see above
					m.Token, m.Fid = target, ""
				}
				if _, err := c.Send(t.Context(), m); err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				if got := l.Messages(target); len(got) != 1 {
					t.Fatalf("%s: received %d messages, want 1", kind, len(got))
				}
				if _, err := c.SendDryRun(t.Context(), m); err != nil {
					t.Fatalf("%s: dry run: %v", kind, err)
				}
			}
		})
	}
	for _, topic := range []*messaging.Message{{Topic: "/topics/news"}, {Condition: "'a' in topics"}} {
		if _, err := c.Send(t.Context(), topic); err != nil {
			t.Error(err)
		}
	}
	if p := l.Stats().Protocols; len(p) != 1 || p["HTTP/2.0"] == 0 {
		t.Errorf("protocols %v, want HTTP/2.0 only", p)
	}
}

// TestSDKErrors checks that the SDK's classifiers know our bodies.
func TestSDKErrors(t *testing.T) {
	l := start(t, Options{Project: "p"}, false)
	c := sdk(t, l)
	classify := map[string]func(error) bool{
		"unregistered": messaging.IsUnregistered, "quota": messaging.IsQuotaExceeded, "sender": messaging.IsSenderIDMismatch,
		"third party": messaging.IsThirdPartyAuthError, "argument": messaging.IsInvalidArgument,
		"unavailable": messaging.IsUnavailable, "internal": messaging.IsInternal,
	}
	target := newDevice(t, l.Server, Device{})
	for _, tt := range []struct {
		error  ErrorCode
		want   string // empty: the SDK knows none of them
		status int
	}{
		{Unregistered, "unregistered", 404}, {QuotaExceeded, "quota", 429}, {SenderIDMismatch, "sender", 403},
		{ThirdPartyAuth, "third party", 401}, {InvalidArgument, "argument", 400}, {Unavailable, "unavailable", 503},
		{Internal, "internal", 500},
		{ProjectQuota, "", 429}, {BadPayload, "", 400}, {NotFound, "", 404}, {Unauthenticated, "", 401},
		{PermissionDenied, "", 403}, {BadGateway, "", 502},
	} {
		// The SDK retries a 503 at once and with back-off, unless it is to wait over two minutes.
		if err := l.SetFaults(Plan{Rules: []Rule{{Action: Action{Error: tt.error, RetryAfter: Delay(time.Hour)}}}}); err != nil {
			t.Fatal(err)
		}
		_, err := c.Send(t.Context(), &messaging.Message{Fid: "cccccccccccccccccccccc", Data: map[string]string{"to": target}})
		for name, is := range classify {
			if is(err) != (name == tt.want) {
				t.Errorf("%s: %s says %v: %v", tt.error, name, is(err), err)
			}
		}
		resp := errorutils.HTTPResponse(err)
		if resp == nil || resp.StatusCode != tt.status || resp.Header.Get("Retry-After") != "3600" {
			t.Errorf("%s: got response %v, want status %d and Retry-After", tt.error, resp, tt.status)
		}
		if n := l.Stats().Errors[tt.error]; n != 1 {
			t.Errorf("%s: counted %d, want 1", tt.error, n)
		}
	}
	l.ClearFaults()
	if _, err := c.Send(t.Context(), &messaging.Message{Fid: FIDFor("gone")}); !messaging.IsUnregistered(err) {
		t.Errorf("unknown FID: %v", err)
	}
	if _, err := c.Send(t.Context(), &messaging.Message{Fid: "x"}); !messaging.IsInvalidArgument(err) {
		t.Errorf("malformed FID: %v", err)
	}
}

// TestSDKRetry: the SDK sends again at once after a lost answer, so the same
// message is accepted twice, which the counters show.
func TestSDKRetry(t *testing.T) {
	for _, stream := range []bool{true, false} {
		l := start(t, Options{Project: "p"}, false)
		c := sdk(t, l)
		target := newDevice(t, l.Server, Device{Kind: FID})
		plan := Plan{Rules: []Rule{{Match: Match{Count: 1}, Action: Action{Kind: FaultLostAnswer, StreamOnly: stream}}}}
		if err := l.SetFaults(plan); err != nil {
			t.Fatal(err)
		}
		m := &messaging.Message{Fid: target, Android: &messaging.AndroidConfig{
			Notification: &messaging.AndroidNotification{Title: "t", Tag: "m1"}}}
		if _, err := c.Send(context.Background(), m); err != nil {
			t.Fatalf("stream only %v: %v", stream, err)
		}
		st, shade := l.Stats(), l.Shade(target)
		if st.Accepted != 2 || st.RepeatedTags != 1 || st.RepeatedMessages != 1 || st.Faults[FaultLostAnswer] != 1 {
			t.Errorf("stream only %v: stats %+v", stream, st)
		}
		if len(shade) != 1 || shade[0].ShownTimes != 2 || shade[0].Replaced != 1 {
			t.Errorf("stream only %v: shade %+v", stream, shade)
		}
		if got := l.Messages(target); len(got) != 2 || got[1].Attempt != 2 {
			t.Errorf("stream only %v: messages %+v", stream, got)
		}
		// At least: Go's transport may dial one more than it uses.
		if want := uint64(2); !stream && st.Connections < want {
			t.Errorf("%d connections, want %d: the first was reset", st.Connections, want)
		}
	}
}
