package standin

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a body, as protobuf JSON parsers do.
const maxDepth = 100

// sentence is an error worded as FCM words it: capital first, full stop.
type sentence string

func (s sentence) Error() string { return string(s) }

const (
	errSyntax = sentence("Unexpected token.")
	errUTF8   = sentence("Invalid UTF-8.")
	errDepth  = sentence("Nesting too deep.")
)

// node is a JSON value with its members in the order they were sent. Order
// matters: FCM names a bad map entry by its position ("message.data[0].value").
type node struct {
	token   json.Token // string, json.Number, bool, nil, or json.Delim '{' '['
	members []member
	items   []*node
	raw     []byte // a member's value as it was sent
}

type member struct {
	name  string
	value *node
}

func (n *node) isNull() bool   { return n.token == nil }
func (n *node) isObject() bool { return n.token == json.Delim('{') }
func (n *node) isArray() bool  { return n.token == json.Delim('[') }

// parseTree reads one JSON document.
func parseTree(body []byte) (*node, error) {
	if !utf8.Valid(body) {
		return nil, errUTF8
	}
	// From here on the text is known to be one JSON value and nothing else, so
	// that the reader below need not look for mistakes.
	if !json.Valid(body) {
		return nil, errSyntax
	}
	p := treeReader{text: body}
	return p.value(0)
}

// treeReader reads valid JSON.
type treeReader struct {
	text []byte
	pos  int
}

// next skips white space and the separators before the next token.
func (p *treeReader) next() byte {
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
			p.pos++
		default:
			return c
		}
	}
	return 0
}

func (p *treeReader) value(depth int) (*node, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	switch c := p.next(); c {
	case '{':
		n := &node{token: json.Delim('{')}
		for p.pos++; p.next() != '}'; {
			name := p.str()
			p.next()
			start := p.pos
			child, err := p.value(depth + 1)
			if err != nil {
				return nil, err
			}
			child.raw = p.text[start:p.pos]
			n.members = append(n.members, member{name, child})
		}
		p.pos++
		return n, nil
	case '[':
		n := &node{token: json.Delim('[')}
		for p.pos++; p.next() != ']'; {
			child, err := p.value(depth + 1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, child)
		}
		p.pos++
		return n, nil
	case '"':
		return &node{token: p.str()}, nil
	case 't':
		p.pos += len("true")
		return &node{token: true}, nil
	case 'f':
		p.pos += len("false")
		return &node{token: false}, nil
	case 'n':
		p.pos += len("null")
		return &node{}, nil
	default:
		start := p.pos
		for p.pos < len(p.text) && strings.IndexByte("+-.0123456789eE", p.text[p.pos]) >= 0 {
			p.pos++
		}
		return &node{token: json.Number(p.text[start:p.pos])}, nil
	}
}

// str reads a string; the reader stands on its opening quote.
func (p *treeReader) str() string {
	start := p.pos
	escaped := false
	for p.pos++; p.text[p.pos] != '"'; p.pos++ {
		if p.text[p.pos] == '\\' {
			escaped = true
			p.pos++
		}
	}
	p.pos++
	if !escaped {
		return string(p.text[start+1 : p.pos-1])
	}
	var s string
	_ = json.Unmarshal(p.text[start:p.pos], &s) // valid, as is the whole text
	return s
}

// plain returns the value as encoding/json would, with json.Number.
func (n *node) plain() any {
	switch {
	case n.isObject():
		m := make(map[string]any, len(n.members))
		for _, f := range n.members {
			m[f.name] = f.value.plain()
		}
		return m
	case n.isArray():
		a := make([]any, len(n.items))
		for i, it := range n.items {
			a[i] = it.plain()
		}
		return a
	default:
		return n.token
	}
}

// text is the value as FCM repeats it in an error.
func (n *node) text() string {
	switch v := n.token.(type) {
	case nil:
		return "null"
	case json.Number:
		return v.String()
	case json.Delim:
		return v.String()
	default:
		b, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return string(b)
	}
}
