// Package dryrun says what would happen if a message were sent, or a call begun,
// now: who would be rung, who not and why, what a device would show, and what FCM
// would be given. Nothing is stored and nothing is sent. What decides is the code
// that decides otherwise.
package dryrun

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
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

// Sender hands FCM the JSON body of a messages:send.
type Sender interface {
	Send(ctx context.Context, body []byte) (name string, err error)
}

// Runner says what would happen, by the settings of the deployment.
type Runner struct {
	// FCM is asked, with validate_only, whether it would take each push; nil: it
	// isn't asked.
	FCM Sender
	// Locales is the languages that texts are shown in, of Languages; nil: none.
	Locales []string
	// MaxInvitees is how many users a call may invite.
	MaxInvitees int
	Store       Store
	Resources   chat.Resources // nil: there are none
	Rules       plan.Rules
	Renderer    push.Renderer
	Now         func() time.Time
	PushTTL     time.Duration
	MaxText     int // bytes of message.message
}

// Result is what would happen.
type Result struct {
	Devices []Device `json:"devices"`
	// Messages is FCM's messages:send by platform, and privacy where the device
	// has one; for a platform on which nobody would be rung, what it would be.
	// The devices' tokens are not in them.
	Messages map[string]json.RawMessage `json:"messages"`
	// Previews is what a notification would show, by the same names; a push that
	// shows nothing has none.
	Previews map[string]push.Preview `json:"previews"`
	// Texts is the same in each of the locales that were asked for, by locale and
	// platform.
	Texts []Text `json:"texts,omitempty"`
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
	// FCM is, where it was asked, what its answer would mean; FCMText says it in
	// words.
	FCM     push.Class `json:"fcm,omitempty"`
	FCMText string     `json:"fcmText,omitempty"`
}

// Send is what would happen if sender sent r now. A request that would be refused
// is the error it would be refused with. Cost in reads: of a peer message two;
// of a group's those of its fan-out, and two.
func (r *Runner) Send(ctx context.Context, sender string, request *chat.SendRequest) (_ *Result, err error) {
	defer fault.Wrap(&err, "dry run")
	if err := chat.CheckID("sender", sender); err != nil {
		return nil, err
	}
	s := &rehearsal{Store: r.Store, known: map[string]*presence.User{}}
	stored := &chat.Sender{
		Store: s, Now: r.Now, MaxText: r.MaxText, Resources: r.Resources,
		CheckPush: func(m chat.Message) error { return push.CheckFits(push.OfMessage(m, r.PushTTL), "config.pushConfig") },
	}
	m, err := stored.Send(ctx, sender, request)
	if err != nil {
		return nil, err
	}
	if err := r.fanout(s).Message(ctx, m); err != nil {
		return nil, err
	}
	if m.Push == nil || m.ConversationType == chat.Room {
		return r.result(ctx, nil, s), nil
	}
	return r.announced(ctx, push.OfMessage(m, r.PushTTL), s)
}

// Call is what would happen if caller made the call of request now. Cost in reads:
// two for each invitee.
func (r *Runner) Call(ctx context.Context, caller string, request *call.InviteRequest) (_ *Result, err error) {
	defer fault.Wrap(&err, "dry run")
	if err := chat.CheckID("caller", caller); err != nil {
		return nil, err
	}
	invitation, err := request.Invitation(caller)
	if err != nil {
		return nil, err
	}
	s := &rehearsal{Store: r.Store, known: map[string]*presence.User{}}
	service := &call.Service{
		Store: s, Presence: s, Now: r.Now, MaxInvitees: r.MaxInvitees, Resources: r.Resources, CheckPush: func(call.Call, string, chat.PushConfig) error { return nil },
	}
	if _, err := service.Invite(ctx, invitation); err != nil {
		return nil, err
	}
	if err := r.fanout(s).Call(ctx, nil, s.begun); err != nil {
		return nil, err
	}
	if invitation.Push == nil {
		return r.result(ctx, nil, s), nil
	}
	for id, u := range s.begun.Users {
		if u.Inviter == "" {
			continue
		}
		a := push.OfCall(s.begun, id)
		if err := push.CheckFits(a, "config.pushConfig"); err != nil {
			return nil, err
		}
		return r.announced(ctx, a, s)
	}
	return r.result(ctx, nil, s), nil
}

// fanout plans as the functions do, and publishes to s.
func (r *Runner) fanout(s *rehearsal) *fanout.Fanout {
	return &fanout.Fanout{
		Presence: s, Roster: s, Publisher: s, Skips: s, Sweeps: s, Bursts: s, Rehearsal: true, AllSkips: true, Rules: r.Rules, Now: r.Now, PushTTL: r.PushTTL, Threshold: math.MaxInt,
	}
}

