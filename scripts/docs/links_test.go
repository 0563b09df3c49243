package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`^#+ (.+)$`)
	// dropped is what an anchor doesn't have of its heading.
	dropped = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	beneath = regexp.MustCompile(`^\|[ :|-]+\|$`)
)

// lines is those of a Markdown file that stand in no block.
func lines(t *testing.T, file string) (out []string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	fenced := false
	for line := range strings.SplitSeq(string(raw), "\n") {
		if strings.HasPrefix(line, "```") {
			fenced, line = !fenced, ""
		}
		if fenced {
			line = ""
		}
		out = append(out, line)
	}
	return out
}

// anchors is what links to a file may name of it, as GitHub makes them of headings.
func anchors(t *testing.T, file string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, line := range lines(t, file) {
		if m := heading.FindStringSubmatch(line); m != nil {
			all[strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
		}
	}
	return all
}

// Every link within the repository leads somewhere.
func TestLinks(t *testing.T) {
	for _, file := range markdown(t) {
		for i, line := range lines(t, file) {
			for _, m := range link.FindAllStringSubmatch(line, -1) {
				if strings.Contains(m[1], "://") {
					continue
				}
				name, anchor, _ := strings.Cut(m[1], "#")
				to := file
				if name != "" {
					to = filepath.Join(filepath.Dir(file), name)
				}
				if _, err := os.Stat(filepath.Join(root, to)); err != nil {
					t.Errorf("%s:%d: %v", file, i+1, err)
				} else if anchor != "" && filepath.Ext(to) == ".md" && !anchors(t, to)[anchor] {
					t.Errorf("%s:%d: %s has no heading for #%s", file, i+1, to, anchor)
				}
			}
		}
	}
}

// A row after an empty line is a table's first, with the line beneath it that makes
// it one: else it is shown as it is typed.
func TestTables(t *testing.T) {
	for _, file := range markdown(t) {
		all := lines(t, file)
		for i, line := range all {
			if strings.HasPrefix(line, "|") && (i == 0 || all[i-1] == "") && (i+1 == len(all) || !beneath.MatchString(all[i+1])) {
				t.Errorf("%s:%d: a row without a table: is there an empty line in it?", file, i+1)
			}
		}
	}
}

// How it works names every package.
func TestPackages(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(root, "shared/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(raw), "| package | is |")
	table, _, _ = strings.Cut(table, "\n\n")
	var names string
	for line := range strings.SplitSeq(table, "\n") {
		first, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		names += first
	}
	folders, err := os.ReadDir(filepath.Join(root, "shared"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if f.IsDir() && !strings.Contains(names, "`"+f.Name()+"`") {
			t.Errorf("the packages of shared/README.md lack `%s`", f.Name())
		}
	}
}
