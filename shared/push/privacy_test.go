package push

import (
	"strings"
	"testing"

	"github.com/doorbell-push/doorbell/shared/device"
)

// Whatever its kind and platform, a push holds of what was sent what the privacy
// lets through, and nothing else.
func TestPrivacyKeepsBack(t *testing.T) {
	secret := func(a Announcement) Announcement {
		a.SenderUserID = "the-sender"
		a.Push.Title, a.Push.Content, a.Push.Payload = "the-title", "the-content", "the-payload"
		a.Push.ResourcesID, a.Push.ThreadID = "the-resources", "the-thread"
		return a
	}
	for privacy, want := range map[device.Privacy]string{
		"": "the-title the-content the-payload the-sender the-resources", device.PrivacyFull: "the-title the-content the-payload the-sender the-resources",
		device.PrivacySender: "the-title the-payload the-sender the-resources", device.PrivacyGeneric: "the-payload the-sender the-resources",
		device.PrivacyID: "",
	} {
		for _, a := range []Announcement{secret(announcement()), secret(ringing()), secret(ended(Missed)), secret(ended(Answered))} {
			for _, p := range platformsFCM {
				m := Renderer{}.Render(a, onDevice(p, private(privacy)), sentAt)
				text := string(encode(t, m))
				for _, word := range strings.Fields("the-title the-content the-payload the-sender the-resources") {
					if got := strings.Contains(text, word); got != strings.Contains(want, word) {
						t.Errorf("%s to %s with privacy %q: %s is in it: %t", a.Kind, p, privacy, word, got)
					}
				}
				if privacy == device.PrivacyID && strings.Contains(text, "the-thread") {
					t.Errorf("%s to %s: the sender's thread is in it", a.Kind, p)
				}
				if m.Notification.Title == "" || m.Notification.Body == "" {
					t.Errorf("%s to %s with privacy %q shows %+v", a.Kind, p, privacy, m.Notification)
				}
			}
		}
	}
}

// The longest push that is let through fits with each privacy.
func TestPrivatePushesFit(t *testing.T) {
	for _, kind := range []Announcement{announcement(everything), ringing(), ended(Answered)} {
		longest := kind
		for n := MaxMessageBytes; ; n-- {
			longest.Push.Payload = strings.Repeat("x", n)
			if CheckFits(longest, "p") == nil {
				break
			}
		}
		for _, privacy := range []device.Privacy{device.PrivacyFull, device.PrivacySender, device.PrivacyGeneric, device.PrivacyID} {
			for _, p := range platformsFCM {
				m := Renderer{WebClickURL: clickURLRoom}.Render(longest, onDevice(p, private(privacy)), sentAt)
				if n := withoutTarget(t, m); n > MaxMessageBytes {
					t.Errorf("%s to %s with privacy %q: %d bytes", kind.Kind, p, privacy, n)
				}
			}
		}
	}
}
