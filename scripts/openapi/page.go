package openapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
)

// pageText is the page's frame; what fills it is a page.
//
//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// Page is a document as a page for people: one file of HTML, without scripts, that
// looks for api.css beside it. The same document gives the same page.
func Page(document []byte) ([]byte, error) {
	var d described
	if err := json.Unmarshal(document, &d); err != nil {
		return nil, err
	}
	p := page{Info: d.Info, Schemes: d.Components.SecuritySchemes, Headers: d.Components.Parameters}
	r := renderer{schemas: d.Components.Schemas, responses: d.Components.Responses, kinds: map[string]int{}, wanted: map[string]bool{}}
	for name := range d.Components.Responses {
		r.kinds[statusOf(name)]++
	}
	byTag := map[string][]pageOperation{}
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range []string{"get", "post", "delete"} {
			var o describedOperation
			raw, ok := d.Paths[path][method]
			if !ok {
				continue
			}
			if err := json.Unmarshal(raw, &o); err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			if len(o.Tags) != 1 {
				return nil, fmt.Errorf("%s %s has %d tags, want 1", method, path, len(o.Tags))
			}
			byTag[o.Tags[0]] = append(byTag[o.Tags[0]], r.operation(path, method, o, d.Security))
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(byTag)) {
		p.Groups = append(p.Groups, pageGroup{tag, byTag[tag]})
	}
	for _, name := range slices.Sorted(maps.Keys(d.Components.Responses)) {
		of := d.Components.Responses[name]
		if e := r.told(name); !slices.Contains(p.Errors, e) {
			p.Errors = append(p.Errors, e)
		}
		r.refer(of.base())
	}
	p.Types = r.types()
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, p); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// described is the part of a document that a page shows.
type described struct {
	Info       info
	Security   []map[string][]string
	Paths      map[string]map[string]json.RawMessage
	Components struct {
		Schemas         map[string]schema
		Responses       map[string]response
		Parameters      map[string]parameter
		SecuritySchemes map[string]struct{ Description string }
	}
}

type info struct{ Title, Version, Description string }

// response is an answer, or names the one among the components that it is.
type response struct {
	Ref         string `json:"$ref"`
	Description string
	Content     content
}

// base is the schema of an error, of which some codes come.
func (r response) base() schema {
	e := r.Content.JSON.Schema.Properties["error"]
	if len(e.AllOf) > 0 {
		return e.AllOf[0]
	}
	return e
}

// codes is those codes in words.
func (r response) codes() string {
	var codes []string
	for _, part := range r.Content.JSON.Schema.Properties["error"].AllOf {
		for _, code := range part.Properties["code"].Enum {
			codes = append(codes, fmt.Sprintf("%.0f", code))
		}
	}
	return strings.Join(codes, ", ")
}

type content struct {
	JSON struct{ Schema schema } `json:"application/json"`
}

type parameter struct {
	Name, In, Description string
	Required              bool
	Schema                schema
}

type describedOperation struct {
	OperationID, Summary string
	Tags                 []string
	Security             []map[string][]string
	Parameters           []parameter
	RequestBody          struct{ Content content }
	Responses            map[string]response
}

type schema struct {
	Ref                 string `json:"$ref"`
	Type                any    // a name, or a list of names
	Format, Description string
	Enum                []any
	Items               *schema
	OneOf, AllOf        []schema
	Properties          map[string]schema
	Required            []string
}

// page is what the template shows.
type page struct {
	Info    info
	Schemes map[string]struct{ Description string }
	Headers map[string]parameter
	Groups  []pageGroup
	Errors  []pageError
	Types   []pageType
}

type pageGroup struct {
	Name       string // the function that answers
	Operations []pageOperation
}

type pageOperation struct {
	ID, Method, Path, Summary string
	Auth                      []string // names of security schemes, one of which is needed
	Query, Body, Answer       []field
	HasBody                   bool
	Errors                    []pageError
}

// pageError is a status, what it means, and the codes that come with it.
type pageError struct{ Status, Text, Codes string }

type pageType struct {
	Name, Text string
	Fields     []field
	Is         []word // of a type without fields
}

type field struct {
	Name, Text string
	Required   bool
	Type       []word
}

// word is a part of a type's name; Link names the type it leads to.
type word struct{ Text, Link string }

const refPrefix = "#/components/schemas/"

