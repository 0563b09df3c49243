package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the repository has can be applied.
func TestRepository(t *testing.T) {
	set, err := Read("../../../terraform/resources")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"chat", "call", "silent"} {
		if set[id] == nil {
			t.Errorf("there is no %s", id)
		}
	}
	if !set["silent"].Silent || set["call"].TTL != 60 || set["chat"].TextFor("fr-CA") != 2 {
		t.Errorf("read as %+v, %+v, %+v", set["silent"], set["call"], set["chat"])
	}
}

func TestRead(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string]string
		want  []string // of the error; none: fine
	}{
		"fine":             {map[string]string{"a.yaml": "ttl: 5", "b.yaml": "texts: [{locale: en, title: x}]", "README.md": "no YAML: {"}, nil},
		"all mistakes":     {map[string]string{"a.yaml": "soud: x", "b.yaml": "ttl: -1"}, []string{"a.yaml: /soud is no field", "b.yaml: ttl is -1"}},
		"given twice":      {map[string]string{"a.yaml": "ttl: 5\nttl: 6"}, []string{"a.yaml", "ttl"}},
		"another type":     {map[string]string{"a.yaml": "sound: [x]"}, []string{"/sound can't be a ["}},
		"no YAML":          {map[string]string{"a.yaml": "a: b: c"}, []string{"a.yaml"}},
		"empty":            {map[string]string{"a.yaml": ""}, []string{"a.yaml"}},
		"a list":           {map[string]string{"a.yaml": "- a"}, []string{"a.yaml"}},
		"too large":        {map[string]string{"a.yaml": strings.Repeat("# x\n", maxBytes)}, []string{"at most 65536"}},
		"a name no ID has": {map[string]string{strings.Repeat("x", 40) + ".yaml": "ttl: 5"}, []string{"can't be a resourcesID"}},
		"none":             {nil, []string{"no *.yaml file"}},
	} {
		dir := t.TempDir()
		for file, text := range tc.files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := Read(dir)
		if (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v", name, err)
		}
		for _, want := range tc.want {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
	}
}
