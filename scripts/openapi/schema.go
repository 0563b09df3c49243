// Package openapi makes the API's OpenAPI 3.1 document from the Go types that
// handlers decode and encode, and holds requests and answers to it. Only tests
// use it: what is served is the file they keep equal to the code.
package openapi

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Object is a JSON object of the document.
type Object = map[string]any

// Schemas is the document's components/schemas in the making.
type Schemas struct {
	// Docs says what types and fields are.
	Docs Docs
	// Required is a request type's fields that must be there. An answer has all
	// its fields but those marked omitempty or omitzero.
	Required map[reflect.Type][]string
	// Special is types that reflection gets wrong, by how they are written in
	// requests and in answers.
	Special func(t reflect.Type, request bool) Object

	made map[string]Object
}

// Made is all schemas that were asked for, by name.
func (s *Schemas) Made() map[string]Object { return s.made }

// Request is the schema of a body that is decoded into a t: a field that it
// doesn't have is an error.
func (s *Schemas) Request(t reflect.Type) Object { return s.schema(t, true) }

// Answer is the schema of what a t is encoded to. It may get more fields in
// time, and clients are to ignore what they don't know.
func (s *Schemas) Answer(t reflect.Type) Object { return s.schema(t, false) }

func (s *Schemas) schema(t reflect.Type, request bool) Object {
	if s.Special != nil {
		if o := s.Special(t, request); o != nil {
			return o
		}
	}
	if t == reflect.TypeFor[time.Time]() {
		return Object{"type": "string", "format": "date-time"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.schema(t.Elem(), request)
	case reflect.String:
		return Object{"type": "string"}
	case reflect.Bool:
		return Object{"type": "boolean"}
	case reflect.Int, reflect.Int32:
		return Object{"type": "integer", "format": "int32"}
	case reflect.Int64:
		return Object{"type": "integer", "format": "int64"}
	case reflect.Slice:
		return Object{"type": "array", "items": s.schema(t.Elem(), request)}
	case reflect.Struct:
		return s.object(t, request)
	}
	panic(fmt.Sprintf("openapi: no schema for %v: say it in Special", t))
}

// object is a struct's schema: a reference, if the type has a name.
func (s *Schemas) object(t reflect.Type, request bool) Object {
	if t.Name() == "" {
		return s.fields(t, request)
	}
	name := schemaName(t)
	if request && !strings.HasSuffix(name, "Request") {
		name += "Input"
	}
	if s.made == nil {
		s.made = map[string]Object{}
	}
	if s.made[name] == nil {
		s.made[name] = Object{} // a type that holds itself ends here
		s.made[name] = s.fields(t, request)
	}
	return Object{"$ref": "#/components/schemas/" + name}
}

// schemaName is a type's name with that of its package, once.
func schemaName(t reflect.Type) string {
	pkg := t.PkgPath()[strings.LastIndex(t.PkgPath(), "/")+1:]
	name := strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
	if prefix := strings.ToUpper(pkg[:1]) + pkg[1:]; pkg != "functions" && !strings.HasPrefix(name, prefix) {
		name = prefix + name
	}
	return name
}

func (s *Schemas) fields(t reflect.Type, request bool) Object {
	properties, required := Object{}, append([]string{}, s.Required[t]...)
	for name, f := range visible(t) {
		_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Type == reflect.TypeFor[*struct{}]() {
			continue // only there to hide an embedded one
		}
		property := s.schema(f.Type, request)
		// Beside a $ref, not every reader of such documents looks for more.
		if text := s.Docs.Field(t, f); text != "" && property["$ref"] == nil {
			property["description"] = text
		}
		properties[name] = property
		if !request && !strings.Contains(options, "omit") {
			required = append(required, name)
		}
	}
	out := Object{"type": "object", "properties": properties}
	if text := s.Docs.Type(t); text != "" {
		out["description"] = text
	}
	if len(required) > 0 {
		slices.Sort(required)
		out["required"] = slices.Compact(required) // a request's may be an answer's, too
	}
	if request {
		out["additionalProperties"] = false
	}
	return out
}

// visible is a struct's fields by their name in JSON: of two with the same one,
// that which is embedded less deeply.
func visible(t reflect.Type) map[string]reflect.StructField {
	out := map[string]reflect.StructField{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name != "" && name != "-":
			out[name] = f
		case f.Anonymous && f.Tag.Get("json") == "":
			for name, inner := range visible(f.Type) {
				inner.Index = append([]int{i}, inner.Index...)
				if mine, ok := out[name]; !ok || len(mine.Index) > len(inner.Index) {
					out[name] = inner
				}
			}
		}
	}
	return out
}
