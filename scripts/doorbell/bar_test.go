package main

import (
	"bytes"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBar(t *testing.T) {
	var out bytes.Buffer
	b := &bar{w: &out}
	b.show(0.5, "1 of 2")
	b.show(0.6, "too soon after")
	b.show(1, "2 of 2")
	b.end()
	want := "\r[" + strings.Repeat("=", 12) + strings.Repeat(" ", 12) + "]  50 %  1 of 2\x1b[K" +
		"\r[" + strings.Repeat("=", 24) + "] 100 %  2 of 2\x1b[K" + "\r\x1b[K"
	if out.String() != want {
		t.Errorf("%q, want %q", &out, want)
	}
	out.Reset()
	b = &bar{w: &out}
	b.end()
	if out.Len() > 0 {
		t.Errorf("never shown, and takes %q away", &out)
	}
	b.show(-1, "working")
	if out.String() != "\rworking\x1b[K" {
		t.Errorf("of work that nobody knows the end of: %q", &out)
	}
	nobody := &bar{}
	nobody.show(0.5, "x")
	nobody.end()
}

// Only where a person looks, and only beside the result, something tells how far it is.
func TestBarOfCommand(t *testing.T) {
	server := httptest.NewServer(&sends{bodies: map[string]int{}, senders: map[string]int{}})
	defer server.Close()
	t.Setenv(tokensVariable, "one")
	for _, tc := range []struct {
		args     string
		terminal bool
		want     bool
	}{{"", true, true}, {"", false, false}, {"--json", true, false}} {
		var out, err bytes.Buffer
		cmd := commandFor(func(w io.Writer) bool { return tc.terminal && w == &err })
		cmd.SetOut(&out)
		cmd.SetErr(&err)
		cmd.SetArgs(strings.Fields("load --to bob --rate 400 --duration 50ms --url " + server.URL + " " + tc.args))
		if e := cmd.ExecuteContext(t.Context()); e != nil {
			t.Fatal(e)
		}
		if got := err.String(); tc.want != (strings.Contains(got, "] 100 %  20 of 20 answered") && strings.HasSuffix(got, "\r\x1b[K")) || !tc.want && got != "" {
			t.Errorf("%+v: %q", tc, got)
		}
		if strings.Contains(out.String(), "\r") || !strings.Contains(out.String(), "20") && tc.args == "" {
			t.Errorf("%+v: %q", tc, &out)
		}
	}
}

func TestIsTerminal(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for name, w := range map[string]io.Writer{"a buffer": &bytes.Buffer{}, "a file": file, "a pipe": w} {
		if isTerminal(w) {
			t.Errorf("%s is taken for a terminal", name)
		}
	}
}
