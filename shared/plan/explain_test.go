package plan

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Every reason there is can be explained, and stands in the documents' table.
func TestEveryReasonIsExplained(t *testing.T) {
	doc, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	names, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range names {
		if !strings.HasSuffix(name.Name(), ".go") || strings.HasSuffix(name.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Reason" {
				return true
			}
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil || text == "" {
				return true // Push is no reason
			}
			found++
			if explanations[Reason(text)] == "" {
				t.Errorf("%s has no explanation", text)
			}
			if !strings.Contains(string(doc), "| `"+text+"` |") {
				t.Errorf("%s is not in the documents' table", text)
			}
			return true
		})
	}
	if found != len(explanations) {
		t.Errorf("%d explanations in the code, %d explained", found, len(explanations))
	}
	if got := Reason("tomorrow's").Explain(); got != "tomorrow's" || Online.Explain() != explanations[Online] {
		t.Errorf("an unknown reason is explained as %q", got)
	}
}

// The trace leaves out the reasons at which nobody wonders, and those alone.
func TestExpected(t *testing.T) {
	for r := range explanations {
		want := slices.Contains([]Reason{Sender, Online, NoPushConfig, Room, NotRung, AnsweredHere}, r)
		if got := r.Expected(); got != want {
			t.Errorf("%s: %t", r, got)
		}
	}
	if Push.Expected() || Reason("tomorrow's").Expected() {
		t.Error("a push, or what is unknown, is expected")
	}
}
