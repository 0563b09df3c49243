package docs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What the README says of us beside others is proven by tests that there are, and
// what it says of others has a source.
func TestComparison(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows, wrong := CheckComparison(root, string(readme))
	for _, w := range wrong {
		t.Error(w)
	}
	if rows < 30 {
		t.Errorf("%d rows", rows)
	}
}

func TestCheckComparison(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a_test.go":  "package a\n\nfunc TestA(t *testing.T) {}\n\nfunc TestAbove(t *testing.T) {}\n",
		"b.test.mjs": "test('it’s b', async () => {})\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const head = "# X\n\n## Beside others\n\n| | us | z |\n|---|---|---|\n"
	const source = "\n[z1]: https://z.example/a \"a\"\n\n## Next\n| no | row |\n"
	for name, tc := range map[string]struct {
		rows []string
		end  string
		want string // in what is wrong; empty: nothing is
	}{
		"all is well":           {[]string{"| f | ✓ [`TestA`](a_test.go), [`it’s b`](b.test.mjs) | [✓][z1] |", "| g | not yet | ? |", "| h | ◐ [`TestAbove`](a_test.go) | [–][z1] |"}, source, ""},
		"no such test":          {[]string{"| f | ✓ [`TestB`](a_test.go) | [✓][z1] |"}, source, "f: a_test.go has no test TestB"},
		"the start of a test's": {[]string{"| f | ✓ [`TestAb`](a_test.go) | [✓][z1] |"}, source, "no test TestAb"},
		"no such file":          {[]string{"| f | ✓ [`TestA`](c_test.go) | [✓][z1] |"}, source, "c_test.go"},
		"not a file of tests":   {[]string{"| f | ✓ [`TestA`](b.test.mjs) | [✓][z1] |"}, source, "no test TestA"},
		"claimed only":          {[]string{"| f | ✓ | [✓][z1] |"}, source, "f: no test is named"},
		"not yet, but tested":   {[]string{"| f | not yet [`TestA`](a_test.go) | [✓][z1] |"}, source, `f: we say "not yet"`},
		"more than a mark":      {[]string{"| f | ✓ best [`TestA`](a_test.go) | [✓][z1] |"}, source, "f: we say"},
		"without a source":      {[]string{"| f | not yet | ✓ |", "| g | not yet | [–][z1] |"}, source, `f: "✓" is neither`},
		"unknown source":        {[]string{"| f | not yet | [✓][z2] |", "| g | not yet | [–][z1] |"}, source, "source z2 is not defined"},
		"unused source":         {[]string{"| f | not yet | ? |"}, source, "source z1 is used nowhere"},
		"defined twice":         {[]string{"| f | not yet | [✓][z1] |"}, "\n[z1]: https://z.example/b \"b\"" + source, "z1 is defined twice"},
		"a cell short":          {[]string{"| f | not yet |"}, source, "f: 2 cells, want 3"},
		"no rows":               {nil, source, "no table"},
	} {
		rows, wrong := CheckComparison(dir, head+strings.Join(tc.rows, "\n")+"\n"+tc.end)
		if (len(wrong) == 0) != (tc.want == "") || tc.want != "" && !slices.ContainsFunc(wrong, func(w string) bool { return strings.Contains(w, tc.want) }) {
			t.Errorf("%s: %q, want %q", name, wrong, tc.want)
		}
		if tc.want == "" && rows != len(tc.rows) {
			t.Errorf("%s: %d rows", name, rows)
		}
	}
	if _, wrong := CheckComparison(dir, "# X\n"); len(wrong) != 1 {
		t.Errorf("without the section: %q", wrong)
	}
}
