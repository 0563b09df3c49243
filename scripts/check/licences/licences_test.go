package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

const root = "../../.."

func TestCurrent(t *testing.T) {
	want, err := document(root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("README.md")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("README.md isn't current (%v): go run ./scripts/check/licences", err)
	}
}

// What is deployed or served has a permissive licence; so has what builds and
// tests it, but for those that are named with a reason.
func TestPermissive(t *testing.T) {
	all, err := take(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(all.functions) < 20 || len(all.sdk) < 10 || len(all.goTools) < 5 {
		t.Errorf("only %d, %d and %d were found", len(all.functions), len(all.sdk), len(all.goTools))
	}
	for _, list := range [][]dependency{all.functions, all.sdk, all.goTools} {
		for _, d := range list {
			if !isPermissive(d.licence) {
				t.Errorf("%s %s: %q", d.name, d.version, d.licence)
			}
		}
	}
	used := map[string]bool{}
	for folder, list := range all.npmTools {
		for _, d := range list {
			e, known := exceptions[d.name]
			if used[d.name] = true; !isPermissive(d.licence) && (!known || e.licence != d.licence) {
				t.Errorf("%s: %s %s: %q", folder, d.name, d.version, d.licence)
			}
		}
	}
	for name := range exceptions {
		if !used[name] {
			t.Errorf("%s isn't used any more", name)
		}
	}
}

func TestClassify(t *testing.T) {
	for text, want := range map[string]string{
		"Apache License\n   Version 2.0, January 2004":                                                                     "Apache-2.0",
		"Permission is hereby granted, free of\ncharge, to any person obtaining a copy":                                    "MIT",
		"Redistribution and use in source and binary forms, with or without":                                               "BSD-2-Clause",
		"Redistribution and use in source and binary forms … Neither the name of":                                          "BSD-3-Clause",
		"Permission to use, copy, modify, and/or distribute this software for any purpose":                                 "ISC",
		"Mozilla Public License Version 2.0":                                                                               "",
		"GNU AFFERO GENERAL PUBLIC LICENSE … Permission is hereby granted, free of charge, to any person obtaining a copy": "",
		"All rights reserved.": "",
	} {
		if got := classify(text); got != want {
			t.Errorf("%.40s: %q, want %q", text, got, want)
		}
	}
	for licence, want := range map[string]bool{"MIT": true, "(MIT OR CC0-1.0)": true, "GPL-3.0": false, "": false, "MPL-2.0": false, "AGPL-3.0 OR BUSL-1.1": false, "MIT AND GPL-2.0": false} {
		if isPermissive(licence) != want {
			t.Errorf("%q is permissive: %t", licence, !want)
		}
	}
}

// A package is found where Node would find it.
func TestReach(t *testing.T) {
	l, err := readLock(root + "/functions/web/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	places := l.reach(bundled)
	for _, name := range []string{"firebase", "@firebase/messaging", "idb", "tslib"} {
		if !places["node_modules/"+name] {
			t.Errorf("%s isn't reached from %s", name, bundled)
		}
	}
	for place := range places {
		if strings.Contains(place, "typescript") || strings.Contains(place, "esbuild") {
			t.Errorf("%s is a tool", place)
		}
	}
}
