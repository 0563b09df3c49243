package docs

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// The README's table of what others do: its heading, and what a cell may say.
const compareHeading = "## Beside others"

const (
	does    = "✓"
	partly  = "◐"
	doesNot = "–"
	unknown = "?"
	notYet  = "not yet"
)

var (
	testLink   = regexp.MustCompile("\\[`([^`]+)`\\]\\(([^)\\s]+)\\)")
	sourceLink = regexp.MustCompile(`^\[([✓◐–])\]\[([a-z]+[0-9]+)\]$`)
	definition = regexp.MustCompile(`^\[([a-z]+[0-9]+)\]: (https://\S+) "([^"]+)"$`)
)

// CheckComparison says what is wrong with the table in a README: a row that claims
// something of ours without a test of that name in that file, or something of
// another system without the source it was read in. A question mark needs none:
// nothing was found.
func CheckComparison(root, readme string) (rows int, wrong []string) {
	_, section, ok := strings.Cut(readme, "\n"+compareHeading+"\n")
	if !ok {
		return 0, []string{"no section " + compareHeading}
	}
	section, _, _ = strings.Cut(section, "\n## ")
	defined, used := map[string]bool{}, map[string]bool{}
	var table []string
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		if m := definition.FindStringSubmatch(line); m != nil {
			if defined[m[1]] {
				wrong = append(wrong, m[1]+" is defined twice")
			}
			defined[m[1]] = true
		} else if strings.HasPrefix(line, "|") {
			table = append(table, line)
		}
	}
	if len(table) < 3 {
		return 0, append(wrong, "no table")
	}
	columns := len(cells(table[0]))
	for _, line := range table[2:] { // below the heading and its rule
		row := cells(line)
		if len(row) != columns {
			wrong = append(wrong, fmt.Sprintf("%s: %d cells, want %d", row[0], len(row), columns))
			continue
		}
		rows++
		wrong = append(wrong, checkOurs(root, row[0], row[1])...)
		for _, cell := range row[2:] {
			m := sourceLink.FindStringSubmatch(cell)
			switch {
			case m != nil:
				used[m[2]] = true
			case cell != unknown:
				wrong = append(wrong, fmt.Sprintf("%s: %q is neither a mark with its source nor %s", row[0], cell, unknown))
			}
		}
	}
	for name := range maps.Keys(used) {
		if !defined[name] {
			wrong = append(wrong, "the source "+name+" is not defined")
		}
	}
	for name := range maps.Keys(defined) {
		if !used[name] {
			wrong = append(wrong, "the source "+name+" is used nowhere")
		}
	}
	slices.Sort(wrong)
	return rows, wrong
}

// checkOurs holds what we say of ourselves to the tests.
func checkOurs(root, feature, cell string) (wrong []string) {
	links := testLink.FindAllStringSubmatch(cell, -1)
	rest := strings.Join(strings.Fields(strings.ReplaceAll(testLink.ReplaceAllString(cell, ""), ",", " ")), " ")
	switch {
	case rest == notYet && len(links) == 0:
		return nil
	case rest != does && rest != partly:
		return []string{fmt.Sprintf("%s: we say %q", feature, rest)}
	case len(links) == 0:
		return []string{feature + ": no test is named"}
	}
	for _, link := range links {
		name, path := link[1], link[2]
		source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v", feature, err))
		} else if !hasTest(path, string(source), name) {
			wrong = append(wrong, fmt.Sprintf("%s: %s has no test %s", feature, path, name))
		}
	}
	return wrong
}

// hasTest reports whether a file of Go's tests or node's has the test.
func hasTest(path, source, name string) bool {
	if strings.HasSuffix(path, "_test.go") {
		return strings.Contains("\n"+source, "\nfunc "+name+"(")
	}
	return strings.HasSuffix(path, ".test.mjs") && (strings.Contains(source, "test('"+name+"'") || strings.Contains(source, "test(`"+name+"`"))
}

func cells(line string) []string {
	row := strings.Split(strings.Trim(line, "|"), "|")
	for i := range row {
		row[i] = strings.TrimSpace(row[i])
	}
	return row
}
