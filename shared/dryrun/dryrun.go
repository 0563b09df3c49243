// Package dryrun says what would happen if a message were sent now: who would be
// rung, who not and why, and what FCM would be given. Nothing is stored and
// nothing is sent. What decides is the code that decides otherwise.
package dryrun

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fanout"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Store is what is read: presence, and of a group its members.
type Store interface {
	Users(ctx context.Context, userIDs []string) (map[string]*presence.User, error)
	ReadGroup(ctx context.Context, cid string, userIDs []string) (*chat.Conversation, map[string]group.Member, error)
	Roster(ctx context.Context, cid string, chunk int) (map[string]group.Entry, error)
}

// Runner says what would happen, by the settings of the deployment.
type Runner struct {
	Store    Store
	Rules    plan.Rules
	Renderer push.Renderer
	Now      func() time.Time
	PushTTL  time.Duration
	MaxText  int // bytes of message.message
}

// Result is what would happen.
type Result struct {
	Devices []Device `json:"devices"`
	// Messages is FCM's messages:send by platform, and privacy where the device
	// has one; for a platform on which nobody would be rung, what it would be.
	// The devices' tokens are not in them.
	Messages map[string]json.RawMessage `json:"messages"`
}

// Device is a receiver's device, or a receiver without one.
type Device struct {
	UserID   string      `json:"userID"`
	PushID   string      `json:"pushID,omitempty"`
	DeviceID string      `json:"deviceID,omitempty"`
	Platform string      `json:"platform,omitempty"`
	Push     bool        `json:"push"`
	Reason   plan.Reason `json:"reason,omitempty"` // of no push
	Text     string      `json:"text"`
}

// Send is what would happen if sender sent r now. A request that would be refused
// is the error it would be refused with. Cost in reads: of a peer message one; of
// a group's those of its fan-out, and two.
func (r *Runner) Send(ctx context.Context, sender string, request *chat.SendRequest) (_ *Result, err error) {
	defer fault.Wrap(&err, "dry run")
	if err := chat.CheckID("sender", sender); err != nil {
		return nil, err
	}
	s := &rehearsal{Store: r.Store, known: map[string]*presence.User{}}
	stored := &chat.Sender{
		Store: s, Now: r.Now, MaxText: r.MaxText,
		CheckPush: func(m chat.Message) error { return push.CheckFits(push.OfMessage(m, r.PushTTL), "config.pushConfig") },
	}
	m, err := stored.Send(ctx, sender, request)
	if err != nil {
		return nil, err
	}
	planned := &fanout.Fanout{
		Presence: s, Roster: s, Publisher: s, Skips: s, AllSkips: true, Rules: r.Rules, Now: r.Now, PushTTL: r.PushTTL, Threshold: math.MaxInt,
	}
	if err := planned.Message(ctx, m); err != nil {
		return nil, err
	}
	return r.result(m, s), nil
}

func (r *Runner) result(m chat.Message, s *rehearsal) *Result {
	out := &Result{Devices: s.devices, Messages: map[string]json.RawMessage{}}
	slices.SortFunc(out.Devices, func(a, b Device) int {
		return cmp.Or(strings.Compare(a.UserID, b.UserID), strings.Compare(a.DeviceID, b.DeviceID), strings.Compare(a.PushID, b.PushID))
	})
	if m.Push == nil || m.ConversationType == chat.Room {
		return out
	}
	encoder := r.Renderer.Encoder(push.OfMessage(m, r.PushTTL))
	render := func(t push.Target) {
		name := t.Platform.String()
		if t.Privacy != "" && t.Privacy != device.PrivacyFull {
			name += " (" + string(t.Privacy) + ")"
		}
		t.Kind, t.Value = device.KindToken, "TOKEN"
		if out.Messages[name] == nil {
			out.Messages[name] = encoder.Encode(t, r.Now())
		}
	}
	rung := map[device.Platform]bool{}
	for _, t := range s.targets {
		rung[t.Platform] = true
		render(t)
	}
	for _, p := range []device.Platform{device.Android, device.IPhoneOS, device.Web} {
		if !rung[p] {
			render(push.Target{Platform: p, Privacy: r.Rules.Defaults.Privacy})
		}
	}
	return out
}

// rehearsal stands in for all that is written to.
type rehearsal struct {
	Store
	known   map[string]*presence.User
	targets []push.Target
	devices []Device
}

// AddMessage implements chat.Store: m as it would be stored.
func (s *rehearsal) AddMessage(ctx context.Context, m chat.Message) (chat.Message, error) {
	if m.ConversationType != chat.Group {
		m.OrderKey = math.MaxInt64 // later than all that was read
		return m, nil
	}
	c, members, err := s.ReadGroup(ctx, m.CID(), []string{m.SenderUserID})
	if err != nil {
		return m, err
	}
	sender, member := members[m.SenderUserID]
	if err := chat.MaySend(c, m, member); err != nil {
		return m, err
	}
	c.Append(&m, sender.ReadSeq)
	return m, nil
}

// Users implements fanout.Presence; it reads nobody twice.
func (s *rehearsal) Users(ctx context.Context, userIDs []string) (map[string]*presence.User, error) {
	out, unknown := map[string]*presence.User{}, []string(nil)
	for _, id := range userIDs {
		if u, ok := s.known[id]; !ok {
			unknown = append(unknown, id)
		} else if u != nil {
			out[id] = u
		}
	}
	if len(unknown) == 0 {
		return out, nil
	}
	users, err := s.Store.Users(ctx, unknown)
	if err != nil {
		return nil, err
	}
	for _, id := range unknown {
		s.known[id] = users[id]
		if users[id] != nil {
			out[id] = users[id]
		}
	}
	return out, nil
}

// Publish implements fanout.Publisher.
func (s *rehearsal) Publish(_ context.Context, b push.Batch) error {
	s.targets = append(s.targets, b.Targets...)
	for _, t := range b.Targets {
		s.add(Device{UserID: t.UserID, PushID: t.PushID, Push: true, Text: "would be pushed to"})
	}
	return nil
}

// Record implements fanout.Skips.
func (s *rehearsal) Record(_ context.Context, e delivery.Entry) error {
	for key, o := range e.Outcomes {
		d := Device{UserID: o.UserID, Reason: plan.Reason(o.Detail), Text: "no push: " + plan.Reason(o.Detail).Explain()}
		if key != delivery.UserKey(o.UserID) {
			d.PushID = key
		}
		s.add(d)
	}
	return nil
}

func (s *rehearsal) add(d Device) {
	if known, ok := s.known[d.UserID].Device(d.PushID); ok {
		d.DeviceID, d.Platform = known.DeviceID, known.Platform.String()
	}
	s.devices = append(s.devices, d)
}
