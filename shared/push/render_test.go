package push

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"firebase.google.com/go/v4/messaging"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
)

var update = flag.Bool("update", false, "write testdata/*.json anew")

var sentAt = time.UnixMilli(1_700_000_000_500)

// announcement is a message of alice's to bob, changed by edits.
func announcement(edits ...func(*Announcement)) Announcement {
	a := OfMessage(chat.Message{
		MessageID: "q6xkqkqp3v5jzrqfkq3pmuzxpe", SenderUserID: "alice", ConversationID: "bob", Timestamp: sentAt.UnixMilli(),
		Priority: chat.Medium, Push: &chat.PushConfig{Title: "Alice", Content: "Are you there?"},
	}, time.Hour)
	for _, edit := range edits {
		edit(&a)
	}
	return a
}

// video is a call of alice's to bob.
var video = call.Call{
	CallID: "c1", Caller: "alice", Pushes: map[string]chat.PushConfig{"1": {Title: "Alice", Content: "Video call", Payload: "p"}},
	Users: map[string]call.User{"bob": {Inviter: "alice", Push: "1", At: sentAt.UnixMilli(), ExpiresAt: sentAt.Add(90 * time.Second).UnixMilli()}},
}

func heldBack() Announcement {
	return OfHeld("bob", 5, false, map[string]int64{"c": 7}, sentAt, time.Hour)
}

func ringing() Announcement { return OfCall(video, "bob") }

func ended(end CallEnd) Announcement { return OfCallEnd(video, end, "bob") }

// The caller's own words are for those who missed the call.
func TestOfCallEnd(t *testing.T) {
	c := video.Clone()
	c.Pushes["2"] = chat.PushConfig{Title: "Alice", Content: "Call me back"}
	in := func(s call.UserState) call.Call {
		c := c.Clone()
		u := c.Users["bob"]
		u.State, u.At, u.EndPush = s, 7, "2"
		c.Users["bob"] = u
		return c
	}
	for state, want := range map[call.UserState]string{
		call.BeCancelled: "Call me back", call.Timeout: "Missed call", call.Accepted: "Answered on another device", call.Rejected: "Declined on another device",
	} {
		a := OfCallEnd(in(state), EndOf(state), "bob")
		if a.Push.Content != want || a.Push.Title != "Alice" || a.ID != ringing().ID || a.SenderUserID != "alice" || a.CreatedAt != 7 || a.ExpiresAt != 7+24*3600_000 {
			t.Errorf("%s: %+v", state, a)
		}
	}
	// A silent word of the caller's would leave the ring standing.
	wordless := in(call.BeCancelled)
	wordless.Pushes["2"] = chat.PushConfig{Silent: true, Payload: "q"}
	if a := OfCallEnd(wordless, Missed, "bob"); a.Push.Silent || a.Push.Content != "Missed call" || a.Push.Title != "Alice" {
		t.Errorf("with a silent word: %+v", a)
	}
	silent := in(call.BeCancelled)
	u := silent.Users["bob"]
	u.EndPush = ""
	silent.Users["bob"] = u
	if a := OfCallEnd(silent, Missed, "bob"); a.Push.Content != "Missed call" || a.Push.Payload != "p" {
		t.Errorf("cancelled without words: %+v", a)
	}
	if c.Pushes["1"].Content != "Video call" {
		t.Error("the call's own pushConfig was changed")
	}
	for state, want := range map[call.UserState]CallEnd{
		call.Accepted: Answered, call.Rejected: Declined, call.Timeout: Missed, call.BeCancelled: Missed, call.Finished: Missed,
	} {
		if got := EndOf(state); got != want {
			t.Errorf("%v is %s", state, got)
		}
	}
}

func TestUrgent(t *testing.T) {
	for _, tc := range []struct {
		a    Announcement
		n    int
		want bool
	}{
		{ringing(), 1, true}, {ended(Missed), 2, true}, {announcement(high), MaxBatch - 1, true},
		{announcement(high), MaxBatch, false}, {announcement(), 1, false}, {announcement(low), 1, false},
	} {
		if b := (Batch{Announcement: tc.a, Targets: make([]Target, tc.n)}); b.Urgent() != tc.want {
			t.Errorf("%s with priority %d to %d: %t", tc.a.Kind, tc.a.Priority, tc.n, !tc.want)
		}
		if b := (Batch{Announcement: tc.a, Targets: make([]Target, tc.n), Bulk: true}); b.Urgent() {
			t.Errorf("one of many batches of a %s with priority %d is urgent", tc.a.Kind, tc.a.Priority)
		}
	}
}

