package plan

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// following is an announcement of a kind about the message 5 of the conversation
// "c"; one that withdraws shows nothing.
func following(k push.Kind, edits ...func(*push.Announcement)) push.Announcement {
	a := call
	a.Kind, a.CID, a.Seq, a.Push.Silent = k, "c", 5, k != push.KindEdit
	for _, edit := range edits {
		edit(&a)
	}
	return a
}

func shows(a *push.Announcement)         { a.Push.Silent = false }
func fromBob(a *push.Announcement)       { a.SenderUserID = "bob" }
func over(a *push.Announcement)          { a.ExpiresAt = now.UnixMilli() }
func takesNoSilent(d *device.Device)     { d.Silent = false }
func id(s string) func(d *device.Device) { return func(d *device.Device) { d.PushID = s } }

func snoozing(u *presence.User) *presence.User {
	u.Settings.SnoozedUntil = now.Add(time.Hour).UnixMilli()
	return u
}

// Who is told that what they were shown has changed: whoever was rung, and nobody
// else.
func TestCorrection(t *testing.T) {
	all := []push.Kind{push.KindEdit, push.KindRevoke, push.KindRead}
	for name, tc := range map[string]struct {
		edits []func(*push.Announcement)
		bob   *presence.User
		want  map[push.Kind]Reason
	}{
		"away":                       {nil, bob(phone()), nil},
		"muted":                      {nil, mute(0, bob(phone())), nil},
		"snoozed":                    {nil, snoozing(bob(phone())), nil},
		"takes no popups now":        {nil, bob(phone(popupOff)), nil},
		"online":                     {nil, bob(phone(online)), map[push.Kind]Reason{push.KindRead: Online}},
		"rule":                       {nil, muteAndroid(bob(phone(), phone(web, online, id("other")))), nil},
		"no target":                  {nil, bob(phone(noTarget)), map[push.Kind]Reason{push.KindEdit: NoTarget, push.KindRevoke: NoTarget, push.KindRead: NoTarget}},
		"no silent pushes":           {nil, bob(phone(takesNoSilent)), map[push.Kind]Reason{push.KindRevoke: SilentOff, push.KindRead: SilentOff}},
		"no silent pushes, it shows": {[]func(*push.Announcement){shows}, bob(phone(takesNoSilent)), nil},
		"read":                       {nil, read(5, bob(phone())), map[push.Kind]Reason{push.KindEdit: AlreadyRead}},
		"read, it shows":             {[]func(*push.Announcement){shows}, read(5, bob(phone())), map[push.Kind]Reason{push.KindEdit: AlreadyRead, push.KindRevoke: AlreadyRead, push.KindRead: AlreadyRead}},
		"read before it":             {[]func(*push.Announcement){shows}, read(4, bob(phone())), nil},
		"blocked the sender since":   {nil, blocking(bob(phone())), map[push.Kind]Reason{push.KindEdit: Blocked}},
		"their own":                  {[]func(*push.Announcement){fromBob}, bob(phone()), map[push.Kind]Reason{push.KindEdit: Sender}},
		"over":                       {[]func(*push.Announcement){over}, bob(phone()), map[push.Kind]Reason{push.KindEdit: Expired, push.KindRevoke: Expired, push.KindRead: Expired}},
		"device gone":                {nil, bob(phone(web)), map[push.Kind]Reason{push.KindEdit: NotRung, push.KindRevoke: NotRung, push.KindRead: NotRung}},
		"user gone":                  {nil, nil, map[push.Kind]Reason{push.KindEdit: NoDevice, push.KindRevoke: NoDevice, push.KindRead: NoDevice}},
	} {
		for _, kind := range all {
			a := following(kind, tc.edits...)
			got := (Rules{}).Correction(a, Receiver{UserID: "bob", Presence: tc.bob}, func(id string) bool { return id == "phone" }, now)
			i := max(0, slices.IndexFunc(got, func(d Decision) bool { return d.PushID == "phone" }))
			if got[i].Reason != tc.want[kind] || (got[i].Reason == Push) != (got[i].Target.Value == "tok") {
				t.Errorf("%s, %s: %+v, want %q", kind, name, got, tc.want[kind])
			}
			for n, d := range got {
				if n != i && d.Reason != NotRung {
					t.Errorf("%s, %s: %+v wasn't rung", kind, name, d)
				}
			}
			// The dispatcher, which knows of the device that it was rung, comes to the
			// same; of one that is gone to the reason for that.
			want := tc.want[kind]
			if want == NotRung {
				want = NoDevice
			}
			target := push.Target{UserID: "bob", PushID: "phone", Value: "old", Gen: 3}
			again := (Rules{}).Recheck(a, target, tc.bob, now)
			if again.Reason != want || (want == Push && (again.Target.Value != "tok" || again.Target.Gen != 3)) {
				t.Errorf("%s, %s: looked at again it is %+v, want %q", kind, name, again, want)
			}
		}
	}
}

