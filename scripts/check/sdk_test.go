package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSDKWithoutNPM(t *testing.T) {
	t.Setenv("PATH", "")
	if err := sdk(t.Context(), &checker{root: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "install") {
		t.Errorf("%v, want the line that installs npm", err)
	}
}

func TestNPMInstalled(t *testing.T) {
	folder := t.TempDir()
	now := time.Now()
	write := func(name string, at time.Time) {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		name string
		at   time.Time
		want bool
	}{
		{"package.json", now, false},
		{"package-lock.json", now, false},
		{"node_modules/.package-lock.json", now.Add(time.Second), true},
		{"package-lock.json", now.Add(time.Minute), false}, // a change that was pulled
	} {
		write(step.name, step.at)
		if got := npmInstalled(folder); got != step.want {
			t.Errorf("after %s: %v, want %v", step.name, got, step.want)
		}
	}
}