func onDevice(p device.Platform, edits ...func(*Target)) Target {
	t := Target{UserID: "bob", PushID: "p", Platform: p, Kind: device.KindToken, Value: "TOKEN"}
	for _, edit := range edits {
		edit(&t)
	}
	return t
}

func private(p device.Privacy) func(*Target) { return func(t *Target) { t.Privacy = p } }

func fid(t *Target) { t.Kind, t.Value = device.KindFID, "FID" }

func dataOnly(t *Target) { t.DataOnly = true }

func everything(a *Announcement) {
	a.Priority = chat.High
	a.Push.Payload = `{"deep":"link","emoji":"👋"}`
	a.Push.ResourcesID, a.Push.ThreadID = "sound-1", "thread-1"
	a.Push.EnableBadge, a.Push.BadgeIncrement = true, 2
}

// counting asks for a number and says no step.
func counting(a *Announcement) { a.Push.EnableBadge = true }

// unreadOf has a target say that its user has not read so much.
func unreadOf(n int) func(*Target) { return func(t *Target) { t.Counted, t.Unread = true, n } }

func countedBundle() Announcement {
	a := bundled(5, false)
	counting(&a)
	return a
}

func collapsed(a *Announcement) { a.Collapse = "zvp3k2hclsrykrbbyidmg6bm2q" }

func silent(a *Announcement) {
	a.Push = chat.PushConfig{Silent: true, Payload: `{"sync":"contacts"}`}
}

func voIP(a *Announcement) {
	a.Push.VoIP = &chat.VoIPConfig{HandleType: chat.GenericHandle, HandleValue: "alice", HasVideo: true}
}

// ringingWith is ringing, changed by an edit.
func ringingWith(edit func(*Announcement)) Announcement {
	a := ringing()
	edit(&a)
	return a
}

func low(a *Announcement)  { a.Priority = chat.Low }
func high(a *Announcement) { a.Priority = chat.High }