// renderer turns schemas into words, and knows which types they lead to.
type renderer struct {
	schemas   map[string]schema
	responses map[string]response
	kinds     map[string]int // of responses, by status
	wanted    map[string]bool
}

func (r *renderer) operation(path, method string, o describedOperation, everywhere []map[string][]string) pageOperation {
	p := pageOperation{
		ID: o.OperationID, Method: strings.ToUpper(method), Path: path, Summary: o.Summary,
		Answer:  r.fields(r.follow(o.Responses["200"].Content.JSON.Schema)),
		HasBody: o.RequestBody.Content.JSON.Schema.Ref != "",
	}
	if o.Security == nil {
		o.Security = everywhere
	}
	for _, one := range o.Security {
		p.Auth = append(p.Auth, slices.Sorted(maps.Keys(one))...)
	}
	for _, q := range o.Parameters {
		p.Query = append(p.Query, field{q.Name, q.Description, q.Required, r.name(q.Schema)})
	}
	if p.HasBody {
		p.Body = r.fields(r.follow(o.RequestBody.Content.JSON.Schema))
	}
	for _, status := range slices.Sorted(maps.Keys(o.Responses)) {
		if status != "200" {
			e := pageError{Status: status}
			if name := strings.TrimPrefix(o.Responses[status].Ref, "#/components/responses/"); r.kinds[status] > 1 {
				e.Codes = r.responses[name].codes()
			}
			p.Errors = append(p.Errors, e)
		}
	}
	return p
}

// statusOf is the status that a response's name begins with.
func statusOf(name string) string {
	status, _, _ := strings.Cut(name, ".")
	return status
}

// told is a response as the page tells of it once: with its codes where they are
// the same everywhere.
func (r *renderer) told(name string) pageError {
	of := r.responses[name]
	e := pageError{Status: statusOf(name), Text: of.Description}
	if r.kinds[e.Status] == 1 {
		e.Codes = of.codes()
	}
	return e
}

// follow is what a schema refers to, or itself.
func (r *renderer) follow(s schema) schema {
	if name, ok := strings.CutPrefix(s.Ref, refPrefix); ok {
		return r.schemas[name]
	}
	return s
}

func (r *renderer) fields(s schema) (fields []field) {
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		of := s.Properties[name]
		fields = append(fields, field{name, of.Description, slices.Contains(s.Required, name), r.name(of)})
	}
	return fields
}

// name is a type in words.
func (r *renderer) name(s schema) (words []word) {
	switch {
	case s.Ref != "":
		return []word{r.refer(s)}
	case s.OneOf != nil:
		for i, one := range s.OneOf {
			if i > 0 {
				words = append(words, word{Text: " or "})
			}
			words = append(words, r.name(one)...)
		}
		return words
	case s.Enum != nil:
		var values []string
		for _, v := range s.Enum {
			b, _ := json.Marshal(v) // it came out of JSON
			values = append(values, string(b))
		}
		return []word{{Text: strings.Join(values, " | ")}}
	case s.Items != nil:
		return append([]word{{Text: "list of "}}, r.name(*s.Items)...)
	}
	text := fmt.Sprint(s.Type)
	if several, ok := s.Type.([]any); ok {
		text = strings.Join(strings.Fields(strings.Trim(fmt.Sprint(several), "[]")), " or ")
	}
	if s.Format != "" {
		text += " (" + s.Format + ")"
	}
	return []word{{Text: text}}
}

// refer is a link to a type, which the page then has.
func (r *renderer) refer(s schema) word {
	name := strings.TrimPrefix(s.Ref, refPrefix)
	if _, ok := r.schemas[name]; ok {
		r.wanted[name] = true
	}
	return word{name, name}
}

// types is the types that anything leads to, and those that they lead to.
func (r *renderer) types() (types []pageType) {
	made := map[string]bool{}
	for len(made) < len(r.wanted) {
		for _, name := range slices.Sorted(maps.Keys(r.wanted)) {
			if made[name] {
				continue
			}
			made[name] = true
			s := r.schemas[name]
			t := pageType{Name: name, Text: s.Description, Fields: r.fields(s)}
			if t.Fields == nil {
				t.Is = r.name(s)
			}
			types = append(types, t)
		}
	}
	slices.SortFunc(types, func(a, b pageType) int { return strings.Compare(a.Name, b.Name) })
	return types
}
