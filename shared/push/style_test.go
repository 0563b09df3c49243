package push

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/resource"
)

func decode(t testing.TB, document string) *resource.Resource {
	t.Helper()
	r, err := resource.Decode([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// styled has all that a resource may have but the keys of an app's texts.
func styled(t testing.TB) *resource.Resource {
	return decode(t, `{"sound":"ding.caf","image":"https://cdn.example/i.png","clickURL":"https://chat.example/open","interruption":"time-sensitive","ttl":600,
		"android":{"sound":"ding","channel":"messages","icon":"ic_message","colour":"#1a73e8","category":"MESSAGE"},
		"apns":{"category":"MESSAGE"},
		"web":{"icon":"https://cdn.example/w.png","actions":[{"action":"reply","title":"Reply"},{"action":"read","title":"Mark as read"}]},
		"texts":[
			{"locale":"en","title":{"one":"{count} message from {sender}","other":"{count} messages from {sender}"},"content":"“{content}”"},
			{"locale":"de","title":"{sender} schreibt","content":"„{content}“","actions":{"reply":"Antworten"}}]}`)
}

func keyed(t testing.TB) *resource.Resource {
	return decode(t, `{"locKeys":{"titleLocKey":"message_title","titleLocArgs":["{sender}"],"bodyLocKey":"message_body","bodyLocArgs":["{content}","{count}"]},
		"texts":[{"locale":"en","title":"From {sender}"}]}`)
}

func speaking(locale string) func(*Target) { return func(t *Target) { t.Locale = locale } }

func badged(n int) func(*Target) { return func(t *Target) { t.Badge = n } }

// The whole JSON that FCM gets in a resource, by platform; -update writes the files
// anew.
func TestStyleGolden(t *testing.T) {
	critical := decode(t, `{"sound":"alarm.caf","interruption":"critical"}`)
	passive := decode(t, `{"sound":"ding.caf","interruption":"passive"}`)
	soundless := decode(t, `{"sound":"none","interruption":"active"}`)
	half := decode(t, `{"locKeys":{"titleLocKey":"message_title"}}`)
	for _, tc := range []struct {
		name string
		r    *resource.Resource
		a    Announcement
		t    Target
	}{
		{"android_styled", styled(t), announcement(everything), onDevice(device.Android, badged(5))},
		{"ios_styled", styled(t), announcement(everything), onDevice(device.IPhoneOS, badged(5))},
		{"web_styled", styled(t), announcement(everything), onDevice(device.Web, badged(5))},
		{"android_styled_de", styled(t), announcement(everything), onDevice(device.Android, speaking("de-AT"))},
		{"web_styled_de", styled(t), announcement(everything), onDevice(device.Web, speaking("de-AT"))},
		{"android_styled_sender", styled(t), announcement(everything), onDevice(device.Android, private(device.PrivacySender), speaking("de"))},
		{"ios_styled_generic", styled(t), announcement(everything), onDevice(device.IPhoneOS, private(device.PrivacyGeneric), speaking("de"))},
		{"web_styled_id", styled(t), announcement(everything), onDevice(device.Web, private(device.PrivacyID), speaking("de"))},
		{"android_styled_data_only", styled(t), announcement(everything), onDevice(device.Android, badged(5), dataOnly)},
		{"android_keyed_data_only", keyed(t), announcement(everything), onDevice(device.Android, badged(5), dataOnly)},
		{"android_passive_data_only", passive, announcement(), onDevice(device.Android, dataOnly)},
		{"android_soundless_data_only", soundless, announcement(), onDevice(device.Android, dataOnly)},
		{"android_keyed", keyed(t), announcement(everything), onDevice(device.Android, badged(5))},
		{"ios_keyed", keyed(t), announcement(everything), onDevice(device.IPhoneOS, badged(5))},
		{"web_keyed", keyed(t), announcement(everything), onDevice(device.Web, badged(5))},
		{"ios_half_keyed", half, announcement(), onDevice(device.IPhoneOS)},
		{"android_half_keyed", half, announcement(), onDevice(device.Android)},
		{"android_critical", critical, announcement(), onDevice(device.Android)},
		{"ios_critical", critical, announcement(), onDevice(device.IPhoneOS)},
		{"web_critical", critical, announcement(), onDevice(device.Web)},
		{"android_passive", passive, announcement(), onDevice(device.Android)},
		{"ios_passive", passive, announcement(), onDevice(device.IPhoneOS)},
		{"web_passive", passive, announcement(), onDevice(device.Web)},
		{"android_soundless", soundless, announcement(), onDevice(device.Android)},
		{"ios_soundless", soundless, announcement(), onDevice(device.IPhoneOS)},
		{"web_soundless", soundless, announcement(), onDevice(device.Web)},
		{"android_styled_call", styled(t), ringing(), onDevice(device.Android, speaking("de"))},
		{"ios_styled_call", styled(t), ringing(), onDevice(device.IPhoneOS, speaking("de"))},
		{"web_styled_call", styled(t), ringing(), onDevice(device.Web, speaking("de"))},
		{"android_styled_call_end", styled(t), ended(Missed), onDevice(device.Android, speaking("de"))},
		{"ios_styled_call_end", styled(t), ended(Answered), onDevice(device.IPhoneOS, speaking("fr"))},
		{"web_styled_call_end", styled(t), ended(Declined), onDevice(device.Web, speaking("zh-CN"))},
		{"android_styled_silent", styled(t), announcement(silent), onDevice(device.Android)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			golden(t, tc.name, Renderer{WebClickURL: "https://chat.example/"}.With(tc.r).Render(tc.a.Within(tc.r), tc.t, sentAt))
		})
	}
}

// Without a resource, and with one that says nothing, a push is what it always was.
func TestPlainStaysPlain(t *testing.T) {
	for _, a := range []Announcement{announcement(), announcement(everything), announcement(silent), ringing(), ended(Missed)} {
		for _, target := range everyTarget() {
			want := encode(t, Renderer{}.Render(a, target, sentAt))
			if got := encode(t, Renderer{}.With(decode(t, `{}`)).Render(a, target, sentAt)); !bytes.Equal(got, want) {
				t.Errorf("%s to %+v:\n%s\nwant\n%s", a.Kind, target, got, want)
			}
		}
	}
}

// A resource's time ends what is pushed, never prolongs it, and leaves alone what
// tells that a call is over.
func TestWithin(t *testing.T) {
	r := decode(t, `{"ttl":60}`)
	a := announcement()
	if got := a.Within(r); got.ExpiresAt != a.CreatedAt+60_000 || got.TTL(sentAt) != time.Minute {
		t.Errorf("a message ends at %d", got.ExpiresAt-a.CreatedAt)
	}
	short := announcement(func(a *Announcement) { a.ExpiresAt = a.CreatedAt + 1000 })
	for name, kept := range map[string][2]Announcement{
		"a shorter one": {short.Within(r), short}, "no resource": {a.Within(nil), a}, "none of its own": {a.Within(decode(t, `{}`)), a},
		"the end of a call": {ended(Missed).Within(r), ended(Missed)},
	} {
		if kept[0].ExpiresAt != kept[1].ExpiresAt {
			t.Errorf("%s: ends at %d, want %d", name, kept[0].ExpiresAt, kept[1].ExpiresAt)
		}
	}
}

// Who is told less than all is told nothing more by a resource's words or picture.
func TestStyleKeepsBack(t *testing.T) {
	r := decode(t, `{"image":"https://cdn.example/the-image","texts":[{"locale":"en","title":"the-words {sender}"}],"channel":"the-channel","category":"the-category","clickURL":"https://x.example/the-link"}`)
	for privacy, want := range map[device.Privacy]string{
		"": "the-words the-image the-title", device.PrivacySender: "the-title", device.PrivacyGeneric: "", device.PrivacyID: "",
	} {
		a := announcement(func(a *Announcement) { a.Push.Title = "the-title" })
		for _, p := range platformsFCM {
			text := string(encode(t, Renderer{}.With(r).Render(a, onDevice(p, private(privacy)), sentAt)))
			for _, word := range strings.Fields("the-words the-image the-title") {
				if got := strings.Contains(text, word); got != strings.Contains(want, word) {
					t.Errorf("to %s with privacy %q: %s is in it: %t", p, privacy, word, got)
				}
			}
			if privacy == device.PrivacyID && (strings.Contains(text, "the-channel") || strings.Contains(text, "the-category") || strings.Contains(text, "the-link")) {
				t.Errorf("to %s by ID: what kind it is shows: %s", p, text)
			}
		}
	}
}

// Doorbell's own words are in the language of the device, whatever is around them,
// and those of who called in theirs.
func TestOwnWords(t *testing.T) {
	for _, tc := range []struct {
		a              Announcement
		privacy        device.Privacy
		locale         string
		title, content string
	}{
		{announcement(), device.PrivacySender, "de-CH", "Alice", "Neue Nachricht"},
		{announcement(), device.PrivacyGeneric, "fr", "Nouveau message", "Ouvrez l’application pour le voir"},
		{announcement(), device.PrivacyID, "es-MX", "Mensaje nuevo", "Abre la aplicación para verlo"},
		{announcement(), device.PrivacyGeneric, "tlh", "New message", "Open the app to see it"},
		{announcement(), device.PrivacyGeneric, "", "New message", "Open the app to see it"},
		{announcement(), "", "de", "Alice", "Are you there?"},
		{ringing(), device.PrivacyGeneric, "pt-BR", "Chamada recebida", "Abra o aplicativo para ver"},
		{ringing(), "", "de", "Alice", "Video call"},
		{ended(Missed), "", "it", "Alice", "Chiamata persa"},
		{ended(Answered), "", "zh-CN", "Alice", "已在其他设备上接听"},
		{ended(Declined), device.PrivacyGeneric, "de", "Auf einem anderen Gerät abgelehnt", "Zum Lesen die App öffnen"},
		{ended(Missed), device.PrivacyFull, "de", "Alice", "Verpasster Anruf"},
		{ringingWith(func(a *Announcement) { a.Kind, a.CallEnd, a.Push.Content = KindCallEnd, Missed, "Call me back" }), "", "de", "Alice", "Call me back"},
		// How many there are, with CLDR's plurals; of a summary that is all there is.
		{held(5, false), "", "", "5 unread messages", "They came in your quiet hours"},
		{held(1, false), "", "en", "1 unread message", "It came in your quiet hours"},
		{held(1, false), "", "de", "1 ungelesene Nachricht", "Während deiner Ruhezeiten eingegangen"},
		{held(5, false), device.PrivacyID, "de-AT", "5 ungelesene Nachrichten", "Während deiner Ruhezeiten eingegangen"},
		{held(99, true), device.PrivacyGeneric, "fr", "99+ messages non lus", "Pendant vos heures calmes"},
		{held(3, false), device.PrivacySender, "zh-CN", "3 条未读消息", "在您的免打扰时段收到"},
		{bundled(5, false), "", "", "Alice", "5 new messages"},
		{bundled(5, false), "", "es", "Alice", "5 mensajes nuevos"},
		{bundled(99, true), device.PrivacySender, "it", "Alice", "99+ nuovi messaggi"},
		{bundled(2, false), device.PrivacyGeneric, "pt-PT", "2 novas mensagens", "Abra o aplicativo para ver"},
		{bundled(2, false), device.PrivacyID, "tlh", "2 new messages", "Open the app to see it"},
		{bundled(1, false), "", "de", "Alice", "Are you there?"},
		{bundled(5, false).Saying(chat.PushConfig{Title: "Al", Content: "edited"}), "", "de", "Al", "5 neue Nachrichten"},
		// As a version before these made them.
		{older(held(5, false)), "", "de", "5 unread messages", "They came in your quiet hours"},
		{older(bundled(5, false)), "", "de", "Alice", "5 new messages"},
		{older(bundled(5, false)), device.PrivacyGeneric, "de", "5 new messages", "Zum Lesen die App öffnen"},
	} {
		for _, p := range platformsFCM {
			m := Renderer{}.Render(tc.a, onDevice(p, private(tc.privacy), speaking(tc.locale)), sentAt)
			if m.Notification.Title != tc.title || m.Notification.Body != tc.content {
				t.Errorf("%s with privacy %q in %q: %q, %q", tc.a.Kind, tc.privacy, tc.locale, m.Notification.Title, m.Notification.Body)
			}
		}
	}
	for _, w := range dictionary {
		for _, text := range []string{w.message, w.call, w.open, w.missed, w.answeredElsewhere, w.declinedTo} {
			if text == "" || len(text) > 64 {
				t.Errorf("%s says %q", w.locale, text)
			}
		}
		for _, phrase := range []resource.Phrase{w.held, w.unread, w.several} {
			for _, n := range []int{1, 2, 99} {
				for _, more := range []bool{false, true} {
					text := w.counting(phrase, n, more)
					if text == "" || len(text) > 64 || strings.Contains(text, "{") {
						t.Errorf("%s says %q of %d, more: %t", w.locale, text, n, more)
					}
				}
			}
		}
	}
}

// An operator says what a summary says, where they have a resource for it; who is told
// less is told what Doorbell has.
func TestSummaryInAResource(t *testing.T) {
	r := Renderer{}.With(decode(t, `{"channel":"digests","texts":[{"locale":"en","title":{"one":"You missed {count}","other":"You missed {count} messages"},"content":"{sender}"},
		{"locale":"pl","title":{"one":"{count} wiadomość","few":"{count} wiadomości","other":"{count} wiadomości!"},"content":"Dzień dobry"}]}`))
	for _, tc := range []struct {
		a           Announcement
		locale      string
		privacy     device.Privacy
		title, body string
	}{
		{held(1, false), "en", "", "You missed 1", "1 unread message"},
		{held(99, true), "de", "", "You missed 99+ messages", "99+ ungelesene Nachrichten"},
		{held(3, false), "pl", "", "3 wiadomości", "Dzień dobry"},
		{held(5, false), "pl", "", "5 wiadomości!", "Dzień dobry"},
		{held(5, false), "de", device.PrivacyGeneric, "5 ungelesene Nachrichten", "Während deiner Ruhezeiten eingegangen"},
	} {
		m := r.Render(tc.a, onDevice(device.Android, speaking(tc.locale), private(tc.privacy), badged(7)), sentAt)
		if n := m.Notification; n.Title != tc.title || n.Body != tc.body || m.Android.Notification.ChannelID != "digests" || m.Data["resourcesID"] != "" {
			t.Errorf("%d in %s: %q, %q, %+v", tc.a.Count, tc.locale, n.Title, n.Body, m.Data)
		}
	}
}

func held(count int, more bool) Announcement {
	return OfHeld("bob", count, more, map[string]int64{"c": 7}, sentAt, time.Hour)
}

func bundled(count int, more bool) Announcement {
	return OfBundle(announcement(), count, more, "first")
}

func older(a Announcement) Announcement {
	a.Count, a.More = 0, false
	return a
}

// A resource's texts hold what Doorbell says of a bundle, in the device's language.
func TestBundleInAResource(t *testing.T) {
	r := Renderer{}.With(decode(t, `{"texts":[{"locale":"en","title":"Chat","content":"{sender}: {content}"}]}`))
	n := r.Render(bundled(5, false), onDevice(device.Web, speaking("de")), sentAt).Notification
	if n.Title != "Chat" || n.Body != "Alice: 5 neue Nachrichten" {
		t.Errorf("shows %q, %q", n.Title, n.Body)
	}
}

// A batch is encoded once for each language that is told apart, however many its
// devices name; and a text without the number doesn't tell badges apart.
func TestEncodeOncePerLanguage(t *testing.T) {
	targets := func() (all []Target) {
		for i := range MaxBatch {
			all = append(all, onDevice([]device.Platform{device.Android, device.Web}[i%2], speaking(fmt.Sprintf("%s-x-%d", []string{"de", "en", "ja"}[i%3], i)), badged(i)))
		}
		return all
	}()
	worded := decode(t, `{"texts":[{"locale":"en","title":"From {sender}"},{"locale":"de","title":"Von {sender}"}]}`)
	for name, tc := range map[string]struct {
		e    *Encoder
		want int
	}{
		"plain":              {Renderer{}.Encoder(announcement()), 2},
		"in a resource":      {Renderer{}.With(worded).Encoder(announcement()), 4},
		"styled only":        {Renderer{}.With(decode(t, `{"sound":"x"}`)).Encoder(announcement()), 2},
		"how many there are": {Renderer{}.Encoder(bundled(5, false)), 4},
		"Doorbell's words":   {Renderer{}.Encoder(ended(Missed)), 4},
		"with their number":  {Renderer{}.With(styled(t)).Encoder(announcement()), MaxBatch},
	} {
		for _, target := range targets {
			tc.e.Encode(target, sentAt)
		}
		if n := len(tc.e.encoded); n != tc.want {
			t.Errorf("%s: %d encodings, want %d", name, n, tc.want)
		}
	}
}

// Whatever a resource adds, FCM's limit holds: the content is shortened, and where
// that is not enough the push goes as without it.
func FuzzStyle(f *testing.F) {
	sdk := newAdminSDK(f)
	all := []*resource.Resource{
		styled(f), keyed(f), decode(f, `{"texts":[{"locale":"en","title":"`+strings.Repeat("t", 300)+`","content":"no words of theirs"}]}`),
		decode(f, `{"locKeys":{"bodyLocKey":"b","bodyLocArgs":["{content}"]}}`), decode(f, `{"texts":[{"locale":"en","title":"{sender}: {content}","content":"{sender} {sender}"}]}`),
	}
	for i := range all {
		f.Add("Alice", "Are you there? ", uint16(1), "payload", uint8(i), uint8(i), "de")
		f.Add("<&>", "👨‍👩‍👧", uint16(900), strings.Repeat("p", 900), uint8(i), uint8(i+1), "")
		f.Add(strings.Repeat("T", 300), "\u2028", uint16(3000), strings.Repeat("p", 2800), uint8(i), uint8(i+2), "en")
	}
	f.Fuzz(func(t *testing.T, title, piece string, times uint16, payload string, which, platform uint8, locale string) {
		a := announcement(everything, func(a *Announcement) {
			a.Push.Title, a.Push.Content, a.Push.Payload = title, strings.Repeat(piece, min(int(times), 6000/max(len(piece), 1))), payload
		})
		if !utf8.ValidString(title) || !utf8.ValidString(piece) || !utf8.ValidString(payload) || a.Push.Content == "" || title == "" || CheckFits(a, "p") != nil {
			return
		}
		r := Renderer{}.With(all[int(which)%len(all)])
		target := onDevice(platformsFCM[int(platform)%len(platformsFCM)], speaking(locale), badged(3))
		target.DataOnly = target.Platform == device.Android && platform >= 128
		m := r.Render(a, target, sentAt)
		if n := withoutTarget(t, m); n > MaxMessageBytes {
			t.Errorf("%d bytes", n)
		}
		if m.Data["payload"] != payload {
			t.Error("the payload changed")
		}
		if got, want := r.Encoder(a).Encode(target, sentAt), sdk.request(t, m); !bytes.Equal(got, want) {
			t.Errorf("got\n%s\nthe Admin SDK sends\n%s", got, want)
		}
	})
}

// The largest resource there can be leaves room for a message.
func TestLargestStyle(t *testing.T) {
	name, url := strings.Repeat("n", resource.MaxNameBytes), "https://"+strings.Repeat("u", resource.MaxURLBytes-len("https://"))
	action := func(a string) string {
		return fmt.Sprintf(`{"action":%q,"title":%q}`, a+name[1:], strings.Repeat("t", resource.MaxTitle))
	}
	r := decode(t, fmt.Sprintf(`{"sound":%q,"image":%q,"clickURL":%q,"interruption":"critical","android":{"icon":%q,"channel":%q,"category":%q,"colour":"#ffffff"},"apns":{"category":%q},
		"web":{"sound":"none","icon":%q,"actions":[%s,%s,%s]},"texts":[{"locale":"en","title":%q,"content":%q}]}`,
		name, url, url, name, name, name, name, url, action("a"), action("b"), action("c"), strings.Repeat("t", resource.MaxText), "{content}"+strings.Repeat("c", resource.MaxText-9)))
	a := announcement(func(a *Announcement) {
		a.Push.Title, a.Push.Content, a.Push.Payload = strings.Repeat("a", 100), strings.Repeat("b", 1000), strings.Repeat("p", 500)
	})
	for _, p := range platformsFCM {
		m := Renderer{}.With(r).Render(a, onDevice(p), sentAt)
		if n := withoutTarget(t, m); n > MaxMessageBytes || !strings.HasPrefix(m.Notification.Title, "ttt") || !strings.HasPrefix(m.Notification.Body, strings.Repeat("b", 1000)) {
			t.Errorf("%s: %d bytes: %s", p, n, encode(t, m))
		}
	}
	// And where there is none, it goes plainly.
	full := announcement(func(a *Announcement) { a.Push.Payload = strings.Repeat("p", 3000) })
	for _, p := range platformsFCM {
		m := Renderer{}.With(r).Render(full, onDevice(p), sentAt)
		if m.Notification.Title != "Alice" || m.Notification.Body != "Are you there?" || m.Data["payload"] != full.Push.Payload {
			t.Errorf("%s: %s", p, encode(t, m))
		}
	}
}

// What a silent resource makes of a push.
func TestSettledIsSilent(t *testing.T) {
	p := chat.PushConfig{Silent: true, ResourcesID: "silent", Payload: "p"}
	a := announcement(func(a *Announcement) { a.Push = p })
	m := encode(t, Renderer{}.With(decode(t, `{"silent":true,"sound":"x"}`)).Render(a, onDevice(device.IPhoneOS), sentAt))
	if !json.Valid(m) || bytes.Contains(m, []byte(`"sound"`)) || !bytes.Contains(m, []byte(`"content-available":1`)) {
		t.Errorf("got %s", m)
	}
}
