package inbox

import (
	"cmp"
	"context"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/doorbell-push/doorbell/shared/chat"
)

// Bounds of merging.
const (
	parallelQueries = 8
	maxChunk        = 100     // messages of one query
	maxPageBytes    = 4 << 20 // of text: a page that gets longer ends
)

// stream is a conversation's messages in their order, fetched as needed.
type stream struct {
	*box
	after int64 // those later than this...
	until int64 // ...but not later than this...
	above int64 // ...with an OrderKey above this

	chunk   int   // messages to fetch at least
	taken   int   // messages taken: as many are fetched next, so that queries are few and what is fetched in vain is no more
	fetched int64 // the last one's OrderKey
	drained bool  // nothing is left to fetch of what there was when the conversation was listed
	buffer  []chat.Message
	at      int64 // time of the last message taken; before the first one, after
}

func newStream(b *box, after, above int64) *stream {
	return &stream{box: b, after: after, until: math.MaxInt64, above: above, at: after}
}

// pending reports whether the conversation had anything for the stream when it
// was listed.
func (s *stream) pending() bool {
	return s.c.LastSeq > s.above && s.c.LastAt.UnixMilli() > s.after
}

// fill has the next message in the buffer, if there is one.
func (s *stream) fill(ctx context.Context, store Store, most int) error {
	for len(s.buffer) == 0 && !s.drained {
		limit := min(max(s.chunk, s.taken), most, maxChunk)
		var got []chat.Message
		var err error
		// The first query goes by the time, if that is known. Where all it finds is
		// not above, the next one starts there.
		if s.fetched == 0 && s.after > 0 {
			got, err = store.MessagesSince(ctx, s.cid, s.after, limit)
		} else {
			got, err = store.MessagesAfter(ctx, s.cid, max(s.fetched, s.above), limit)
		}
		if err != nil {
			return err
		}
		s.drained = len(got) < limit
		for _, m := range got {
			s.fetched = m.OrderKey
			s.drained = s.drained || m.OrderKey >= s.c.LastSeq || m.Timestamp > s.until
			if m.OrderKey > s.above && m.Timestamp <= s.until {
				s.buffer = append(s.buffer, m)
			}
		}
	}
	return nil
}

// forget gives back the memory of what was not taken.
func (s *stream) forget() {
	s.buffer, s.fetched, s.drained, s.after = nil, 0, false, s.at
}

// take is the next message, which is in the buffer.
func (s *stream) take() chat.Message {
	m := s.buffer[0]
	s.buffer = s.buffer[1:]
	s.at = m.Timestamp
	s.taken++
	return m
}

// byHead orders streams by the time of their next message.
func byHead(a, b *stream) int {
	return cmp.Or(cmp.Compare(a.buffer[0].Timestamp, b.buffer[0].Timestamp), cmp.Compare(a.cid, b.cid))
}

// merge hands the streams' messages to take by their times, those of one stream
// in its order, until take wants no more or none is left. It reports whether
// there may be more. take gets at most count.
//
// Cost: a read for each stream, which knows no other way when its next message
// is from, and one to two for each message taken; at most maxChunk a query. It
// holds some three times count messages at most.
func merge(ctx context.Context, store Store, streams []*stream, count int, take func(*stream, chat.Message) bool) (more bool, err error) {
	heads, more, err := firsts(ctx, store, streams, count)
	if err != nil {
		return false, err
	}
	for len(heads) > 0 {
		s := slices.MinFunc(heads, byHead)
		if count--; !take(s, s.take()) || count == 0 {
			break
		}
		if err := s.fill(ctx, store, count); err != nil {
			return false, err
		}
		if len(s.buffer) == 0 {
			heads = slices.DeleteFunc(heads, func(h *stream) bool { return h == s })
		}
	}
	for _, s := range heads {
		more = more || len(s.buffer) > 0 || !s.drained
	}
	return more, nil
}

// firsts fills the streams and returns the count of them whose next messages are
// the earliest: no other can get onto the page. It reports whether it left any
// out.
func firsts(ctx context.Context, store Store, streams []*stream, count int) (heads []*stream, more bool, err error) {
	for some := range slices.Chunk(streams, max(count, parallelQueries)) {
		tasks, ctx := errgroup.WithContext(ctx)
		tasks.SetLimit(parallelQueries)
		for _, s := range some {
			s.chunk = (count + len(streams) - 1) / len(streams) // what each gets if all have the same
			tasks.Go(func() error { return s.fill(ctx, store, count) })
		}
		if err := tasks.Wait(); err != nil {
			return nil, false, err
		}
		for _, s := range some {
			if len(s.buffer) > 0 {
				heads = append(heads, s)
			}
		}
		slices.SortFunc(heads, byHead)
		if len(heads) > count {
			for _, s := range heads[count:] {
				s.forget()
			}
			heads, more = heads[:count], true
		}
	}
	return heads, more, nil
}
