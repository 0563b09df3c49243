package system

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
)

const keptLines = 30 // of each child, for error messages

// An output takes what a child prints: it passes whole lines on with the
// child's name before them, and keeps the last ones for error messages.
type output struct {
	name string
	log  io.Writer

	mu   sync.Mutex
	rest []byte // a line's beginning
	last []string
}

func newOutput(name string, log io.Writer) *output { return &output{name: name, log: log} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rest = append(o.rest, b...)
	for {
		line, rest, found := bytes.Cut(o.rest, []byte("\n"))
		if !found {
			return len(b), nil
		}
		o.line(string(line))
		o.rest = rest
	}
}

// flush passes on a last line that had no line end.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.rest) > 0 {
		o.line(string(o.rest))
		o.rest = nil
	}
}

func (o *output) line(s string) {
	s = strings.TrimRight(s, "\r ")
	if s == "" {
		return
	}
	if len(o.last) == keptLines {
		o.last = o.last[1:]
	}
	o.last = append(o.last, s)
	// A log that can't be written must not end the child that writes it.
	fmt.Fprintf(o.log, "%-11s│ %s\n", o.name, s)
}

// lines returns the last lines.
func (o *output) lines() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.last...)
}

// quote returns the last lines as the end of an error message.
func (o *output) quote() string {
	lines := o.lines()
	if len(lines) == 0 {
		return "; it printed nothing"
	}
	return "; its last lines:\n  " + strings.Join(lines, "\n  ")
}

// A lockedWriter lets the children share one log.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}