// announced is what s was told of a, in the resource that a names.
func (r *Runner) announced(ctx context.Context, a push.Announcement, s *rehearsal) (*Result, error) {
	dressed := *r
	if r.Resources != nil {
		named, err := r.Resources.Find(ctx, a.Push.ResourcesID)
		if err != nil {
			return nil, err
		}
		dressed.Renderer, a = r.Renderer.With(named), a.Within(named)
	}
	return dressed.result(ctx, &a, s), nil
}

// result is what s was told; a is what it was told of, nil if that rings nobody.
func (r *Runner) result(ctx context.Context, a *push.Announcement, s *rehearsal) *Result {
	out := &Result{Devices: s.devices, Messages: map[string]json.RawMessage{}, Previews: map[string]push.Preview{}}
	slices.SortFunc(out.Devices, func(a, b Device) int {
		return cmp.Or(strings.Compare(a.UserID, b.UserID), strings.Compare(a.DeviceID, b.DeviceID), strings.Compare(a.PushID, b.PushID))
	})
	if a == nil {
		return out
	}
	if r.FCM != nil {
		r.validate(ctx, *a, s.targets, out.Devices)
	}
	encoder := r.Renderer.Encoder(*a)
	for _, t := range r.variants(s.targets) {
		platform := t.Platform.String()
		if t.DataOnly {
			platform += ", data only"
		}
		name := platform
		if t.Privacy != "" {
			name += " (" + string(t.Privacy) + ")"
		}
		out.Messages[name] = encoder.Encode(t, r.Now())
		if p, ok := push.Show(out.Messages[name]); ok {
			out.Previews[name] = p
		}
		for _, locale := range r.Locales {
			t.Locale = locale
			if p, ok := push.Show(encoder.Encode(t, r.Now())); ok {
				out.Texts = append(out.Texts, Text{Locale: locale, Platform: platform, Privacy: t.Privacy, Preview: p})
			}
		}
	}
	slices.SortStableFunc(out.Texts, func(a, b Text) int {
		return cmp.Or(strings.Compare(a.Locale, b.Locale), strings.Compare(a.Platform, b.Platform), strings.Compare(string(a.Privacy), string(b.Privacy)))
	})
	return out
}

// validate asks FCM whether it would take the push to each target, and says so of
// its device.
func (r *Runner) validate(ctx context.Context, a push.Announcement, targets []push.Target, devices []Device) {
	encoder := r.Renderer.Encoder(a)
	for _, t := range targets {
		_, err := r.FCM.Send(ctx, push.ValidateOnly(encoder.Encode(t, r.Now())))
		class := push.Judge(err, r.Now()).Class
		text := "FCM would take it"
		if class != push.Sent {
			text = class.Explain()
		}
		for i := range devices {
			if d := &devices[i]; d.UserID == t.UserID && d.PushID == t.PushID {
				d.FCM, d.FCMText = class, text
			}
		}
	}
}

type calls = call.Store

// rehearsal stands in for all that is written to.
type rehearsal struct {
	Store
	calls   // none: only CreateCall is asked of it
	begun   call.Call
	known   map[string]*presence.User
	targets []push.Target
	devices []Device
}

// AddMessage implements chat.Store: m as it would be stored.
func (s *rehearsal) AddMessage(ctx context.Context, m chat.Message) (chat.Message, error) {
	if m.ConversationType == chat.Room {
		return m, nil
	}
	var sends []string
	if m.ConversationType == chat.Group {
		sends = []string{m.SenderUserID}
	}
	c, members, err := s.ReadGroup(ctx, m.CID(), sends)
	if err != nil {
		return m, err
	}
	if m.ConversationType == chat.Peer {
		if m.OrderKey = 1; c != nil {
			m.OrderKey = c.LastSeq + 1
		}
		return m, nil
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

// CreateCall implements call.Store: c as it would be stored.
func (s *rehearsal) CreateCall(_ context.Context, c call.Call) (call.Call, error) {
	s.begun = c
	return c, nil
}

// Bundle implements fanout.Bursts: no burst begins.
func (s *rehearsal) Bundle(context.Context, string, string, presence.Burst) error { return nil }

// PublishSweep implements fanout.Sweeps.
func (s *rehearsal) PublishSweep(context.Context, call.Due) error { return nil }

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
		reason := plan.Reason(o.Detail)
		d := Device{UserID: o.UserID, Reason: reason, Text: "no push: " + reason.Explain()}
		if reason == plan.Bundled {
			d.Text = "not at once: " + reason.Explain()
		}
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
