package main

import (
	"bytes"
	"strings"
	"testing"
)

// What is wrong with a command line is said, with what to do.
func TestCommandLine(t *testing.T) {
	t.Setenv("GOOGLE_CLOUD_PROJECT", "")
	for args, want := range map[string]string{
		"trace m":              "which project? give --project",
		"trace":                "accepts between 1 and 2 arg(s)",
		"trace a b c":          "accepts between 1 and 2 arg(s)",
		"dead-letter list x":   "unknown command \"x\"",
		"tarce m":              "Did you mean this?",
		"trace m --loud":       "unknown flag: --loud",
		"dead-letter replay x": "unknown command \"x\"",
	} {
		cmd := command()
		cmd.SetOut(&bytes.Buffer{})
		cmd.SetArgs(strings.Fields(args))
		if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", args, err, want)
		}
	}
	for _, args := range []string{"help", "trace --help", "completion bash", "--version"} {
		var out bytes.Buffer
		cmd := command()
		cmd.SetOut(&out)
		cmd.SetArgs(strings.Fields(args))
		if err := cmd.ExecuteContext(t.Context()); err != nil || out.Len() == 0 {
			t.Errorf("%s: %v, %d bytes", args, err, out.Len())
		}
	}
}
