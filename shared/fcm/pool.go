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
	InFlight() int  // streams under way
	Err() error     // why it is closed
	// SetStateHook has f called when Available rises, InFlight falls or Err changes.
	SetStateHook(f func(*http.ClientConn))
	Close() error
}

// spread is how many requests the least busy connection has under way before
// another one is opened: a single push needs one connection, a burst all.
const spread = 20

// redial is how long to leave it at the connections there are after a new one
// failed to open.
const redial = 250 * time.Millisecond

var (
	errClosed       = errors.New("the client is closed")
	errClosedAtOnce = errors.New("the server closes connections as soon as they are open")
)

// pool hands out streams of at most max connections, of the least busy one
// first. A connection that takes none now is passed over: the peer wants to close
// it, or allows fewer than MaxStreams, or hasn't said yet that it heard of requests
// that were given up. Which it is can't be told from outside. It is used again when it
// takes some, and left when it is closed or nothing is under way on it any more; what
// is under way goes on. For each of them another may be open, so up to twice max.
type pool struct {
	dial func(context.Context) (clientConn, error)
	max  int

	mu       sync.Mutex
	closed   bool
	conns    []*conn
	left     []*conn // with requests under way still
	look     int     // number of the look at conns
	dialing  int
	failures int // of dialing
	failed   time.Time
	err      error           // of the newest failure
	waiting  []chan struct{} // closed to have their owner look again
}

// conn is a connection. The pool's lock guards what is the pool's.
type conn struct {
	clientConn
	opened  time.Time
	load    int  // requests under way
	used    bool // by a request, at some time
	shut    int  // the look that found it to take none
	watched bool // it wakes who waits, by its state hook
}

// get takes a stream, for put to give back after one RoundTrip or none. It
// waits while there is none, and fails with ctx or when no connection can be had.
func (p *pool) get(ctx context.Context) (*conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for before := -1; ; {
		if p.closed {
			return nil, errClosed
		}
		c, shut := p.reserve()
		if before < 0 {
			before = p.failures // what it finds to be dead by now is no failure of its own
		}
		if c != nil && c.load <= spread {
			return c, nil
		}
		if c == nil && len(p.conns) == 0 && p.failures > before {
			return nil, p.err
		}
		p.grow(shut)
		if c != nil {
			return c, nil
		}
		if err := p.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// reserve is the least busy connection with a stream taken, or nil, and how many
// were passed over.
func (p *pool) reserve() (c *conn, shut int) {
	p.look++
	for {
		var best *conn
		for _, c := range p.conns {
			if c.load < MaxStreams && c.shut != p.look && (best == nil || c.load < best.load) {
				best = c
			}
		}
		switch {
		case best == nil:
			return nil, shut
		case best.Err() != nil: // one that was never used would say that it takes some
			p.leave(best)
		case best.Available() > 0:
			best.load++
			best.used = true
			return best, shut
		case best.InFlight() == 0: // about to be closed, or idle for too long
			p.leave(best)
		default:
			best.shut = p.look
			shut++
			p.watch(best)
		}
	}
}

// watch has who waits look again whenever c may take more or be gone. It isn't for
// all connections from the start: put does it for most, and the hook costs each request.
func (p *pool) watch(c *conn) {
	if c.watched {
		return
	}
	c.watched = true
	go func() { // the hook is called from here, and wants the lock
		c.SetStateHook(func(*http.ClientConn) { p.lookAgain() })
		p.lookAgain() // for what changed before
	}()
}

// leave takes no more streams of c. One that was closed before it was of any use is
// like one that didn't open.
func (p *pool) leave(c *conn) {
	p.conns = slices.DeleteFunc(p.conns, func(o *conn) bool { return o == c })
	if !c.used && time.Since(c.opened) < dialTimeout {
		p.fail(errClosedAtOnce)
	}
	if c.load > 0 {
		p.left = append(p.left, c)
		return
	}
	go c.Close()
}

func (p *pool) fail(err error) {
	p.failures, p.failed, p.err = p.failures+1, time.Now(), err
	p.wake(len(p.waiting))
	// Beside connections that take none, and may never again, nothing else would
	// have who waits look once another may be opened.
	time.AfterFunc(redial, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.conns) > 0 { // else it isn't held back: see grow
			p.wake(len(p.waiting))
		}
	})
}

// lookAgain has all that wait look again.
func (p *pool) lookAgain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wake(len(p.waiting))
}

// grow opens another connection in the background if there may be one, beside so
// many that take no streams.
func (p *pool) grow(shut int) {
	if len(p.conns)-shut+p.dialing >= p.max || len(p.conns)+len(p.left)+p.dialing >= 2*p.max || (len(p.conns) > 0 && time.Since(p.failed) < redial) {
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
			p.fail(err)
		case p.closed:
			go c.Close()
		default:
			p.conns = append(p.conns, &conn{clientConn: c, opened: time.Now()})
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
