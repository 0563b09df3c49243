package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// named returns steps that pass, the names in capitals being slow.
func named(names ...string) (list []step) {
	for _, name := range names {
		list = append(list, step{name: name, slow: name == strings.ToUpper(name), run: func(context.Context, *checker) error { return nil }})
	}
	return list
}

func TestChoose(t *testing.T) {
	all := named("a", "B", "c")
	for _, test := range []struct {
		short bool
		names string
		want  string
	}{
		{false, "", "a B c"},
		{true, "", "a c"},
		{false, "c", "c"},
		{true, "B,a", "B a"}, // named: not left out
		{false, "d", ""},
		{false, "a,", ""},
	} {
		chosen, err := choose(all, test.short, test.names)
		if got := stepNames(chosen); got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("choose(short %v, %q) = %q, %v, want %q", test.short, test.names, got, err, test.want)
		}
	}
	if names := strings.Fields(stepNames(steps)); len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
		t.Errorf("two steps have one name: %v", names)
	}
}

func TestRunAllGoesOnAndSumsUp(t *testing.T) {
	list := named("a", "b", "c", "d")
	list[1].run = func(context.Context, *checker) error { return errors.New("broken") }
	list[2].run = func(context.Context, *checker) error { return skipped("nothing there") }
	var out strings.Builder
	c := &checker{out: &out}
	if c.runAll(t.Context(), list) {
		t.Error("a failed step did not fail the check")
	}
	for _, want := range []string{"<== a passed, ", "<== d passed, ", "\nb FAILED: broken\n", "\nc skipped: nothing there\n", "\nchecks: 2 passed, 1 failed, 1 skipped\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
	if !c.runAll(t.Context(), list[2:]) {
		t.Error("a skipped step failed the check")
	}
}

func TestRunAllInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	list := named("a", "b")
	list[0].run = func(context.Context, *checker) error { cancel(); return nil }
	var out strings.Builder
	if (&checker{out: &out}).runAll(ctx, list) || !strings.Contains(out.String(), "b: not run") {
		t.Errorf("interrupted, but the check says:\n%s", out.String())
	}
}

func TestVulnerabilities(t *testing.T) {
	failed := errors.New("exit status 1")
	for _, test := range []struct {
		output string
		err    error
		skip   bool
	}{
		{"No vulnerabilities found.\n", nil, false},
		{"Vulnerability #1: GO-2024-0001\n", failed, false},
		{"govulncheck: loading packages: broken\n", failed, false},
		{"govulncheck: fetching vulnerabilities: Get \"https://vuln.go.dev/index/modules.json.gz\": dial tcp: no such host\n", failed, true},
	} {
		err := vulnerabilities(test.output, test.err)
		var skip skipped
		if errors.As(err, &skip) != test.skip || (err == nil) != (test.err == nil) {
			t.Errorf("vulnerabilities(%q) = %v", test.output, err)
		}
	}
}

func TestGained(t *testing.T) {
	plain := []goPackage{
		{Dir: "a", ImportPath: "m/a", TestGoFiles: []string{"x_test.go"}},
		{Dir: "b", ImportPath: "m/b", XTestGoFiles: []string{"!race_test.go", "x_test.go"}},
	}
	tagged := []goPackage{
		{Dir: "a", ImportPath: "m/a", TestGoFiles: []string{"x_test.go"}},
		{Dir: "b", ImportPath: "m/b", XTestGoFiles: []string{"x_test.go", "y_test.go"}},
		{Dir: "c", ImportPath: "m/c", TestGoFiles: []string{"x_test.go"}},
	}
	if got := gained(plain, tagged); !slices.Equal(got, []string{"m/b", "m/c"}) {
		t.Errorf("got %v, want m/b and m/c", got)
	}
}

func TestFuzzTargets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x_test.go")
	source := "package x\nfunc FuzzA(f *testing.F) {}\nfunc (T) FuzzMethod() {}\nfunc helper() {}\n// func FuzzOld(f *testing.F) {}\nfunc FuzzB(f *testing.F) {}\n"
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := fuzzTargets([]string{file}); err != nil || !slices.Equal(got, []string{"FuzzA", "FuzzB"}) {
		t.Errorf("got %v, %v, want FuzzA and FuzzB", got, err)
	}
}

