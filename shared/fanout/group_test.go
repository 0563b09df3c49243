package fanout

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
	"github.com/doorbell-push/doorbell/shared/store"
)

// crowd is a group "g" on a store in memory, and the fan-out of its messages
// with its reads counted.
type crowd struct {
	*testing.T
	db       *store.Memory
	f        *Fanout
	topic    *topic
	tasks    []Task
	chunks   int // roster chunks read
	presence int // presence documents read
	down     error
}

func (c *crowd) Roster(ctx context.Context, cid string, n int) (map[string]group.Entry, error) {
	c.chunks++
	entries, err := c.db.Roster(ctx, cid, n)
	return entries, errors.Join(c.down, err)
}

func (c *crowd) Users(ctx context.Context, ids []string) (map[string]*presence.User, error) {
	if len(ids) > group.MaxChunk {
		c.Errorf("%d users are read at once", len(ids))
	}
	c.presence += len(ids)
	return c.db.Users(ctx, ids)
}

func (c *crowd) PublishTask(_ context.Context, t Task) error {
	c.tasks = append(c.tasks, t)
	return c.down
}

// newCrowd is a group of olga and n others, u00000 and on, each with a device
// that is online for those who are to be.
func newCrowd(t *testing.T, n int, online func(i int) bool) *crowd {
	newBench(t) // quiet
	c := &crowd{T: t, db: &store.Memory{}, topic: &topic{}}
	clock := func() time.Time { return now }
	c.f = &Fanout{
		Presence: c, Roster: c, Publisher: c.topic, Tasks: c, Now: clock,
		PushTTL: time.Hour, Retention: time.Hour, Threshold: 2000,
	}
	reg := &presence.Registry{Store: c.db, Now: clock, Lease: time.Minute, MaxDevices: 5}
	s := &group.Service{Store: c.db, Now: clock, MaxMembers: 20_000}
	if _, err := s.Create(t.Context(), "olga", &group.CreateRequest{GroupInfo: &group.BaseInfo{GroupID: "g", GroupName: "n"}}); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i := range n {
		id := fmt.Sprintf("u%05d", i)
		ids = append(ids, id)
		out, err := reg.Register(t.Context(), id, device.Device{DeviceID: "d", Platform: device.Android, Popup: true, Target: device.Target{Kind: device.KindToken, Value: "T" + id}})
		if err != nil {
			t.Fatal(err)
		}
		if online(i) {
			if _, err := reg.Heartbeat(t.Context(), id, presence.Beat{PushID: out.PushID, State: device.Online}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for some := range slices.Chunk(ids, group.MaxUsers) {
		if out, err := s.Invite(t.Context(), "olga", &group.UsersRequest{GroupID: "g", UserIDs: some}); err != nil || len(out.ErrorUserList) > 0 {
			t.Fatal(err, out.ErrorUserList)
		}
	}
	return c
}

func (c *crowd) mute(userID string) {
	kind := chat.Group
	s := &group.Service{Store: c.db, Now: time.Now}
	if _, err := s.SetStatus(c.Context(), userID, &group.StatusRequest{Status: group.DoNotDisturb, ConversationID: "g", ConversationType: &kind}); err != nil {
		c.Fatal(err)
	}
}

// send stores a message of olga's.
func (c *crowd) send(edits ...func(*chat.Message)) chat.Message {
	m := message(append([]func(*chat.Message){func(m *chat.Message) {
		m.SenderUserID, m.ConversationID, m.ConversationType = "olga", "g", chat.Group
	}}, edits...)...)
	m, err := c.db.AddMessage(c.Context(), m)
	if err != nil {
		c.Fatal(err)
	}
	return m
}

// run fans m out, its tasks included.
func (c *crowd) run(m chat.Message) {
	c.Helper()
	c.tasks = nil
	if err := c.f.Message(c.Context(), m); err != nil {
		c.Fatal(err)
	}
	for _, task := range c.tasks {
		if err := c.f.Task(c.Context(), task); err != nil {
			c.Fatal(err)
		}
	}
}

// rung counts the targets by user.
func (c *crowd) rung() map[string]int {
	out := map[string]int{}
	for _, b := range c.topic.batches {
		for _, t := range b.Targets {
			out[t.UserID]++
		}
	}
	return out
}

func never(int) bool { return false }

// The bar: 10,000 members, 8,000 of them offline.
func TestLargeGroup(t *testing.T) {
	const members, offline = 10_000, 8_000
	c := newCrowd(t, members-1, func(i int) bool { return i%5 == 0 || i == 1 })
	c.run(c.send())

	rung := c.rung()
	for i := range members - 1 {
		want := 1
		if i%5 == 0 || i == 1 {
			want = 0
		}
		if id := fmt.Sprintf("u%05d", i); rung[id] != want {
			t.Fatalf("%s is rung %d times, want %d", id, rung[id], want)
		}
	}
	targets := len(rung)
	reads, batches := c.chunks+c.presence, len(c.topic.batches)
	t.Logf("%d members, %d targets: %d reads (%d roster chunks, %d presence), %d batches, %d tasks", members, targets, reads, c.chunks, c.presence, batches, len(c.tasks))
	full := (targets + push.MaxBatch - 1) / push.MaxBatch
	if targets < offline-2 || targets > offline || float64(reads) > members*1.02+5 || float64(batches) > 1.25*float64(full) {
		t.Errorf("%d targets, %d reads, %d batches; at least %d batches are needed", targets, reads, batches, full)
	}
	if len(c.tasks) != 3 || c.tasks[0].ID == c.tasks[1].ID || c.tasks[2].FirstChunk != 28 || c.tasks[2].Chunks != 12 {
		t.Errorf("tasks %d", len(c.tasks))
	}
	ids := map[string]bool{}
	for _, b := range c.topic.batches {
		if ids[b.ID] || len(b.Targets) == 0 || len(b.Targets) > push.MaxBatch {
			t.Errorf("batch %s of %d", b.ID, len(b.Targets))
		}
		ids[b.ID] = true
	}

	// Again, and it is the same.
	first, tasks := c.topic.batches, c.tasks
	c.topic.batches = nil
	c.run(c.tasks[0].Message)
	if !reflect.DeepEqual(c.topic.batches, first) || !reflect.DeepEqual(c.tasks, tasks) {
		t.Error("fanned out again, the message makes other batches or tasks")
	}

	// Later, and who was told by other batches meanwhile is left out.
	told := map[string]delivery.Outcome{}
	for _, id := range []string{"u00002", "u09994"} {
		told[device.PushID(id, "d")] = delivery.Outcome{UserID: id, Status: delivery.Sent}
	}
	e := delivery.Entry{ID: "lapsed", SubjectID: c.tasks[0].Message.MessageID, Attempt: 1, Outcomes: told, Done: true}
	if err := c.db.Record(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	later := now.Add(repeated + time.Second)
	c.f.Rings, c.f.Now, c.topic.batches = c.db, func() time.Time { return later }, nil
	c.run(c.tasks[0].Message)
	again := c.rung()
	if len(again) != len(rung)-2 || again["u00002"]+again["u09994"] != 0 {
		t.Errorf("later it rings %d, and %d and %d of those who were told", len(again), again["u00002"], again["u09994"])
	}
}

// Made again after others went online and some came back, a fan-out puts each device
// into the batch it was in before, so that the ledger knows it there.
func TestSameBatches(t *testing.T) {
	c := newCrowd(t, 1_700, func(i int) bool { return i%7 == 0 })
	tablet := device.Device{DeviceID: "e", Platform: device.Android, Popup: true, Target: device.Target{Kind: device.KindToken, Value: "E"}}
	reg := &presence.Registry{Store: c.db, Now: func() time.Time { return now }, Lease: time.Minute, MaxDevices: 5}
	for i := 3; i < 1_700; i += 11 { // these have two devices
		if _, err := reg.Register(t.Context(), fmt.Sprintf("u%05d", i), tablet); err != nil {
			t.Fatal(err)
		}
	}
	m := c.send()
	batches := func() map[string]string {
		c.topic.batches = nil
		c.run(m)
		of := map[string]string{}
		for _, b := range c.topic.batches {
			if !b.Bulk {
				t.Errorf("batch %s is none of many", b.ID)
			}
			for _, target := range b.Targets {
				of[target.PushID] = b.ID
			}
		}
		return of
	}
	first := batches()
	for i := range 1_700 {
		state := device.Offline
		if i%5 == 0 {
			state = device.Online
		}
		id := fmt.Sprintf("u%05d", i)
		if _, err := reg.Heartbeat(t.Context(), id, presence.Beat{PushID: device.PushID(id, "d"), State: state}); err != nil {
			t.Fatal(err)
		}
	}
	both := 0
	for pushID, id := range batches() {
		if before, ok := first[pushID]; ok {
			if both++; before != id {
				t.Errorf("%s was in batch %s and is in %s", pushID, before, id)
			}
		}
	}
	if both < 1_000 {
		t.Errorf("%d devices are told both times", both)
	}
}

// At the threshold on-message does it all, above it nothing but publish tasks.
func TestThreshold(t *testing.T) {
	for members, tasks := range map[int]int{600: 0, 601: 1} {
		c := newCrowd(t, members-1, never)
		c.f.Threshold = 600
		m := c.send()
		if err := c.f.Message(t.Context(), m); err != nil || len(c.tasks) != tasks || (c.chunks > 0) != (tasks == 0) {
			t.Errorf("%d members: %d tasks, %d chunks read, %v", members, len(c.tasks), c.chunks, err)
		}
		want := 0
		if tasks == 0 {
			want = members - 1
		}
		if got := len(c.rung()); got != want {
			t.Errorf("%d members: %d rung", members, got)
		}
	}
}

func TestGroupReasons(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*chat.Message)
		want []string // who is rung of u0 muted, u1 online, u2
	}{
		"plain":                  {func(*chat.Message) {}, []string{"u00002"}},
		"mention":                {func(m *chat.Message) { m.MentionedUserIDs = []string{"u00000"} }, []string{"u00002"}},
		"mention, insisting":     {func(m *chat.Message) { m.MentionedUserIDs, m.ForcePush = []string{"u00000"}, true }, []string{"u00000", "u00002"}},
		"all, insisting":         {func(m *chat.Message) { m.IsMentionAll, m.ForcePush = true, true }, []string{"u00000", "u00002"}},
		"others, insisting":      {func(m *chat.Message) { m.MentionedUserIDs, m.ForcePush = []string{"u00002"}, true }, []string{"u00002"}},
		"insisting on nobody":    {func(m *chat.Message) { m.ForcePush = true }, []string{"u00002"}},
		"without a push config":  {noPush, nil},
		"sent by one who is not": {func(m *chat.Message) { m.SenderUserID = "u00002" }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCrowd(t, 3, func(i int) bool { return i == 1 })
			c.mute("u00000")
			m := c.send(tc.edit)
			// Who joins after the message isn't rung for it.
			s := &group.Service{Store: c.db, Now: time.Now, MaxMembers: 10}
			if _, err := s.Join(t.Context(), "late", &group.Request{GroupID: "g"}); err != nil {
				t.Fatal(err)
			}
			ledger := &store.Memory{}
			c.f.Skips, c.f.AllSkips = ledger, true
			c.run(m)
			var got []string
			for id := range c.rung() {
				got = append(got, id)
			}
			slices.Sort(got)
			if !slices.Equal(got, tc.want) {
				t.Errorf("rung %q, want %q", got, tc.want)
			}
			if m.Push == nil {
				return
			}
			reasons := map[string]string{}
			for _, o := range ledger.Deliveries()[docid.New("skips", "m", "0")].Outcomes {
				reasons[o.UserID] = o.Detail
			}
			for id, want := range map[string]string{m.SenderUserID: "sender", "u00001": "online", "late": "not_member"} {
				if reasons[id] != want {
					t.Errorf("%s: reason %q, want %q of %v", id, reasons[id], want, reasons)
				}
			}
			if slices.Contains(got, "u00000") == (reasons["u00000"] == "muted") {
				t.Errorf("u00000: reason %q", reasons["u00000"])
			}
		})
	}
}

// A message that is on its way when its group is dismissed rings nobody, though
// the group's members are still being removed.
func TestDismissedGroup(t *testing.T) {
	c := newCrowd(t, 300, never)
	ledger := &store.Memory{}
	c.f.Skips = ledger
	m := c.send()
	s := &group.Service{Store: onlyCloses{c.db}, Now: time.Now}
	if _, err := s.Dismiss(t.Context(), "olga", &group.Request{GroupID: "g"}); err != nil {
		t.Fatal(err)
	}
	c.run(m)
	if left, err := c.db.Members(t.Context(), m.CID(), 0, 1000); err != nil || len(left) != 301 {
		t.Fatalf("%d members are left, %v", len(left), err)
	}
	if len(c.topic.batches) != 0 || c.presence != 0 || c.chunks != 2 {
		t.Errorf("%d batches, %d presence documents and %d chunks read", len(c.topic.batches), c.presence, c.chunks)
	}
	for _, n := range []string{"0", "1"} {
		outcomes := ledger.Deliveries()[docid.New("skips", "m", n)].Outcomes
		if len(outcomes) != 1 || outcomes[delivery.UserKey("")].Detail != "not_member" {
			t.Errorf("chunk %s: %+v", n, outcomes)
		}
	}
}

// onlyCloses is a store on which a dismissal breaks off before it removes anyone.
type onlyCloses struct{ *store.Memory }

func (onlyCloses) ClearGroup(context.Context, string, int) (bool, error) { return false, nil }

// Who isn't rung anyway isn't looked up.
func TestPresenceIsReadOnlyWhereItMatters(t *testing.T) {
	c := newCrowd(t, 3, never)
	for _, id := range []string{"u00000", "u00001", "u00002"} {
		c.mute(id)
	}
	c.run(c.send())
	if c.presence != 0 || c.chunks != 1 || len(c.topic.batches) != 0 {
		t.Errorf("%d presence documents and %d chunks read, %d batches", c.presence, c.chunks, len(c.topic.batches))
	}
}

func TestGroupFails(t *testing.T) {
	down := errors.New("down")
	c := newCrowd(t, 700, never)
	m := c.send()
	c.topic.failAt = 2
	if err := c.f.Message(t.Context(), m); !errors.Is(err, errTopic) || !strings.HasPrefix(err.Error(), "fan out message m: ") {
		t.Errorf("the second batch fails: %v", err)
	}
	c.down = down
	for _, threshold := range []int{1, 1000} {
		c.f.Threshold = threshold
		if err := c.f.Message(t.Context(), m); !errors.Is(err, down) {
			t.Errorf("threshold %d: %v", threshold, err)
		}
	}
	if err := c.f.Task(t.Context(), Task{Message: m, FirstChunk: 1, Chunks: 1}); !errors.Is(err, down) || !strings.HasPrefix(err.Error(), "fan out message m from chunk 1: ") {
		t.Errorf("task: %v", err)
	}
	m.Fanout = nil
	if err := c.f.Message(t.Context(), m); err == nil {
		t.Error("a message that says nothing of its group is taken for done")
	}
}
