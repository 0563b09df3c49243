// Command browser tests the SDK, the service worker and the demo in a real
// Chromium, against a local system of its own:
//
//	go run ./scripts/browser                    runs all tests
//	go run ./scripts/browser -run 'user switch' those whose names match
//	go run ./scripts/browser -show              in a window
//	go run ./scripts/browser -picture           takes the README's picture anew
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/doorbell-push/doorbell/scripts/system"
)

// testsWithin bounds a run: tests have deadlines of their own, a browser that
// hangs has none.
const testsWithin = 15 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	pattern := flag.String("run", "", "run the tests whose names match this `PATTERN`")
	show := flag.Bool("show", false, "show the browser")
	picture := flag.Bool("picture", false, "take the README's picture and run no tests")
	verbose := flag.Bool("v", false, "show what the parts of the local system print")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("%q is not a flag: see -help", flag.Arg(0))
	}
	dir, err := folder(ctx)
	if err != nil {
		return err
	}
	chromium, err := findChromium(ctx, os.Stdout)
	if err != nil {
		return err
	}
	if err := installPackages(ctx, dir); err != nil {
		return err
	}
	opts := system.Options{Log: io.Discard, Env: []string{
		"DOORBELL_RECORD_SKIPS=all",
		"DOORBELL_ALLOWED_ORIGINS=*", // the fixture pages are a site of their own
	}}
	if *verbose {
		opts.Log = os.Stderr
	}
	sys, err := system.Start(ctx, opts)
	if err != nil {
		return err
	}
	defer sys.Stop()
	if err := sys.ApplyResources(ctx); err != nil {
		return err
	}

	backend, err := system.BackendToken()
	if err != nil {
		return err
	}

	ctx, cancel := context.WithTimeout(ctx, testsWithin)
	defer cancel()
	args := []string{"--test", "--test-concurrency=1", "--test-reporter=spec"}
	switch {
	case *picture:
		args = []string{"picture.mjs"}
	case *pattern != "":
		args = append(args, "--test-name-pattern", *pattern)
	}
	cmd := command(ctx, dir, "node", args...)
	cmd.Env = append(os.Environ(), "DOORBELL_WEB="+sys.WebURL(), "DOORBELL_CHROMIUM="+chromium, "DOORBELL_BACKEND_TOKEN="+backend, fmt.Sprintf("DOORBELL_SHOW=%t", *show))
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "\nThe functions printed last:\n  "+strings.Join(sys.LastLines("functions"), "\n  "))
		return fmt.Errorf("the tests failed: %w", err)
	}
	return nil
}

// command is a program in a folder, its output passed through. Asked to stop, it
// still gets the time to end the browser.
func command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// folder is where this command's own files are.
func folder(ctx context.Context) (string, error) {
	file, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	return filepath.Join(filepath.Dir(strings.TrimSpace(string(file))), "scripts", "browser"), nil
}

// browsers is the commands that may be a Chromium, the one we test with first.
var browsers = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// findChromium returns a browser, after installing Debian's where there is none
// and that needs no question.
func findChromium(ctx context.Context, log io.Writer) (string, error) {
	look := func() string {
		for _, name := range browsers {
			if path, err := exec.LookPath(name); err == nil {
				return path
			}
		}
		return ""
	}
	if path := look(); path != "" {
		return path, nil
	}
	err := system.AptInstall(ctx, log, "chromium")
	if path := look(); path != "" {
		return path, nil
	}
	missing := errors.New("the browser tests need Chromium, and there is none: sudo apt-get install -y chromium")
	return "", errors.Join(missing, err)
}

// installPackages installs the pinned npm packages beside the tests, unless the
// ones installed there last are those of the lock file.
func installPackages(ctx context.Context, dir string) error {
	lock, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return err
	}
	stamp := filepath.Join(dir, "node_modules", ".lock")
	if installed, err := os.ReadFile(stamp); err == nil && bytes.Equal(installed, lock) {
		return nil
	}
	// None of them needs an install script, and playwright-core brings no browser.
	if err := command(ctx, dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund").Run(); err != nil {
		return fmt.Errorf("install npm packages: %w", err)
	}
	return os.WriteFile(stamp, lock, 0o644)
}
