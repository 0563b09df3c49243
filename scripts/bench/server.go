package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// server is the built program that serves a function, as a deployment's.
type server struct {
	URL string
	cmd *exec.Cmd
}

// buildServer builds the program into a new folder, which remove removes.
func buildServer(ctx context.Context) (program string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "doorbell-bench-")
	if err != nil {
		return "", nil, err
	}
	program = filepath.Join(dir, "server")
	cmd := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", program, "github.com/doorbell-push/doorbell/scripts/server")
	if out, err := cmd.CombinedOutput(); err != nil {
		os.RemoveAll(dir)
		return "", nil, fmt.Errorf("build the server: %w\n%s", err, out)
	}
	return program, func() { os.RemoveAll(dir) }, nil
}

// startServer starts the program for one function, and says after what time it
// gave its first answer. env is more environment; the clients of Firestore and
// Pub/Sub are made when they are used.
func startServer(ctx context.Context, program, function string, env ...string) (*server, time.Duration, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	s := &server{URL: "http://127.0.0.1:" + strconv.Itoa(port), cmd: exec.CommandContext(ctx, program)}
	s.cmd.Env = append([]string{
		"PORT=" + strconv.Itoa(port), "FUNCTION_TARGET=" + function, "GOOGLE_CLOUD_PROJECT=" + project,
		"FIRESTORE_EMULATOR_HOST=127.0.0.1:1", "PUBSUB_EMULATOR_HOST=127.0.0.1:1", "DOORBELL_FCM_ENDPOINT=http://127.0.0.1:1",
	}, env...)
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, 0, err
	}
	for time.Since(began) < 10*time.Second {
		resp, err := http.Get(s.URL)
		if err == nil {
			resp.Body.Close()
			return s, time.Since(began), nil
		}
		time.Sleep(time.Millisecond)
	}
	s.stop()
	return nil, 0, fmt.Errorf("%s doesn't serve", function)
}

func (s *server) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // it was killed
}

// memory is how much of the server's memory is resident, and was at most, in MiB.
func (s *server) memory() (now, peak float64, err error) {
	file := fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid)
	mib := func(name string) (v float64) {
		kb, _, _ := strings.Cut(proc(file, name, ""), " ")
		if v, err = strconv.ParseFloat(kb, 64); err != nil {
			err = fmt.Errorf("%s doesn't tell %s", file, name)
		}
		return v / 1024
	}
	if now = mib("VmRSS"); err == nil {
		peak = mib("VmHWM")
	}
	return now, peak, err
}
