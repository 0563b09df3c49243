package push

import (
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
)

// What was read is told in data alone, which say how far, and nothing of anybody.
func TestRenderRead(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	r := Reading{UserID: "bob", CID: "c", ConversationID: "alice", ConversationType: chat.Peer, Seq: 7}
	a := OfRead(r, 4, at, time.Hour)
	if !a.Kind.Valid() || !a.Withdraws() || a.Tells() || a.After != 4 || a.TTL(at) != time.Hour || a.Priority != chat.Medium {
		t.Errorf("announced %+v", a)
	}
	a.Tags = "m7 m6"
	later := r
	later.Seq = 8
	if b := OfRead(later, 7, at, time.Hour); b.ID != a.ID || later.Part() == r.Part() {
		t.Errorf("%s and %s, parts %s and %s", a.ID, b.ID, r.Part(), later.Part())
	}
	for _, privacy := range []device.Privacy{device.PrivacyFull, device.PrivacyGeneric, device.PrivacyID} {
		for _, p := range []device.Platform{device.Android, device.IPhoneOS, device.Web} {
			m := Renderer{WebClickURL: "https://app.example"}.Render(a, Target{Platform: p, Kind: device.KindToken, Value: "tok", Privacy: privacy}, at)
			want := map[string]string{
				"kind": "read", "id": a.ID, "conversationID": "alice", "conversationType": "0", "messageSeq": "7", "tags": "m7 m6", "expiresAt": "1700003600000",
			}
			for k, v := range want {
				if m.Data[k] != v {
					t.Errorf("%v: %s is %q, want %q", p, k, m.Data[k], v)
				}
			}
			if len(m.Data) != len(want) || m.Notification != nil {
				t.Errorf("%v: %+v, %+v", p, m.Data, m.Notification)
			}
			switch {
			case p == device.IPhoneOS:
				if !m.APNS.Payload.Aps.ContentAvailable || m.APNS.Headers["apns-priority"] != "5" || m.APNS.Headers["apns-collapse-id"] != a.ID {
					t.Errorf("APNs: %+v", m.APNS)
				}
			case p == device.Android:
				if m.Android.Priority != "normal" || m.Android.CollapseKey != "" || *m.Android.TTL != time.Hour {
					t.Errorf("Android: %+v", m.Android)
				}
			case m.Webpush.Headers["Topic"] == "" || m.Webpush.Notification != nil:
				t.Errorf("web: %+v", m.Webpush)
			}
		}
	}
}

// readElsewhere is what a device is told that may show two messages.
func readElsewhere() Announcement {
	r := Reading{UserID: "bob", CID: "cid", ConversationID: "alice", ConversationType: chat.Peer, Seq: 7}
	a := OfRead(r, 5, sentAt, time.Hour)
	a.Tags = "m7 m6"
	return a
}

// What shows a message is looked for when that is read.
func TestTells(t *testing.T) {
	for name, tc := range map[string]struct {
		a    Announcement
		want bool
	}{
		"message": {Announcement{Kind: KindMessage, Seq: 1}, true},
		"silent":  {Announcement{Kind: KindMessage, Seq: 1, Push: chat.PushConfig{Silent: true}}, false},
		"edit":    {Announcement{Kind: KindEdit, Seq: 1}, false}, // of one that told
		"call":    {Announcement{Kind: KindCall}, false},
		"no seq":  {Announcement{Kind: KindMessage}, false}, // of an older version
	} {
		if tc.a.Tells() != tc.want {
			t.Errorf("%s: %t", name, !tc.want)
		}
	}
	b := Batch{Targets: []Target{{UserID: "b", PushID: "1"}, {UserID: "a", PushID: "2"}, {UserID: "b", PushID: "3"}}}
	if ids := b.UserIDs(); len(ids) != 2 || ids[0] != "a" || ids[1] != "b" {
		t.Errorf("it tells %q", ids)
	}
}
