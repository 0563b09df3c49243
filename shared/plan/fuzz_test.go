package plan

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	calling "github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// drawn is a case made of the fuzzer's bytes: each byte decides one thing.
type drawn []byte

// of is one of n.
func (d *drawn) of(n int) int {
	if len(*d) == 0 {
		return 0
	}
	b := (*d)[0]
	*d = (*d)[1:]
	return int(b) % n
}

func (d *drawn) yes() bool { return d.of(2) == 1 }

func pick[T any](d *drawn, from ...T) T { return from[d.of(len(from))] }

func some[T any](d *drawn, from ...T) (out []T) {
	for _, v := range from {
		if d.yes() {
			out = append(out, v)
		}
	}
	return out
}

var (
	people    = []string{"alice", "bob", "", "\xff"}
	platforms = []device.Platform{device.Android, device.IPhoneOS, device.Web, device.IPadOS, device.Windows, 0, -1}
	levels    = []presence.Level{"", presence.LevelAll, presence.LevelMentions, presence.LevelNone, "loud"}
	privacies = []device.Privacy{"", device.PrivacyFull, "hidden", "x"}
)

// around is a time near now, or none at all.
func (d *drawn) around() time.Time {
	return pick(d, time.Time{}, now.Add(-time.Hour), now.Add(-time.Millisecond), now, now.Add(time.Millisecond), now.Add(time.Hour))
}

func (d *drawn) ms() int64 {
	return pick(d, 0, -1, now.UnixMilli(), now.UnixMilli()-1, now.UnixMilli()+1, 1<<62)
}

func (d *drawn) filter() *device.Filter {
	selector := func() *device.Selector {
		if d.yes() {
			return nil
		}
		return &device.Selector{Platforms: some(d, platforms...), PushIDs: some(d, "p0", "p1"), DeviceIDs: some(d, "d0", "d1")}
	}
	if d.yes() {
		return nil
	}
	return &device.Filter{Only: selector(), Except: selector()}
}

func (d *drawn) announcement() push.Announcement {
	return push.Announcement{
		Kind: pick(d, push.KindMessage, push.KindCall, push.KindCallEnd, push.KindSummary, "other"), ID: "m", CID: pick(d, "c", ""), SenderUserID: pick(d, people...),
		ConversationType: pick(d, chat.Peer, chat.Group, chat.Room, 7), Seq: pick[int64](d, 0, 5, -1), ExpiresAt: d.ms(), Filter: d.filter().Seal(),
		Held: pick(d, nil, &push.Held{Last: map[string]int64{"c": 5}}), CreatedAt: d.ms(),
	}
}

func (d *drawn) settings() presence.Settings {
	return presence.Settings{
		Level: pick(d, levels...), PeerLevel: pick(d, levels...), GroupLevel: pick(d, levels...), SnoozedUntil: d.ms(), Privacy: pick(d, privacies...),
		Quiet: d.quiet(),
	}
}

func (d *drawn) quiet() *presence.Quiet {
	if !d.yes() {
		return nil
	}
	return &presence.Quiet{
		TimeZone: pick(d, "UTC", "Europe/Berlin", "", "x"), Weekdays: some(d, presence.Weekday("tue"), "wed", "x"),
		From: pick(d, "22:00", "00:00", "x", ""), To: pick(d, "07:00", "22:13", "x"), CallsBreakThrough: d.yes(), MentionsBreakThrough: d.yes(), Summary: d.yes(),
	}
}

func (d *drawn) user(id string) *presence.User {
	if d.yes() {
		return nil
	}
	u := &presence.User{UserID: id, Devices: map[string]device.Device{}, Badge: d.of(3) - 1, Settings: d.settings()}
	for n := range d.of(4) {
		u.Devices[fmt.Sprint("p", n)] = device.Device{
			DeviceID: fmt.Sprint("d", n), Platform: pick(d, platforms...), Popup: d.yes(), Silent: d.yes(), Privacy: pick(d, privacies...),
			Target: pick(d, device.Target{}, device.Target{Kind: device.KindToken, Value: "t"}, device.Target{Kind: "x", Value: "y"}),
			State:  pick(d, device.Offline, device.Online, device.Background, "", "x"), LeaseUntil: d.around(),
		}
	}
	u.Rule = presence.PushRule{OnlinePlatforms: some(d, platforms...), NotToReceiveOfflinePushPlatforms: some(d, platforms...)}
	u.Reads = map[string]presence.Read{"c": {Seq: pick[int64](d, 0, 5, 4)}}
	if d.yes() {
		u.Mutes = map[string]presence.Mute{"c": {MutedUntil: d.ms()}}
	}
	if d.yes() {
		u.Blacklist = map[string]int64{pick(d, people...): 1}
	}
	u.Levels = map[string]presence.Level{"c": pick(d, levels...)}
	return u
}

