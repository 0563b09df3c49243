// Package docs finds the commands that the documentation tells people to type.
// Its tests type them.
package docs

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Block is a fenced block of shell commands.
type Block struct {
	File string
	Line int // of its first command, from 1
	Text string
}

func (b Block) String() string { return fmt.Sprintf("%s:%d", b.File, b.Line) }

var (
	fence  = regexp.MustCompile("^```(\\w*)\\s*$")
	inline = regexp.MustCompile("`(go run \\./scripts/[^`]*)`")
)

// Read is the shell blocks of a Markdown file, and the commands of ours that its
// text has between backquotes.
func Read(root, file string) (blocks []Block, commands []string, err error) {
	raw, err := os.ReadFile(root + "/" + file)
	if err != nil {
		return nil, nil, err
	}
	var open *Block
	language, fenced := "", false
	for i, line := range strings.Split(string(raw), "\n") {
		if m := fence.FindStringSubmatch(line); m != nil {
			if open != nil {
				blocks = append(blocks, *open)
			}
			fenced, open, language = !fenced, nil, m[1]
			if fenced && (language == "sh" || language == "bash" || language == "shell") {
				open = &Block{File: file, Line: i + 2}
			}
			continue
		}
		if open != nil {
			open.Text += line + "\n"
		}
		if !fenced {
			for _, m := range inline.FindAllStringSubmatch(line, -1) {
				commands = append(commands, m[1])
			}
		}
	}
	if fenced {
		return nil, nil, fmt.Errorf("%s: a block doesn't end", file)
	}
	return blocks, commands, nil
}
