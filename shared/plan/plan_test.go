package plan

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

var now = time.UnixMilli(1_700_000_000_000)

// call announces something of alice's that is over in a minute.
var call = push.Announcement{Kind: push.KindMessage, ID: "m1", SenderUserID: "alice", ExpiresAt: now.Add(time.Minute).UnixMilli()}

// phone is bob's Android phone, offline and ready to ring, changed by edits.
func phone(edits ...func(*device.Device)) device.Device {
	d := device.Device{
		PushID: "phone", DeviceID: "d", Platform: device.Android, Popup: true, Silent: true,
		Target: device.Target{Kind: device.KindToken, Value: "tok"}, State: device.Offline,
	}
	for _, edit := range edits {
		edit(&d)
	}
	return d
}

func online(d *device.Device)   { d.State, d.LeaseUntil = device.Online, now.Add(time.Second) }
func noTarget(d *device.Device) { d.Target = device.Target{} }
func popupOff(d *device.Device) { d.Popup = false }
func web(d *device.Device)      { d.PushID, d.Platform, d.Target.Value = "web", device.Web, "web-tok" }

// bob is a user with these devices.
func bob(devices ...device.Device) *presence.User {
	u := &presence.User{UserID: "bob", Devices: map[string]device.Device{}}
	for _, d := range devices {
		u.Devices[d.PushID] = d
	}
	return u
}

// muteAndroid is u with the rule: nothing on Android while the web is online.
func muteAndroid(u *presence.User) *presence.User {
	u.Rule = presence.PushRule{
		OnlinePlatforms:                  []device.Platform{device.Web},
		NotToReceiveOfflinePushPlatforms: []device.Platform{device.Android},
	}
	return u
}

type row struct {
	name  string
	a     push.Announcement
	user  string
	known *presence.User
	// want is the reason by PushID; under "" where it concerns the user.
	want map[string]Reason
	// member is bob's membership.
	member   *Member
	insisted bool
}

// read is u after they read the conversation "c" up to seq.
func read(seq int64, u *presence.User) *presence.User {
	u.Reads = map[string]presence.Read{"c": {Seq: seq}}
	return u
}

// mute is u after they muted the conversation "c".
func mute(until int64, u *presence.User) *presence.User {
	u.Mutes = map[string]presence.Mute{"c": {MutedUntil: until}}
	return u
}

// blocking is u after they blocked alice.
func blocking(u *presence.User) *presence.User {
	u.Blacklist = map[string]int64{"alice": 1}
	return u
}

// of is a with another kind or conversation type.
func of(k push.Kind, t chat.ConversationType, a push.Announcement) push.Announcement {
	a.Kind, a.ConversationType = k, t
	return a
}

// seventh announces message 7 of the conversation "c".
var seventh = push.Announcement{Kind: push.KindMessage, SenderUserID: "alice", CID: "c", Seq: 7, ExpiresAt: call.ExpiresAt}

// quietly is a as a silent push.
func quietly(a push.Announcement) push.Announcement { a.Push.Silent = true; return a }

func silentOff(d *device.Device) { d.Silent = false }

// only announces something for a platform.
func only(p device.Platform) push.Announcement {
	a := call
	a.Filter = &device.Sealed{Only: &device.Selector{Platforms: []device.Platform{p}}}
	return a
}

func expired(a push.Announcement) push.Announcement { a.ExpiresAt = now.UnixMilli(); return a }

