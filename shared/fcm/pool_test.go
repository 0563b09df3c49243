package fcm

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeConn is a connection without a peer.
type fakeConn struct {
	http.RoundTripper
	full, closed bool
	inFlight     int // of those taken
	err          error
	mu           sync.Mutex
	hook         func(*http.ClientConn)
}

func (c *fakeConn) Available() int {
	if c.full || c.closed {
		return 0
	}
	return 1
}
func (c *fakeConn) InFlight() int { return c.inFlight }
func (c *fakeConn) Err() error    { return c.err }
func (c *fakeConn) Close() error  { c.closed = true; return nil }
func (c *fakeConn) SetStateHook(f func(*http.ClientConn)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hook = f
}

// set changes the connection's state and tells of it.
func (c *fakeConn) set(full bool, inFlight int) {
	c.full, c.inFlight = full, inFlight
	c.mu.Lock()
	hook := c.hook
	c.mu.Unlock()
	if hook != nil {
		hook(nil)
	}
}

// fakeNet opens connections, each of which takes a second.
type fakeNet struct {
	mu    sync.Mutex
	conns []*fakeConn
	dials int
	err   error // of dialing
	dead  error // of the connections from their first moment
}

func (n *fakeNet) dial(context.Context) (clientConn, error) {
	n.mu.Lock()
	n.dials++
	err := n.err
	n.mu.Unlock()
	time.Sleep(time.Second)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	c := &fakeConn{err: n.dead}
	n.conns = append(n.conns, c)
	return c, nil
}

// inPool runs a test in a bubble, where time passes while everything waits.
func inPool(t *testing.T, max int, test func(*testing.T, *pool, *fakeNet)) {
	synctest.Test(t, func(t *testing.T) {
		n := &fakeNet{}
		test(t, &pool{dial: n.dial, max: max}, n)
	})
}

// settle gives connections the time to open.
func settle() {
	time.Sleep(2 * time.Second)
	synctest.Wait()
}

// take takes n streams.
func take(t *testing.T, p *pool, n int) (taken []*conn) {
	t.Helper()
	for range n {
		c, err := p.get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, c)
	}
	return taken
}

// The load is spread, and there is one connection more where all are busy.
func TestPoolSpreads(t *testing.T) {
	inPool(t, 3, func(t *testing.T, p *pool, n *fakeNet) {
		take(t, p, spread)
		if n.dials != 1 {
			t.Fatalf("%d connections for %d requests", n.dials, spread)
		}
		take(t, p, 1)
		settle()
		taken := take(t, p, 3*spread)
		settle()
		taken = append(taken, take(t, p, 3*MaxStreams-4*spread-1)...)
		for _, c := range p.conns {
			if c.load != MaxStreams {
				t.Errorf("%d requests on a connection, want %d", c.load, MaxStreams)
			}
		}
		if n.dials != 3 {
			t.Errorf("%d connections, want 3", n.dials)
		}
		// The next one waits for the first to end.
		got := make(chan *conn)
		go func() {
			c, _ := p.get(context.Background())
			got <- c
		}()
		synctest.Wait()
		p.put(taken[7])
		if c := <-got; c != taken[7] {
			t.Error("it got another connection's stream than the one given back")
		}
		if n.dials != 3 {
			t.Errorf("%d connections, want 3", n.dials)
		}
	})
}

// Who gives up while being woken hands on what it was woken for.
func TestPoolLosesNoTurn(t *testing.T) {
	inPool(t, 1, func(t *testing.T, p *pool, _ *fakeNet) {
		taken := take(t, p, MaxStreams)
		for range 50 {
			ctx, cancel := context.WithCancel(t.Context())
			first, second := make(chan error, 1), make(chan error, 1)
			wait := func(ctx context.Context, done chan error) {
				_, err := p.get(ctx)
				done <- err
			}
			go wait(ctx, first)
			synctest.Wait()
			go wait(t.Context(), second)
			synctest.Wait()
			go cancel()
			p.put(taken[0])
			if err := <-first; err == nil { // it was quicker than cancel
				p.put(taken[0])
			}
			if err := <-second; err != nil {
				t.Fatal(err)
			}
		}
		if len(p.waiting) != 0 {
			t.Errorf("%d still wait", len(p.waiting))
		}
	})
}

// A connection that takes no more requests is replaced, left when the last one on it
// has ended, and closed.
func TestPoolLeaves(t *testing.T) {
	inPool(t, 1, func(t *testing.T, p *pool, n *fakeNet) {
		taken := take(t, p, 2)
		n.conns[0].set(true, 2) // GOAWAY
		next := take(t, p, 1)[0]
		if next == taken[0] || n.dials != 2 {
			t.Errorf("the old connection is used on; %d were opened", n.dials)
		}
		n.conns[0].set(true, 1)
		p.put(taken[0])
		p.put(next)
		take(t, p, 1)
		synctest.Wait()
		if n.conns[0].closed || n.dials != 2 {
			t.Error("closed with a request under way, or another was opened")
		}
		n.conns[0].set(true, 0)
		take(t, p, 1) // its answer is being read still
		p.put(taken[1])
		synctest.Wait()
		if !n.conns[0].closed || len(p.left) != 0 || len(p.conns) != 1 {
			t.Error("not closed when the last request had ended")
		}
	})
}

