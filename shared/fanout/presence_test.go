package fanout

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// largest is a presence document with every list full and every ID as long as
// may be, of a user with as many devices as there can be by default.
func largest() *presence.User {
	u := &presence.User{
		Devices: map[string]device.Device{}, Reads: map[string]presence.Read{}, Mutes: map[string]presence.Mute{},
		Levels: map[string]presence.Level{}, Blacklist: map[string]int64{},
	}
	for i := range 25 {
		id := docid.New("p", fmt.Sprint(i))
		u.Devices[id] = device.Device{
			PushID: id, DeviceID: fmt.Sprintf("%0*d", device.MaxDeviceIDBytes, i), Platform: device.Android, State: device.Online, Popup: true,
			Target: device.Target{Kind: device.KindToken, Value: strings.Repeat("t", device.MaxTargetBytes)}, Locale: strings.Repeat("l", device.MaxLocaleBytes),
		}
	}
	for i := range presence.MaxMutes {
		cid := docid.New("peer", fmt.Sprint(i))
		u.Mutes[cid], u.Levels[cid] = presence.Mute{MutedUntil: 1 << 60}, presence.LevelMentions
	}
	for i := range presence.MaxBlacklist {
		u.Blacklist[fmt.Sprintf("%0*d", chat.MaxUserIDBytes, i)] = int64(i)
	}
	return u
}

// encoded is u's document as Firestore sends it.
func encoded(t *testing.T, u *presence.User) []byte {
	text := func(s string) *firestorepb.Value {
		return &firestorepb.Value{ValueType: &firestorepb.Value_StringValue{StringValue: s}}
	}
	number := func(n int64) *firestorepb.Value {
		return &firestorepb.Value{ValueType: &firestorepb.Value_IntegerValue{IntegerValue: n}}
	}
	at := &firestorepb.Value{ValueType: &firestorepb.Value_TimestampValue{TimestampValue: timestamppb.New(time.Unix(1_700_000_000, 1))}}
	object := func(fields map[string]*firestorepb.Value) *firestorepb.Value {
		return &firestorepb.Value{ValueType: &firestorepb.Value_MapValue{MapValue: &firestorepb.MapValue{Fields: fields}}}
	}
	devices, mutes, levels, blacklist := map[string]*firestorepb.Value{}, map[string]*firestorepb.Value{}, map[string]*firestorepb.Value{}, map[string]*firestorepb.Value{}
	for id, d := range u.Devices {
		devices[id] = object(map[string]*firestorepb.Value{
			"deviceID": text(d.DeviceID), "platform": number(int64(d.Platform)), "locale": text(d.Locale), "state": text("online"),
			"target":     object(map[string]*firestorepb.Value{"kind": text(d.Target.Kind), "value": text(d.Target.Value)}),
			"leaseUntil": at, "onlineSince": at, "seenAt": at, "targetAt": at,
		})
	}
	for cid, m := range u.Mutes {
		mutes[cid] = object(map[string]*firestorepb.Value{"mutedUntil": number(m.MutedUntil)})
	}
	for cid, l := range u.Levels {
		levels[cid] = text(string(l))
	}
	for id, n := range u.Blacklist {
		blacklist[id] = number(n)
	}
	b, err := proto.Marshal(&firestorepb.Document{Fields: map[string]*firestorepb.Value{
		"devices": object(devices), "mutes": object(mutes), "levels": object(levels), "blacklist": object(blacklist),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// heap is how many bytes of memory what build makes takes.
func heap(build func() any) int {
	live := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := live()
	v := build()
	after := live()
	runtime.KeepAlive(v)
	return int(after - before)
}

// The largest presence documents there can be, all at once, leave half of the smallest function's 256 MiB free.
func TestLargestPresence(t *testing.T) {
	const n = 20
	wire := encoded(t, largest())
	raw := heap(func() any {
		docs := make([]*firestorepb.Document, n)
		for i := range docs {
			docs[i] = &firestorepb.Document{}
			if err := proto.Unmarshal(wire, docs[i]); err != nil {
				t.Fatal(err)
			}
		}
		return docs
	}) / n
	decoded := heap(func() any {
		users := make([]*presence.User, n)
		for i := range users {
			users[i] = largest()
		}
		return users
	}) / n
	t.Logf("%d bytes on the wire, %d as read, %d as decoded", len(wire), raw, decoded)
	if all := presence.MaxHeld * (len(wire) + raw + decoded); all > 128<<20 {
		t.Errorf("%d of them take %d MiB", presence.MaxHeld, all>>20)
	}
}

// held is presence that counts how much of it is held at once: from when it is
// asked for until the fan-out is done with it, as far as can be seen from here.
type held struct {
	Presence
	mu        sync.Mutex
	now, most int
	reads     int
}

func (h *held) Users(ctx context.Context, ids []string) (map[string]*presence.User, error) {
	h.mu.Lock()
	h.now += len(ids)
	h.most = max(h.most, h.now)
	h.reads++
	h.mu.Unlock()
	time.Sleep(10 * time.Millisecond) // in a bubble
	users, err := h.Presence.Users(ctx, ids)
	h.mu.Lock()
	h.now -= len(ids)
	h.mu.Unlock()
	return users, err
}

// However many fan-outs run at once, they hold no more presence documents than
// the process has memory for; one alone reads as many at a time.
func TestPresenceHeldIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const members, atOnce = 600, 20
		c := newCrowd(t, members-1, never)
		h := &held{Presence: c.db}
		c.f.Presence, c.f.Roster, c.f.Publisher = h, c.db, &oneByOne{topic: c.topic}
		m := c.send()
		if err := c.f.Message(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		// Of 250, 250 and 100 members, without the sender.
		if want := 4 + 4 + 2; h.most != presence.MaxHeld || h.reads != want {
			t.Errorf("one alone held up to %d and made %d reads, want %d and %d", h.most, h.reads, presence.MaxHeld, want)
		}
		alone := len(c.rung())
		h.most = 0
		var all sync.WaitGroup
		for range atOnce {
			all.Go(func() {
				if err := c.f.Task(t.Context(), Task{Message: m, Chunks: 3}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if h.most != presence.MaxHeld {
			t.Errorf("%d at once held up to %d, want %d", atOnce, h.most, presence.MaxHeld)
		}
		if alone != members-1 || len(c.rung()) != alone {
			t.Errorf("%d and %d users are rung, want %d", alone, len(c.rung()), members-1)
		}

		// Who waits for too long gives up, and gives back what it has.
		_, free, err := c.f.slots.Take(t.Context(), members)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.f.Task(ctx, Task{Message: m, Chunks: 1}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without a slot: %v", err)
		}
		free()
		c.f.Presence = failingPresence{}
		for range presence.MaxHeld {
			if err := c.f.Task(t.Context(), Task{Message: m, Chunks: 1}); !errors.Is(err, errTopic) {
				t.Fatalf("presence fails: %v", err)
			}
		}
	})
}

// oneByOne is a topic that many publish to at once.
type oneByOne struct {
	mu sync.Mutex
	*topic
}

func (p *oneByOne) Publish(ctx context.Context, b push.Batch) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.topic.Publish(ctx, b)
}

type failingPresence struct{}

func (failingPresence) Users(context.Context, []string) (map[string]*presence.User, error) {
	return nil, errTopic
}