var rows = []row{
	{"offline", call, "bob", bob(phone()), map[string]Reason{"phone": Push}, nil, false},
	{"background", call, "bob", bob(phone(online, func(d *device.Device) { d.State = device.Background })), map[string]Reason{"phone": Push}, nil, false},
	{"never seen", call, "bob", bob(phone(func(d *device.Device) { d.State = "" })), map[string]Reason{"phone": Push}, nil, false},
	{"online", call, "bob", bob(phone(online)), map[string]Reason{"phone": Online}, nil, false},
	{"lease ends in 1 ns", call, "bob", bob(phone(online, func(d *device.Device) { d.LeaseUntil = now.Add(1) })), map[string]Reason{"phone": Online}, nil, false},
	{"lease ends now", call, "bob", bob(phone(online, func(d *device.Device) { d.LeaseUntil = now })), map[string]Reason{"phone": Push}, nil, false},
	{"lease ended", call, "bob", bob(phone(online, func(d *device.Device) { d.LeaseUntil = now.Add(-1) })), map[string]Reason{"phone": Push}, nil, false},
	{"an idle tab doesn't silence a phone", call, "bob", bob(phone(), phone(web, online)), map[string]Reason{"phone": Push, "web": Online}, nil, false},
	{"no target", call, "bob", bob(phone(noTarget)), map[string]Reason{"phone": NoTarget}, nil, false},
	{"popup off", call, "bob", bob(phone(popupOff)), map[string]Reason{"phone": PopupOff}, nil, false},
	{"silent, popup off", quietly(seventh), "bob", bob(phone(popupOff)), map[string]Reason{"phone": Push}, nil, false},
	{"silent, silent off", quietly(seventh), "bob", bob(phone(silentOff)), map[string]Reason{"phone": SilentOff}, nil, false},
	{"silent off, not silent", seventh, "bob", bob(phone(silentOff)), map[string]Reason{"phone": Push}, nil, false},
	{"silent, muted", quietly(seventh), "bob", mute(0, bob(phone())), map[string]Reason{"phone": Push}, nil, false},
	{"silent, muted in a group", quietly(inGroup), "bob", bob(phone()), map[string]Reason{"phone": Push}, &Member{Muted: true, Level: presence.LevelNone}, false},
	{"silent, level none", quietly(seventh), "bob", leveled(presence.LevelNone, presence.LevelNone, bob(phone())), map[string]Reason{"phone": Push}, nil, false},
	{"silent, snoozed", quietly(seventh), "bob", snoozed(1, bob(phone())), map[string]Reason{"phone": Push}, nil, false},
	{"silent, no member", quietly(inGroup), "bob", bob(phone()), map[string]Reason{"": NotMember}, nil, false},
	{"silent, blocked", quietly(seventh), "bob", blocking(bob(phone())), map[string]Reason{"": Blocked}, nil, false},
	{"silent, online", quietly(seventh), "bob", bob(phone(online)), map[string]Reason{"phone": Online}, nil, false},
	{"rule, web online", call, "bob", muteAndroid(bob(phone(), phone(web, online))), map[string]Reason{"phone": RulePlatform, "web": Online}, nil, false},
	{"rule, web offline", call, "bob", muteAndroid(bob(phone(), phone(web))), map[string]Reason{"phone": Push, "web": Push}, nil, false},
	{"rule, web's lease over", call, "bob", muteAndroid(bob(phone(), phone(web, online, func(d *device.Device) { d.LeaseUntil = now }))), map[string]Reason{"phone": Push, "web": Push}, nil, false},
	{"rule, another platform online", call, "bob", muteAndroid(bob(phone(), phone(online, func(d *device.Device) { d.PushID, d.Platform = "ipad", device.IPadOS }))), map[string]Reason{"phone": Push, "ipad": Online}, nil, false},
	{"no document", call, "bob", nil, map[string]Reason{"": NoDevice}, nil, false},
	{"no devices", call, "bob", bob(), map[string]Reason{"": NoDevice}, nil, false},
	{"own message", call, "alice", bob(phone()), map[string]Reason{"": Sender}, nil, false},
	{"over", expired(call), "bob", bob(phone()), map[string]Reason{"": Expired}, nil, false},
	{"over in 1 ms", push.Announcement{SenderUserID: "alice", ExpiresAt: now.UnixMilli() + 1}, "bob", bob(phone()), map[string]Reason{"phone": Push}, nil, false},
	{"read up to the message before", seventh, "bob", read(6, bob(phone())), map[string]Reason{"phone": Push}, nil, false},
	{"read up to it", seventh, "bob", read(7, bob(phone())), map[string]Reason{"": AlreadyRead}, nil, false},
	{"read beyond it", seventh, "bob", read(8, bob(phone(), phone(web, online))), map[string]Reason{"": AlreadyRead}, nil, false},
	{"read another conversation", push.Announcement{SenderUserID: "alice", CID: "other", Seq: 7, ExpiresAt: call.ExpiresAt}, "bob", read(7, bob(phone())), map[string]Reason{"phone": Push}, nil, false},
	{"read, and this is no message", call, "bob", read(7, bob(phone())), map[string]Reason{"phone": Push}, nil, false},
	{"blocked", seventh, "bob", blocking(bob(phone(), phone(web, online))), map[string]Reason{"": Blocked}, nil, false},
	{"blocked, and bob's own", push.Announcement{SenderUserID: "bob", ExpiresAt: call.ExpiresAt}, "carol", blocking(bob(phone())), map[string]Reason{"phone": Push}, nil, false},
	{"blocked in a group, mentioned", of(push.KindMessage, chat.Group, seventh), "bob", blocking(bob(phone())), map[string]Reason{"": Blocked}, &Member{}, true},
	{"blocked, and calls", of(push.KindCall, chat.Peer, call), "bob", blocking(bob(phone())), map[string]Reason{"": Blocked}, nil, false},

	{"quiet hours", seventh, "bob", quietFrom("22:00", bob(phone(), phone(web, online))), map[string]Reason{"": QuietHours}, nil, false},
	{"quiet hours to come", seventh, "bob", quietFrom("22:14", bob(phone())), map[string]Reason{"phone": Push}, nil, false},
	{"silent, quiet hours", quietly(seventh), "bob", quietFrom("22:00", bob(phone())), map[string]Reason{"phone": Push}, nil, false},

	{"other devices asked for", only(device.Web), "bob", bob(phone(), phone(web)), map[string]Reason{"phone": FilteredOut, "web": Push}, nil, false},
	{"other devices asked for, online", only(device.Web), "bob", bob(phone(online), phone(web, online)), map[string]Reason{"phone": FilteredOut, "web": Online}, nil, false},

	// Precedence: of several reasons, the one furthest from the device's own.
	{"own message and over", expired(call), "alice", nil, map[string]Reason{"": Sender}, nil, false},
	{"over and no device", expired(call), "bob", nil, map[string]Reason{"": Expired}, nil, false},
	{"own message and read", seventh, "alice", read(7, bob(phone())), map[string]Reason{"": Sender}, nil, false},
	{"over and read", expired(seventh), "bob", read(7, bob(phone())), map[string]Reason{"": Expired}, nil, false},
	{"over and blocked", expired(seventh), "bob", blocking(bob(phone())), map[string]Reason{"": Expired}, nil, false},
	{"muted and blocked", seventh, "bob", mute(0, blocking(bob(phone()))), map[string]Reason{"": Muted}, nil, false},
	{"blocked and read", seventh, "bob", read(7, blocking(bob(phone()))), map[string]Reason{"": Blocked}, nil, false},
	{"blocked and no device", seventh, "bob", blocking(bob()), map[string]Reason{"": Blocked}, nil, false},
	{"read and no device", seventh, "bob", read(7, bob()), map[string]Reason{"": AlreadyRead}, nil, false},
	{"no target and online", call, "bob", bob(phone(noTarget, online)), map[string]Reason{"phone": NoTarget}, nil, false},
	{"online and popup off", call, "bob", bob(phone(online, popupOff)), map[string]Reason{"phone": Online}, nil, false},
	{"rule and popup off", call, "bob", muteAndroid(bob(phone(popupOff), phone(web, online))), map[string]Reason{"phone": RulePlatform, "web": Online}, nil, false},
}