// The whole JSON that FCM gets, by platform; -update writes the files anew.
func TestRenderGolden(t *testing.T) {
	later := sentAt.Add(59*time.Minute + 30*time.Second)
	clickable := Renderer{WebClickURL: "https://chat.example/"}
	for _, tc := range []struct {
		name string
		r    Renderer
		a    Announcement
		t    Target
		now  time.Time
	}{
		{"android", Renderer{}, announcement(), onDevice(device.Android), sentAt},
		{"android_summary", Renderer{}, heldBack(), onDevice(device.Android), sentAt},
		{"ios_summary", Renderer{}, heldBack(), onDevice(device.IPhoneOS), sentAt},
		{"web_summary_id", Renderer{}, heldBack(), onDevice(device.Web, private(device.PrivacyID)), sentAt},
		{"ios_summary_german", Renderer{}, heldBack(), onDevice(device.IPhoneOS, speaking("de")), sentAt},
		{"android_bundle_german", Renderer{}, OfBundle(announcement(func(a *Announcement) { a.Seq = 7 }), 5, false, "first"), onDevice(device.Android, speaking("de")), sentAt},
		{"android_read", clickable, readElsewhere(), onDevice(device.Android), sentAt},
		{"ios_read", clickable, readElsewhere(), onDevice(device.IPhoneOS), sentAt},
		{"web_read", clickable, readElsewhere(), onDevice(device.Web), sentAt},
		{"android_low", Renderer{}, announcement(low), onDevice(device.Android), sentAt},
		{"android_everything", clickable, announcement(everything), onDevice(device.Android), later},
		{"android_fid", Renderer{}, announcement(), onDevice(device.Android, fid), sentAt},
		{"ios", Renderer{}, announcement(), onDevice(device.IPhoneOS), sentAt},
		{"ios_low", Renderer{}, announcement(low), onDevice(device.IPhoneOS), sentAt},
		{"ios_everything", clickable, announcement(everything), onDevice(device.IPhoneOS, func(t *Target) { t.Badge = 5 }), later},
		{"android_unread", Renderer{}, announcement(counting), onDevice(device.Android, unreadOf(12)), sentAt},
		{"android_unread_bundle", Renderer{}, countedBundle(), onDevice(device.Android, unreadOf(12)), sentAt},
		{"android_unread_silent", Renderer{}, announcement(silent, counting), onDevice(device.Android, unreadOf(12)), sentAt},
		{"ios_unread", Renderer{}, announcement(counting), onDevice(device.IPhoneOS, unreadOf(12)), sentAt},
		{"ios_unread_silent", Renderer{}, announcement(silent, counting), onDevice(device.IPhoneOS, unreadOf(12)), sentAt},
		{"web_unread", Renderer{}, announcement(counting), onDevice(device.Web, unreadOf(12)), sentAt},
		{"ios_fid", Renderer{}, announcement(), onDevice(device.IPadOS, fid), sentAt},
		{"web", Renderer{}, announcement(), onDevice(device.Web), sentAt},
		{"web_low", Renderer{}, announcement(low), onDevice(device.Web), sentAt},
		{"web_high", Renderer{}, announcement(high), onDevice(device.Web), sentAt},
		{"web_everything", clickable, announcement(everything), onDevice(device.Web), later},
		{"web_fid", Renderer{}, announcement(), onDevice(device.Web, fid), sentAt},
		{"android_collapsed", Renderer{}, announcement(collapsed), onDevice(device.Android), sentAt},
		{"ios_collapsed", Renderer{}, announcement(collapsed), onDevice(device.IPhoneOS), sentAt},
		{"web_collapsed", Renderer{}, announcement(collapsed), onDevice(device.Web), sentAt},
		{"android_sender", clickable, announcement(everything), onDevice(device.Android, private(device.PrivacySender)), sentAt},
		{"android_generic", clickable, announcement(everything), onDevice(device.Android, private(device.PrivacyGeneric)), sentAt},
		{"android_id", clickable, announcement(everything), onDevice(device.Android, private(device.PrivacyID)), sentAt},
		{"ios_sender", clickable, announcement(everything), onDevice(device.IPhoneOS, private(device.PrivacySender)), sentAt},
		{"ios_generic", clickable, announcement(everything), onDevice(device.IPhoneOS, private(device.PrivacyGeneric)), sentAt},
		{"ios_id", clickable, announcement(everything), onDevice(device.IPhoneOS, private(device.PrivacyID)), sentAt},
		{"web_sender", clickable, announcement(everything), onDevice(device.Web, private(device.PrivacySender)), sentAt},
		{"web_generic", clickable, announcement(everything), onDevice(device.Web, private(device.PrivacyGeneric)), sentAt},
		{"web_id", clickable, announcement(everything), onDevice(device.Web, private(device.PrivacyID)), sentAt},
		{"android_data_only", clickable, announcement(everything), onDevice(device.Android, dataOnly), sentAt},
		{"android_data_only_id", Renderer{}, announcement(everything), onDevice(device.Android, dataOnly, private(device.PrivacyID)), sentAt},
		{"android_data_only_silent", Renderer{}, announcement(silent), onDevice(device.Android, dataOnly), sentAt},
		{"android_data_only_call", Renderer{}, ringing(), onDevice(device.Android, dataOnly), sentAt},
		{"android_data_only_call_end", Renderer{}, ended(Missed), onDevice(device.Android, dataOnly), sentAt},
		{"android_call_id", Renderer{}, ringing(), onDevice(device.Android, private(device.PrivacyID)), sentAt},
		{"ios_call_end_generic", Renderer{}, ended(Answered), onDevice(device.IPhoneOS, private(device.PrivacyGeneric)), sentAt},
		{"android_silent", clickable, announcement(silent), onDevice(device.Android), sentAt},
		{"ios_silent", clickable, announcement(silent), onDevice(device.IPhoneOS, func(t *Target) { t.Badge = 5 }), sentAt},
		{"web_silent", clickable, announcement(silent), onDevice(device.Web), sentAt},
		{"android_silent_collapsed_id", Renderer{}, announcement(silent, collapsed), onDevice(device.Android, private(device.PrivacyID)), sentAt},
		{"android_call_silent", Renderer{}, ringingWith(silent), onDevice(device.Android), sentAt},
		{"ios_call_voip", Renderer{}, ringingWith(voIP), onDevice(device.IPhoneOS), sentAt},
		{"ios_call_voip_id", Renderer{}, ringingWith(voIP), onDevice(device.IPhoneOS, private(device.PrivacyID)), sentAt},
		{"android_call", Renderer{}, ringing(), onDevice(device.Android), sentAt},
		{"ios_call", Renderer{}, ringing(), onDevice(device.IPhoneOS), sentAt},
		{"web_call", clickable, ringing(), onDevice(device.Web), sentAt},
		{"android_call_end", Renderer{}, ended(Missed), onDevice(device.Android), sentAt},
		{"ios_call_end", Renderer{}, ended(Answered), onDevice(device.IPhoneOS), sentAt},
		{"web_call_end", clickable, ended(Declined), onDevice(device.Web), sentAt},
	} {
		t.Run(tc.name, func(t *testing.T) {
			golden(t, tc.name, tc.r.Render(tc.a, tc.t, tc.now))
		})
	}
}

