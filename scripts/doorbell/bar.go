package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// A bar tells whoever waits at a terminal how far long work has come, in one line
// that it takes away in the end. The zero value tells nobody. It is no more than
// this, so there is no library for it.
type bar struct {
	w     io.Writer // nil: nobody looks
	drawn time.Time // last
}

// barWidth is how many characters a bar is wide, barEvery how often it is drawn.
const (
	barWidth = 24
	barEvery = 100 * time.Millisecond
)

// bar is the one of a command: on its stderr, if that is a terminal and nobody asks
// for JSON.
func (o *options) bar(cmd *cobra.Command) *bar {
	if w := cmd.ErrOrStderr(); !o.json && o.terminal(w) {
		return &bar{w: w}
	}
	return &bar{}
}

// show draws that a share of the work, 0 to 1, is done; below 0 nobody knows, and
// there is the text alone. The text is one short line.
func (b *bar) show(share float64, text string) {
	if b.w == nil || time.Since(b.drawn) < barEvery && share < 1 {
		return
	}
	b.drawn = time.Now()
	line := "\r"
	if share >= 0 {
		full := int(min(share, 1) * barWidth)
		line += fmt.Sprintf("[%s%s] %3.0f %%  ", strings.Repeat("=", full), strings.Repeat(" ", barWidth-full), 100*min(share, 1))
	}
	fmt.Fprint(b.w, line+text+"\x1b[K") // and nothing of a longer line before
}

// end takes the line away.
func (b *bar) end() {
	if b.w != nil && !b.drawn.IsZero() {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}

// isTerminal reports whether a person looks at w, and it can move back in a line.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
