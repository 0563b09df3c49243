// Command licences writes its README.md: the licence of everything that Doorbell
// is made of, is built with and is tested with. go run ./scripts/check/licences
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: go run ./scripts/check/licences\n\nWrites scripts/check/licences/README.md anew; run it from the module's root.")
	}
	flag.Parse()
	text, err := document(".") // run from the module's root
	if err == nil {
		err = os.WriteFile(filepath.Join("scripts", "check", "licences", "README.md"), text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

// dependency is somebody else's work.
type dependency struct{ name, version, licence string }

// inventory is all of it: what runs in the cloud or in browsers, and what only
// builds and tests that.
type inventory struct {
	functions, sdk []dependency
	goTools        []dependency
	npmTools       map[string][]dependency // by folder
}

// tools are the Go programs that check the code; go.mod names them.
var tools = []string{"golang.org/x/vuln/cmd/govulncheck", "honnef.co/go/tools/cmd/staticcheck"}

// npmFolders hold a lock file each, the SDK's first.
var npmFolders = []string{"functions/web", "scripts/browser", "scripts/system"}

// bundled is the SDK's only dependency; what it depends on is in what is served.
const bundled = "firebase"

func take(root string) (out inventory, err error) {
	if out.functions, err = goModules(root, "./functions"); err != nil {
		return out, err
	}
	all, err := goModules(root, append([]string{"-test", "-tags", "integration", "./..."}, tools...)...)
	if err != nil {
		return out, err
	}
	out.goTools = slices.DeleteFunc(all, func(d dependency) bool { return slices.Contains(out.functions, d) })
	out.npmTools = map[string][]dependency{}
	for _, folder := range npmFolders {
		lock, err := readLock(filepath.Join(root, folder, "package-lock.json"))
		if err != nil {
			return out, err
		}
		if folder == npmFolders[0] {
			out.sdk = lock.packages(lock.reach(bundled))
		}
		out.npmTools[folder] = slices.DeleteFunc(lock.packages(nil), func(d dependency) bool { return slices.Contains(out.sdk, d) })
	}
	return out, nil
}

// goModules is the modules that packages are built of.
func goModules(root string, packages ...string) (out []dependency, err error) {
	cmd := exec.Command("go", append([]string{"list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}"}, packages...)...)
	cmd.Dir = root
	listed, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("go list: %w", err)
	}
	lines := slices.Sorted(strings.SplitSeq(strings.TrimSpace(string(listed)), "\n"))
	for _, line := range slices.Compact(lines) {
		field := strings.Split(line, "\t")
		if len(field) != 3 {
			continue // of the standard library
		}
		licence, err := licenceIn(field[2])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field[0], err)
		}
		out = append(out, dependency{field[0], field[1], licence})
	}
	return out, nil
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying)(\.(txt|md))?$`)

// licenceIn is the licence of the file in a module's folder.
func licenceIn(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if licenceFile.MatchString(e.Name()) {
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			return classify(string(text)), err
		}
	}
	return "", errors.New("it has no licence file")
}

// classify names a licence by what only its text says; "" for one it doesn't know.
func classify(text string) string {
	has := func(phrase string) bool { return strings.Contains(strings.Join(strings.Fields(text), " "), phrase) }
	switch {
	case has("Mozilla Public License"), has("GNU "), has("Server Side Public License"), has("Business Source License"):
		return ""
	case has("Apache License Version 2.0"), has("Apache License, Version 2.0"):
		return "Apache-2.0"
	case has("Redistribution and use in source and binary forms") && (has("Neither the name") || has("names of its contributors")):
		return "BSD-3-Clause"
	case has("Redistribution and use in source and binary forms"):
		return "BSD-2-Clause"
	case has("Permission is hereby granted, free of charge, to any person obtaining a copy"):
		return "MIT"
	case has("Permission to use, copy, modify, and/or distribute this software for any purpose"):
		return "ISC"
	}
	return ""
}

// lock is what of a package-lock.json matters.
type lock struct {
	Packages map[string]struct {
		Version      string            `json:"version"`
		Licence      string            `json:"license"`
		Dependencies map[string]string `json:"dependencies"`
	} `json:"packages"`
}

func readLock(path string) (l lock, err error) {
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &l)
	}
	return l, err
}

// reach is the places of a package and of all that it depends on.
func (l lock) reach(name string) map[string]bool {
	seen := map[string]bool{}
	var visit func(from, name string)
	visit = func(from, name string) {
		// The nearest node_modules above has it, as Node looks it up.
		for dir := from; ; dir, _, _ = cutLast(dir, "/node_modules/") {
			place := strings.TrimPrefix(dir+"/node_modules/"+name, "/")
			if p, ok := l.Packages[place]; ok {
				if !seen[place] {
					seen[place] = true
					for next := range p.Dependencies {
						visit(place, next)
					}
				}
				return
			}
			if dir == "" {
				return // an optional one that isn't for any platform here
			}
		}
	}
	visit("", name)
	return seen
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}

// packages is those at places, nil: at all.
func (l lock) packages(places map[string]bool) (out []dependency) {
	for place, p := range l.Packages {
		if _, name, ok := cutLast("/"+place, "/node_modules/"); ok && (places == nil || places[place]) {
			out = append(out, dependency{name, p.Version, p.Licence})
		}
	}
	slices.SortFunc(out, func(a, b dependency) int { return strings.Compare(a.name+a.version, b.name+b.version) })
	return slices.Compact(out)
}

// document is README.md.
func document(root string) ([]byte, error) {
	all, err := take(root)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Licences\n\nOf everything Doorbell is made of, is built with and is tested with. Written by `go run ./scripts/check/licences` from the\n"+
		"modules' licence files and the npm lock files; `go test ./scripts/check/licences` fails where it isn't current, or where one isn't\npermissive.\n")
	for _, part := range []struct {
		title string
		list  []dependency
	}{{"In the functions", all.functions}, {"In what the SDK serves to browsers", all.sdk}, {"Go modules that only build and test", all.goTools}} {
		fmt.Fprintf(&b, "\n## %s\n\n| | version | licence |\n|---|---|---|\n", part.title)
		for _, d := range part.list {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", d.name, d.version, d.licence)
		}
	}
	fmt.Fprintf(&b, "\n## npm packages that only build and test\n\n| lock file in | licence | packages |\n|---|---|---|\n")
	for _, folder := range npmFolders {
		count := map[string]int{}
		for _, d := range all.npmTools[folder] {
			count[orNothing(d.licence)]++
		}
		for _, licence := range slices.Sorted(maps.Keys(count)) {
			fmt.Fprintf(&b, "| `%s` | %s | %d |\n", folder, licence, count[licence])
		}
	}
	fmt.Fprintf(&b, "\nOf those, what isn't a permissive licence by its name, and why it may stay:\n\n| package | says | |\n|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(exceptions)) {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, orNothing(exceptions[name].licence), exceptions[name].why)
	}
	return b.Bytes(), nil
}

func orNothing(licence string) string {
	if licence == "" {
		return "nothing"
	}
	return licence
}
