package fanout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/logs"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/store"
)

var now = time.UnixMilli(1_700_000_000_000)

// counted is presence whose reads are counted.
type counted struct {
	users map[string]*presence.User
	err   error
	reads [][]string
}

func (c *counted) Users(_ context.Context, ids []string) (map[string]*presence.User, error) {
	c.reads = append(c.reads, ids)
	return c.users, c.err
}

// topic keeps what is published, and fails from the given one on.
type topic struct {
	batches []push.Batch
	failAt  int // counting from 1; 0: never
}

var errTopic = errors.New("topic is down")

func (p *topic) Publish(_ context.Context, b push.Batch) error {
	if p.failAt > 0 && len(p.batches)+1 >= p.failAt {
		return errTopic
	}
	p.batches = append(p.batches, b)
	return nil
}

type bench struct {
	presence *counted
	topic    *topic
	ledger   *store.Memory
	log      *bytes.Buffer
	f        *Fanout
}

func newBench(t *testing.T, users ...*presence.User) *bench {
	b := &bench{presence: &counted{users: map[string]*presence.User{}}, topic: &topic{}, ledger: &store.Memory{}, log: &bytes.Buffer{}}
	for _, u := range users {
		b.presence.users[u.UserID] = u
	}
	before := slog.Default()
	slog.SetDefault(logs.New(b.log, "demo"))
	t.Cleanup(func() { slog.SetDefault(before) })
	b.f = &Fanout{
		Presence: b.presence, Publisher: b.topic, Rings: b.ledger, Skips: b.ledger, AllSkips: true, Now: func() time.Time { return now },
		PushTTL: time.Hour, Retention: 24 * time.Hour,
	}
	return b
}

// bob has n devices, ready to ring, the first of them changed by edits.
func bob(n int, edits ...func(*device.Device)) *presence.User {
	u := &presence.User{UserID: "bob", Devices: map[string]device.Device{}}
	for i := range n {
		id := fmt.Sprintf("p%04d", i)
		d := device.Device{PushID: id, Platform: device.Android, Popup: true, Target: device.Target{Kind: device.KindToken, Value: "TOKEN-" + id}}
		if i == 0 {
			for _, edit := range edits {
				edit(&d)
			}
		}
		u.Devices[id] = d
	}
	return u
}

func online(d *device.Device) { d.State, d.LeaseUntil = device.Online, now.Add(time.Minute) }

func message(edits ...func(*chat.Message)) chat.Message {
	m := chat.Message{
		MessageID: "m", SenderUserID: "alice", ConversationID: "bob", ConversationType: chat.Peer, Timestamp: now.UnixMilli(),
		Message: "secret text", Priority: chat.High, Push: &chat.PushConfig{Title: "secret title", Content: "secret content"},
	}
	for _, edit := range edits {
		edit(&m)
	}
	return m
}

func mentioned(m *chat.Message) { m.MentionedUserIDs, m.ForcePush = []string{"bob"}, true }

// mutes is u after they muted the conversation of a message.
func mutes(m chat.Message, u *presence.User) *presence.User {
	u.Mutes = map[string]presence.Mute{m.CID(): {}}
	return u
}

func noPush(m *chat.Message) { m.Push = nil }

// skips is the ledger's reasons by PushID.
func (b *bench) skips() map[string]string {
	out := map[string]string{}
	for id, o := range b.ledger.Deliveries()[docid.New("skips", "m")].Outcomes {
		out[id] = o.UserID + " " + string(o.Status) + " " + o.Detail
	}
	return out
}

