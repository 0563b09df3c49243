// Package docid makes document IDs from the values that identify a thing, so
// that doing the same thing twice names the same document.
package docid

import (
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"
)

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// New is the ID of parts: 128 bits of their SHA-256 as 26 lower-case base32
// characters. Hashed IDs spread Firestore's writes over its key range and need
// no escaping in paths, whatever the parts hold.
func New(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		// The length in front keeps ("ab","c") and ("a","bc") apart.
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return strings.ToLower(encoding.EncodeToString(h.Sum(nil)[:16]))
}

// Valid reports whether id has the form of New's.
func Valid(id string) bool {
	if len(id) != 26 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}
