//go:build integration

package terraform_test

import (
	"bytes"
	"encoding/json"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/doorbell-push/doorbell/functions"
	"github.com/doorbell-push/doorbell/scripts/system"
)

const framework = "github.com/GoogleCloudPlatform/functions-framework-go"

// The archive is assembled by Terraform itself, built as Google's builder does,
// and every function of it started and called.
func TestArchive(t *testing.T) {
	source := t.TempDir()
	files := assemble(t)
	size := 0
	for path, content := range files {
		size += len(content)
		path = filepath.Join(source, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	server := build(t, source)
	info, err := os.Stat(server)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("archive: %d files, %d KB unpacked; binary: %.1f MB", len(files), size/1024, float64(info.Size())/1e6)

	paths := map[string][]string{}
	for _, e := range functions.Endpoints() {
		paths[e.Function] = append(paths[e.Function], e.Path)
	}
	for _, name := range slices.Sorted(maps.Keys(readFunctions(t))) {
		t.Run(name, func(t *testing.T) {
			s := start(t, server, name)
			if trigger, topic := strings.CutPrefix(system.Triggers()[name], "topic "); topic {
				s.callByTopic(t, trigger)
			} else if trigger != "" {
				s.callByDocument(t)
			}
			for _, path := range paths[name] {
				s.callByClient(t, path)
			}
		})
	}
}

// assemble is the files of the archive, which the module source makes without a
// provider.
func assemble(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(`
module "source" {
  source = "./source"
  root   = "`+filepath.ToSlash(root)+`"
}
output "files" {
  value = module.source.files
}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "source"), os.DirFS("source")); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"init"}, {"apply", "-auto-approve"}} {
		run(t, dir, "terraform", append(args, "-no-color", "-input=false")...)
	}
	var files map[string]string
	if err := json.Unmarshal([]byte(run(t, dir, "terraform", "output", "-json", "files")), &files); err != nil {
		t.Fatal(err)
	}
	return files
}

// build follows the steps of Google's Go buildpack for functions, and returns
// the server.
func build(t *testing.T, source string) string {
	t.Helper()
	// One package in the root; it imports the framework, so that the generated
	// main is the one for functions that register themselves.
	root, err := filepath.Glob(filepath.Join(source, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	packages, declarative := map[string]bool{}, false
	for _, file := range root {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		packages[f.Name.Name] = true
		declarative = declarative || slices.ContainsFunc(f.Imports, importOf(framework+"/functions"))
	}
	if len(packages) != 1 || packages["main"] || !declarative {
		t.Fatalf("the root has the packages %v and imports the framework: %v; want one that can be imported, and true", packages, declarative)
	}
	module := strings.TrimSpace(run(t, source, "go", "list", "-m"))
	if first, _, _ := strings.Cut(module, "/"); !strings.Contains(first, ".") {
		t.Fatalf("the builder refuses the module path %s: no dot before the first slash", module)
	}
	run(t, source, "go", "list", "-m", "-f", "{{.Version}}", framework)

	app := filepath.Join(source, "functions.local", "app")
	if err := os.MkdirAll(app, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(app, "main.go"), []byte(mainFile(module)), 0o644); err != nil {
		t.Fatal(err)
	}
	before := map[string][]byte{}
	for _, name := range []string{"go.mod", "go.sum"} {
		before[name], _ = os.ReadFile(filepath.Join(source, name))
	}
	run(t, source, "go", "mod", "tidy")
	for name, content := range before {
		if after, _ := os.ReadFile(filepath.Join(source, name)); !bytes.Equal(content, after) {
			t.Errorf("the builder's go mod tidy makes of %s, which is to stay as it is:\n%s", name, after)
		}
	}
	server := filepath.Join(t.TempDir(), "main")
	run(t, source, "go", "build", "-ldflags", goldflags(t), "-o", server, "./functions.local/app")
	return server
}

// mainFile is a main like the one the builder generates.
func mainFile(module string) string {
	return `package main

import (
	"log"
	"os"

	"` + framework + `/funcframework"

	_ "` + module + `"
)

func main() {
	if err := funcframework.StartHostPort("127.0.0.1", os.Getenv("PORT")); err != nil {
		log.Fatal(err)
	}
}
`
}

// run runs a command and returns what it prints.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "TF_IN_AUTOMATION=1")
	var out, errors bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errors
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, &out, &errors)
	}
	return out.String()
}