// golden holds m to a file in testdata.
func golden(t *testing.T, name string, m *messaging.Message) {
	t.Helper()
	var got bytes.Buffer
	if err := json.Indent(&got, encode(t, m), "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("differs from %s:\n%s", file, got.Bytes())
	}
}

// Who is not to see anything sees nothing: no platform's silent push has a text, a
// sound or a number, and only the iPhone is told who calls.
func TestSilentShowsNothing(t *testing.T) {
	for _, p := range platformsFCM {
		for _, a := range []Announcement{announcement(silent), ringingWith(silent), ringingWith(func(a *Announcement) { silent(a); voIP(a) })} {
			m := string(encode(t, Renderer{WebClickURL: "https://chat.example/"}.Render(a, onDevice(p), sentAt)))
			for _, word := range []string{`"notification"`, `"alert"`, `"sound"`, `"badge"`, `"link"`} {
				if strings.Contains(m, word) {
					t.Errorf("%s: %s in %s", p, word, m)
				}
			}
			if strings.Contains(m, "iOSVoIP") != (a.Push.VoIP != nil && p.Apple()) {
				t.Errorf("%s: VoIP options in %s", p, m)
			}
		}
	}
}

func encode(t testing.TB, m *messaging.Message) []byte {
	t.Helper()
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// platformsFCM is every platform FCM reaches.
var platformsFCM = []device.Platform{device.Android, device.IPhoneOS, device.IPadOS, device.MacOS, device.Web}

// One block each: FCM would count, and a device never see, the others.
func TestRenderOneBlockPerPlatform(t *testing.T) {
	for _, p := range platformsFCM {
		m := Renderer{}.Render(announcement(), onDevice(p), sentAt)
		if got, want := [3]bool{m.Android != nil, m.APNS != nil, m.Webpush != nil}, [3]bool{p == device.Android, p.Apple(), p == device.Web}; got != want {
			t.Errorf("%s: android, apns, webpush blocks %v, want %v", p, got, want)
		}
	}
}

// APNs and a browser set the icon's number: to the app's own and the step, or else to
// what the user has not read, where that was counted; without permission none is sent.
// Android adds up what its notifications stand for, so that it gets the step alone, and
// the total for the app only. A silent push leaves all of it to the app.
func TestRenderBadge(t *testing.T) {
	const uncounted = -1
	for _, tc := range []struct {
		enable              bool
		badge, step, unread int
		number              int // for the icon; -1: none
		stands              int // Android's notification for; -1: left out
		app                 string
	}{
		{false, 5, 0, uncounted, -1, -1, ""},
		{false, 5, 0, 4, -1, -1, ""},
		{true, 5, 0, uncounted, 5, -1, ""},
		{true, 5, 3, uncounted, 8, 3, ""},
		{true, 0, 1, uncounted, 1, 1, ""},
		{true, 0, 0, uncounted, -1, -1, ""},
		{true, 0, 0, 4, 4, -1, "4"},
		{true, 0, 0, 0, 0, -1, "0"},
	} {
		badge := func(a *Announcement) { a.Push.EnableBadge, a.Push.BadgeIncrement = tc.enable, tc.step }
		loud, quiet := announcement(badge), announcement(silent, badge)
		on := func(a Announcement, p device.Platform) *messaging.Message {
			return Renderer{}.Render(a, onDevice(p, func(t *Target) {
				if t.Badge = tc.badge; tc.unread != uncounted {
					unreadOf(tc.unread)(t)
				}
			}), sentAt)
		}
		want := ""
		if tc.number >= 0 {
			want = strconv.Itoa(tc.number)
		}
		apple, android := on(loud, device.IPhoneOS), on(loud, device.Android)
		if n := number(apple.APNS.Payload.Aps.Badge); n != tc.number || apple.Data["badge"] != "" {
			t.Errorf("%+v: APNs %d, %q", tc, n, apple.Data["badge"])
		}
		if n := number(android.Android.Notification.NotificationCount); n != tc.stands || android.Data["badge"] != tc.app {
			t.Errorf("%+v: Android %d, %q", tc, n, android.Data["badge"])
		}
		if got := on(loud, device.Web).Data["badge"]; got != want {
			t.Errorf("%+v: web %q", tc, got)
		}
		for _, p := range platformsFCM {
			if m := on(quiet, p); m.Data["badge"] != want || m.APNS != nil && m.APNS.Payload.Aps.Badge != nil {
				t.Errorf("%+v: silent on %s %q", tc, p, m.Data["badge"])
			}
		}
	}
}

// Android's notification of several messages stands for all of them.
func TestRenderBadgeOfBundle(t *testing.T) {
	for _, tc := range []struct {
		target Target
		want   int
	}{{onDevice(device.Android, unreadOf(12)), 5}, {onDevice(device.Android), -1}} {
		if n := number(Renderer{}.Render(countedBundle(), tc.target, sentAt).Android.Notification.NotificationCount); n != tc.want {
			t.Errorf("%+v: %d, want %d", tc.target, n, tc.want)
		}
	}
}

func number(n *int) int {
	if n == nil {
		return -1
	}
	return *n
}

// A push never outlives what it announces, wherever its TTL is written.
func TestRenderTTL(t *testing.T) {
	for _, tc := range []struct {
		age  time.Duration
		left time.Duration
	}{
		{0, time.Hour},
		{time.Millisecond, time.Hour - time.Second},
		{time.Hour - time.Second, time.Second},
		{time.Hour - 1, 0},
		{time.Hour, 0},
		{2 * time.Hour, 0},
	} {
		now := sentAt.Add(tc.age)
		if got := *(Renderer{}.Render(announcement(), onDevice(device.Android), now).Android.TTL); got != tc.left {
			t.Errorf("after %v: Android TTL %v, want %v", tc.age, got, tc.left)
		}
		expires := Renderer{}.Render(announcement(), onDevice(device.IPhoneOS), now).APNS.Headers["apns-expiration"]
		if want := itoa(now.Add(tc.left).Unix()); expires != want {
			t.Errorf("after %v: APNs expiration %s, want %s", tc.age, expires, want)
		}
		if got, want := (Renderer{}.Render(announcement(), onDevice(device.Web), now).Webpush.Headers["TTL"]), itoa(int64(tc.left.Seconds())); got != want {
			t.Errorf("after %v: web TTL %s, want %s", tc.age, got, want)
		}
	}
	if got := announcement(func(a *Announcement) { a.ExpiresAt = sentAt.Add(10000 * time.Hour).UnixMilli() }).TTL(sentAt); got != 4*7*24*time.Hour {
		t.Errorf("the longest TTL is %v, FCM takes four weeks", got)
	}
}

func itoa(n int64) string {
	b, _ := json.Marshal(n)
	return string(b)
}

// RFC 8030 §5.4 and Apple's limits of 32 and 64 characters.
func TestCollapseIDs(t *testing.T) {
	a := announcement(func(a *Announcement) { a.ID = strings.Repeat("m", 64) })
	topic := Renderer{}.Render(a, onDevice(device.Web), sentAt).Webpush.Headers["Topic"]
	if len(topic) > 32 || strings.Trim(topic, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		t.Errorf("web push topic %q", topic)
	}
	if other := (Renderer{}.Render(announcement(), onDevice(device.Web), sentAt).Webpush.Headers["Topic"]); other == topic {
		t.Error("two messages have one topic: the second would replace the first")
	}
	if id := (Renderer{}.Render(announcement(), onDevice(device.IPhoneOS), sentAt).APNS.Headers["apns-collapse-id"]); len(id) > 64 {
		t.Errorf("apns-collapse-id %q", id)
	}
}
