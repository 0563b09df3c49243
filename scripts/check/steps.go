package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// step is one check.
type step struct {
	name string
	slow bool // left out by -short
	run  func(context.Context, *checker) error
}

// steps are the checks in the order they run, the quickest to fail first. The integration tests come before fuzzing because their
// failures say more.
var steps = []step{
	{name: "gofmt", run: gofmt},
	{name: "tidy", run: commands("go mod tidy -diff")},
	{name: "vet", run: commands("go vet ./...", "go vet -tags integration ./...")},
	{name: "staticcheck", run: commands("go tool staticcheck -tags integration ./...")},
	{name: "plan-coverage", run: planCoverage},
	{name: "terraform", run: terraform},
	{name: "sdk", run: sdk},
	{name: "govulncheck", run: govulncheck},
	{name: "npm-audit", run: npmAudit},
	{name: "terraform-test", slow: true, run: terraformTest},
	{name: "unit", run: commands("go test -race -shuffle=on -timeout 5m ./...")},
	{name: "integration", slow: true, run: integration},
	{name: "local", slow: true, run: commands("go run ./scripts/local -once")},  // the README's other command
	{name: "bench", slow: true, run: commands("go run ./scripts/bench -quick")}, // that what the README has measured still can be
	{name: "browser", slow: true, run: commands("go run ./scripts/browser")},
	{name: "fuzz", slow: true, run: fuzz},
}

func stepNames(list []step) string {
	var names []string
	for _, s := range list {
		names = append(names, s.name)
	}
	return strings.Join(names, " ")
}

// commands is a step that runs command lines, words separated by spaces, up to the end whether or not one fails.
func commands(lines ...string) func(context.Context, *checker) error {
	return func(ctx context.Context, c *checker) error {
		var failures []error
		for _, line := range lines {
			words := strings.Fields(line)
			failures = append(failures, c.command(ctx, words[0], words[1:]...))
		}
		return errors.Join(failures...)
	}
}

func gofmt(ctx context.Context, c *checker) error {
	packages, err := c.packages(ctx)
	if err != nil {
		return err
	}
	var files []string
	for _, p := range packages {
		files = append(files, p.goFiles()...)
	}
	var unformatted bytes.Buffer
	if err := c.commandTo(ctx, io.MultiWriter(c.out, &unformatted), "gofmt", append([]string{"-l"}, files...)...); err != nil {
		return errors.New("gofmt: see above")
	}
	if n := strings.Count(unformatted.String(), "\n"); n > 0 {
		return fmt.Errorf("files not formatted: %d; gofmt -w formats them", n)
	}
	return nil
}

func govulncheck(ctx context.Context, c *checker) error {
	var output bytes.Buffer
	err := c.commandTo(ctx, io.MultiWriter(c.out, &output), "go", "tool", "govulncheck", "./...")
	return vulnerabilities(output.String(), err)
}

// vulnerabilities tells a database that can't be reached, as on a machine without internet, from a finding.
func vulnerabilities(output string, err error) error {
	if err == nil {
		return nil
	}
	for line := range strings.Lines(output) {
		if reason, ok := strings.CutPrefix(line, "govulncheck: fetching vulnerabilities: "); ok {
			return skipped("the vulnerability database can't be reached, so known vulnerabilities were NOT looked for: " + strings.TrimSpace(reason))
		}
	}
	return err
}

// integration runs the tests on the emulators; one package at a time, since each starts emulators of its own.
func integration(ctx context.Context, c *checker) error {
	packages, err := c.integrationPackages(ctx)
	if err != nil {
		return err
	}
	if len(packages) == 0 {
		return skipped("no integration tests")
	}
	args := []string{"test", "-race", "-shuffle=on", "-tags", "integration", "-p", "1", "-timeout", "20m"}
	return c.command(ctx, "go", append(args, packages...)...)
}