func TestTimeUp(t *testing.T) {
	for output, want := range map[string]bool{
		"--- FAIL: FuzzA (5.10s)\n    context deadline exceeded\nFAIL\n":                                    true,
		"--- FAIL: FuzzA (1s)\n    Failing input written to testdata/x\n context deadline exceeded\nFAIL\n": false,
		"--- FAIL: FuzzA (1s)\n panic\n":                                                                    false,
	} {
		if got := timeUp(output); got != want {
			t.Errorf("timeUp(%q) = %v", output, got)
		}
	}
}

func TestTerraformNeedsNoBinaryWithoutFiles(t *testing.T) {
	t.Setenv("PATH", "")
	c := &checker{root: t.TempDir()}
	var skip skipped
	if err := terraform(t.Context(), c); !errors.As(err, &skip) {
		t.Errorf("no folder: %v, want skipped", err)
	}
	if err := os.Mkdir(filepath.Join(c.root, "terraform"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.root, "terraform", "main.tf"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := terraform(t.Context(), c); err == nil || !strings.Contains(err.Error(), "curl") {
		t.Errorf("without the binary: %v, want the line that installs it", err)
	}
}

func TestInitialized(t *testing.T) {
	failed := errors.New("exit status 1")
	unreachable := "Could not retrieve the list of available versions for provider\nhashicorp/google: could not\nconnect to registry.terraform.io: failed to"
	blocked := "Error: Failed to install provider\n│ Error while installing hashicorp/google v7.14.1: could not query provider\n│ registry for registry.terraform.io/hashicorp/google: failed to retrieve\n│ authentication checksums for provider: 403 Forbidden returned from releases.hashicorp.com"
	refused := "Error: Failed to query available provider packages\n│ Could not retrieve the list: Get \"https://releases.hashicorp.com/x.zip\": dial tcp 10.0.0.1:443: connect: connection refused"
	changed := "Error: Failed to install provider\n│ Error while installing hashicorp/google v7.14.1: the current package for\n│ registry.terraform.io/hashicorp/google 7.14.1 doesn't match any of the\n│ checksums previously recorded in the dependency lock file"
	none := "Error: Failed to query available provider packages\n│ Could not retrieve the list of available versions for provider hashicorp/gogle: provider registry registry.terraform.io does not have a provider named registry.terraform.io/hashicorp/gogle"
	for _, test := range []struct {
		output string
		err    error
		ci     bool
		want   string // empty: nil
		skip   bool
	}{
		{"Terraform has been successfully initialized!", nil, false, "", false},
		{unreachable, failed, true, "NOT run", true},
		{unreachable, failed, false, terraformPlugins, false},
		{blocked, failed, true, "NOT run", true},
		{blocked, failed, false, terraformPlugins, false},
		{refused, failed, true, "NOT run", true},
		{refused, failed, false, terraformPlugins, false},
		{"Error: Unsupported block type", failed, true, "exit status 1", false},
		{changed, failed, true, "exit status 1", false}, // never mistaken for a network
		{none, failed, true, "exit status 1", false},
	} {
		err := initialized(test.output, test.err, test.ci)
		var skip skipped
		if errors.As(err, &skip) != test.skip || (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("initialized(%.20q, %v, CI %v) = %v, want %q, skipped %v", test.output, test.err, test.ci, err, test.want, test.skip)
		}
	}
}

func TestCommandIsInterruptedNotKilled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	output, out := io.Pipe()
	c := &checker{root: t.TempDir(), out: out}
	go func() {
		out.CloseWithError(c.command(ctx, "sh", "-c", `trap 'echo cleaned up; exit 1' INT; echo ready; while :; do sleep 0.05; done`))
	}()
	lines := bufio.NewScanner(output)
	var got []string
	for lines.Scan() {
		got = append(got, lines.Text())
		cancel()
	}
	if lines.Err() == nil || !slices.Equal(got, []string{"ready", "cleaned up"}) {
		t.Errorf("%v, output %q, want time to clean up", lines.Err(), got)
	}
}
