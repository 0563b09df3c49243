// Command check runs every check a change must pass: go run ./scripts/check. It goes on after a failure and ends with a summary.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	flags := flag.NewFlagSet("check", flag.ExitOnError)
	short := flags.Bool("short", false, "leave out what needs the emulators, and fuzzing")
	names := flags.String("run", "", "run only these `STEPS`, separated by commas")
	fuzzTime := flags.Duration("fuzztime", 5*time.Second, "how long to run each fuzz target")
	flags.Usage = func() {
		fmt.Fprintf(flags.Output(), "usage: go run ./scripts/check [flags]\n\nSteps: %s\n\n", stepNames(steps))
		flags.PrintDefaults()
	}
	flags.Parse(os.Args[1:])

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	chosen, err := choose(steps, *short, *names)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	var root string
	if err == nil {
		root, err = moduleRoot(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(2)
	}
	c := &checker{root: root, fuzzTime: *fuzzTime, out: os.Stdout, colour: isTerminal(os.Stdout)}
	if !c.runAll(ctx, chosen) {
		os.Exit(1)
	}
}

// checker is what the steps share.
type checker struct {
	root     string // of the module, where every command runs
	fuzzTime time.Duration
	out      io.Writer
	colour   bool
}

// skipped is the error of a step that could not or need not run; it does not fail the check.
type skipped string

func (s skipped) Error() string { return string(s) }

// runAll runs the steps in order, whether or not one fails, and reports whether all is well.
func (c *checker) runAll(ctx context.Context, chosen []step) bool {
	var passed, failed, left int
	var summary []string
	for _, s := range chosen {
		if ctx.Err() != nil {
			failed++
			summary = append(summary, c.paint(red, s.name+": not run, interrupted"))
			continue
		}
		fmt.Fprintf(c.out, "==> %s\n", s.name)
		start := time.Now()
		err := s.run(ctx, c)
		took := time.Since(start).Round(100 * time.Millisecond)
		var skip skipped
		switch {
		case err == nil:
			passed++
			fmt.Fprintf(c.out, "<== %s %s, %v\n", s.name, c.paint(green, "passed"), took)
		case errors.As(err, &skip):
			left++
			summary = append(summary, c.paint(yellow, s.name+" skipped")+": "+skip.Error())
			fmt.Fprintf(c.out, "<== %s %s: %v\n", s.name, c.paint(yellow, "skipped"), skip)
		default:
			failed++
			summary = append(summary, c.paint(red, s.name+" FAILED")+": "+err.Error())
			fmt.Fprintf(c.out, "<== %s %s: %v, %v\n", s.name, c.paint(red, "FAILED"), err, took)
		}
	}
	fmt.Fprintln(c.out)
	for _, line := range summary {
		fmt.Fprintln(c.out, line)
	}
	fmt.Fprintf(c.out, "checks: %d passed, %d failed, %d skipped\n", passed, failed, left)
	return failed == 0
}

// command runs a program with its output passed through.
func (c *checker) command(ctx context.Context, name string, args ...string) error {
	return c.commandTo(ctx, c.out, name, args...)
}

// commandTo runs a program in the module's root; all it prints goes to out.
func (c *checker) commandTo(ctx context.Context, out io.Writer, name string, args ...string) error {
	return c.commandIn(ctx, c.root, out, name, args...)
}

// commandIn is commandTo in another directory.
func (c *checker) commandIn(ctx context.Context, dir string, out io.Writer, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
	// A test that is asked to stop can still end the emulators it started; one that is killed leaves them behind.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(append([]string{name}, args...), " "), err)
	}
	return nil
}

// choose returns the steps to run: those named, or all, or with short all that are not slow.
func choose(all []step, short bool, names string) ([]step, error) {
	if names == "" {
		return slices.DeleteFunc(slices.Clone(all), func(s step) bool { return short && s.slow }), nil
	}
	var chosen []step
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(s step) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no step %q; there are: %s", name, stepNames(all))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// moduleRoot lets check run from any folder of the repository.
func moduleRoot(ctx context.Context) (string, error) {
	file, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(file)))
	if _, err := os.Stat(filepath.Join(root, "scripts", "check")); err != nil {
		return "", errors.New("run it inside the Doorbell repository")
	}
	return root, nil
}

// ANSI colours.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
)

func (c *checker) paint(colour, text string) string {
	if !c.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
