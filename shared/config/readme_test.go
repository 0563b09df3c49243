package config

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The README's table has every variable, with the default and the limits that the
// code gives it, and no other.
func TestReadmeListsSettings(t *testing.T) {
	code := source(t, "config.go")
	type variable struct{ fallback, limits string } // limits: of a number
	want := map[string]variable{}
	for _, m := range regexp.MustCompile(`"(DOORBELL_\w+)"`).FindAllStringSubmatch(code, -1) {
		want[m[1]] = variable{}
	}
	for _, m := range regexp.MustCompile(`r\.(?:text|userID)\("(DOORBELL_\w+)", "(.*)"\)`).FindAllStringSubmatch(code, -1) {
		want[m[1]] = variable{fallback: m[2]}
	}
	for _, m := range regexp.MustCompile(`r\.(?:number|duration)\("(DOORBELL_\w+)", (?:time\.\w+, )?(\d+), (\d+), (\d+)\)`).FindAllStringSubmatch(code, -1) {
		want[m[1]] = variable{m[2], m[3] + "–" + m[4]}
	}

	rows := regexp.MustCompile("(?m)^\\| `(DOORBELL_\\w+)` \\| (.+?) \\| (.+?) \\| .+ \\| .+ \\|$").FindAllStringSubmatch(source(t, "../../functions/README.md"), -1)
	told := map[string]bool{}
	for _, m := range rows {
		name, fallback, limits := m[1], m[2], m[3]
		v, ok := want[name]
		if !ok || told[name] {
			t.Errorf("%s is no variable, or is told of twice", name)
		}
		told[name] = true
		value, stands := strings.CutPrefix(strings.TrimSuffix(fallback, "`"), "`")
		if v.fallback != "" && value != v.fallback {
			t.Errorf("%s: the default is %q, and the README says %s", name, v.fallback, fallback)
		}
		if v.limits != "" && limits != v.limits {
			t.Errorf("%s: the limits are %s, and the README says %s", name, v.limits, limits)
		}
		if stands {
			byDefault, err := read(nil)
			set, err2 := read(map[string]string{name: value})
			if err != nil || err2 != nil || !reflect.DeepEqual(byDefault, set) {
				t.Errorf("%s: %s is not what it is where nothing is set: %v, %v", name, fallback, err, err2)
			}
		}
		// What stands between backquotes is a value that is taken; a path is a link.
		for _, choice := range regexp.MustCompile("`([^`/]+(?:/\\d+[^`]*)?)`").FindAllStringSubmatch(limits, -1) {
			if _, err := read(map[string]string{name: choice[1]}); err != nil {
				t.Errorf("%s: %q is not taken: %v", name, choice[1], err)
			}
		}
	}
	for name := range want {
		if !told[name] {
			t.Errorf("the README's table hasn't %s", name)
		}
	}
	if len(want) < 30 {
		t.Errorf("found only %d variables", len(want))
	}
}

// Every text of its own choice has all its values in the table.
func TestReadmeListsChoices(t *testing.T) {
	readme := source(t, "../../functions/README.md")
	for name, choices := range map[string][]string{
		"DOORBELL_APP_CHECK":    {string(AppCheckOff), string(AppCheckLog), string(AppCheckEnforce)},
		"DOORBELL_RECORD_SKIPS": {string(SkipsOff), string(SkipsUnusual), string(SkipsAll)},
	} {
		row := regexp.MustCompile("(?m)^\\| `" + name + "` \\| .+? \\| (.+?) \\|").FindStringSubmatch(readme)
		if row == nil || !slices.Equal(strings.Split(strings.ReplaceAll(row[1], "`", ""), ", "), choices) {
			t.Errorf("%s: %q, want %q", name, row, choices)
		}
	}
}

func source(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
