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
}

func (c *fakeConn) Available() int {
	if c.full || c.closed {
		return 0
	}
	return 1
}
func (c *fakeConn) Close() error { c.closed = true; return nil }

// fakeNet opens connections, each of which takes a second.
type fakeNet struct {
	mu    sync.Mutex
	conns []*fakeConn
	dials int
	err   error
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
	c := &fakeConn{}
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

// A connection that takes no more requests is left, closed when the last one on
// it has ended, and replaced.
func TestPoolLeaves(t *testing.T) {
	inPool(t, 1, func(t *testing.T, p *pool, n *fakeNet) {
		taken := take(t, p, 2)
		n.conns[0].full = true // GOAWAY
		next := take(t, p, 1)[0]
		if next == taken[0] || n.dials != 2 {
			t.Errorf("the old connection is used on; %d were opened", n.dials)
		}
		p.put(taken[0])
		synctest.Wait()
		if n.conns[0].closed {
			t.Error("closed with a request under way")
		}
		p.put(taken[1])
		synctest.Wait()
		if !n.conns[0].closed || len(p.left) != 0 {
			t.Error("not closed when the last request had ended")
		}
		p.put(next)
		n.conns[1].full = true // idle for too long
		take(t, p, 1)
		synctest.Wait()
		if !n.conns[1].closed {
			t.Error("an idle connection was left open")
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