func TestDecide(t *testing.T) {
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			got := map[string]Reason{}
			for _, d := range (Rules{}).Decide(r.a, Receiver{UserID: r.user, Presence: r.known, Member: r.member, Insisted: r.insisted}, now) {
				got[d.PushID] = d.Reason
				if d.UserID != r.user {
					t.Errorf("decision for user %q", d.UserID)
				}
				if (d.Reason == Push) != (d.Target != push.Target{}) {
					t.Errorf("reason %q with target %+v", d.Reason, d.Target)
				}
			}
			_, aboutUser := got[""]
			byPresence := got[""] == NoDevice || got[""] == Blocked || got[""] == AlreadyRead || got[""] == QuietHours || (got[""] == Muted && r.a.ConversationType == chat.Peer)
			if needs := NeedsPresence(r.a, Receiver{UserID: r.user, Member: r.member, Insisted: r.insisted}, now); needs != (!aboutUser || byPresence) {
				t.Errorf("needs presence: %t, and the plan is %v", needs, got)
			}
			if !maps.Equal(got, r.want) {
				t.Errorf("got %v, want %v", got, r.want)
			}
		})
	}
}

func TestDecideTarget(t *testing.T) {
	u := bob(phone(func(d *device.Device) { d.DataOnly = true }), phone(web))
	u.Badge = 7
	want := []Decision{
		{UserID: "bob", PushID: "phone", Target: push.Target{UserID: "bob", PushID: "phone", Platform: device.Android, Kind: device.KindToken, Value: "tok", Badge: 7, DataOnly: true}},
		{UserID: "bob", PushID: "web", Target: push.Target{UserID: "bob", PushID: "web", Platform: device.Web, Kind: device.KindToken, Value: "web-tok", Badge: 7}},
	}
	for range 20 { // map order differs from run to run, the plan doesn't
		if got := (Rules{}).Decide(call, Receiver{UserID: "bob", Presence: u}, now); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	}
}