func TestMessage(t *testing.T) {
	user := docid.New("user", "bob")
	for name, tc := range map[string]struct {
		m       chat.Message
		bob     *presence.User
		targets int
		skips   map[string]string
		reads   int
	}{
		"rung":            {message(), bob(2), 2, nil, 1},
		"one online":      {message(), bob(2, online), 1, map[string]string{"p0000": "bob skipped online"}, 1},
		"all online":      {message(), bob(1, online), 0, map[string]string{"p0000": "bob skipped online"}, 1},
		"no device":       {message(), &presence.User{UserID: "bob"}, 0, map[string]string{user: "bob skipped no_device"}, 1},
		"unknown user":    {message(), &presence.User{UserID: "carol"}, 0, map[string]string{user: "bob skipped no_device"}, 1},
		"muted":           {message(), mutes(message(), bob(1)), 0, map[string]string{user: "bob skipped muted"}, 1},
		"mentioned":       {message(mentioned), mutes(message(), bob(1)), 1, nil, 1},
		"too late":        {message(func(m *chat.Message) { m.Timestamp -= time.Hour.Milliseconds() }), bob(1), 0, map[string]string{user: "bob skipped expired"}, 1},
		"no push config":  {message(noPush), bob(1), 0, map[string]string{user: "bob skipped no_push_config"}, 0},
		"room":            {message(func(m *chat.Message) { m.ConversationType = chat.Room }), bob(1), 0, map[string]string{docid.New("user", ""): " skipped room"}, 0},
		"room, no config": {message(noPush, func(m *chat.Message) { m.ConversationType = chat.Room }), bob(1), 0, map[string]string{docid.New("user", ""): " skipped room"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tc.bob)
			if err := b.f.Message(t.Context(), tc.m); err != nil {
				t.Fatal(err)
			}
			targets := 0
			for _, batch := range b.topic.batches {
				targets += len(batch.Targets)
				if want := push.OfMessage(tc.m, time.Hour); batch.Announcement != want || batch.PlannedAt != now.UnixMilli() {
					t.Errorf("batch %+v", batch)
				}
			}
			if targets != tc.targets || len(b.presence.reads) != tc.reads {
				t.Errorf("%d targets after %d reads, want %d after %d", targets, len(b.presence.reads), tc.targets, tc.reads)
			}
			if got := b.skips(); len(got)+len(tc.skips) > 0 && !reflect.DeepEqual(got, tc.skips) {
				t.Errorf("skips %v, want %v", got, tc.skips)
			}
		})
	}
}

// Planned again, a message makes the same batches: the ledger then lets nothing through twice.
func TestMessageTwice(t *testing.T) {
	b := newBench(t, bob(2*push.MaxBatch+1))
	for i := range 2 {
		at := now.Add(time.Duration(i) * time.Minute)
		b.f.Now = func() time.Time { return at }
		if err := b.f.Message(t.Context(), message()); err != nil {
			t.Fatal(err)
		}
	}
	if len(b.topic.batches) != 6 {
		t.Fatalf("%d batches, want twice three", len(b.topic.batches))
	}
	for i, first := range b.topic.batches[:3] {
		second := b.topic.batches[i+3]
		if second.PlannedAt != first.PlannedAt+time.Minute.Milliseconds() {
			t.Errorf("batch %d was planned at %d and %d", i, first.PlannedAt, second.PlannedAt)
		}
		if second.PlannedAt = first.PlannedAt; !reflect.DeepEqual(first, second) {
			t.Errorf("batch %d is another the second time", i)
		}
	}
}

