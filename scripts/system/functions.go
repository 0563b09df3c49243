package system

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// buildFunctions builds the program that serves every function. It builds into
// the user's cache because go links anew, for seconds, unless the last result is
// still where it is to go; and runs a copy, which no later build replaces.
func (s *System) buildFunctions(ctx context.Context) error {
	cache, err := cacheDir()
	if err != nil {
		return err
	}
	args := []string{"build", "-ldflags=-s -w"} // no debugger here, and it links faster
	program := filepath.Join(cache, "functions")
	if s.opts.Race {
		args = append(args, "-race")
		program += "-race"
	}
	unlock, err := lock(program + ".lock")
	if err != nil {
		return fmt.Errorf("build the functions: %w", err)
	}
	defer unlock()
	cmd := exec.Command("go", append(args, "-o", program, "./scripts/server")...)
	cmd.Dir = s.root
	if err := run(ctx, "go build", s.log, cmd); err != nil {
		return err
	}
	// cp, because a program that this process itself has written may be too busy
	// to run: a child just forked can still hold it open.
	return run(ctx, "cp", s.log, exec.Command("cp", program, s.binary()))
}

func (s *System) binary() string { return filepath.Join(s.dir, "functions") }

// StartFunctions starts the functions and waits until they serve. Start has done
// it already; it is for after KillFunctions.
func (s *System) StartFunctions(ctx context.Context) error {
	return s.startFunctions(ctx, "functions", s.ports.Functions, nil)
}

// startFunctions has a process serve on a port.
func (s *System) startFunctions(ctx context.Context, name string, port int, env []string) error {
	cmd := exec.Command(s.binary())
	cmd.Dir = s.root
	cmd.Env = append(s.functionsEnv(port), env...)
	p, err := s.start(name, cmd)
	if err != nil {
		return err
	}
	return p.await(ctx, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address(port)+"/", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close() // whatever it says: it serves
		}
		return err
	})
}

// KillFunctions kills the functions in the midst of what they do, as a crash would;
// but for those apart.
func (s *System) KillFunctions() {
	if p := s.forget("functions"); p != nil {
		p.kill()
	}
}

// functionsEnv is the environment of functions on a port: this process's, without what
// would make them serve one function only, or take this for production.
func (s *System) functionsEnv(port int) []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		switch name {
		case "FUNCTION_TARGET", "FUNCTION_SIGNATURE_TYPE", "K_SERVICE", "K_REVISION", "K_CONFIGURATION", "GOOGLE_APPLICATION_CREDENTIALS":
		default:
			env = append(env, kv)
		}
	}
	return append(append(env,
		"GOOGLE_CLOUD_PROJECT="+s.ProjectID,
		"FIRESTORE_EMULATOR_HOST="+cmp.Or(s.opts.FirestoreVia, s.FirestoreHost()),
		"PUBSUB_EMULATOR_HOST="+cmp.Or(s.opts.PubSubVia, s.PubSubHost()),
		"FIREBASE_AUTH_EMULATOR_HOST="+s.AuthHost(),
		"DOORBELL_FCM_ENDPOINT=http://"+s.FCMHost()+"/v1",
		"DOORBELL_PUSH_TOPIC=push",
		"DOORBELL_SYSTEM_ACCOUNTS="+Backend,
		"DOORBELL_SYSTEM_AUDIENCES="+backendAudience,
		"PORT="+strconv.Itoa(port),
	), s.opts.Env...)
}

// lock waits until it has a file to itself, among all processes.
func lock(file string) (unlock func(), err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil // closing unlocks
}

// moduleRoot finds the repository: the nearest folder above with a go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		_, err := os.Stat(filepath.Join(dir, "go.mod"))
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		if filepath.Dir(dir) == dir {
			return "", fmt.Errorf("run this inside the repository: no folder above holds a go.mod")
		}
		dir = filepath.Dir(dir)
	}
}
