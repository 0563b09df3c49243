package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// fuzz runs every fuzz target of the module for a while. What go test -fuzz builds is built once for each package here,
// not again for each target; what a run finds to be of interest is kept where go test keeps it.
func fuzz(ctx context.Context, c *checker) error {
	packages, err := c.packages(ctx)
	if err != nil {
		return err
	}
	var cache bytes.Buffer
	if err := c.commandTo(ctx, &cache, "go", "env", "GOCACHE"); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "fuzz")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var failures []error
	ran := 0
	for _, p := range packages {
		targets, err := fuzzTargets(p.testFiles())
		if err != nil {
			return err
		}
		if len(targets) == 0 {
			continue
		}
		binary := filepath.Join(dir, "fuzz.test")
		if err := c.command(ctx, "go", "test", "-c", "-fuzz", ".", "-o", binary, p.ImportPath); err != nil {
			failures = append(failures, err)
			continue
		}
		interesting := filepath.Join(strings.TrimSpace(cache.String()), "fuzz", filepath.FromSlash(p.ImportPath))
		for _, target := range targets {
			ran++
			failures = append(failures, c.fuzzOne(ctx, p, binary, interesting, target))
		}
	}
	if ran == 0 && len(failures) == 0 {
		return skipped("no fuzz targets")
	}
	return errors.Join(failures...)
}

func (c *checker) fuzzOne(ctx context.Context, p goPackage, binary, interesting, target string) (err error) {
	fmt.Fprintf(c.out, "%s %s\n", p.ImportPath, target)
	for range 2 {
		var output bytes.Buffer
		err = c.commandIn(ctx, p.Dir, io.MultiWriter(c.out, &output), binary, "-test.run", "^$", "-test.fuzz", "^"+target+"$",
			"-test.fuzztime", c.fuzzTime.String(), "-test.fuzzminimizetime", "20x", "-test.fuzzcachedir", interesting)
		if err == nil {
			return nil
		}
		if !timeUp(output.String()) {
			return fmt.Errorf("%s %s: %w", p.ImportPath, target, err)
		}
	}
	return fmt.Errorf("%s %s: %w", p.ImportPath, target, err)
}

// timeUp reports whether go test failed a target only because its time was up: on a busy machine a worker may notice the end of
// -fuzztime too late, which is then reported as a failure without an input.
func timeUp(output string) bool {
	return strings.Contains(output, "context deadline exceeded") && !strings.Contains(output, "Failing input written to")
}

// fuzzTargets returns the names of the fuzz targets in test files.
func fuzzTargets(files []string) (names []string, err error) {
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, declaration := range parsed.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if ok && function.Recv == nil && strings.HasPrefix(function.Name.Name, "Fuzz") {
				names = append(names, function.Name.Name)
			}
		}
	}
	return names, nil
}