// A fan-out that is made again later leaves out whom package lapse, or another
// batch, told meanwhile. One that comes in time doesn't look.
func TestMessageAgainLater(t *testing.T) {
	for name, tc := range map[string]struct {
		after  time.Duration
		status delivery.Status
		want   int
	}{
		"told":                {30 * time.Second, delivery.Sent, 1},
		"not told":            {30 * time.Second, delivery.Skipped, 2},
		"the fan-out in time": {30*time.Second - 1, delivery.Sent, 2},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, bob(2))
			b.f.Now = func() time.Time { return now.Add(tc.after) }
			e := delivery.Entry{ID: "lapsed", Kind: "message", SubjectID: "m", Attempt: 1}
			if _, err := b.ledger.Begin(t.Context(), e, nil, now); err != nil {
				t.Fatal(err)
			}
			e.Lease, e.Done, e.Outcomes = 1, true, map[string]delivery.Outcome{"p0001": {UserID: "bob", Status: tc.status}}
			if err := b.ledger.Finish(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			if err := b.f.Message(t.Context(), message()); err != nil {
				t.Fatal(err)
			}
			if got := b.targets(); len(got) != tc.want {
				t.Errorf("published %q", got)
			}
			down := errors.New("ledger is down")
			b.f.Rings = &rings{err: down}
			if err := b.f.Message(t.Context(), message()); errors.Is(err, down) != (tc.after >= 30*time.Second) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestPublishFails(t *testing.T) {
	for _, failAt := range []int{1, 2} {
		b := newBench(t, bob(push.MaxBatch+2, online))
		b.topic.failAt = failAt
		if err := b.f.Message(t.Context(), message()); !errors.Is(err, errTopic) || !strings.HasPrefix(err.Error(), "fan out message m: ") {
			t.Errorf("batch %d failed: got %v", failAt, err)
		}
		if len(b.ledger.Deliveries()) != 0 {
			t.Errorf("batch %d failed, and a plan was recorded", failAt)
		}
	}
}

func TestPresenceFails(t *testing.T) {
	b := newBench(t)
	b.presence.err = errors.New("presence is down")
	if err := b.f.Message(t.Context(), message()); !errors.Is(err, b.presence.err) || len(b.topic.batches) != 0 {
		t.Errorf("got %v, %d batches", err, len(b.topic.batches))
	}
}

func TestSkipsEntry(t *testing.T) {
	b := newBench(t, bob(1, online))
	if err := b.f.Message(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	want := delivery.Entry{
		ID: docid.New("skips", "m"), Kind: "message", SubjectID: "m", Attempt: 1, Done: true, CreatedAt: now, PlannedAt: now, LeaseUntil: now,
		Outcomes: map[string]delivery.Outcome{"p0000": {UserID: "bob", Status: delivery.Skipped, Detail: "online", At: now}},
		ExpireAt: now.Add(24 * time.Hour),
	}
	if got := b.ledger.Deliveries(); len(got) != 1 || !reflect.DeepEqual(got[want.ID], want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// What nobody wonders at is no write, where the operator doesn't want all of it.
func TestUnusualSkips(t *testing.T) {
	b := newBench(t, bob(1, online))
	b.f.AllSkips = false
	if err := b.f.Message(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	if got := b.ledger.Deliveries(); len(got) != 0 {
		t.Errorf("an entry for a device that was online: %+v", got)
	}
	u := bob(2, online)
	quiet := u.Devices["p0001"]
	quiet.Popup = false
	u.Devices["p0001"] = quiet
	b.presence.users["bob"] = u
	if err := b.f.Message(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	want := map[string]delivery.Outcome{"p0001": {UserID: "bob", Status: delivery.Skipped, Detail: "popup_off", At: now}}
	if got := b.ledger.Deliveries()[docid.New("skips", "m")].Outcomes; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

type failingSkips struct{ error }

func (f failingSkips) Record(context.Context, delivery.Entry) error { return f.error }

func TestSkipsFail(t *testing.T) {
	b := newBench(t, bob(2, online))
	down := errors.New("ledger is down")
	b.f.Skips = failingSkips{down}
	if err := b.f.Message(t.Context(), message()); !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
}

// By default the reasons stand in one log line, which holds no content and no token.
func TestLog(t *testing.T) {
	b := newBench(t, bob(3, online))
	b.f.Skips = nil
	if err := b.f.Message(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	var line struct {
		Message, Kind, SubjectID, CID string
		Batches                       int
		Decisions                     map[string]int
		Skipped                       []string
	}
	if err := json.Unmarshal(b.log.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, b.log)
	}
	if line.Message != "planned" || line.Kind != "message" || line.SubjectID != "m" || line.CID != message().CID() || line.Batches != 1 ||
		!reflect.DeepEqual(line.Decisions, map[string]int{"push": 2, "online": 1}) || !reflect.DeepEqual(line.Skipped, []string{"bob/p0000:online"}) {
		t.Errorf("logged %s", b.log)
	}
	for _, never := range []string{"secret", "TOKEN"} {
		if strings.Contains(b.log.String(), never) {
			t.Errorf("%s is in the log: %s", never, b.log)
		}
	}
	if len(b.ledger.Deliveries()) != 0 {
		t.Error("an entry was written without Skips")
	}
}

// The line is bounded, its counts are of all.
func TestLogIsBounded(t *testing.T) {
	u := bob(maxLogged + 10)
	for id, d := range u.Devices {
		online(&d)
		u.Devices[id] = d
	}
	b := newBench(t, u)
	if err := b.f.Message(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.log.String(), "bob/"); n != maxLogged || !strings.Contains(b.log.String(), `"online":60`) {
		t.Errorf("%d reasons in %s", n, b.log)
	}
}

func TestPeerOf(t *testing.T) {
	if peerOf(message()) != "bob" || peerOf(message(func(m *chat.Message) { m.ConversationType = chat.Group })) != "" {
		t.Error("only a peer conversation names its receiver")
	}
}
