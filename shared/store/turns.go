package store

import (
	"context"
	"hash/maphash"

	"cloud.google.com/go/firestore"
)

// turns has transactions that write the same conversation or call take turns inside
// an instance. Firestore locks what a transaction reads, so two that read a document
// and then write it wait for each other until one is aborted and begins again; and one
// whose request is given up keeps its locks for a minute. Other instances still meet
// there. Those that share a turn by chance wait for one transaction more.
type turns struct {
	seed maphash.Seed
	free []chan struct{}
}

// mostTurns is some times the requests that an instance takes at once, so that few
// share one.
const mostTurns = 256

func newTurns() turns {
	t := turns{seed: maphash.MakeSeed(), free: make([]chan struct{}, mostTurns)}
	for i := range t.free {
		t.free[i] = make(chan struct{}, 1)
	}
	return t
}

// transact runs f in a transaction when it is key's turn.
func (s *Firestore) transact(ctx context.Context, key string, f func(context.Context, *firestore.Transaction) error) error {
	turn := s.turns.free[maphash.String(s.turns.seed, key)%mostTurns]
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-turn }()
	return s.client.RunTransaction(ctx, f)
}
