package dispatch

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/resource"
)

// holds counts what is noted with users.
type holds struct {
	*presence.Registry
	err   error
	calls int
}

func (h *holds) Hold(ctx context.Context, userID string, held presence.Held) error {
	if h.err != nil {
		return h.err
	}
	h.calls++
	return h.Registry.Hold(ctx, userID, held)
}

// quietNow has a user's quiet hours begin; those of the tests' clock, which starts
// at midnight.
func (b *bench) quietNow(userID string) {
	b.Helper()
	now := time.Now().UTC()
	q := &presence.Quiet{
		TimeZone: "UTC", Weekdays: []presence.Weekday{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, Summary: true,
		From: now.Format("15:04"), To: now.Add(time.Hour).Format("15:04"),
	}
	change := presence.SettingsChange{Quiet: presence.Change[*presence.Quiet]{Given: true, Value: q}}
	if _, err := b.reg.ChangeSettings(b.Context(), userID, change); err != nil {
		b.Fatal(err)
	}
}

// Quiet hours that began after the plan hold a push back right before it leaves.
// That is noted, once for all of the user's devices; where it can't be, the
// redelivery decides again.
func TestQuietHoursBeganSince(t *testing.T) {
	inBubble(t, func(b *bench) {
		h := &holds{Registry: b.reg, err: errors.New("presence is down")}
		b.d.Holds = h
		batch := b.batch("m", "A")
		batch.Targets = append(batch.Targets, b.bind("user-A", "A2"))
		b.quietNow("user-A")
		b.dispatch(batch, true)
		b.want(batch, false)
		h.err = nil
		b.dispatch(batch, false)
		b.want(batch, true, "A", "skipped quiet_hours", "A2", "skipped quiet_hours")
		b.wantRequests()
		users, err := b.db.Users(b.Context(), []string{"user-A"})
		if err != nil || h.calls != 1 || users["user-A"].Held == nil {
			t.Errorf("noted %d times: %+v, %v", h.calls, users["user-A"].Held, err)
		}
	})
}

// A summary leaves as a message does: once, and not to who has read what it counts.
func TestSummary(t *testing.T) {
	inBubble(t, func(b *bench) {
		var targets []push.Target
		for _, value := range []string{"A", "A2"} {
			targets = append(targets, b.bind("user-A", value))
		}
		summary := func(night int) push.Batch {
			until := time.Now().Add(time.Duration(night) * time.Millisecond)
			a := push.OfHeld("user-A", 2, false, map[string]int64{"c": 7}, until, time.Hour)
			return push.Batches(a, "", targets, time.Now())[0]
		}
		first := summary(0)
		for range 2 {
			b.dispatch(first, false)
		}
		b.want(first, true, "A", "sent", "A2", "sent")
		b.wantRequests("A", 1, "A2", 1)
		if err := b.reg.MarkRead(b.Context(), "user-A", "c", 7, nil); err != nil {
			t.Fatal(err)
		}
		second := summary(1)
		b.dispatch(second, false)
		b.want(second, true, "A", "skipped already_read", "A2", "skipped already_read")
	})
}

// A summary, and what tells of several messages, is made before it is known in which
// language: each device is told in the one it has when the push leaves.
func TestSummaryInTheDevicesLanguage(t *testing.T) {
	inBubble(t, func(b *bench) {
		fcm := &bodies{}
		b.d.Sender = fcm
		var targets []push.Target
		for value, locale := range map[string]string{"A": "de", "A2": "fr-CA", "A3": ""} {
			target := b.bind("user-A", value)
			targets = append(targets, target)
			d := device.Device{DeviceID: "device-" + value, Platform: target.Platform, Target: target.Device(), Popup: true, Locale: locale}
			if _, err := b.reg.Register(b.Context(), "user-A", d); err != nil {
				t.Fatal(err)
			}
		}
		summary := push.OfHeld("user-A", 2, false, map[string]int64{"c": 7}, time.Now(), time.Hour)
		bundle := push.OfBundle(b.batch("m", "B").Announcement, 3, false, "first")
		b.d.Messages = &looked{m: &chat.Message{Push: &chat.PushConfig{Title: "t", Content: "c"}}}
		for _, a := range []push.Announcement{summary, bundle} {
			batch := push.Batches(a, "", targets, time.Now())[0]
			b.dispatch(batch, false)
			b.want(batch, true, "A", "sent", "A2", "sent", "A3", "sent")
		}
		all := strings.Join(fcm.all, "\n")
		for _, words := range []string{"2 ungelesene Nachrichten", "2 messages non lus", "2 unread messages", "3 neue Nachrichten", "3 nouveaux messages", "3 new messages"} {
			if strings.Count(all, words) != 1 {
				t.Errorf("%q is not said once in %s", words, all)
			}
		}
	})
}

// It looks as the operator's resource for summaries says, if there is one.
func TestSummaryInAResource(t *testing.T) {
	inBubble(t, func(b *bench) {
		fcm := &bodies{}
		b.d.Sender = fcm
		b.d.Resources = &known{set: resource.Set{push.SummaryResource: {Style: resource.Style{Channel: "digests"}}}}
		a := push.OfHeld("user-A", 2, false, map[string]int64{"c": 7}, time.Now(), time.Hour)
		batch := push.Batches(a, "", []push.Target{b.bind("user-A", "A")}, time.Now())[0]
		b.dispatch(batch, false)
		b.want(batch, true, "A", "sent")
		if len(fcm.all) != 1 || !strings.Contains(fcm.all[0], `"channel_id":"digests"`) || !strings.Contains(fcm.all[0], "2 unread messages") {
			t.Errorf("FCM was asked %q", fcm.all)
		}
	})
}
