package docs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// how says of each shell block, by its file and a part of it that no other of the
// file has, which test types it, or why none does.
var how = map[string]map[string]string{
	"README.md": {
		"TOKEN=$(curl":                "TestFirstPush",
		"scripts/doorbell --local":    "TestFirstPush",
		"terraform -chdir=terraform ": "no: needs a cloud project; TestTerraformCommands reads it",
	},
	"functions/README.md": {
		"print-identity-token": "no: needs a service account of Google's; TestIdentify holds such tokens to the rules",
	},
	"scripts/README.md": {
		"scripts/doorbell --local trace": "TestFirstPush",
	},
	"scripts/fcm/README.md": {
		"go run ./scripts/fcm -addr": "TestStandInCommands",
		"$B/healthz":                 "TestStandInCommands",
	},
	"terraform/README.md": {
		"apply -var-file":  "no: needs a cloud project; TestTerraformCommands reads it",
		"gcloud storage":   "no: needs a cloud project; TestTerraformCommands reads it",
		"providers mirror": "no: needs Terraform's registry; TestTerraformCommands reads it",
	},
}

// typing is the names of the tests that type blocks.
func typing(t *testing.T) (names []string) {
	t.Helper()
	raw, err := os.ReadFile("docs_integration_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(raw, -1) {
		names = append(names, string(m[1]))
	}
	return names
}

// quoted is commands as untyped has them.
func quoted(commands []string) string {
	var b strings.Builder
	for _, c := range commands {
		fmt.Fprintf(&b, "\t%q,\n", c)
	}
	return b.String()
}

// markdown is all Markdown files of the repository.
func markdown(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == ".terraform"):
			return filepath.SkipDir
		case filepath.Ext(name) == ".md":
			rel, err := filepath.Rel(root, name)
			files = append(files, filepath.ToSlash(rel))
			return err
		}
		return nil
	})
	if err != nil || !slices.Contains(files, "README.md") {
		t.Fatalf("%v, %v", files, err)
	}
	return files
}

func read(t *testing.T, file string) ([]Block, []string) {
	t.Helper()
	blocks, commands, err := Read(root, file)
	if err != nil {
		t.Fatal(err)
	}
	return blocks, commands
}

// Every shell block of the documentation is typed by a test, whole, or says why not,
// and then untyped has each of its commands.
func TestEveryBlockIsAccountedFor(t *testing.T) {
	for _, file := range markdown(t) {
		blocks, _ := read(t, file)
		used := map[string]bool{}
		for _, b := range blocks {
			var matching []string
			for part := range how[file] {
				if strings.Contains(b.Text, part) {
					matching = append(matching, part)
				}
			}
			if len(matching) != 1 {
				t.Errorf("%v: %d entries of how are about it, want 1:\n%s", b, len(matching), b.Text)
				continue
			}
			used[matching[0]] = true
			if reason, ok := strings.CutPrefix(how[file][matching[0]], "no: "); ok {
				if got := b.Commands(); !slices.Equal(got, untyped[file][matching[0]]) {
					t.Errorf("%v: nothing types these commands (%s), and untyped lists others:\n%s", b, reason, quoted(got))
				}
			} else if !slices.Contains(typing(t), how[file][matching[0]]) {
				t.Errorf("%v: there is no test %s that types it", b, how[file][matching[0]])
			}
		}
		for part := range how[file] {
			if !used[part] {
				t.Errorf("%s: no block has %q", file, part)
			}
		}
	}
}

