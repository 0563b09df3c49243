package push

import (
	"encoding/json"
	"math/rand/v2"
	"sort"
	"strings"
	"testing"
	"unicode/utf8"

	"firebase.google.com/go/v4/messaging"
	"github.com/rivo/uniseg"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// clusters are characters as a reader sees them, made of several code points,
// of several bytes, or of bytes that JSON escapes.
var clusters = []string{
	"a", " ", "é", "日", "👋",
	"👨‍👩‍👧‍👦",  // family, joined by zero-width joiners
	"👍🏽",       // with a skin tone
	"🇩🇪", "🇯🇵", // flags: pairs of regional indicators
	"e\u0301", "a\u0308\u0323", // combining marks
	"1️⃣",     // keycap
	"நி", "한", // Tamil, Hangul jamo
	"\r\n", "\"", "\\", "<", "&", "\u2028", "\x00",
}

// withoutTarget is m's JSON as our limit counts it.
func withoutTarget(t testing.TB, m *messaging.Message) int {
	t.Helper()
	c := *m
	//lint:ignore SA1019 tokens are still registered
	c.Token, c.Fid = "", ""
	return len(encode(t, &c))
}

// checkRendered checks what holds for every message rendered from a push that
// CheckFits lets through.
func checkRendered(t testing.TB, a Announcement, target Target) {
	t.Helper()
	m := Renderer{}.Render(a, target, sentAt)
	if n := withoutTarget(t, m); n > MaxMessageBytes {
		t.Errorf("%s: %d bytes", target.Platform, n)
	}
	if m.Data["payload"] != a.Push.Payload || m.Notification.Title != a.Push.Title {
		t.Errorf("%s: payload or title changed", target.Platform)
	}
	body := m.Notification.Body
	if !utf8.ValidString(body) {
		t.Errorf("%s: %q is not UTF-8", target.Platform, body)
	}
	if body == a.Push.Content {
		return
	}
	kept, ended := strings.CutSuffix(body, "…")
	if !ended || !strings.HasPrefix(a.Push.Content, kept) {
		t.Errorf("%s: %q is no beginning of the content", target.Platform, body)
	}
	for end, rest, state := 0, a.Push.Content, -1; end != len(kept); {
		if end > len(kept) {
			t.Errorf("%s: cut inside a character, after %q", target.Platform, kept[max(0, len(kept)-30):])
			break
		}
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		end += len(cluster)
	}
}

func TestShortening(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func(bytes int) string {
		var b strings.Builder
		for b.Len() < bytes {
			b.WriteString(clusters[random.IntN(len(clusters))])
		}
		return b.String()
	}
	shortened := 0
	for range 60 {
		a := announcement(func(a *Announcement) {
			a.Push.Title, a.Push.Content, a.Push.Payload = text(random.IntN(300)+1), text(random.IntN(6000)+1), text(random.IntN(700))
			a.Push.EnableBadge, a.Push.BadgeIncrement = random.IntN(2) == 0, random.IntN(chat.MaxBadgeIncrement)
		})
		if CheckFits(a, "p") != nil {
			continue
		}
		for _, p := range platformsFCM {
			checkRendered(t, a, onDevice(p))
			if (Renderer{}).Render(a, onDevice(p), sentAt).Notification.Body != a.Push.Content {
				shortened++
			}
		}
	}
	if shortened < 60 {
		t.Errorf("only %d messages were shortened: the test's texts are too short", shortened)
	}
}

// Each kind of character, cut at every distance from the limit.
func TestShortenNeverCutsACharacter(t *testing.T) {
	for _, cluster := range clusters {
		for pad := range encodedLen(cluster) + 1 {
			a := announcement(func(a *Announcement) {
				a.Push.Content = strings.Repeat("x", pad) + strings.Repeat(cluster, 4200/len(cluster))
			})
			checkRendered(t, a, onDevice(platformsFCM[pad%len(platformsFCM)]))
		}
	}
}

// No more is cut than has to be: one more character would not have fitted.
func TestShortenKeepsWhatFits(t *testing.T) {
	a := announcement(func(a *Announcement) { a.Push.Content = strings.Repeat("x", 5000) })
	for _, p := range platformsFCM {
		m := Renderer{}.Render(a, onDevice(p), sentAt)
		if n := withoutTarget(t, m); n != MaxMessageBytes {
			t.Errorf("%s: shortened to %d bytes, %d are allowed", p, n, MaxMessageBytes)
		}
		fits := a
		fits.Push.Content = m.Notification.Body
		if got := (Renderer{}).Render(fits, onDevice(p), sentAt).Notification.Body; got != fits.Push.Content {
			t.Errorf("%s: what fits exactly was shortened", p)
		}
		fits.Push.Content += "x"
		if got := (Renderer{}).Render(fits, onDevice(p), sentAt).Notification.Body; got == fits.Push.Content {
			t.Errorf("%s: one byte too many was not shortened", p)
		}
	}
}

func TestCheckFitsAtTheEdge(t *testing.T) {
	worst := func(a *Announcement) {
		a.Push.EnableBadge, a.Push.BadgeIncrement, a.Push.Content = true, chat.MaxBadgeIncrement, strings.Repeat("x", 5000)
		a.Push.ResourcesID, a.Push.ThreadID = strings.Repeat("r", chat.MaxResourcesIDBytes), strings.Repeat("t", chat.MaxThreadIDBytes)
	}
	for _, tc := range []struct {
		field string
		fill  func(a *Announcement, n int)
	}{
		{"payload", func(a *Announcement, n int) { a.Push.Payload = strings.Repeat("p", n) }},
		{"payload", func(a *Announcement, n int) { a.Push.Payload = strings.Repeat(`"`, n) }},
		{"title", func(a *Announcement, n int) { a.Push.Title = strings.Repeat("t", n) }},
		{"title", func(a *Announcement, n int) { a.Push.Title = strings.Repeat("é", n) }},
	} {
		with := func(n int) Announcement {
			return announcement(worst, func(a *Announcement) { tc.fill(a, n) })
		}
		largest := sort.Search(MaxMessageBytes, func(n int) bool { return CheckFits(with(n+1), "config.pushConfig") != nil })
		err := CheckFits(with(largest+1), "config.pushConfig")
		if got := fault.From(err); got.Field != "config.pushConfig."+tc.field || got.Status != fault.InvalidArgument {
			t.Errorf("one byte too many gave %v, want field %s", err, tc.field)
		}
		if largest < 1000 {
			t.Errorf("only %d characters of %s fit", largest, tc.field)
		}
		for _, p := range platformsFCM {
			m := Renderer{WebClickURL: clickURLRoom}.Render(with(largest), onDevice(p, func(t *Target) { t.Badge = 1e6 }), sentAt)
			if n := withoutTarget(t, m); n > MaxMessageBytes {
				t.Errorf("%s with the longest %s: %d bytes", p, tc.field, n)
			}
			if len(m.Notification.Body) < len("…") {
				t.Errorf("%s with the longest %s has no content", p, tc.field)
			}
		}
	}
}

func TestCheckFitsText(t *testing.T) {
	a := announcement(func(a *Announcement) { a.Push.Payload = strings.Repeat("<", 2000) })
	err := fault.From(CheckFits(a, "f"))
	// "<" is six bytes of JSON as the Admin SDK writes it.
	if !strings.HasPrefix(err.Message, "is 12000 bytes long as JSON and makes the push ") || !strings.HasSuffix(err.Message, " bytes too long: FCM takes 4096 in all") {
		t.Errorf("got %q", err.Message)
	}
}

// Content is given as a piece and how often it stands there: long inputs would
// keep the fuzzer busy making them shorter.
func FuzzRender(f *testing.F) {
	for i, c := range clusters {
		f.Add("Alice", c, uint16(900), "payload", uint8(i), i%2 == 0, 1)
	}
	f.Add("", "", uint16(0), "", uint8(0), false, 0)
	f.Add("\xff", "\xc3\x28\xff", uint16(2000), "\xed\xa0\x80", uint8(1), true, 999)
	f.Fuzz(func(t *testing.T, title, piece string, times uint16, payload string, platform uint8, badge bool, step int) {
		content := strings.Repeat(piece, min(int(times), 6000/max(len(piece), 1)))
		a := announcement(func(a *Announcement) {
			a.Push.Title, a.Push.Content, a.Push.Payload = title, content, payload
			a.Push.EnableBadge, a.Push.BadgeIncrement = badge, min(max(step, 0), chat.MaxBadgeIncrement)
		})
		target := onDevice(platformsFCM[int(platform)%len(platformsFCM)])
		m := Renderer{}.Render(a, target, sentAt)
		if !json.Valid(encode(t, m)) {
			t.Fatal("not JSON")
		}
		valid := utf8.ValidString(title) && utf8.ValidString(content) && utf8.ValidString(payload)
		if valid && CheckFits(a, "p") == nil {
			checkRendered(t, a, target)
		}
	})
}

// The device package's other platforms can't be registered; should one get
// here, it is rendered as Android rather than not at all.
func TestRenderOtherPlatform(t *testing.T) {
	if m := (Renderer{}).Render(announcement(), onDevice(device.OHOS), sentAt); m.Android == nil {
		t.Error("no block")
	}
}
