package standin

import (
	"bytes"
	"encoding/json"
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
	raw     []byte // the value's bytes; only on members of the root object
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
	// Valid also refuses trailing data, which the token reader would leave.
	if !json.Valid(body) {
		return nil, errSyntax
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	p := treeParser{dec: dec, body: body}
	return p.value(0)
}

type treeParser struct {
	dec  *json.Decoder
	body []byte
}

func (p *treeParser) value(depth int) (*node, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	tok, err := p.dec.Token()
	if err != nil {
		return nil, errSyntax
	}
	n := &node{token: tok}
	switch tok {
	case json.Delim('{'):
		for p.dec.More() {
			name, err := p.dec.Token()
			if err != nil {
				return nil, errSyntax
			}
			start := p.dec.InputOffset()
			child, err := p.value(depth + 1)
			if err != nil {
				return nil, err
			}
			if depth == 0 {
				child.raw = bytes.TrimLeft(p.body[start:p.dec.InputOffset()], " \t\r\n:")
			}
			n.members = append(n.members, member{name.(string), child})
		}
	case json.Delim('['):
		for p.dec.More() {
			child, err := p.value(depth + 1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, child)
		}
	default:
		return n, nil
	}
	if _, err := p.dec.Token(); err != nil { // the closing bracket
		return nil, errSyntax
	}
	return n, nil
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
