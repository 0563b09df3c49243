package push

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/doorbell-push/doorbell/shared/device"
)

// What an app that shows its pushes itself gets fits where what the system shows does,
// and says the same.
func TestDataOnlyFits(t *testing.T) {
	for _, r := range []Renderer{{}, Renderer{}.With(styled(t)), Renderer{}.With(keyed(t))} {
		for _, content := range []string{"x", `"`, "\u2028", "é", "👨‍👩‍👧"} {
			for _, n := range []int{1, 500, 1000, 3000, 3300, 5000} {
				for _, privacy := range []device.Privacy{"", device.PrivacySender, device.PrivacyID} {
					a := announcement(everything, func(a *Announcement) { a.Push.Content = strings.Repeat(content, n/len(content)+1) })
					edits := []func(*Target){private(privacy), badged(5), speaking("de")}
					m := r.Render(a, onDevice(device.Android, append(edits, dataOnly)...), sentAt)
					if got := withoutTarget(t, m); got > MaxMessageBytes {
						t.Errorf("%d × %q: %d bytes", n, content, got)
					}
					if m.Notification != nil || m.Android.Notification != nil || m.Data["tag"] != a.Tag() || !utf8.ValidString(m.Data["body"]) {
						t.Errorf("%d × %q: %s", n, content, encode(t, m))
					}
				}
			}
		}
	}
}

// No announcement takes more room so than otherwise, so that CheckFits holds for both.
func TestDataOnlyIsNoLarger(t *testing.T) {
	for _, a := range []Announcement{announcement(), announcement(everything), announcement(collapsed), ringing(), ended(Missed), heldBack(), countedBundle(), announcement(silent)} {
		for _, privacy := range []device.Privacy{"", device.PrivacyGeneric, device.PrivacyID} {
			as := func(edits ...func(*Target)) int {
				return withoutTarget(t, Renderer{}.Render(a, onDevice(device.Android, append(edits, private(privacy), unreadOf(7))...), sentAt))
			}
			if shown, handed := as(), as(dataOnly); handed > shown {
				t.Errorf("a %s with privacy %q takes %d bytes, otherwise %d", a.Kind, privacy, handed, shown)
			}
		}
	}
}

// A preview of it is what the system would show.
func TestDataOnlyPreview(t *testing.T) {
	for _, r := range []Renderer{{}, Renderer{}.With(styled(t)), Renderer{}.With(keyed(t))} {
		for _, a := range []Announcement{announcement(everything), ringing(), ended(Missed), announcement(silent)} {
			e := r.Encoder(a)
			want, shows := Show(e.Encode(onDevice(device.Android), sentAt))
			got, ok := Show(e.Encode(onDevice(device.Android, dataOnly), sentAt))
			if ok != shows || !reflect.DeepEqual(got, want) {
				t.Errorf("a %s: got %+v, want %+v", a.Kind, got, want)
			}
		}
	}
}
