package dryrun

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/fcm"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/store"
)

var clock = time.UnixMilli(1_700_000_000_000)

func now() time.Time { return clock }

// readOnly is a store whose reads are counted and that nobody can write to.
type readOnly struct {
	db    *store.Memory
	users int
}

func (r *readOnly) Users(ctx context.Context, ids []string) (map[string]*presence.User, error) {
	r.users += len(ids)
	return r.db.Users(ctx, ids)
}

func (r *readOnly) ReadGroup(ctx context.Context, cid string, ids []string) (*chat.Conversation, map[string]group.Member, error) {
	return r.db.ReadGroup(ctx, cid, ids)
}

func (r *readOnly) Roster(ctx context.Context, cid string, n int) (map[string]group.Entry, error) {
	return r.db.Roster(ctx, cid, n)
}

const secret = "s3cret-token"

func setUp(t *testing.T) (*Runner, *readOnly) {
	t.Helper()
	db := &store.Memory{}
	reg := &presence.Registry{Store: db, Now: now, Lease: time.Minute, MaxDevices: 10}
	register := func(user, id string, p device.Platform) {
		d := device.Device{DeviceID: id, Platform: p, Target: device.Target{Kind: device.KindToken, Value: secret + user + id}, Popup: true, Silent: true}
		if _, err := reg.Register(t.Context(), user, d); err != nil {
			t.Fatal(err)
		}
	}
	register("bob", "phone", device.Android)
	register("bob", "desk", device.Web)
	register("carol", "phone", device.IPhoneOS)
	if _, err := reg.Heartbeat(t.Context(), "bob", presence.Beat{PushID: device.PushID("bob", "desk"), State: device.Online}); err != nil {
		t.Fatal(err)
	}
	groups := &group.Service{Store: db, Now: now, MaxMembers: 100}
	if _, err := groups.Create(t.Context(), "alice", &group.CreateRequest{
		GroupInfo: &group.BaseInfo{GroupID: "team", GroupName: "Team"}, UserIDs: []string{"bob", "carol", "dave"},
	}); err != nil {
		t.Fatal(err)
	}
	r := &readOnly{db: db}
	return &Runner{Store: r, Now: now, PushTTL: time.Hour, MaxText: 2048}, r
}

func request(to string, of chat.ConversationType) *chat.SendRequest {
	return &chat.SendRequest{
		Message: &chat.Content{Type: chat.Text, Message: "Hello"}, ToConversationID: to, ConversationType: &of, LocalMessageID: "1",
		Config: &chat.SendConfig{Priority: chat.Medium, PushConfig: &chat.PushConfigInput{PushConfig: chat.PushConfig{Title: "Alice", Content: "Hello"}}},
	}
}

func lines(r *Result) []string {
	var out []string
	for _, d := range r.Devices {
		reason := string(d.Reason)
		if d.Push {
			reason = "push"
		}
		out = append(out, d.UserID+"/"+d.DeviceID+"/"+d.Platform+":"+reason)
	}
	return out
}

// An Android app that shows its pushes itself has a request of its own.
func TestDataOnly(t *testing.T) {
	r, db := setUp(t)
	reg := &presence.Registry{Store: db.db, Now: now, MaxDevices: 10}
	d := device.Device{DeviceID: "tablet", Platform: device.Android, Target: device.Target{Kind: device.KindToken, Value: secret}, Popup: true, DataOnly: true}
	if _, err := reg.Register(t.Context(), "bob", d); err != nil {
		t.Fatal(err)
	}
	got, err := r.Send(t.Context(), "alice", request("bob", chat.Peer))
	if err != nil {
		t.Fatal(err)
	}
	const name = "android, data only"
	if names := slices.Sorted(maps.Keys(got.Messages)); !slices.Equal(names, []string{"android", name, "ios", "web"}) {
		t.Errorf("%q", names)
	}
	if strings.Contains(string(got.Messages[name]), `"notification"`) || got.Previews[name].Body != "Hello" {
		t.Errorf("%s\n%+v", got.Messages[name], got.Previews[name])
	}
}

// A dry run has the plan's decisions and the very JSON for each platform, no
// token, and reads what sending reads.
func TestSend(t *testing.T) {
	r, reads := setUp(t)
	got, err := r.Send(t.Context(), "alice", request("bob", chat.Peer))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"bob/desk/web:online", "bob/phone/android:push"}; !slices.Equal(lines(got), want) {
		t.Errorf("%q, want %q", lines(got), want)
	}
	if reads.users != 1 {
		t.Errorf("read %d users", reads.users)
	}
	if names := slices.Sorted(maps.Keys(got.Messages)); !slices.Equal(names, []string{"android", "ios", "web"}) {
		t.Errorf("rendered for %q", names)
	}
	all, err := json.Marshal(got)
	if err != nil || strings.Contains(string(all), secret) || !strings.Contains(string(got.Messages["android"]), `"body":"Hello"`) {
		t.Errorf("%v %s", err, all)
	}

	got, err = r.Send(t.Context(), "alice", request("team", chat.Group))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"alice//:sender", "bob/desk/web:online", "bob/phone/android:push", "carol/phone/ios:push", "dave//:no_device"}
	if !slices.Equal(lines(got), want) {
		t.Errorf("%q, want %q", lines(got), want)
	}
}

