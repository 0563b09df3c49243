package plan

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// harmless is what of the standard library the rules may use. What does I/O, waits
// or can be cancelled isn't among it: whatever of ours does any of that takes a
// context.
var harmless = []string{"cmp", "errors", "maps", "math", "slices", "sort", "strconv", "strings", "time", "unicode", "unicode/utf8"}

// clock is what of time asks the machine's clock or waits for it.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "LoadLocation"}

// sources is this package's files without tests, parsed.
func sources(t testing.TB, dir string) (*token.FileSet, map[string]*ast.File) {
	t.Helper()
	set, files := token.NewFileSet(), map[string]*ast.File{}
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = file
	}
	if len(files) == 0 {
		t.Fatalf("no files in %s", dir)
	}
	return set, files
}

// doesIO reports why something imported as path does I/O, or may: for a package of
// ours, by what it imports itself.
func doesIO(t testing.TB, path string) string {
	t.Helper()
	ours, ok := strings.CutPrefix(path, "github.com/doorbell-push/doorbell/shared/")
	switch {
	case !ok && slices.Contains(harmless, path):
		return ""
	case !ok && strings.HasPrefix(path, "golang.org/x/text/"): // tables of languages
		return ""
	case !ok:
		return "is none of those that the rules may use: " + strings.Join(harmless, " ")
	case ours == "push": // has what is announced and to whom, and beside it what sends that, with a context
		return ""
	}
	_, files := sources(t, filepath.Join("..", ours))
	for _, file := range files {
		for _, spec := range file.Imports {
			its, _ := strconv.Unquote(spec.Path.Value)
			root, _, _ := strings.Cut(its, "/")
			if slices.Contains([]string{"net", "os", "syscall", "database", "cloud.google.com", "firebase.google.com", "google.golang.org"}, root) && its != "net/url" {
				return "imports " + its
			}
		}
	}
	return ""
}

// The rules are functions of values: no I/O, no context that would let anything do
// it for them, no other clock than the one they are given, nothing that runs beside
// them. And none is longer than can be read at a glance.
func TestRulesArePure(t *testing.T) {
	set, files := sources(t, ".")
	for name, file := range files {
		for _, spec := range file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if why := doesIO(t, path); why != "" {
				t.Errorf("%s imports %s, which %s", name, path, why)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if of, ok := n.X.(*ast.Ident); ok && of.Name == "time" && slices.Contains(clock, n.Sel.Name) {
					t.Errorf("%v: time.%s, not the time that is given", set.Position(n.Pos()), n.Sel.Name)
				}
			case *ast.GoStmt, *ast.SelectStmt, *ast.ChanType:
				t.Errorf("%v: something runs beside the rules", set.Position(n.Pos()))
			case *ast.FuncDecl:
				if lines := set.Position(n.End()).Line - set.Position(n.Pos()).Line + 1; lines > 60 {
					t.Errorf("%v: %s has %d lines, at most 60", set.Position(n.Pos()), n.Name.Name, lines)
				}
			}
			return true
		})
	}
	// What the test itself can tell.
	for path, pure := range map[string]bool{
		"time": true, "context": false, "os": false, "net/http": false, "cloud.google.com/go/firestore": false,
		"github.com/doorbell-push/doorbell/shared/chat": true, "github.com/doorbell-push/doorbell/shared/store": false,
		"github.com/doorbell-push/doorbell/shared/queue": false, "github.com/doorbell-push/doorbell/shared/fcm": false,
	} {
		if why := doesIO(t, path); (why == "") != pure {
			t.Errorf("%s: %q", path, why)
		}
	}
	if _, err := os.Stat("../store/firestore.go"); err != nil {
		t.Error(err)
	}
}