// inGroup announces something of alice's in a group.
var inGroup = push.Announcement{Kind: push.KindMessage, SenderUserID: "alice", ConversationType: chat.Group, ExpiresAt: now.Add(time.Minute).UnixMilli()}

func init() {
	at := now.UnixMilli()
	muted := map[string]Reason{"": Muted}
	rings := map[string]Reason{"phone": Push}
	for _, r := range []row{
		{name: "member", want: rings, member: &Member{}},
		{name: "not a member", want: map[string]Reason{"": NotMember}},
		{name: "muted", want: muted, member: &Member{Muted: true}},
		{name: "muted for 1 ms more", want: muted, member: &Member{Muted: true, MutedUntil: at + 1}},
		{name: "muted until now", want: rings, member: &Member{Muted: true, MutedUntil: at}},
		{name: "an end without a mute", want: rings, member: &Member{MutedUntil: at + 1}},
		{name: "muted, mentioned", want: rings, member: &Member{Muted: true}, insisted: true},
		{name: "muted until later, mentioned", want: rings, member: &Member{Muted: true, MutedUntil: at + 1}, insisted: true},
		{name: "not muted, mentioned", want: rings, member: &Member{}, insisted: true},
		{name: "own message, muted", user: "alice", want: map[string]Reason{"": Sender}, member: &Member{Muted: true}},
		{name: "over, muted", a: expired(inGroup), want: map[string]Reason{"": Expired}, member: &Member{Muted: true}},
		{name: "over, not a member", a: expired(inGroup), want: map[string]Reason{"": Expired}},
		{name: "muted, no device", known: bob(), want: muted, member: &Member{Muted: true}},
		{name: "mentioned, online", known: bob(phone(online)), want: map[string]Reason{"phone": Online}, member: &Member{}, insisted: true},
		{name: "mentioned, no device", known: bob(), want: map[string]Reason{"": NoDevice}, member: &Member{}, insisted: true},
		{name: "peer, a membership doesn't matter", a: call, want: rings, member: &Member{Muted: true}},
		{name: "peer muted", a: seventh, known: mute(0, bob(phone())), want: muted},
		{name: "peer muted for 1 ms more", a: seventh, known: mute(at+1, bob(phone())), want: muted},
		{name: "peer muted until now", a: seventh, known: mute(at, bob(phone())), want: rings},
		{name: "another muted", a: call, known: mute(0, bob(phone())), want: rings},
		{name: "peer muted, mentioned", a: seventh, known: mute(0, bob(phone())), want: rings, insisted: true},
		{name: "peer muted, mentioned, online", a: seventh, known: mute(0, bob(phone(online))), want: map[string]Reason{"phone": Online}, insisted: true},
		{name: "peer muted, own message", a: seventh, user: "alice", known: mute(0, bob(phone())), want: map[string]Reason{"": Sender}},
		{name: "peer muted, over", a: expired(seventh), known: mute(0, bob(phone())), want: map[string]Reason{"": Expired}},
		{name: "peer muted, read", a: seventh, known: mute(0, read(7, bob(phone()))), want: muted},
		{name: "peer muted, no device", a: seventh, known: mute(0, bob()), want: muted},
	} {
		if r.a == (push.Announcement{}) {
			r.a = inGroup
		}
		if r.user == "" {
			r.user = "bob"
		}
		if r.known == nil {
			r.known = bob(phone())
		}
		rows = append(rows, r)
	}
}

