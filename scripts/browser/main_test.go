package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// script writes a program into a folder.
func script(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+content), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFindChromium(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	if _, err := findChromium(t.Context(), t.Output()); err == nil || !strings.Contains(err.Error(), "sudo apt-get install -y chromium") {
		t.Errorf("without any: got %v", err)
	}
	chrome := script(t, filepath.Join(bin, "google-chrome"), "")
	if got, err := findChromium(t.Context(), t.Output()); got != chrome || err != nil {
		t.Errorf("with another browser: got %q, %v", got, err)
	}
	os.Remove(chrome)

	// It takes either way: as root directly, else through a sudo that asks nothing.
	want := filepath.Join(bin, "chromium")
	script(t, filepath.Join(bin, "apt-get"), "case $1 in install) : > "+want+"; /bin/chmod +x "+want+";; esac\n")
	script(t, filepath.Join(bin, "sudo"), "shift\n[ \"$1\" = true ] || \"$@\"\n")
	var said strings.Builder
	if got, err := findChromium(t.Context(), &said); got != want || err != nil {
		t.Errorf("installed: got %q, %v", got, err)
	}
	if !strings.Contains(said.String(), "Installing chromium with apt-get") {
		t.Errorf("said %q", said.String())
	}
}

func TestInstallPackages(t *testing.T) {
	bin, dir := t.TempDir(), t.TempDir()
	t.Setenv("PATH", bin)
	script(t, filepath.Join(bin, "npm"), "/bin/mkdir -p node_modules; echo run >> runs\n")
	lock := filepath.Join(dir, "package-lock.json")
	for i, content := range []string{"1", "1", "2", "2"} {
		if err := os.WriteFile(lock, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := installPackages(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		runs, _ := os.ReadFile(filepath.Join(dir, "runs"))
		if got, want := strings.Count(string(runs), "run"), 1+i/2; got != want {
			t.Errorf("with the lock file %q npm ran %d times, want %d", content, got, want)
		}
	}
	script(t, filepath.Join(bin, "npm"), "exit 1\n")
	os.WriteFile(lock, []byte("3"), 0o600)
	if err := installPackages(t.Context(), dir); err == nil {
		t.Error("npm failed, and nothing was said")
	}
}
