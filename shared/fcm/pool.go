package fcm

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"
)

// clientConn is what the pool needs of an *http.ClientConn.
type clientConn interface {
	http.RoundTripper
	Available() int // streams it takes more now; 0 when it is full, or takes no more at all
	Close() error
}

// spread is how many requests the least busy connection has under way before
// another one is opened: a single push needs one connection, a burst all.
const spread = 20

// redial is how long to leave it at the connections there are after a new one
// failed to open.
const redial = 250 * time.Millisecond

var errClosed = errors.New("the client is closed")

// pool hands out streams of at most max connections, of the least busy one
// first. A connection is left when the peer wants to close it or has done so, and
// replaced when there is use for it; what is under way on it goes on. While such
// ones drain, up to twice max may be open.
type pool struct {
	dial func(context.Context) (clientConn, error)
	max  int

	mu       sync.Mutex
	closed   bool
	conns    []*conn
	left     []*conn // with requests under way still
	dialing  int
	failures int // of dialing
	failed   time.Time
	err      error           // of the newest failure
	waiting  []chan struct{} // closed to have their owner look again
}

// conn is a connection. The pool's lock guards load.
type conn struct {
	clientConn
	load int // requests under way
}

// get takes a stream, for put to give back after one RoundTrip or none. It
// waits while there is none, and fails with ctx or when no connection can be had.
func (p *pool) get(ctx context.Context) (*conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.failures
	for {
		if p.closed {
			return nil, errClosed
		}
		c := p.reserve()
		if c != nil && c.load <= spread {
			return c, nil
		}
		if c == nil && len(p.conns) == 0 && p.failures > before {
			return nil, p.err
		}
		p.grow()
		if c != nil {
			return c, nil
		}
		if err := p.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// reserve is the least busy connection with a stream taken, or nil.
func (p *pool) reserve() *conn {
	for {
		var best *conn
		for _, c := range p.conns {
			if c.load < MaxStreams && (best == nil || c.load < best.load) {
				best = c
			}
		}
		if best == nil {
			return nil
		}
		if best.Available() > 0 {
			best.load++
			return best
		}
		p.leave(best) // it is closed, about to be, or idle for too long
	}
}

func (p *pool) leave(c *conn) {
	p.conns = slices.DeleteFunc(p.conns, func(o *conn) bool { return o == c })
	if c.load > 0 {
		p.left = append(p.left, c)
		return
	}
	go c.Close()
}

// grow opens another connection in the background if there may be one.
func (p *pool) grow() {
	if len(p.conns)+p.dialing >= p.max || len(p.conns)+len(p.left)+p.dialing >= 2*p.max || (len(p.conns) > 0 && time.Since(p.failed) < redial) {
		return
	}
	p.dialing++
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*dialTimeout)
		defer cancel()
		c, err := p.dial(ctx)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.dialing--
		switch {
		case err != nil:
			p.failures, p.failed, p.err = p.failures+1, time.Now(), err
			p.wake(len(p.waiting))
		case p.closed:
			go c.Close()
		default:
			p.conns = append(p.conns, &conn{clientConn: c})
			p.wake(MaxStreams)
		}
	}()
}

// wait waits, without the lock meanwhile, until it is worth looking again.
func (p *pool) wait(ctx context.Context) error {
	look := make(chan struct{})
	p.waiting = append(p.waiting, look)
	p.mu.Unlock()
	var err error
	select {
	case <-look:
	case <-ctx.Done():
		err = ctx.Err()
	}
	p.mu.Lock()
	if err == nil {
		return nil
	}
	if i := slices.Index(p.waiting, look); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	} else {
		p.wake(1) // it was woken, and leaves what it was woken for to the next
	}
	return err
}

// wake has up to n of those that wait longest look again.
func (p *pool) wake(n int) {
	n = min(n, len(p.waiting))
	for _, look := range p.waiting[:n] {
		close(look)
	}
	p.waiting = slices.Delete(p.waiting, 0, n)
}

// put gives back what get took.
func (p *pool) put(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.load--
	p.wake(1)
	if i := slices.Index(p.left, c); i >= 0 && c.load == 0 {
		p.left = slices.Delete(p.left, i, i+1)
		go c.Close()
	}
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range slices.Concat(p.conns, p.left) {
		go c.Close()
	}
	p.conns, p.left = nil, nil
	p.wake(len(p.waiting))
}
