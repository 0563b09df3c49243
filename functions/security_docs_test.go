package functions

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// files calls f with each file of the repository, by its path from the root.
func files(t *testing.T, f func(path string)) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && (name == "node_modules" || name == ".git" || name == ".terraform"):
			return fs.SkipDir
		case !entry.IsDir():
			f(filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func parse1(t *testing.T, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// A test that a document names, to prove what it says, exists.
func TestDocumentsNameTestsThatExist(t *testing.T) {
	exist := map[string]bool{}
	var documents []string
	files(t, func(path string) {
		switch {
		case strings.HasSuffix(path, "_test.go"):
			for _, d := range parse1(t, path).Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
					exist[f.Name.Name] = true
				}
			}
		case filepath.Base(path) == "README.md":
			documents = append(documents, path)
		}
	})
	named := 0
	for _, path := range documents {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w*`).FindAllString(string(text), -1) {
			named++
			if !exist[name] {
				t.Errorf("%s names %s, which doesn't exist", path, name)
			}
		}
	}
	if named < 10 || len(exist) < 100 {
		t.Errorf("found %d names in %d documents, and %d tests", named, len(documents), len(exist))
	}
}

// API7: nothing that a client gives is ever fetched. What functions and shared
// ask of the network goes through Google's clients; the only HTTP client of our
// own is FCM's.
func TestNothingIsFetched(t *testing.T) {
	clients := []string{"Get", "Head", "Post", "PostForm", "Client", "NewRequest", "NewRequestWithContext", "DefaultClient", "DefaultTransport", "Transport"}
	var found []string
	files(t, func(path string) {
		ours := strings.HasPrefix(path, "../functions/") || strings.HasPrefix(path, "../shared/")
		if !ours || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return
		}
		ast.Inspect(parse1(t, path), func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if from, ok := s.X.(*ast.Ident); ok && (from.Name == "http" && slices.Contains(clients, s.Sel.Name) || from.Name == "net" && strings.HasPrefix(s.Sel.Name, "Dial")) {
				found = append(found, path)
			}
			return true
		})
	})
	slices.Sort(found)
	if found = slices.Compact(found); !slices.Equal(found, []string{"../shared/fcm/fcm.go"}) {
		t.Errorf("HTTP clients are made in %q", found)
	}
}
