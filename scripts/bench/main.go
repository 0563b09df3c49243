// Command bench measures Doorbell against what else one might send with, and
// prints ratios. What is measured runs in a process of its own, and so does the
// FCM stand-in it sends to, so that each pays for itself only.
//
//	go run ./scripts/bench                  all
//	go run ./scripts/bench sender faults    some; -help lists them
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
)

// benchmarks are what can be asked for, in the order of all of them.
var benchmarks = []struct {
	name, about string
	run         func(context.Context, settings) error
}{
	{"sender", "pushes a second, CPU and memory a push: ours, the Admin SDK, a plain HTTP/2 loop", benchSender},
	{"faults", "goodput, repeats and what FCM's Retry-After is worth, while FCM fails", benchFaults},
}

// settings are the flags.
type settings struct {
	latencies []time.Duration
	stream    int // pushes
	runs      int
	profile   string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) > 1 && os.Args[1] == workerArg {
		err = work(ctx, os.Args[2:])
	} else {
		err = run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var s settings
	latency := flag.String("latency", "0,20ms,60ms", "FCM's time for an answer; each is measured")
	flag.IntVar(&s.stream, "stream", 50_000, "pushes of a stream")
	flag.IntVar(&s.runs, "runs", 5, "rounds, of which the median counts; what is compared takes turns in each")
	flag.StringVar(&s.profile, "profile", "", "folder for profiles of each sender; they slow it down")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "go run ./scripts/bench [flags] [benchmark …]")
		for _, b := range benchmarks {
			fmt.Fprintf(os.Stderr, "  %-8s %s\n", b.name, b.about)
		}
		flag.PrintDefaults()
	}
	flag.Parse()
	for text := range strings.SplitSeq(*latency, ",") {
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("-latency: %w", err)
		}
		s.latencies = append(s.latencies, d)
	}
	if s.stream < 1000 || s.runs < 1 {
		return errors.New("-stream is at least 1000, -runs 1")
	}
	for _, name := range flag.Args() {
		if !slices.ContainsFunc(benchmarks, func(b struct {
			name, about string
			run         func(context.Context, settings) error
		}) bool {
			return b.name == name
		}) {
			return fmt.Errorf("there is no benchmark %q: see -help", name)
		}
	}
	fmt.Println(machine())
	for _, b := range benchmarks {
		if flag.NArg() > 0 && !slices.Contains(flag.Args(), b.name) {
			continue
		}
		fmt.Printf("\n## %s: %s\n\n", b.name, b.about)
		if err := b.run(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
	}
	return nil
}

// machine says what is measured on.
func machine() string {
	sdk := "?"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == "firebase.google.com/go/v4" {
				sdk = d.Version
			}
		}
	}
	return fmt.Sprintf("%s, %d cores (%s), %s/%s, %s; Firebase Admin SDK %s; %s",
		cpu(), runtime.NumCPU(), memory(), runtime.GOOS, runtime.GOARCH, runtime.Version(), sdk, time.Now().UTC().Format(time.DateOnly))
}

func cpu() string { return proc("/proc/cpuinfo", "model name", "unknown processor") }

func memory() string { return proc("/proc/meminfo", "MemTotal", "unknown memory") }

// proc is the value of a name in one of Linux's files of names and values.
func proc(file, name, otherwise string) string {
	b, _ := os.ReadFile(file)
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return otherwise
}
