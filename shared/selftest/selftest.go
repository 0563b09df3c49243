// Package selftest pushes to a person's own devices and says which step on the
// way is broken.
package selftest

import (
	"context"
	"log/slog"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Sender hands FCM the JSON body of a messages:send.
type Sender interface {
	Send(ctx context.Context, body []byte) (name string, err error)
}

// Pauses is where it stands for how long FCM wants to hear nothing of the project.
type Pauses interface {
	Pause(ctx context.Context) (delivery.Pause, error)
}

// Tester tests by the settings of the deployment.
type Tester struct {
	Sender   Sender
	Pauses   Pauses // nil: only what this run is told itself
	Rules    plan.Rules
	Renderer push.Renderer
	Now      func() time.Time
	// Ring has FCM deliver the push; else it only checks it (validate_only).
	Ring bool
}

// Step is a part of the way to a device.
type Step struct {
	DeviceID string `json:"deviceID,omitempty"` // none: of the user
	Platform string `json:"platform,omitempty"`
	Name     string `json:"step"` // registered, rules, target, fcm
	OK       bool   `json:"ok"`
	Text     string `json:"text"`
}

// tester is who the push is from: an ID that no user has, for its space.
const tester = "self test"

// ttl is how long FCM keeps a push that can't be delivered at once.
const ttl = time.Minute

// Run walks all steps to the devices of u, or to the one with the deviceID, and
// stops at none: one run says all that is broken. It changes nothing; with Ring,
// running it again rings again. While FCM wants to hear nothing of the project, as
// others were told or this run is, it sends nothing, and says until when. It costs a
// read.
func (t *Tester) Run(ctx context.Context, u *presence.User, deviceID string) []Step {
	var devices []device.Device
	for _, d := range u.Sorted() {
		if deviceID == "" || d.DeviceID == deviceID {
			devices = append(devices, d)
		}
	}
	if len(devices) == 0 {
		return []Step{{DeviceID: deviceID, Name: "registered", Text: "broken: " + plan.NoDevice.Explain()}}
	}
	now := t.Now()
	a := announcement(u.UserID, now)
	decisions := map[string]plan.Reason{}
	all := plan.Push
	for _, d := range t.Rules.Decide(a, plan.Receiver{UserID: u.UserID, Presence: u}, now) {
		if d.PushID == "" {
			all = d.Reason // for the user as a whole
		}
		decisions[d.PushID] = d.Reason
	}
	wait := t.paused(ctx, now)
	var steps []Step
	for _, d := range devices {
		reason, ok := decisions[d.PushID]
		if !ok {
			reason = all
		}
		steps = append(steps, t.device(ctx, a, d, reason, now, &wait)...)
	}
	return steps
}

// paused is until when FCM wants to hear nothing, zero where nothing is known of that.
func (t *Tester) paused(ctx context.Context, now time.Time) time.Time {
	if t.Pauses == nil {
		return time.Time{}
	}
	p, err := t.Pauses.Pause(ctx)
	if err != nil {
		slog.WarnContext(ctx, "not known whether FCM wants the project to wait", "error", err)
		return time.Time{}
	}
	return p.End(now)
}

// device is the steps of one device. Until wait nothing is sent; it is set where FCM
// says so.
func (t *Tester) device(ctx context.Context, a push.Announcement, d device.Device, reason plan.Reason, now time.Time, wait *time.Time) []Step {
	step := func(name string, ok bool, text string) Step {
		return Step{DeviceID: d.DeviceID, Platform: d.Platform.String(), Name: name, OK: ok, Text: text}
	}
	steps := []Step{step("registered", true, "last seen "+d.SeenAt.UTC().Format(time.RFC3339))}
	switch reason {
	case plan.Push:
		steps = append(steps, step("rules", true, "a message from somebody new would ring"))
	case plan.Online:
		steps = append(steps, step("rules", true, "the device is online now, so a message would go there directly and ring nothing"))
	case plan.RulePlatform: // who asks for the test is often online elsewhere just then
		steps = append(steps, step("rules", true, "silent just now: "+reason.Explain()))
	default:
		steps = append(steps, step("rules", false, "no push: "+reason.Explain()))
	}
	if d.Target.IsZero() {
		return append(steps, step("target", false,
			"there is no FCM token: the app never gave one (on the web, was the permission refused?), or it died"))
	}
	steps = append(steps, step("target", true, "there is an FCM "+d.Target.Kind))
	if wait.After(now) {
		return append(steps, step("fcm", false, "not asked: FCM wants to hear nothing of this project until "+wait.UTC().Format(time.RFC3339)+"; test again then"))
	}
	target := push.Target{PushID: d.PushID, Platform: d.Platform, Kind: d.Target.Kind, Value: d.Target.Value, DataOnly: d.DataOnly}
	name, err := t.Sender.Send(ctx, t.body(a, target, now))
	verdict := push.Judge(err, now)
	if verdict.Everyone {
		*wait = now.Add(verdict.RetryAfter)
	}
	switch {
	case err != nil:
		return append(steps, step("fcm", false, said(verdict.Class)))
	case t.Ring:
		return append(steps, step("fcm", true, "FCM took the push as "+name+": it shows unless the system keeps it back (permission, focus, battery)"))
	}
	return append(steps, step("fcm", true, "FCM would take the push"))
}

// said is a verdict in words. Here nothing is removed.
func said(c push.Class) string {
	switch c {
	case push.Unregistered:
		return "FCM knows the target no more: the app is gone from the device, or has a newer one that it didn't register"
	case push.InvalidTarget:
		return "FCM calls the target invalid: is it an FCM token?"
	}
	return c.Explain()
}

func (t *Tester) body(a push.Announcement, to push.Target, now time.Time) []byte {
	body := t.Renderer.Encoder(a).Encode(to, now)
	if t.Ring {
		return body
	}
	return push.ValidateOnly(body)
}

func announcement(userID string, now time.Time) push.Announcement {
	return push.OfMessage(chat.Message{
		MessageID: "self-test-" + now.UTC().Format("20060102T150405.000"), SenderUserID: tester, ConversationID: userID,
		ConversationType: chat.Peer, Timestamp: now.UnixMilli(), Priority: chat.High,
		Push: &chat.PushConfig{Title: "Doorbell", Content: "This is a test: pushes reach this device."},
	}, ttl)
}
