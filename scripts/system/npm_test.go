package system

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeNPM puts an npm in the path that does what the script says in the folder
// it is to install into, and returns the folder that holds the installs.
func fakeNPM(t *testing.T, script string) string {
	t.Helper()
	bin, home := isolate(t)
	write(t, 0o755, "#!/bin/sh\nPATH=/usr/bin:/bin\n"+script, bin, "npm")
	t.Setenv("HOME", home)
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(cache, "doorbell")
}

const install = "[ \"$1\" = ci ] && [ -s package-lock.json ] && mkdir node_modules && echo whole > node_modules/marker\n"

func TestNPMPackages(t *testing.T) {
	t.Run("installs once", func(t *testing.T) {
		dir := fakeNPM(t, "echo run >> \"$HOME/runs\"\n"+install)
		for range 2 {
			modules, err := npmPackages(t.Context(), t.Output())
			if err != nil {
				t.Fatal(err)
			}
			if b, err := os.ReadFile(filepath.Join(modules, "marker")); err != nil || string(b) != "whole\n" {
				t.Errorf("got %q, %v", b, err)
			}
		}
		if b, _ := os.ReadFile(filepath.Join(os.Getenv("HOME"), "runs")); string(b) != "run\n" {
			t.Errorf("npm ran: %q", b)
		}
		holds(t, dir, 1)
	})
	t.Run("trusts nothing half-done", func(t *testing.T) {
		dir := fakeNPM(t, "mkdir node_modules\necho no space left\nexit 1\n")
		_, err := npmPackages(t.Context(), t.Output())
		if err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("got %v", err)
		}
		holds(t, dir, 0)
	})
	t.Run("one that lost the race uses the other's", func(t *testing.T) {
		dir := fakeNPM(t, "sleep 0.2\n"+install)
		target := filepath.Join(dir, "npm-x")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 3 { // as processes would, without this one's lock
			wg.Go(func() {
				if err := installNPM(t.Context(), t.Output(), target); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		holds(t, dir, 1)
	})
	t.Run("removes what a killed install left", func(t *testing.T) {
		dir := fakeNPM(t, install)
		stale := filepath.Dir(write(t, 0o644, "", dir, "npm-x"+unfinished+"1", "f"))
		young := filepath.Dir(write(t, 0o644, "", dir, "npm-x"+unfinished+"2", "f"))
		if err := os.Chtimes(stale, time.Time{}, time.Now().Add(-2*time.Hour)); err != nil {
			t.Fatal(err)
		}
		removeStale(filepath.Join(dir, "npm-x"+unfinished+"*"))
		if _, err := os.Stat(stale); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the stale one: %v", err)
		}
		if _, err := os.Stat(young); err != nil {
			t.Errorf("the young one: %v", err)
		}
	})
	t.Run("npm missing", func(t *testing.T) {
		isolate(t)
		if _, err := npmPackages(t.Context(), t.Output()); err == nil || !strings.Contains(err.Error(), nodeLine()) {
			t.Errorf("got %v", err)
		}
	})
}

func holds(t *testing.T, dir string, want int) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != want {
		t.Errorf("%s holds %v, %v, want %d entries", dir, entries, err, want)
	}
}

func TestLockFileNamesNoRegistry(t *testing.T) {
	if bytes.Contains(packageLock, []byte(`"resolved"`)) {
		t.Error("package-lock.json names where its packages came from; make it with npm install --omit-lockfile-registry-resolved")
	}
	if !bytes.Contains(packageLock, []byte(`"integrity"`)) {
		t.Error("package-lock.json pins no content")
	}
}