// planned is the target of bob's phone as it was planned.
var planned = push.Target{UserID: "bob", PushID: "phone", Platform: device.Android, Kind: device.KindToken, Value: "tok"}

var recheckRows = []struct {
	name string
	a    push.Announcement
	user *presence.User
	want Reason
}{
	{"unchanged", call, bob(phone()), Push},
	{"came online", call, bob(phone(online)), Online},
	{"came online and its lease ended", call, bob(phone(online, func(d *device.Device) { d.LeaseUntil = now })), Push},
	{"unregistered, others left", call, bob(phone(web)), NoDevice},
	{"unregistered the last", call, bob(), NoDevice},
	{"user gone", call, nil, NoDevice},
	{"registered another token", call, bob(phone(newToken)), Push},
	{"same value as another kind", call, bob(phone(func(d *device.Device) { d.Target.Kind = device.KindFID })), Push},
	{"token died", call, bob(phone(noTarget)), NoTarget},
	{"another token and online", call, bob(phone(online, newToken)), Online},
	{"popups switched off", call, bob(phone(popupOff)), PopupOff},
	{"rule set", call, muteAndroid(bob(phone(), phone(web, online))), RulePlatform},
	{"over", expired(call), bob(phone()), Expired},
	{"blocked meanwhile", seventh, blocking(bob(phone())), Blocked},
	{"blocked while it rang: that ends", of(push.KindCallEnd, chat.Peer, call), blocking(bob(phone())), Push},
	{"read meanwhile", seventh, read(7, bob(phone())), AlreadyRead},
	{"muted meanwhile", seventh, mute(0, bob(phone())), Muted},
	{"snoozed meanwhile", seventh, snoozed(1, bob(phone())), Snoozed},
	{"level set meanwhile", seventh, leveled("", presence.LevelMentions, bob(phone())), LevelTooLow},
	{"in a group the membership is asked", inGroup, leveled(presence.LevelNone, "", bob(phone())), Push},
	{"read up to the message before", seventh, read(6, bob(phone())), Push},
	{"sender", push.Announcement{SenderUserID: "bob", ExpiresAt: call.ExpiresAt}, bob(phone()), Sender},
}

func newToken(d *device.Device) { d.Target.Value = "new" }

func TestRecheck(t *testing.T) {
	for _, r := range recheckRows {
		got := (Rules{}).Recheck(r.a, planned, r.user, now)
		want := Decision{UserID: "bob", PushID: "phone", Reason: r.want}
		if r.want == Push { // where the device is reached now
			d, _ := r.user.Device("phone")
			want.Target = planned
			want.Target.Kind, want.Target.Value = d.Target.Kind, d.Target.Value
		}
		if got != want {
			t.Errorf("%s: got %+v, want %+v", r.name, got, want)
		}
	}
}

// TestEveryReasonIsTested fails for a Reason without a row. Two are decided
// where no receiver is known yet, which package fanout tests; one by Bundle, which
// TestBundle does.
func TestEveryReasonIsTested(t *testing.T) {
	tested := map[Reason]bool{NoPushConfig: true, Room: true, Bundled: true}
	for _, r := range rows {
		for _, reason := range r.want {
			tested[reason] = true
		}
	}
	for _, r := range recheckRows {
		tested[r.want] = true
	}
	for _, r := range levelRows {
		tested[r.want] = true
	}
	for _, r := range messageRows {
		tested[r.want] = true
	}
	declared := reasons(t, "plan.go")
	for _, reason := range declared {
		if !tested[reason] {
			t.Errorf("no row for reason %q", reason)
		}
	}
	if len(declared) < 13 {
		t.Errorf("only %q were found in the source", declared)
	}
}

// reasons is every Reason constant in files of the package.
func reasons(t testing.TB, files ...string) (out []Reason) {
	t.Helper()
	visit := func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Reason" {
				value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, Reason(value))
			}
		}
		return true
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, visit)
	}
	slices.Sort(out)
	if len(slices.Compact(slices.Clone(out))) != len(out) {
		t.Errorf("two reasons have one name: %q", out)
	}
	return out
}
