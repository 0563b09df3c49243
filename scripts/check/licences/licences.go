package main

import "strings"

// permissive is the licences that ask for no more than being named.
var permissive = map[string]bool{
	"Apache-2.0": true, "MIT": true, "BSD-2-Clause": true, "BSD-3-Clause": true, "ISC": true, "0BSD": true, "BlueOak-1.0.0": true, "CC0-1.0": true,
	"Python-2.0": true,
}

// exception is a package that only builds or tests, with another licence.
type exception struct{ licence, why string }

var exceptions = map[string]exception{
	"axe-core":     {"MPL-2.0", "the browser tests run it as it is; nothing of it is in what is built"},
	"deep-freeze":  {"public domain", "of firebase-tools, for the Auth emulator"},
	"fuzzy":        {"", "of firebase-tools; its LICENSE-MIT is MIT"},
	"url-template": {"BSD", "of firebase-tools; its LICENSE is BSD-3-Clause"},
	"valid-url":    {"", "of firebase-tools; its LICENSE is MIT"},
}

// isPermissive reports whether a licence is, or one of those to choose from.
func isPermissive(licence string) bool {
	for choice := range strings.SplitSeq(strings.Trim(licence, "()"), " OR ") {
		if permissive[choice] {
			return true
		}
	}
	return false
}
