package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// measured is what a Go benchmark has reported, by unit.
type measured map[string]float64

// goBench runs a package's benchmark, and returns what each of its parts reported,
// by its name below the benchmark's.
func goBench(ctx context.Context, s settings, pkg, name string) (map[string]measured, error) {
	args := []string{"test", "-run=^$", "-bench=^" + name + "$", "-benchmem"}
	if s.benchTime != "" {
		args = append(args, "-benchtime="+s.benchTime)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "github.com/doorbell-push/doorbell/"+pkg)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go test %s: %w\n%s", pkg, err, out)
	}
	all := map[string]measured{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		part, m := parseBench(lines.Text(), name)
		if m != nil {
			all[part] = m
		}
	}
	return all, lines.Err()
}

var processors = regexp.MustCompile(`-\d+$`)

// parseBench reads a line such as "BenchmarkX/a/b-2  100  5 ns/op  3 allocs/op".
func parseBench(line, name string) (part string, m measured) {
	fields := strings.Fields(line)
	if len(fields) < 4 || !strings.HasPrefix(fields[0], name+"/") {
		return "", nil
	}
	m = measured{}
	for i := 2; i+1 < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return "", nil
		}
		m[fields[i+1]] = v
	}
	return processors.ReplaceAllString(strings.TrimPrefix(fields[0], name+"/"), ""), m
}

func benchPlan(ctx context.Context, s settings) error {
	all, err := goBench(ctx, s, "shared/fanout", "BenchmarkPlan")
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, "| members | presence in memory | allocated | presence decoded from protobuf | allocated |\n|--:|--:|--:|--:|--:|")
	for _, members := range []string{"1", "100", "10000", "100000"} {
		fmt.Fprintf(s.out, "| %s |", members)
		for _, source := range []string{"decoded", "protobuf"} {
			m, ok := all[source+"/"+members]
			if !ok {
				return fmt.Errorf("no %s/%s among %v", source, members, all)
			}
			fmt.Fprintf(s.out, " %.1f µs | %.1f kB in %.0f |", m["ns/receiver"]/1e3, m["B/receiver"]/1e3, m["allocs/receiver"])
		}
		fmt.Fprintln(s.out)
	}
	return nil
}

func benchEncoding(ctx context.Context, s settings) error {
	all, err := goBench(ctx, s, "shared/queue", "BenchmarkEncoding")
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, "| a batch of 500, published and read | size of a target | time a target |\n|---|--:|--:|")
	for _, e := range []struct{ name, is string }{{"json", "JSON, as it is"}, {"gzip-1", "gzip, fastest"}, {"gzip-6", "gzip, default"}} {
		m, ok := all[e.name]
		if !ok {
			return fmt.Errorf("no %s among %v", e.name, all)
		}
		fmt.Fprintf(s.out, "| %s | %.0f bytes | %.1f µs |\n", e.is, m["size-B/target"], m["ns/target"]/1e3)
	}
	return nil
}
