package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
)

// goPackage is what the checks need of `go list -json`.
type goPackage struct {
	Dir            string
	ImportPath     string
	GoFiles        []string
	IgnoredGoFiles []string
	TestGoFiles    []string
	XTestGoFiles   []string
}

func (p goPackage) goFiles() []string {
	return p.paths(slices.Concat(p.GoFiles, p.IgnoredGoFiles, p.TestGoFiles, p.XTestGoFiles))
}

func (p goPackage) testFiles() []string {
	return p.paths(slices.Concat(p.TestGoFiles, p.XTestGoFiles))
}

func (p goPackage) paths(names []string) []string {
	for i := range names {
		names[i] = filepath.Join(p.Dir, names[i])
	}
	return names
}

// packages lists the module's packages, with files as built with the tags.
func (c *checker) packages(ctx context.Context, tags ...string) ([]goPackage, error) {
	args := []string{"list", "-e", "-json=Dir,ImportPath,GoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles"}
	for _, tag := range tags {
		args = append(args, "-tags", tag)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./...")...)
	cmd.Dir, cmd.Stderr = c.root, c.out
	listed, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var packages []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(listed)); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		packages = append(packages, p)
	}
}

// integrationPackages returns the packages that have tests only with the tag integration.
func (c *checker) integrationPackages(ctx context.Context) ([]string, error) {
	plain, err := c.packages(ctx)
	if err != nil {
		return nil, err
	}
	tagged, err := c.packages(ctx, "integration")
	if err != nil {
		return nil, err
	}
	return gained(plain, tagged), nil
}

// gained returns the import paths of the packages that have a test file in tagged which they lack in plain.
func gained(plain, tagged []goPackage) (paths []string) {
	known := make(map[string]bool)
	for _, p := range plain {
		for _, file := range p.testFiles() {
			known[file] = true
		}
	}
	for _, p := range tagged {
		if slices.ContainsFunc(p.testFiles(), func(file string) bool { return !known[file] }) {
			paths = append(paths, p.ImportPath)
		}
	}
	return paths
}
