package main

import (
	"bytes"
	"io"
	"os"
)

// A palette colours text, or leaves it as it is.
type palette bool

// terminal returns the palette for a file: colours only where a person looks.
func terminal(f *os.File) palette {
	info, err := f.Stat()
	onScreen := err == nil && info.Mode()&os.ModeCharDevice != 0
	return palette(onScreen && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
}

func (p palette) bold(s string) string  { return p.wrap("1", s) }
func (p palette) dim(s string) string   { return p.wrap("2", s) }
func (p palette) red(s string) string   { return p.wrap("31", s) }
func (p palette) green(s string) string { return p.wrap("32", s) }

func (p palette) wrap(code, s string) string {
	if !p {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// notices is the system's log: it passes on what the system itself says (that
// it installs something), and what the parts print only if all is wanted.
type notices struct {
	w   io.Writer
	all bool
}

func (n notices) Write(b []byte) (int, error) {
	if n.all || !bytes.Contains(b, []byte("│")) {
		return n.w.Write(b)
	}
	return len(b), nil
}
