// Package standin is a program that stands in for Firebase Cloud Messaging at
// its HTTP v1 edge, for the local system and for tests. It refuses what FCM
// refuses with the bodies FCM answers, behaves like the devices behind FCM
// (shade, offline queue, time to live, collapsing) and fails on request.
//
// Everything is in memory and bounded: what each device and the log remember is
// limited by Options, counters are exact.
package standin

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/maphash"
	"net/http"
	"slices"
	"sort"
	"sync"
	"time"
)

// Options configure a Server. The zero value is usable.
type Options struct {
	Project     string // project messages are sent from; default "demo-doorbell"
	SenderID    string // sender ("from") that web push data names; default "100000000000"
	RequireAuth bool   // refuse requests without an Authorization header
	DeviceLog   int    // messages kept per device; default 100, negative: none
	Log         int    // messages kept in the log of all devices; default 10,000, negative: none
	MaxDevices  int    // default 1,000,000

	// Now is the clock of time to live, Retry-After and all times shown; default time.Now.
	Now func() time.Time
	// Sleep waits for latency and hangs; default a timer. It returns when ctx ends.
	Sleep func(ctx context.Context, d time.Duration)
}

// Errors of the Go API; the control API answers them as 404 and 400.
var (
	ErrNoDevice = errors.New("no such device")
	ErrFull     = errors.New("too many devices")
)

// Server is the stand-in: an http.Handler for FCM's send method and for the
// control API under /standin/. Its methods may be used from many goroutines.
type Server struct {
	opts Options
	mux  *http.ServeMux
	seed maphash.Seed

	mu           sync.Mutex
	devices      map[string]*device
	log          ring
	seq          uint64 // of the newest received message
	names        uint64 // message names given out
	faults       *faults
	stats        Stats
	retryAfter   time.Time            // nobody should send before
	retryAfterBy map[string]time.Time // the same for one device
	changed      chan struct{}        // closed at the next change, if anybody waits
	waiters      int
}

// New returns a server without devices.
func New(opts Options) *Server {
	opts.Project = cmp.Or(opts.Project, "demo-doorbell")
	opts.SenderID = cmp.Or(opts.SenderID, "100000000000")
	opts.DeviceLog = cmp.Or(opts.DeviceLog, 100)
	opts.Log = cmp.Or(opts.Log, 10_000)
	opts.MaxDevices = cmp.Or(opts.MaxDevices, 1_000_000)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Sleep == nil {
		opts.Sleep = sleep
	}
	s := &Server{opts: opts, seed: maphash.MakeSeed(), changed: make(chan struct{})}
	s.reset()
	s.mux = s.routes()
	return s
}

// ServeHTTP serves FCM's send method, the control API and /healthz.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Reset forgets devices, messages, faults and counters.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reset()
	s.notify()
}

func (s *Server) reset() {
	open, inFlight := s.stats.OpenConnections, s.stats.InFlight
	s.devices = map[string]*device{}
	s.log = ring{} // positions go on, so that readers of the log need not notice
	s.faults = newFaults(Plan{})
	s.stats = newStats()
	s.stats.OpenConnections, s.stats.InFlight = open, inFlight
	s.retryAfter, s.retryAfterBy = time.Time{}, map[string]time.Time{}
}