func TestSendWithoutPush(t *testing.T) {
	r, _ := setUp(t)
	quiet := request("bob", chat.Peer)
	quiet.Config.PushConfig = nil
	got, err := r.Send(t.Context(), "alice", quiet)
	if err != nil || len(got.Messages) != 0 || len(got.Devices) != 1 || got.Devices[0].Reason != plan.NoPushConfig {
		t.Errorf("%+v, %v", got, err)
	}
}

// What would be refused is refused in the same words.
func TestRefused(t *testing.T) {
	r, _ := setUp(t)
	for name, tc := range map[string]struct {
		sender string
		send   *chat.SendRequest
		code   fault.Code
	}{
		"no sender":     {"", request("bob", chat.Peer), fault.ParamsInvalid},
		"to oneself":    {"bob", request("bob", chat.Peer), fault.ParamsInvalid},
		"no such group": {"alice", request("nobody", chat.Group), fault.GroupDoesNotExist},
		"not a member":  {"eve", request("team", chat.Group), fault.GroupUserIsNotInTheGroup},
	} {
		var e *fault.Error
		if _, err := r.Send(t.Context(), tc.sender, tc.send); !errors.As(err, &e) || e.Code != tc.code {
			t.Errorf("%s: %v, want code %d", name, err, tc.code)
		}
	}
}

// asked is FCM, which refuses carol's device.
type asked struct{ bodies []string }

func (a *asked) Send(_ context.Context, body []byte) (string, error) {
	a.bodies = append(a.bodies, string(body))
	if strings.Contains(string(body), secret+"carol") {
		return "", &fcm.Error{HTTP: 403, Status: "PERMISSION_DENIED", Code: "SENDER_ID_MISMATCH"}
	}
	return "name", nil
}

// FCM is asked about each push and delivers none; what is shown is told by platform.
func TestValidate(t *testing.T) {
	r, _ := setUp(t)
	a := &asked{}
	r.FCM = a
	got, err := r.Send(t.Context(), "alice", request("team", chat.Group))
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range a.bodies {
		if !strings.HasPrefix(body, `{"validate_only":true,"message":{`) || !strings.Contains(body, secret) {
			t.Errorf("FCM was given %s", body)
		}
	}
	said := map[string]push.Class{}
	for _, d := range got.Devices {
		if d.Push != (d.FCM != "") || d.Push != (d.FCMText != "") {
			t.Errorf("of %+v", d)
		}
		if d.Push {
			said[d.UserID+"/"+d.DeviceID] = d.FCM
		}
	}
	if want := map[string]push.Class{"bob/phone": push.Sent, "carol/phone": push.SenderMismatch}; !maps.Equal(said, want) || len(a.bodies) != 2 {
		t.Errorf("FCM said %v to %d questions, want %v", said, len(a.bodies), want)
	}
	if p := got.Previews["android"]; !reflect.DeepEqual(p, push.Preview{Title: "Alice", Body: "Hello"}) || len(got.Previews) != len(got.Messages) {
		t.Errorf("shown is %+v", got.Previews)
	}
}

// A call is planned as it would be, and nothing of it is kept.
func TestCall(t *testing.T) {
	r, db := setUp(t)
	r.MaxInvitees = 9
	invite := &call.InviteRequest{CallID: "c", Invitees: []string{"bob", "carol", "nobody"}}
	invite.Config.PushConfig = &chat.PushConfigInput{PushConfig: chat.PushConfig{Title: "Alice", Content: "Video call"}}
	got, err := r.Call(t.Context(), "alice", invite)
	if err != nil {
		t.Fatal(err)
	}
	rung := map[string]bool{}
	for _, d := range got.Devices {
		rung[d.UserID+"/"+d.DeviceID] = d.Push
	}
	if want := map[string]bool{"bob/phone": true, "bob/desk": false, "carol/phone": true}; !maps.Equal(rung, want) || got.Previews["ios"].Body != "Video call" {
		t.Errorf("%v, %+v", rung, got.Previews)
	}
	if c, err := db.db.Call(t.Context(), "c"); err != nil || c != nil {
		t.Errorf("kept is %+v, %v", c, err)
	}
	invite.Invitees = nil
	var refused *fault.Error
	if _, err := r.Call(t.Context(), "alice", invite); !errors.As(err, &refused) || refused.Field != "invitees" {
		t.Errorf("a call to nobody: %v", err)
	}
}
