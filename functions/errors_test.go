package functions

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/doorbell-push/doorbell/shared/fault"
)

// errorRow is a row of the README's table of codes.
type errorRow struct {
	code     int
	name     string
	statuses []int // HTTP's; none: of one user in a list
	paths    []string
	each     bool // every path but paths
}

// of reports whether a request may be answered so.
func (r errorRow) of(method, segment string) bool {
	named := slices.Contains(r.paths, "/"+segment) || slices.Contains(r.paths, method+" /"+segment)
	return named != r.each
}

// readErrors is the README's table of codes.
func readErrors(t *testing.T) []errorRow {
	t.Helper()
	rows, err := errorRows()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

var errorRows = sync.OnceValues(func() (rows []errorRow, err error) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		return nil, err
	}
	for _, m := range regexp.MustCompile("(?m)^\\| (6000\\d+) `(\\w+)` \\| ([^|]+) \\| ([^|]+) \\| ([^|]+) \\|[^|]*\\|$").FindAllStringSubmatch(string(readme), -1) {
		code, _ := strconv.Atoi(m[1]) // digits
		row := errorRow{code: code, name: m[2], each: strings.HasPrefix(m[4], "each")}
		for _, status := range regexp.MustCompile(`\d+`).FindAllString(m[3], -1) {
			n, _ := strconv.Atoi(status)
			row.statuses = append(row.statuses, n)
		}
		for _, path := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(m[4], -1) {
			row.paths = append(row.paths, path[1])
		}
		if row.statuses == nil && m[3] != "list" || row.paths == nil && !row.each && m[4] != "any other path" {
			return nil, fmt.Errorf("a row that isn't understood: %s", m[0])
		}
		rows = append(rows, row)
	}
	if len(rows) < 40 {
		return nil, fmt.Errorf("the README has only %d rows of codes", len(rows))
	}
	return rows, nil
})

// asListed holds a refusal to the README's table of codes.
func asListed(t *testing.T, r *http.Request, status, code int) {
	t.Helper()
	segment := strings.TrimPrefix(r.URL.Path, "/")
	for _, table := range clientFunctions {
		if table[segment][r.Method] == nil {
			continue
		}
		if !slices.ContainsFunc(readErrors(t), func(row errorRow) bool {
			return row.code == code && slices.Contains(row.statuses, status) && row.of(r.Method, segment)
		}) {
			t.Errorf("%s %s answers %d with %d, which the README's table of codes hasn't", r.Method, r.URL.Path, status, code)
		}
	}
}

// inCode is which codes the code answers with, as "6000001 400", or as "6000001 list"
// what stands in an answer that is no error.
func inCode(t *testing.T) map[string]bool {
	t.Helper()
	codes, statuses, names := faultConstants(t)
	// What fault itself makes: Invalid, and From of what nobody expected.
	found := map[string]bool{"6000001 400": true, "6000007 500": true, "6000007 list": true}
	files(t, func(path string) {
		ours := strings.HasPrefix(path, "../functions/") || strings.HasPrefix(path, "../shared/") && !strings.HasPrefix(path, "../shared/fault/")
		if !ours || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, d := range parse1(t, path).Decls {
			errorsOf(d, codes, statuses, found)
		}
	})
	for _, row := range readErrors(t) {
		if name := names[row.code]; name != row.name {
			t.Errorf("%d is ZIM's %s, and the README calls it %s", row.code, name, row.name)
		}
	}
	return found
}

// errorsOf adds what one declaration answers with. A code that fault.New is given
// by a variable is any that the declaration has elsewhere.
func errorsOf(d ast.Decl, codes, statuses map[string]int, found map[string]bool) {
	var loose []int
	made := 0 // the status of a fault.New with such a variable
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if constant(n.Fun) != "New" || len(n.Args) < 2 {
				return true
			}
			status := statuses[constant(n.Args[0])]
			if code, ok := codes[constant(n.Args[1])]; ok {
				found[fmt.Sprint(code, " ", status)] = true
				return false
			}
			made = status
		case *ast.SelectorExpr:
			if code, ok := codes[constant(n)]; ok {
				loose = append(loose, code)
			}
		}
		return true
	})
	for _, code := range loose {
		if made > 0 {
			found[fmt.Sprint(code, " ", made)] = true
		} else {
			found[fmt.Sprint(code, " list")] = true
		}
	}
}

// constant is the name of what an expression has of package fault.
func constant(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		if from, ok := s.X.(*ast.Ident); ok && from.Name == "fault" {
			return s.Sel.Name
		}
	}
	return ""
}

// faultConstants is package fault's codes and the HTTP statuses of its statuses, by
// name, and what ZIM calls each code.
func faultConstants(t *testing.T) (codes, statuses map[string]int, names map[int]string) {
	t.Helper()
	codes, statuses, names = map[string]int{}, map[string]int{}, map[int]string{}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "shared", "fault", "fault.go"), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 {
			return true
		}
		value, ok := v.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		name := v.Names[0].Name
		if code, err := strconv.Atoi(value.Value); err == nil {
			codes[name], names[code] = code, name
			if m := regexp.MustCompile(`ZIM's (\w+)`).FindStringSubmatch(v.Comment.Text()); m != nil {
				names[code] = m[1]
			}
		} else if text, err := strconv.Unquote(value.Value); err == nil {
			statuses[name] = fault.Status(text).HTTP()
		}
		return true
	})
	return codes, statuses, names
}

// The README's table has every code that an endpoint answers with, each with the
// HTTP status it comes with, and no other; and the paths in it are there. That there
// are no others which answer so, the other tests show: what they are answered is held
// to the table (asListed), and in the integration tests to the OpenAPI document, which
// is made of it.
func TestReadmeListsErrors(t *testing.T) {
	want := inCode(t)
	told := map[string]bool{}
	exist := map[string]bool{}
	for _, table := range clientFunctions {
		for segment, methods := range table {
			exist["/"+segment] = true
			for method := range methods {
				exist[method+" /"+segment] = true
			}
		}
	}
	for _, row := range readErrors(t) {
		kinds := []string{"list"}
		if row.statuses != nil {
			kinds = nil
			for _, status := range row.statuses {
				kinds = append(kinds, strconv.Itoa(status))
			}
		}
		for _, kind := range kinds {
			pair := fmt.Sprint(row.code, " ", kind)
			if told[pair] {
				t.Errorf("%s is told of twice", pair)
			}
			told[pair] = true
		}
		for _, path := range row.paths {
			if !exist[path] {
				t.Errorf("%d is of %s, which nothing answers", row.code, path)
			}
		}
	}
	for _, pair := range slices.Sorted(maps.Keys(want)) {
		if !told[pair] {
			t.Errorf("the code answers %s, and the README hasn't it", pair)
		}
	}
	for _, pair := range slices.Sorted(maps.Keys(told)) {
		if !want[pair] {
			t.Errorf("the README has %s, and nothing answers it", pair)
		}
	}
	codes, _, _ := faultConstants(t)
	for name, code := range codes {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(told)), func(pair string) bool { return strings.HasPrefix(pair, strconv.Itoa(code)) }) {
			t.Errorf("fault.%s is a code that nothing answers", name)
		}
	}
}