// One that was idle for too long is closed at once.
func TestPoolLeavesIdle(t *testing.T) {
	inPool(t, 1, func(t *testing.T, p *pool, n *fakeNet) {
		p.put(take(t, p, 1)[0])
		n.conns[0].full = true
		take(t, p, 1)
		synctest.Wait()
		if !n.conns[0].closed {
			t.Error("an idle connection was left open")
		}
	})
}

// Connections that are full before the pool thinks so are kept, and used again as
// soon as they say that they take more, whoever's request it was that ended.
func TestPoolFull(t *testing.T) {
	inPool(t, 1, func(t *testing.T, p *pool, n *fakeNet) {
		first := take(t, p, 1)[0]
		n.conns[0].set(true, 1)
		take(t, p, 1) // beside the full one another is open, and no third
		n.conns[1].set(true, 1)
		got := make(chan *conn)
		go func() {
			c, _ := p.get(context.Background())
			got <- c
		}()
		settle()
		if n.dials != 2 || len(p.conns) != 2 {
			t.Fatalf("%d connections were opened, %d are kept", n.dials, len(p.conns))
		}
		n.conns[0].set(false, 1)
		if c := <-got; c != first {
			t.Error("it got another connection than the one that takes more")
		}
	})
}

// A server that closes connections as soon as they are open fails who waits, rather
// than being dialed for as long as they wait.
func TestPoolClosedAtOnce(t *testing.T) {
	inPool(t, 2, func(t *testing.T, p *pool, n *fakeNet) {
		n.dead = errors.New("closed")
		for range 3 {
			if _, err := p.get(t.Context()); err != errClosedAtOnce {
				t.Errorf("got %v", err)
			}
		}
		if n.dials != 3 {
			t.Errorf("%d tries for 3 requests", n.dials)
		}
		n.dead = nil
		take(t, p, 1)
	})
}

// Beside a connection that takes none, and may never again, another is tried until it
// can be had, by whoever waits: no other request need come for that.
func TestPoolRedials(t *testing.T) {
	inPool(t, 1, func(t *testing.T, p *pool, n *fakeNet) {
		take(t, p, 1)
		n.conns[0].set(true, 1) // the peer is gone, and doesn't say so
		n.err = errors.New("refused")
		got := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			_, err := p.get(ctx)
			got <- err
		}()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if n.dials < 3 || n.dials > 5 {
			t.Errorf("%d tries to connect in 3 s", n.dials)
		}
		n.mu.Lock()
		n.err = nil
		n.mu.Unlock()
		if err := <-got; err != nil {
			t.Error(err)
		}
	})
}

// Connections that were closed before it came don't fail a request: it has one opened.
func TestPoolClosedBefore(t *testing.T) {
	inPool(t, 2, func(t *testing.T, p *pool, n *fakeNet) {
		for _, c := range take(t, p, spread+1) {
			defer p.put(c)
		}
		settle() // the second one is open, and nobody has used it
		for _, c := range n.conns {
			c.err = errors.New("closed")
		}
		take(t, p, 1)
		if n.dials != 3 {
			t.Errorf("%d connections were opened", n.dials)
		}
	})
}

// No connection to be had is an error for all that wait, and not for later ones.
func TestPoolDialFails(t *testing.T) {
	inPool(t, 2, func(t *testing.T, p *pool, n *fakeNet) {
		n.err = errors.New("refused")
		errs := make(chan error, 10)
		for range cap(errs) {
			go func() {
				_, err := p.get(context.Background())
				errs <- err
			}()
		}
		for range cap(errs) {
			if err := <-errs; err != n.err {
				t.Errorf("got %v", err)
			}
		}
		if n.dials > 2 {
			t.Errorf("%d tries to connect", n.dials)
		}
		synctest.Wait()
		n.err = nil
		take(t, p, 1)
	})
}

// While there are connections, one more that can't be had is not tried all the time.
func TestPoolDialFailsToGrow(t *testing.T) {
	inPool(t, 2, func(t *testing.T, p *pool, n *fakeNet) {
		taken := take(t, p, spread)
		n.err = errors.New("refused")
		for range 1000 {
			p.put(take(t, p, 2)[0])
			p.put(taken[0])
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		if n.dials > 3 {
			t.Errorf("%d tries to connect in a second", n.dials)
		}
		settle()
		n.err = nil
		take(t, p, 1)
		settle()
		if len(p.conns) != 2 {
			t.Error("not tried again")
		}
	})
}