// What needs a cloud project names files that there are.
func TestTerraformCommands(t *testing.T) {
	lines := 0
	for _, file := range []string{"README.md", "terraform/README.md"} {
		blocks, _ := read(t, file)
		for _, b := range blocks {
			for line := range strings.Lines(b.Text) {
				words := strings.Fields(line)
				if len(words) < 2 || words[0] != "terraform" && words[0] != "cp" {
					continue
				}
				lines++
				dir, args := root, words[1:]
				if words[0] == "terraform" {
					folder, ok := strings.CutPrefix(words[1], "-chdir=")
					if !ok || !slices.Contains([]string{"init", "plan", "apply", "providers"}, words[2]) {
						t.Errorf("%v: %s", b, line)
						continue
					}
					dir, args = filepath.Join(root, folder), words[3:]
				}
				for i, arg := range args {
					name, ok := strings.CutPrefix(arg, "-var-file=")
					if words[0] == "cp" && i == 0 {
						name, ok = arg, true
					}
					if _, err := os.Stat(filepath.Join(dir, name)); ok && err != nil {
						t.Errorf("%v: %v", b, err)
					}
				}
			}
		}
	}
	if lines < 5 {
		t.Errorf("%d lines", lines)
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	text := "a `go run ./scripts/x\n-y` `b` `X=1 npx z` `go` `cd\n\nx`\n```sh\none\ntwo\n```\n```json\n{}\n```\n```\n`go run ./scripts/no`\n```\n"
	if err := os.WriteFile(filepath.Join(dir, "a.md"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	blocks, commands, err := Read(dir, "a.md")
	if err != nil || !slices.Equal(blocks, []Block{{"a.md", 6, "one\ntwo\n"}}) || !slices.Equal(commands, []string{"go run ./scripts/x -y", "X=1 npx z"}) {
		t.Errorf("%v %v %v", blocks, commands, err)
	}
	text = "```\n$ one \\\n$ # two\nprinted\n```\n```sh\none \\\n  more\n# no\n\ntwo  x\n```\n"
	if err := os.WriteFile(filepath.Join(dir, "a.md"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	blocks, _, err = Read(dir, "a.md")
	if err != nil || len(blocks) != 2 || blocks[0].Text != "one \\\n# two\n" || !slices.Equal(blocks[1].Commands(), []string{"one more", "two x"}) {
		t.Errorf("%+v %v", blocks, err)
	}
	for _, bad := range []string{"```sh\n", "```sh title\none\n```\n", "- x\n  ```sh\n  one\n  ```\n", "~~~sh\none\n~~~\n", "```\ngo run ./scripts/local\n```\n", "```text\ncurl x\n```\n"} {
		if err := os.WriteFile(filepath.Join(dir, "b.md"), []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Read(dir, "b.md"); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

// The guides' code uses paths and fields that the API has, and keys that pushes
// have.
func TestGuides(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(root, "functions/web/api/openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	var api struct {
		Paths      map[string]any
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal(raw, &api); err != nil {
		t.Fatal(err)
	}
	fields := map[string]bool{}
	for _, s := range api.Components.Schemas {
		for name := range s.Properties {
			fields[name] = true
		}
	}
	keys := map[string]bool{}
	rendered, err := filepath.Glob(filepath.Join(root, "shared/push/testdata/*.json"))
	if err != nil || len(rendered) == 0 {
		t.Fatalf("%v, %v", rendered, err)
	}
	for _, file := range rendered {
		raw, err := os.ReadFile(file)
		var push struct{ Data map[string]any }
		if err := errors.Join(err, json.Unmarshal(raw, &push)); err != nil {
			t.Fatal(err)
		}
		for key := range push.Data {
			keys[key] = true
		}
	}
	path := regexp.MustCompile(`["'](/[a-z-]+)(?:\?\w+=)?["']`)
	key := regexp.MustCompile(`(?:data\[|getStringExtra\()["'](\w+)["']`)
	field := regexp.MustCompile(`(?:\.put\("(\w+)",|[\[{,]\s*["'](\w+)["']: )`)
	for _, name := range []string{"android", "ios", "flutter"} {
		raw, err := os.ReadFile(filepath.Join(root, "functions", "guides", name+".md"))
		if err != nil {
			t.Fatal(err)
		}
		text := string(raw)
		found := 0
		for _, m := range path.FindAllStringSubmatch(text, -1) {
			found++
			if api.Paths[m[1]] == nil {
				t.Errorf("%s: there is no path %s", name, m[1])
			}
		}
		for _, m := range key.FindAllStringSubmatch(text, -1) {
			found++
			if !keys[m[1]] {
				t.Errorf("%s: no push has %q in its data", name, m[1])
			}
		}
		for _, m := range field.FindAllStringSubmatch(text, -1) {
			found++
			if f := m[1] + m[2]; !fields[f] {
				t.Errorf("%s: no request has a field %q", name, f)
			}
		}
		if found < 25 {
			t.Errorf("%s: %d found", name, found)
		}
	}
}
