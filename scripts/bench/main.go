// Command bench measures Doorbell against what else one might send with, and
// prints ratios. What is measured runs in a process of its own, and so does the
// FCM stand-in it sends to, so that each pays for itself only.
//
//	go run ./scripts/bench                  all, in twenty minutes
//	go run ./scripts/bench sender faults    some; -help lists them
//	go run ./scripts/bench -quick           whether all of them work, in a minute or two
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
)

type benchmark struct {
	name, about string
	run         func(context.Context, settings) error
}

// benchmarks are what can be asked for, in the order of all of them.
var benchmarks = []benchmark{
	{"counts", "what is billed, beside a naive design", benchCounts},
	{"cpu", "CPU time of the functions, by what happens", benchCPU},
	{"plan", "time and allocations of the plan of a group's message, a receiver", benchPlan},
	{"encoding", "of batches on Pub/Sub: JSON, and compressed", benchEncoding},
	{"sender", "pushes a second, CPU and memory a push: ours, the Admin SDK, a plain HTTP/2 loop", benchSender},
	{"faults", "goodput, repeats and what FCM's Retry-After is worth, while FCM fails", benchFaults},
	{"chain", "from the send request to FCM's, over the emulators", benchChain},
	{"drain", "how much later a call rings while a large group is pushed to", benchDrain},
	{"memory", "of the process that dispatches, through 200,000 pushes", benchMemory},
	{"start", "of the built server", benchStart},
}

// settings are the flags.
type settings struct {
	out       io.Writer
	latencies []time.Duration
	stream    int // pushes
	runs      int
	rate      int // messages a second
	effort
	profile string
	readme  string
	cpu     string
}

// effort is how much is done for the numbers.
type effort struct {
	warm, load   time.Duration // through the chain
	members      int           // of the group that drains
	calls        int           // beside it
	largeGroup   bool          // among what takes CPU time
	memoryPushes int
	idle         time.Duration // after which memory is looked at again
	starts       int
	benchTime    string // of go test; empty: its own
}

// thorough is for numbers; brief shows that all that is measured still can be.
var (
	thorough = effort{
		warm: 30 * time.Second, load: 30 * time.Second, members: 10_000, calls: 200, largeGroup: true,
		memoryPushes: 200_000, idle: 5 * time.Second, starts: 20,
	}
	brief = effort{warm: time.Second, load: 2 * time.Second, members: 1000, calls: 4, memoryPushes: 2000, idle: time.Second, starts: 1, benchTime: "1x"}
)

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
	s, err := flags()
	if err != nil {
		return err
	}
	results := map[string]string{"machine": machine()}
	fmt.Println(results["machine"])
	for _, b := range benchmarks {
		if asked := flag.Args(); len(asked) > 0 && !slices.Contains(asked, b.name) && !slices.Contains(asked, "all") {
			continue
		}
		fmt.Printf("\n## %s: %s\n\n", b.name, b.about)
		var text strings.Builder
		s.out = io.MultiWriter(os.Stdout, &text)
		if err := b.run(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		results[b.name] = text.String()
	}
	if s.readme == "" {
		return nil
	}
	return putInto(s.readme, results)
}

// flags are the settings, after a check of which benchmarks are asked for.
func flags() (s settings, err error) {
	latency := flag.String("latency", "0,20ms,60ms", "FCM's time for an answer; each is measured")
	flag.IntVar(&s.stream, "stream", 50_000, "pushes of a stream")
	flag.IntVar(&s.runs, "runs", 3, "rounds, of which the median counts; what is compared takes turns in each")
	flag.IntVar(&s.rate, "rate", 200, "messages a second through the chain")
	quick := flag.Bool("quick", false, "do little of each, to see that it works: its numbers say nothing")
	flag.StringVar(&s.profile, "profile", "", "folder for profiles of each sender; they slow it down")
	flag.StringVar(&s.readme, "readme", "", "file to put what is measured into, between <!-- measured: NAME --> and <!-- end -->")
	flag.StringVar(&s.cpu, "cpu", "", "file to put the measured CPU times into: scripts/cost/cpu.json is what the cost model takes")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "go run ./scripts/bench [flags] [benchmark …], or all of")
		for _, b := range benchmarks {
			fmt.Fprintf(os.Stderr, "  %-9s %s\n", b.name, b.about)
		}
		flag.PrintDefaults()
	}
	flag.Parse()
	for text := range strings.SplitSeq(*latency, ",") {
		d, err := time.ParseDuration(text)
		if err != nil {
			return s, fmt.Errorf("-latency: %w", err)
		}
		s.latencies = append(s.latencies, d)
	}
	s.effort = thorough
	if *quick {
		s.effort, s.stream, s.runs, s.rate, s.latencies = brief, 1000, 1, 20, s.latencies[:1]
		if s.readme != "" || s.cpu != "" {
			return s, errors.New("-quick measures nothing that could be put into a file")
		}
	}
	if s.stream < 1000 || s.runs < 1 || s.rate < 1 || s.rate > 400 { // each of pairs phones remembers 100 pushes
		return s, errors.New("-stream is at least 1000, -runs at least 1, -rate 1 to 400")
	}
	for _, name := range flag.Args() {
		if name != "all" && !slices.ContainsFunc(benchmarks, func(b benchmark) bool { return b.name == name }) {
			return s, fmt.Errorf("there is no benchmark %q: see -help", name)
		}
	}
	return s, nil
}

// putInto writes what was measured into a file, where it has a place for it.
func putInto(file string, results map[string]string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(place(string(text), results)), 0o644)
}

// place puts what was measured into a text; a place that is for none of it stays as
// it is.
func place(text string, results map[string]string) string {
	for name, result := range results {
		begin := "<!-- measured: " + name + " -->\n"
		before, rest, ok := strings.Cut(text, begin)
		if !ok {
			continue
		}
		if _, after, ok := strings.Cut(rest, "<!-- end -->"); ok {
			text = before + begin + "\n" + strings.TrimSpace(result) + "\n\n<!-- end -->" + after
		}
	}
	return text
}

// libraries are those whose versions matter to what is measured.
var libraries = map[string]string{
	"firebase.google.com/go/v4": "Firebase Admin SDK", "cloud.google.com/go/firestore": "Firestore client", "cloud.google.com/go/pubsub/v2": "Pub/Sub client",
}

// machine says what is measured on, and with.
func machine() string {
	with := runtime.Version()
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if name := libraries[d.Path]; name != "" {
				with += ", " + name + " " + d.Version
			}
		}
	}
	return fmt.Sprintf("%s, %d cores (%s), %s/%s; %s; %s",
		cpu(), runtime.NumCPU(), memory(), runtime.GOOS, runtime.GOARCH, with, time.Now().UTC().Format(time.DateOnly))
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
