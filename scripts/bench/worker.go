package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"
)

// workerArg as the first argument makes this program one of the processes that
// are measured. The next two are the role and its parameters in JSON.
const workerArg = "-worker"

// roles are what a worker can be: each prints one line of JSON.
var roles = map[string]func(ctx context.Context, params []byte, out io.Writer) error{
	"edge":   serveEdge,
	"sender": measureSender,
	"faults": measureFaults,
}

func work(ctx context.Context, args []string) error {
	if len(args) != 2 || roles[args[0]] == nil {
		return fmt.Errorf("no such worker: %q", args)
	}
	return roles[args[0]](ctx, []byte(args[1]), os.Stdout)
}

// command is a worker's process, not started yet.
func command(ctx context.Context, role string, params any) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, workerArg, role, string(p))
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd, nil
}

// ask runs a worker to its end and reads its answer.
func ask[T any](ctx context.Context, role string, params any) (answer T, err error) {
	cmd, err := command(ctx, role, params)
	if err != nil {
		return answer, err
	}
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		return answer, fmt.Errorf("worker %s: %w", role, err)
	}
	return answer, json.Unmarshal(out.Bytes(), &answer)
}

// keep starts a worker that goes on after its answer, until stop.
func keep[T any](ctx context.Context, role string, params any) (answer T, stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		if err != nil {
			cancel()
		}
	}()
	cmd, err := command(ctx, role, params)
	if err != nil {
		return answer, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return answer, nil, err
	}
	if err := cmd.Start(); err != nil {
		return answer, nil, err
	}
	stop = func() {
		cancel()
		_ = cmd.Wait() // it was told to end
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &answer)
	}
	if err != nil {
		stop()
		return answer, nil, fmt.Errorf("worker %s: %w", role, err)
	}
	return answer, stop, nil
}

// usage is what something took of this process.
type usage struct {
	Seconds float64
	CPU     time.Duration
	Bytes   uint64 // allocated
	Allocs  uint64
	PeakRSS int64 // of the process so far, in bytes
}

// measure runs f and says what it took.
func measure(f func() error) (usage, error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, start := cpuTime(), time.Now()
	err := f()
	u := usage{Seconds: time.Since(start).Seconds(), CPU: cpuTime() - cpu, PeakRSS: peakRSS()}
	runtime.ReadMemStats(&after)
	u.Bytes, u.Allocs = after.TotalAlloc-before.TotalAlloc, after.Mallocs-before.Mallocs
	return u, err
}

// cpuTime is user and system time of this process.
func cpuTime() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r) // it can't fail for oneself
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// peakRSS is the most memory this process had resident.
func peakRSS() int64 {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	if runtime.GOOS == "darwin" {
		return r.Maxrss
	}
	return r.Maxrss << 10
}

// profile starts profiles in a folder, which stop writes; without a folder it
// does nothing.
func profile(folder, name string) (stop func() error, err error) {
	if folder == "" {
		return func() error { return nil }, nil
	}
	at := filepath.Join(folder, strings.ReplaceAll(name, "/", "-"))
	cpu, err := os.Create(at + ".cpu")
	if err != nil {
		return nil, err
	}
	runtime.MemProfileRate = 4096
	return func() error {
		pprof.StopCPUProfile()
		allocs, err := os.Create(at + ".allocs")
		if err != nil {
			return err
		}
		return errors.Join(cpu.Close(), pprof.Lookup("allocs").WriteTo(allocs, 0), allocs.Close())
	}, pprof.StartCPUProfile(cpu)
}
