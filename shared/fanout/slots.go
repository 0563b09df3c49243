package fanout

import (
	"context"
	"sync"
)

// How many presence documents of groups' members the process holds at a time, by
// all of its fan-outs together. A document is a kilobyte or two as a rule, and
// where every list in it is full, 2 MB of memory: see TestLargestPresence. Read
// by the roster's chunk, 250 at once in each of 20 requests, such documents would
// take 10 GB.
const (
	maxHeld  = 64
	slotSize = 16
)

// slots shares maxHeld out: the zero value has all of them.
type slots struct {
	once  sync.Once
	taken chan struct{}
}

// take waits for a slot and takes, up to what is wanted, what else is free: a
// lone fan-out has all of them, and many have one each. It returns for how many
// documents that is, and what gives the slots back.
func (s *slots) take(ctx context.Context, want int) (most int, free func(), err error) {
	s.once.Do(func() { s.taken = make(chan struct{}, maxHeld/slotSize) })
	select {
	case s.taken <- struct{}{}:
	case <-ctx.Done():
		return 0, nil, ctx.Err()
	}
	n := 1
	for more := true; more && n*slotSize < want; {
		select {
		case s.taken <- struct{}{}:
			n++
		default:
			more = false
		}
	}
	return min(n*slotSize, want), func() {
		for range n {
			<-s.taken
		}
	}, nil
}
