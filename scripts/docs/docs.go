// Package docs finds the commands that the documentation tells people to type.
// Its tests type them.
package docs

import (
	"fmt"
	"os"
	"regexp"
	"slices"
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
	fence = regexp.MustCompile("^```(\\w*)\\s*$")
	// program begins a line that is most likely a command.
	program = regexp.MustCompile(`^(?:go|npm|npx|node|curl|git|gcloud|terraform|firebase|docker|make|cd|cp|export|bash|sudo|apt-get) `)
	// quotation is what a text has between backquotes, in lines of one paragraph.
	quotation = regexp.MustCompile("`([^`\\n]+(?:\\n[^`\\n]+)*)`")
	// variables may come before a command.
	variables = regexp.MustCompile(`^(?:[A-Z_]+=\S+ )+`)
)

// shells is the languages of blocks that hold commands, prompts those of blocks
// whose commands stand after a "$ ", with what they print.
var shells, prompts = []string{"sh", "bash", "shell"}, []string{"", "console", "text"}

// Commands is the commands of a block, a line each: one that goes on over several
// lines is one, and a comment is none.
func (b Block) Commands() (commands []string) {
	whole := strings.ReplaceAll(b.Text, "\\\n", " ")
	for line := range strings.Lines(whole) {
		if line = strings.Join(strings.Fields(line), " "); line != "" && !strings.HasPrefix(line, "#") {
			commands = append(commands, line)
		}
	}
	return commands
}

// Read is the shell blocks of a Markdown file, and the commands that its text has
// between backquotes, their words separated by one space. A fence that it doesn't understand is an error:
// commands might hide behind it.
func Read(root, file string) (blocks []Block, commands []string, err error) {
	raw, err := os.ReadFile(root + "/" + file)
	if err != nil {
		return nil, nil, err
	}
	var open *Block
	language, fenced := "", false
	asked := false // the block's commands stand after prompts
	var running strings.Builder
	for i, line := range strings.Split(string(raw), "\n") {
		if m := fence.FindStringSubmatch(line); m != nil {
			if open != nil && open.Text != "" {
				blocks = append(blocks, *open)
			}
			fenced, open, language = !fenced, nil, m[1]
			asked = slices.Contains(prompts, language)
			if fenced && (asked || slices.Contains(shells, language)) {
				open = &Block{File: file, Line: i + 2}
			}
			continue
		}
		if odd := strings.TrimSpace(line); strings.HasPrefix(odd, "```") || strings.HasPrefix(odd, "~~~") {
			return nil, nil, fmt.Errorf("%s:%d: a fence is ``` and at most a language, from the line's start", file, i+1)
		}
		switch command, ok := strings.CutPrefix(line, "$ "); {
		case open == nil:
		case !asked:
			open.Text += line + "\n"
		case ok:
			open.Text += command + "\n"
		case program.MatchString(line):
			return nil, nil, fmt.Errorf("%s:%d: a command in a block without a language: call it sh, or put a $ before it", file, i+1)
		}
		if !fenced {
			running.WriteString(line + "\n")
		}
	}
	if fenced {
		return nil, nil, fmt.Errorf("%s: a block doesn't end", file)
	}
	for _, m := range quotation.FindAllStringSubmatch(running.String(), -1) {
		command := strings.Join(strings.Fields(m[1]), " ")
		if program.MatchString(variables.ReplaceAllString(command, "")) {
			commands = append(commands, command)
		}
	}
	return blocks, commands, nil
}
