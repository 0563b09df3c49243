// Package files reads resources from a folder of YAML files, for the commands that
// apply them.
package files

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/doorbell-push/doorbell/shared/resource"
)

// maxBytes is of a file.
const maxBytes = 64 << 10

// Read is the resources in dir: each *.yaml file is the one of its name. Every
// mistake in every file is reported, by file and field.
func Read(dir string) (resource.Set, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there is no *.yaml file in %s", dir)
	}
	set := resource.Set{}
	var errs []error
	for _, name := range names {
		r, err := read(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		set[strings.TrimSuffix(filepath.Base(name), ".yaml")] = r
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return set, set.Check()
}

func read(name string) (*resource.Resource, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return Decode(text)
}

// Decode is the resource in a YAML document, as strictly as resource.Decode.
func Decode(text []byte) (*resource.Resource, error) {
	if len(text) > maxBytes {
		return nil, fmt.Errorf("is %d bytes long: at most %d", len(text), maxBytes)
	}
	document, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return nil, err
	}
	if string(document) == "null" {
		return nil, errors.New("is empty")
	}
	return resource.Decode(document)
}
