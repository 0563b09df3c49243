// Package system runs Doorbell on this machine: the real functions, Google's own
// emulators of Firestore, Pub/Sub and Firebase Auth, and a stand-in for FCM.
package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/scripts/harness"
)

// Options says what to start. The zero value is a complete system on free ports.
type Options struct {
	ProjectID string    // default "doorbell-local"
	Ports     Ports     // zero ones are picked
	Log       io.Writer // what the parts print, each line with its part's name; default nowhere

	Race bool     // build the functions with the race detector
	Env  []string // more environment of the functions, as NAME=value

	RulesFile       string        // default terraform/firestore.rules
	MinBackoff      time.Duration // before Pub/Sub repeats a delivery; default 1 s
	MaxBackoff      time.Duration // the longest time that Pub/Sub waits before it repeats one; default 600 s
	DeadLetterAfter int           // deliveries of a Pub/Sub message before it is given up; default 20

	// Lasting has the emulators' JVMs compile for a long life rather than for a fast
	// start: twice as fast after a minute's work.
	Lasting bool

	// Apart are event functions that have a process to themselves, as in a deployment
	// each has, and ApartEnv is more environment of it. Not with Deliver.
	Apart    []string
	ApartEnv []string

	// For tests that count what happens, or stand between the parts.
	NoClock      bool   // sweeps start by System.Sweep only, not each minute
	Deliver      string // base URL to deliver events to; default the system's own Gate
	FirestoreVia string // host:port that the functions take for the Firestore emulator
	PubSubVia    string // host:port that the functions take for the Pub/Sub emulator
}

// A System is a running system. Stop ends it.
type System struct {
	ProjectID string

	// FCM is the stand-in: it makes devices and tells what they received.
	FCM *standin.Local
	// Gate is between the emulators and the functions, in Eventarc's place: the
	// Firestore emulator itself delivers an event once, come what may. It is nil
	// if Options.Deliver names something else.
	Gate *harness.Gate
	// Failed gets an error when a part ends by itself after the start.
	Failed <-chan error

	opts  Options
	ports Ports
	web   *http.Server
	// stopPush ends the delivery from Pub/Sub; nil before that has begun.
	stopPush func()
	log      io.Writer
	root     string // of the repository
	dir      string // temporary, for all that the parts write

	stop     sync.Once
	ended    chan struct{} // closed when it stops
	mu       sync.Mutex    // guards what follows
	children map[string]*process
	failed   chan error
	stopped  bool
}