// Who reads further has their devices told that are away and may show something.
func TestElsewhere(t *testing.T) {
	for name, tc := range map[string]struct {
		bob  *presence.User
		want []string
	}{
		"away":              {bob(phone()), []string{"phone"}},
		"another is online": {bob(phone(), phone(online, id("tablet"))), []string{"phone"}},
		"online":            {bob(phone(online)), nil},
		"muted":             {mute(0, bob(phone())), []string{"phone"}},
		"no target":         {bob(phone(noTarget)), nil},
		"no silent pushes":  {bob(phone(takesNoSilent), phone(id("tablet"))), []string{"tablet"}},
		"no device":         {bob(), nil},
		"further":           {read(4, bob(phone())), []string{"phone"}},
		"as far":            {read(5, bob(phone())), nil},
		"less far":          {read(6, bob(phone())), nil},
	} {
		var got []string
		for _, target := range (Rules{}).Elsewhere(following(push.KindRead), tc.bob, now) {
			if target.UserID != "bob" || target.Value != "tok" {
				t.Errorf("%s: %+v", name, target)
			}
			got = append(got, target.PushID)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// Who has left isn't shown what was edited since, and has taken away what they were
// shown.
func TestRecheckMemberOfChanges(t *testing.T) {
	for name, tc := range map[string]struct {
		m    *Member
		want map[push.Kind]Reason
	}{
		"member": {&Member{}, nil},
		"muted":  {&Member{Muted: true, Level: presence.LevelNone}, nil},
		"left":   {nil, map[push.Kind]Reason{push.KindEdit: NotMember}},
	} {
		for _, kind := range []push.Kind{push.KindEdit, push.KindRevoke, push.KindRead} {
			for _, sender := range []string{"alice", "bob"} {
				want := tc.want[kind]
				if sender == "bob" && kind == push.KindEdit {
					want = Sender
				}
				a := following(kind, shows, func(a *push.Announcement) { a.ConversationType, a.SenderUserID = chat.Group, sender })
				if got := (Rules{}).RecheckMember(a, push.Target{UserID: "bob"}, presence.Settings{}, tc.m, now); got != want {
					t.Errorf("%s, %s of %s: %q, want %q", kind, name, sender, got, want)
				}
			}
		}
	}
}

var messageRows = []struct {
	name string
	kind push.Kind
	m    *chat.Message
	want Reason
}{
	{"as it was", push.KindMessage, &chat.Message{Type: chat.Text}, Push},
	{"edited", push.KindMessage, &chat.Message{Type: chat.Text, ChangedAt: 7}, Push},
	{"revoked", push.KindMessage, &chat.Message{Type: chat.Revoke, ChangedAt: 7}, Revoked},
	{"gone", push.KindMessage, nil, Expired},
	{"the edit", push.KindEdit, &chat.Message{Type: chat.Text, ChangedAt: 7}, Push},
	{"an edit before the last", push.KindEdit, &chat.Message{Type: chat.Text, ChangedAt: 8}, Superseded},
	{"an edit, revoked since", push.KindEdit, &chat.Message{Type: chat.Revoke, ChangedAt: 8}, Revoked},
	{"an edit, gone since", push.KindEdit, nil, Expired},
	{"the revocation", push.KindRevoke, &chat.Message{Type: chat.Revoke, ChangedAt: 7}, Push},
}

func TestRecheckMessage(t *testing.T) {
	for _, r := range messageRows {
		if got := RecheckMessage(push.Announcement{Kind: r.kind, CreatedAt: 7}, r.m); got != r.want {
			t.Errorf("%s: %q, want %q", r.name, got, r.want)
		}
	}
	if got := reasons(t, "change.go"); !reflect.DeepEqual(got, []Reason(nil)) {
		t.Errorf("reasons stand in plan.go and call.go: %q", got)
	}
}