func (d *drawn) receiver() Receiver {
	r := Receiver{UserID: pick(d, people...), Mentioned: d.yes(), Insisted: d.yes()}
	r.Presence = d.user(r.UserID)
	if d.yes() {
		r.Member = &Member{Muted: d.yes(), MutedUntil: d.ms(), Level: pick(d, levels...)}
	}
	return r
}

// Whatever is announced to whomever: the plan never panics, gives each device one
// of the closed list of reasons, never rings the sender, a device that is online,
// that has no target or isn't the receiver's, says the same when it is made
// again, and what looks at a planned push again at once sees no reason against it.
func FuzzDecide(f *testing.F) {
	closed := reasons(f, "plan.go", "call.go") // Push is one of them
	f.Add([]byte(nil))
	f.Add([]byte("\x00\x00\x00\x00\x00\x05\x01\x01\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01"))
	f.Add([]byte("a group's message to somebody with three devices, a rule and a mute"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := drawn(data)
		a, rules := d.announcement(), Rules{Defaults: d.settings()}
		r := d.receiver()
		plan := rules.Decide(a, r, now)
		if !reflect.DeepEqual(plan, rules.Decide(a, r, now)) {
			t.Errorf("another plan the second time: %+v", plan)
		}
		if len(plan) == 0 {
			t.Error("nothing is decided")
		}
		for _, decision := range plan {
			checkDecision(t, closed, r, decision)
			if decision.Reason != Push {
				continue
			}
			own := r.UserID == a.SenderUserID && !a.Kind.Ends() // an end is told to whoever was rung, who began it as well
			if dev, _ := r.Presence.Device(decision.PushID); dev.OnlineAt(now) || !dev.Popup || own {
				t.Errorf("rings %+v of %q, sent by %q", dev, r.UserID, a.SenderUserID)
			}
			if again := rules.Recheck(a, decision.Target, r.Presence, now); again.Reason != Push || again.Target != decision.Target {
				t.Errorf("planned %+v, and at once %+v", decision, again)
			}
			if a.ConversationType == chat.Group {
				if why := rules.RecheckMember(a, decision.Target, r.Presence.Settings, r.Member, now); why != Push {
					t.Errorf("planned %+v, and at once %q", decision, why)
				}
			}
		}
		// Another target than the plan's, looked at later.
		target := push.Target{UserID: r.UserID, PushID: pick(&d, "p0", "p9", ""), Gen: d.of(3), Mentioned: d.yes(), Insisted: d.yes()}
		checkDecision(t, closed, r, rules.Recheck(a, target, r.Presence, now))
		var set presence.Settings
		if r.Presence != nil {
			set = r.Presence.Settings
		}
		if why := rules.RecheckMember(a, target, set, r.Member, now); !slices.Contains(closed, why) {
			t.Errorf("reason %q", why)
		}
		c := &calling.Call{Users: map[string]calling.User{"bob": {State: calling.UserState(d.of(12)), Gen: d.of(3), ExpiresAt: d.ms()}}}
		if why := RecheckCall(a, target, pick(&d, c, nil), now); !slices.Contains(closed, why) {
			t.Errorf("reason %q", why)
		}
		for _, decision := range rules.Dismissal(r, func(id string) bool { return id != "p1" }, pick(&d, "p0", "")) {
			checkDecision(t, closed, r, decision)
		}
	})
}

func checkDecision(t *testing.T, closed []Reason, r Receiver, d Decision) {
	t.Helper()
	if !slices.Contains(closed, d.Reason) || d.UserID != r.UserID {
		t.Errorf("decided %+v about %q", d, r.UserID)
	}
	if d.Reason != Push {
		return
	}
	dev, bound := r.Presence.Device(d.PushID)
	if !bound || d.Target.UserID != r.UserID || d.Target.PushID != d.PushID || d.Target.Device() != dev.Target || dev.Target.IsZero() {
		t.Errorf("%+v, but the device is %+v", d.Target, dev)
	}
}
