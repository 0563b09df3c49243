package fanout

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/fault"
	"github.com/doorbell-push/doorbell/shared/group"
	"github.com/doorbell-push/doorbell/shared/plan"
	"github.com/doorbell-push/doorbell/shared/presence"
	"github.com/doorbell-push/doorbell/shared/push"
)

// Roster reads a chunk of a group's roster: its members by user ID.
type Roster interface {
	// It is nil for a chunk that isn't there: those that a message was to go to
	// are there until the group is dismissed.
	Roster(ctx context.Context, cid string, chunk int) (map[string]group.Entry, error)
}

// Tasks hands a part of a fan-out to Pub/Sub; it returns when Pub/Sub has it.
type Tasks interface {
	PublishTask(ctx context.Context, t Task) error
}

// rangeChunks is how many roster chunks a range has. A batch is for the members of
// one range: then who is in it doesn't depend on how many of those before them are
// away, and the ledger knows a fan-out's batch again when that is made again.
const rangeChunks = push.MaxBatch / group.MaxChunk

// TaskChunks is how many roster chunks a task covers: seven ranges of 500 members,
// some seconds' work.
const TaskChunks = 7 * rangeChunks

// Task is a part of the fan-out of a group's message; without chunks, all of the
// fan-out of any message.
type Task struct {
	// ID is the same whenever the same message is split again.
	ID         string       `json:"id"`
	Message    chat.Message `json:"message"`
	FirstChunk int          `json:"firstChunk"`
	Chunks     int          `json:"chunks"`
}

// split publishes the tasks that fan m out.
func (f *Fanout) split(ctx context.Context, m chat.Message) error {
	tasks := 0
	for first := 0; first < m.Fanout.Chunks; first += TaskChunks {
		t := Task{
			ID: docid.New("fanout", m.MessageID, strconv.Itoa(first)), Message: m,
			FirstChunk: first, Chunks: min(TaskChunks, m.Fanout.Chunks-first),
		}
		if err := f.Tasks.PublishTask(ctx, t); err != nil {
			return err
		}
		tasks++
	}
	slog.InfoContext(ctx, "split", "kind", string(push.KindMessage), "subjectID", m.MessageID, "cid", m.CID(),
		"members", m.Fanout.Members, "tasks", tasks)
	return nil
}

// Task plans and publishes one part of a fan-out. It is as safe to repeat as
// Message. An error asks for redelivery.
func (f *Fanout) Task(ctx context.Context, t Task) (err error) {
	if t.Chunks == 0 {
		return f.Message(ctx, t.Message)
	}
	defer fault.Wrap(&err, "fan out message %s from chunk %d", t.Message.MessageID, t.FirstChunk)
	return f.group(ctx, t)
}

// group goes through the task's chunks, each with one read of the roster and
// batched gets of its members' presence (see presence.Slots), and publishes what a
// range of them makes: what it holds at a time is a chunk of the roster, some
// presence and a range's targets, whatever the group's size.
//
// Who is online may have changed when it is repeated. A device is in the same
// batch all the same, but where its user has as many as to fill several or got one
// more meanwhile; and the ledger is kept by device, so none is left out.
func (f *Fanout) group(ctx context.Context, task Task) error {
	s := &stream{
		f: f, m: task.Message, a: push.OfMessage(task.Message, f.PushTTL),
		tally: tallyOf(task.Message, strconv.Itoa(task.FirstChunk)),
	}
	var err error
	if s.told, err = f.told(ctx, s.a); err != nil {
		return err
	}
	for end := task.FirstChunk + task.Chunks; task.FirstChunk < end; task.FirstChunk += rangeChunks {
		if err := s.between(ctx, task.FirstChunk, min(task.FirstChunk+rangeChunks, end)); err != nil {
			return err
		}
	}
	return f.explain(ctx, &s.tally)
}

// stream is a task under way.
type stream struct {
	f     *Fanout
	m     chat.Message
	a     push.Announcement
	tally tally
	told  map[string]bool // already
	// What is not published yet: of the range's members, the first devices, one
	// each, and those they have besides.
	first, others []push.Target
}

// between plans and publishes for a range, the chunks from first to before end.
func (s *stream) between(ctx context.Context, first, end int) error {
	s.first, s.others = nil, nil
	began := s.f.Now()
	for n := first; n < end; n++ {
		if err := s.chunk(ctx, n); err != nil {
			return err
		}
	}
	part := strconv.Itoa(first)
	for _, b := range slices.Concat(
		push.Batches(s.a, part, s.first, began),
		push.Batches(s.a, othersOf(part), s.others, began),
	) {
		b.Bulk = b.Bulk || s.m.Fanout.Chunks > rangeChunks
		if err := s.f.Publisher.Publish(ctx, b); err != nil {
			return err
		}
		s.tally.batches++
	}
	return nil
}

// othersOf is the part of a range's batches for the devices that members have
// besides their first.
func othersOf(part string) string { return part + " others" }

// chunk plans for the members in a chunk.
func (s *stream) chunk(ctx context.Context, n int) error {
	m := s.m
	entries, err := s.f.Roster.Roster(ctx, m.CID(), n)
	if err != nil {
		return err
	}
	now := s.f.Now()
	if entries == nil {
		s.tally.add(plan.Decision{Reason: plan.NotMember}, now)
	}
	var receivers []plan.Receiver
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		r := receiver(m, id)
		r.Member = member(m, entries[id])
		receivers = append(receivers, r)
	}
	for len(receivers) > 0 {
		planned, err := s.part(ctx, receivers, now)
		if err != nil {
			return err
		}
		receivers = receivers[planned:]
	}
	return s.f.record(ctx, &s.tally, "skips", m.MessageID, strconv.Itoa(n))
}

// part plans for the first of receivers, as many as their presence may be held of
// at a time, and returns how many that were.
func (s *stream) part(ctx context.Context, receivers []plan.Receiver, now time.Time) (planned int, err error) {
	var ask []string
	for _, r := range receivers {
		if plan.NeedsPresence(s.a, r, now) {
			ask = append(ask, r.UserID)
		}
	}
	planned = len(receivers)
	var users map[string]*presence.User
	if len(ask) > 0 {
		most, free, err := s.f.slots.Take(ctx, len(ask))
		if err != nil {
			return 0, err
		}
		defer free()
		if most < len(ask) {
			planned = slices.IndexFunc(receivers, func(r plan.Receiver) bool { return r.UserID == ask[most] })
			ask = ask[:most]
		}
		if users, err = s.f.Presence.Users(ctx, ask); err != nil {
			return 0, err
		}
		now = s.f.Now()
	}
	for _, r := range receivers[:planned] {
		r.Presence = users[r.UserID] // of a copy, so that it isn't held any longer
		for i, d := range s.f.decide(s.a, r, now) {
			switch {
			case !s.tally.add(d, now) || s.told[d.PushID]:
			case i == 0:
				s.first = append(s.first, d.Target)
			default:
				s.others = append(s.others, d.Target)
			}
		}
	}
	return planned, nil
}

// member is what an entry means for m's plan: nil for who joined after m.
func member(m chat.Message, e group.Entry) *plan.Member {
	if e.JoinSeq >= m.OrderKey {
		return nil
	}
	return plan.MemberOf(e)
}