// Start starts a system and waits until every part of it is healthy. If it
// fails, or the context ends before that, nothing is left running.
func Start(ctx context.Context, opts Options) (*System, error) {
	s, err := prepare(opts)
	if err != nil {
		return nil, err
	}
	healthy := false
	defer func() { // deferred, so that a panic leaves nothing running either
		if !healthy {
			s.Stop()
		}
	}()
	if s.opts.Deliver == "" {
		if s.Gate, err = harness.NewGate(address(0)); err != nil {
			return nil, err
		}
		s.Gate.SetTarget(s.FunctionsURL())
		for _, name := range s.opts.Apart {
			s.Gate.SetTargetOf(name, "http://"+address(s.ports.apart))
		}
		s.opts.Deliver = "http://" + s.Gate.Addr()
	}
	if s.FCM, err = standin.Start(s.FCMHost(), standin.Options{Project: s.ProjectID}, false); err != nil {
		return nil, err
	}
	if err := s.startWeb(); err != nil {
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.startAuth(ctx) })
	g.Go(func() error {
		java, err := findJava(ctx, s.log)
		if err != nil {
			return err
		}
		g.Go(func() error { return s.startFirestore(ctx, java) })
		g.Go(func() error { return s.startPubSub(ctx, java) })
		return nil
	})
	g.Go(func() error {
		if err := s.buildFunctions(ctx); err != nil {
			return err
		}
		if len(s.opts.Apart) > 0 {
			g.Go(func() error { return s.startFunctions(ctx, "functions apart", s.ports.apart, s.opts.ApartEnv) })
		}
		return s.StartFunctions(ctx)
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	healthy = true
	if !opts.NoClock {
		go s.sweep()
	}
	return s, nil
}

// prepare settles what the options leave open.
func prepare(opts Options) (*System, error) {
	if opts.ProjectID == "" {
		opts.ProjectID = "doorbell-local"
	}
	if opts.Log == nil {
		opts.Log = io.Discard
	}
	if opts.MinBackoff == 0 {
		opts.MinBackoff = time.Second
	}
	if opts.MaxBackoff == 0 {
		opts.MaxBackoff = 600 * time.Second
	}
	if opts.DeadLetterAfter == 0 {
		opts.DeadLetterAfter = 20
	}
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	if opts.RulesFile == "" {
		opts.RulesFile = filepath.Join(root, "terraform", "firestore.rules")
	}
	if err := opts.Ports.settle(); err != nil {
		return nil, err
	}
	removeOrphans()
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", tempPrefix, os.Getpid()))
	if err != nil {
		return nil, err
	}
	failed := make(chan error, 8) // more than there are children
	return &System{
		ProjectID: opts.ProjectID, Failed: failed,
		opts: opts, ports: opts.Ports, log: &lockedWriter{w: opts.Log}, root: root, dir: dir,
		children: map[string]*process{}, failed: failed, ended: make(chan struct{}),
	}, nil
}

// Stop ends everything that was started. It may be called again.
func (s *System) Stop() { s.stop.Do(s.end) }

func (s *System) end() {
	close(s.ended)
	s.mu.Lock()
	s.stopped = true
	children := s.children
	s.children = nil
	s.mu.Unlock()

	if s.stopPush != nil {
		s.stopPush()
	}
	var wg sync.WaitGroup
	for _, p := range children {
		wg.Go(p.kill)
	}
	wg.Wait()
	if s.Gate != nil {
		s.Gate.Close()
	}
	if s.web != nil {
		s.web.Close()
	}
	if s.FCM != nil {
		s.FCM.Close()
	}
	os.RemoveAll(s.dir)
}

// start starts a child that Stop ends, and watches over it.
func (s *System) start(name string, cmd *exec.Cmd) (*process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, errors.New("the system is stopped")
	}
	p, err := startProcess(name, s.log, cmd)
	if err != nil {
		return nil, err
	}
	s.children[name] = p
	go func() {
		<-p.done
		if s.forgetIf(name, p) {
			select {
			case s.failed <- p.died():
			default: // nobody listens, and enough is told
			}
		}
	}()
	return p, nil
}

// forget gives a child up, so that its end is no failure, and returns it.
func (s *System) forget(name string) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.children[name]
	delete(s.children, name)
	return p
}

func (s *System) forgetIf(name string, p *process) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.children[name] != p {
		return false
	}
	delete(s.children, name)
	return true
}

// LastLines returns what a part printed last: functions, firestore, pubsub or auth.
func (s *System) LastLines(part string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.children[part]; p != nil {
		return p.out.lines()
	}
	return nil
}

// FunctionsURL is the base URL of the functions.
func (s *System) FunctionsURL() string { return "http://" + address(s.ports.Functions) }

// FirestoreHost is the host:port of the Firestore emulator.
func (s *System) FirestoreHost() string { return address(s.ports.Firestore) }

// PubSubHost is the host:port of the Pub/Sub emulator.
func (s *System) PubSubHost() string { return address(s.ports.PubSub) }

// AuthHost is the host:port of the Auth emulator.
func (s *System) AuthHost() string { return address(s.ports.Auth) }

// FCMHost is the host:port of the FCM stand-in.
func (s *System) FCMHost() string { return address(s.ports.FCM) }

const tempPrefix = "doorbell-local-"

// removeOrphans removes the folders of runners that were killed.
func removeOrphans() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), tempPrefix+"*"))
	for _, dir := range dirs {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), tempPrefix), "-")
		if n, err := strconv.Atoi(pid); err == nil && errors.Is(syscall.Kill(n, 0), syscall.ESRCH) {
			os.RemoveAll(dir)
		}
	}
}
