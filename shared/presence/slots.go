package presence

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// MaxHeld is how many presence documents of a group's members a process holds at
// a time, by all that it does at once. A document is a kilobyte or two as a rule,
// and where every list in it is full, 2 MB of memory: package fanout's
// TestLargestPresence. Read by the roster's chunk, 250 at once in each of 20
// requests, such documents would take 10 GB.
const MaxHeld = 64

// piece is for how many documents one waits: with fewer it isn't worth a read.
const piece = 16

// Slots shares MaxHeld out: the zero value has all of them.
type Slots struct {
	once sync.Once
	free *semaphore.Weighted
}

// Take waits for slots, in the order of who asks, and takes, up to what is wanted,
// what else is free: a lone one has all of them, and of many each has a few. It
// returns for how many documents that is, at least one of those wanted, and what
// gives the slots back. It fails when ctx ends.
func (s *Slots) Take(ctx context.Context, want int) (most int, free func(), err error) {
	s.once.Do(func() { s.free = semaphore.NewWeighted(MaxHeld) })
	most = min(want, piece)
	if err := s.free.Acquire(ctx, int64(most)); err != nil {
		return 0, nil, err
	}
	for most < want {
		more := min(want-most, piece)
		if !s.free.TryAcquire(int64(more)) {
			break
		}
		most += more
	}
	return most, func() { s.free.Release(int64(most)) }, nil
}

// Each reads the presence of users, so many at a time as there are slots for, and
// has each part of them seen to before it lets go of it. What do is given must not
// be kept. An error, of a wait or a read, ends it.
func (s *Slots) Each(ctx context.Context, userIDs []string, read func(context.Context, []string) (map[string]*User, error), do func(userIDs []string, users map[string]*User)) error {
	for len(userIDs) > 0 {
		n, err := s.part(ctx, userIDs, read, do)
		if err != nil {
			return err
		}
		userIDs = userIDs[n:]
	}
	return nil
}

func (s *Slots) part(ctx context.Context, userIDs []string, read func(context.Context, []string) (map[string]*User, error), do func(userIDs []string, users map[string]*User)) (n int, err error) {
	n, free, err := s.Take(ctx, len(userIDs))
	if err != nil {
		return 0, err
	}
	defer free()
	users, err := read(ctx, userIDs[:n])
	if err != nil {
		return 0, err
	}
	do(userIDs[:n], users)
	return n, nil
}
