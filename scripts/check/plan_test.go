package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const ruled = `package rules

type yes bool

func Rings(online, muted bool, level int) yes {
	if !online && (level > 1 || muted) {
		return true
	}
	switch {
	case level == 7, muted:
	}
	switch level {
	case 3: // by statements
	}
	for level < 0 {
		level++
	}
	return yes(level == 0) && !yes(muted)
}
`

func TestConditionsOf(t *testing.T) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "x/a.go", ruled, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	found := conditionsOf(set, file, []byte(ruled))
	for _, c := range found {
		got = append(got, c.where+" "+c.text)
	}
	want := []string{
		"a.go:6:6 online", "a.go:6:17 level > 1", "a.go:6:30 muted", "a.go:10:7 level == 7", "a.go:10:19 muted",
		"a.go:15:6 level < 0", "a.go:18:9 yes(level == 0)", "a.go:18:29 yes(muted)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	text := wrapped(ruled, found, 40)
	for _, want := range []string{"if !conditionSeen(40, online) && (conditionSeen(41, level > 1) || conditionSeen(42, muted)) {", "case conditionSeen(43, level == 7), conditionSeen(44, muted):", "return conditionSeen(46, yes(level == 0)) && !conditionSeen(47, yes(muted))"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}

func TestUnreached(t *testing.T) {
	got := unreached("mode: set\nm/a.go:3.2,5.4 2 1\nm/a.go:7.2,9.4 1 0\nm/a.go:10.2,11.4 10 10\n")
	if !slices.Equal(got, []string{"m/a.go:7.2,9.4: no test comes here"}) {
		t.Errorf("got %q", got)
	}
}

func TestOneSided(t *testing.T) {
	all := []condition{{where: "a.go:1:2", text: "x"}, {where: "a.go:3:4", text: "y > 1"}}
	for noted, want := range map[string][]string{
		"0 true true\n1 true true\n":  nil,
		"0 true true\n1 false true\n": {"a.go:3:4: in no test is this false: y > 1"},
		"0 true false\n1 true true\n": {"a.go:1:2: in no test is this true: x"},
		"0 true true\n":               {"1 of 2 conditions were noted"},
		"":                            {"0 of 2 conditions were noted"},
		"PASS\n":                      {"what was noted of the conditions can't be read: PASS"},
		"0 true true\n1 true true\n2 true true\n": {"what was noted of the conditions can't be read: 2 true true"},
	} {
		if got := oneSided(all, noted); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", noted, got, want)
		}
	}
}

// The whole step, on a module of its own whose tests leave something out, and then don't.
func TestPlanCoverage(t *testing.T) {
	root := t.TempDir()
	folder := filepath.Join(root, filepath.FromSlash(planFolder))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module rules.test/rules\n\ngo 1.26\n")
	write(planFolder+"/a.go", "package rules\n\nfunc Rings(online, muted bool) bool {\n\tif online || muted {\n\t\treturn false\n\t}\n\treturn true\n}\n")
	test := "package rules\n\nimport \"testing\"\n\nfunc TestRings(t *testing.T) {\n\tif Rings(true, false) || !Rings(false, false)"
	write(planFolder+"/a_test.go", test+" {\n\t\tt.Fail()\n\t}\n}\n")
	var out strings.Builder
	c := &checker{root: root, out: &out}
	if err := planCoverage(t.Context(), c); err == nil || !strings.Contains(out.String(), "coverage: 100.0%") || !strings.Contains(out.String(), "a.go:4:15: in no test is this true: muted\n") {
		t.Errorf("every statement is reached, a condition is not, and the step says %v:\n%s", err, out.String())
	}
	write(planFolder+"/a_test.go", test+" || Rings(false, true) {\n\t\tt.Fail()\n\t}\n}\n")
	if err := planCoverage(t.Context(), c); err != nil || !strings.Contains(out.String(), "each of its 2 conditions was true and false") {
		t.Errorf("all is tested, and the step says %v:\n%s", err, out.String())
	}
	write(planFolder+"/a_test.go", "package rules\n")
	out.Reset()
	if err := planCoverage(t.Context(), c); err == nil {
		t.Errorf("nothing is tested, and the step says:\n%s", out.String())
	}
}
