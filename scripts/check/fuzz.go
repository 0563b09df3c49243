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
	"strings"
)

// fuzz runs every fuzz target of the module for a while; go test takes one target at a time.
func fuzz(ctx context.Context, c *checker) error {
	packages, err := c.packages(ctx)
	if err != nil {
		return err
	}
	var failures []error
	ran := 0
	for _, p := range packages {
		targets, err := fuzzTargets(p.testFiles())
		if err != nil {
			return err
		}
		for _, target := range targets {
			ran++
			failures = append(failures, c.fuzzOne(ctx, p.ImportPath, target))
		}
	}
	if ran == 0 {
		return skipped("no fuzz targets")
	}
	return errors.Join(failures...)
}

func (c *checker) fuzzOne(ctx context.Context, path, target string) (err error) {
	fmt.Fprintf(c.out, "%s %s\n", path, target)
	for range 2 {
		var output bytes.Buffer
		err = c.commandTo(ctx, io.MultiWriter(c.out, &output), "go", "test", "-run", "^$",
			"-fuzz", "^"+target+"$", "-fuzztime", c.fuzzTime.String(), "-fuzzminimizetime", "20x", path)
		if err == nil || !timeUp(output.String()) {
			return err
		}
	}
	return err
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