// NewDevice adds a device. Token, Kind, Platform and Sender may be empty: a new
// random target, Token, Android and the server's project. The device is on
// whatever d.On says. Adding a target again replaces the device, as a fresh
// install would.
func (s *Server) NewDevice(d Device) (Device, error) {
	d.Kind, d.Platform = cmp.Or(d.Kind, Token), cmp.Or(d.Platform, Android)
	d.Sender, d.On = cmp.Or(d.Sender, s.opts.Project), true
	form := tokenForm
	switch d.Kind {
	case Token:
		d.Token = cmp.Or(d.Token, TokenFor(rand.Text()))
	case FID:
		d.Token, form = cmp.Or(d.Token, FIDFor(rand.Text())), fidForm
	default:
		return Device{}, fmt.Errorf("kind %q: want token or fid", d.Kind)
	}
	if !slices.Contains([]Platform{Android, IOS, Web}, d.Platform) {
		return Device{}, fmt.Errorf("platform %q: want android, ios or web", d.Platform)
	}
	if !form.MatchString(d.Token) {
		return Device{}, fmt.Errorf("token: FCM would call this %s malformed; leave it empty to get a new one", d.Kind)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.devices[d.Token]; !ok && len(s.devices) >= s.opts.MaxDevices {
		return Device{}, ErrFull
	}
	s.devices[d.Token] = &device{Device: d}
	s.notify()
	return d, nil
}

// TokenFor returns a well-formed registration token, always the same for a name.
func TokenFor(name string) string {
	t := letters("token:"+name, 156)
	return t[:22] + ":APA91b" + t[22:]
}

// FIDFor returns a well-formed installation ID, always the same for a name.
func FIDFor(name string) string { return "c" + letters("fid:"+name, 21) }

// letters derives n characters of URL-safe base64 from a name.
func letters(name string, n int) string {
	var out string
	for i := 0; len(out) < n; i++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s", i, name))
		out += base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return out[:n]
}

// Uninstall removes a device; sending to it is then UNREGISTERED.
func (s *Server) Uninstall(token string) error {
	return s.change(token, func(*device) { delete(s.devices, token) })
}

// SetPower switches a device on or off. What waited and has not expired is
// delivered when it goes on.
func (s *Server) SetPower(token string, on bool) error {
	return s.change(token, func(d *device) {
		d.On = on
		if on {
			s.drain(d)
		}
	})
}

// Dismiss removes a notification from a device's shade and reports whether it
// was there.
func (s *Server) Dismiss(token, tag string) (bool, error) {
	was := false
	err := s.change(token, func(d *device) {
		before := len(d.shade)
		d.shade = slices.DeleteFunc(d.shade, func(n Shown) bool { return n.Tag == tag })
		was = len(d.shade) < before
	})
	return was, err
}

// Device returns what a device has.
func (s *Server) Device(token string) (DeviceState, error) {
	var state DeviceState
	err := s.find(token, func(d *device) {
		s.expire(d)
		state = d.state()
	})
	s.addPush(state.Messages)
	return state, err
}

// Messages returns the newest messages a device received, oldest first; none
// for an unknown device.
func (s *Server) Messages(token string) []Received {
	d, _ := s.Device(token)
	return d.Messages
}

// Shade returns the notifications visible on a device, oldest first; none for an
// unknown device.
func (s *Server) Shade(token string) []Shown {
	d, _ := s.Device(token)
	return d.Shade
}

// Log returns up to limit messages received by any device after position after,
// oldest first. A first Seq above after+1 means that older ones are forgotten.
func (s *Server) Log(after uint64, limit int) []Received {
	s.mu.Lock()
	i := sort.Search(len(s.log.buf), func(i int) bool { return s.log.at(i).Seq > after })
	page := s.log.from(i, limit)
	s.mu.Unlock()
	s.addPush(page)
	return page
}

// SetFaults replaces the fault plan and restarts its counting.
func (s *Server) SetFaults(p Plan) error {
	if err := p.Validate(); err != nil {
		return err
	}
	p.Rules = slices.Clone(p.Rules)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = newFaults(p)
	return nil
}

// ClearFaults lets everything work again.
func (s *Server) ClearFaults() { _ = s.SetFaults(Plan{}) }

// Wait returns when cond holds, or with ctx's error. cond is called at once and
// after every change; it may use all methods of the server.
func (s *Server) Wait(ctx context.Context, cond func(*Server) bool) error {
	for {
		changed, done := s.await()
		if cond(s) {
			done()
			return nil
		}
		select {
		case <-changed:
			done()
		case <-ctx.Done():
			done()
			return ctx.Err()
		}
	}
}

// await returns a channel that is closed at the next change.
func (s *Server) await() (changed <-chan struct{}, done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiters++
	return s.changed, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.waiters--
	}
}

// notify wakes those who wait. The lock is held.
func (s *Server) notify() {
	if s.waiters > 0 {
		close(s.changed)
		s.changed = make(chan struct{})
	}
}

// find runs f on a device under the lock.
func (s *Server) find(token string, f func(*device)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.devices[token]
	if !ok {
		return ErrNoDevice
	}
	f(d)
	return nil
}

// change is find for an f that changes something. Reading must not wake those
// who wait, as they read.
func (s *Server) change(token string, f func(*device)) error {
	return s.find(token, func(d *device) {
		f(d)
		s.notify()
	})
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
