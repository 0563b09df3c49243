package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// planFolder holds the rules that decide who is rung.
const planFolder = "shared/plan"

// planCoverage holds the tests of the rules to every statement, and to every condition both ways: go test counts statements alone,
// so a rule that no test ever sees turned down would pass. It runs them on a copy in which each condition notes what it was.
func planCoverage(ctx context.Context, c *checker) error {
	temp, err := os.MkdirTemp("", "doorbell-plan-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	conditions, overlay, err := noting(filepath.Join(c.root, planFolder), temp)
	if err != nil {
		return err
	}
	profile := filepath.Join(temp, "profile")
	if err := c.command(ctx, "go", "test", "-coverprofile", profile, "./"+planFolder); err != nil {
		return err
	}
	counted, err := os.ReadFile(profile)
	if err != nil {
		return err
	}
	missing := unreached(string(counted))
	seen := filepath.Join(temp, "seen")
	if err := c.command(ctx, "env", "DOORBELL_CONDITIONS="+seen, "go", "test", "-count=1", "-overlay", overlay, "./"+planFolder); err != nil {
		return err
	}
	noted, err := os.ReadFile(seen)
	if err != nil {
		return err
	}
	missing = append(missing, oneSided(conditions, string(noted))...)
	for _, line := range missing {
		fmt.Fprintln(c.out, line)
	}
	if len(missing) > 0 {
		return fmt.Errorf("%d places in the rules are not tested: see above", len(missing))
	}
	fmt.Fprintf(c.out, "every statement of %s is reached, and each of its %d conditions was true and false\n", planFolder, len(conditions))
	return nil
}

// unreached names the statements that a coverage profile counts none of.
func unreached(profile string) (missing []string) {
	for line := range strings.Lines(profile) {
		if where, ok := strings.CutSuffix(strings.TrimSpace(line), " 0"); ok {
			where, _, _ = strings.Cut(where, " ")
			missing = append(missing, where+": no test comes here")
		}
	}
	return missing
}

// condition is one that isn't made of others by &&, || and !.
type condition struct {
	where, text string
	start, end  int // in the file
}

// conditionsOf finds the conditions of a file: of if, for and a switch without a value, and what && and || join anywhere.
func conditionsOf(set *token.FileSet, file *ast.File, source []byte) (found []condition) {
	known := map[ast.Expr]bool{}
	var add func(e ast.Expr)
	add = func(e ast.Expr) {
		switch x := e.(type) {
		case *ast.ParenExpr:
			add(x.X)
			return
		case *ast.UnaryExpr:
			if x.Op == token.NOT {
				add(x.X)
				return
			}
		case *ast.BinaryExpr:
			if x.Op == token.LAND || x.Op == token.LOR {
				add(x.X)
				add(x.Y)
				return
			}
		}
		if e == nil || known[e] {
			return
		}
		known[e] = true
		start, end := set.Position(e.Pos()), set.Position(e.End())
		found = append(found, condition{fmt.Sprintf("%s:%d:%d", filepath.Base(start.Filename), start.Line, start.Column),
			string(source[start.Offset:end.Offset]), start.Offset, end.Offset})
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.IfStmt:
			add(x.Cond)
		case *ast.ForStmt:
			add(x.Cond)
		case *ast.SwitchStmt:
			for _, clause := range x.Body.List {
				for _, e := range clause.(*ast.CaseClause).List {
					if x.Tag == nil {
						add(e)
					}
				}
			}
		case *ast.BinaryExpr:
			if x.Op == token.LAND || x.Op == token.LOR {
				add(x)
			}
		}
		return true
	})
	return found
}

// noted is what notes them: it is compiled into the package with the copies, and its tests write down what was seen at their end.
const noted = `package %[1]s

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
)

var conditionsSeen [%[2]d][2]atomic.Bool

func conditionSeen[B ~bool](n int, was B) B {
	if was {
		conditionsSeen[n][1].Store(true)
	} else {
		conditionsSeen[n][0].Store(true)
	}
	return was
}

func TestMain(m *testing.M) {
	code := m.Run()
	out := ""
	for n := range conditionsSeen {
		out += fmt.Sprintln(n, conditionsSeen[n][0].Load(), conditionsSeen[n][1].Load())
	}
	if err := os.WriteFile(os.Getenv("DOORBELL_CONDITIONS"), []byte(out), 0o600); err != nil {
		panic(err)
	}
	os.Exit(code)
}
`

// noting writes copies of a package's files in which each condition is noted to temp, and what go's -overlay takes.
func noting(folder, temp string) (all []condition, overlay string, err error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		return nil, "", cmp.Or(err, errors.New("no Go files in "+folder))
	}
	replace := map[string]string{}
	put := func(name, text string) error {
		replace[filepath.Join(folder, name)] = filepath.Join(temp, name)
		return os.WriteFile(filepath.Join(temp, name), []byte(text), 0o600)
	}
	name := ""
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return nil, "", err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, source, parser.SkipObjectResolution)
		if err != nil {
			return nil, "", err
		}
		name = file.Name.Name
		found := conditionsOf(set, file, source)
		if err := put(filepath.Base(path), wrapped(string(source), found, len(all))); err != nil {
			return nil, "", err
		}
		all = append(all, found...)
	}
	// Named as a test's file, since it has TestMain; a test's package is compiled with the tests' files, so the copies can call it.
	if err := put("conditions_seen_test.go", fmt.Sprintf(noted, name, len(all))); err != nil {
		return nil, "", err
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, "", err
	}
	overlay = filepath.Join(temp, "overlay.json")
	return all, overlay, os.WriteFile(overlay, text, 0o600)
}

// wrapped is the source with each condition noted, under its number from first on.
func wrapped(source string, found []condition, first int) string {
	type insert struct {
		at, order int
		text      string
	}
	var inserts []insert
	for i, f := range found {
		inserts = append(inserts, insert{f.start, 1, fmt.Sprintf("conditionSeen(%d, ", first+i)}, insert{f.end, 0, ")"})
	}
	slices.SortStableFunc(inserts, func(a, b insert) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.order, b.order)) })
	var out strings.Builder
	last := 0
	for _, i := range inserts {
		out.WriteString(source[last:i.at] + i.text)
		last = i.at
	}
	return out.String() + source[last:]
}

// oneSided names the conditions that were never true, or never false.
func oneSided(all []condition, noted string) (missing []string) {
	lines := 0
	for scanner := bufio.NewScanner(strings.NewReader(noted)); scanner.Scan(); lines++ {
		words := strings.Fields(scanner.Text())
		if len(words) != 3 || lines >= len(all) || words[0] != strconv.Itoa(lines) {
			return append(missing, "what was noted of the conditions can't be read: "+scanner.Text())
		}
		for i, was := range []string{"false", "true"} {
			if words[i+1] != "true" {
				missing = append(missing, fmt.Sprintf("%s: in no test is this %s: %s", all[lines].where, was, all[lines].text))
			}
		}
	}
	if lines != len(all) {
		missing = append(missing, fmt.Sprintf("%d of %d conditions were noted", lines, len(all)))
	}
	return missing
}
