package openapi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"reflect"
	"strings"
)

// Docs is the doc comments of types and their fields, by "package.Type" and
// "package.Type.Field".
type Docs map[string]string

// ReadDocs reads the comments of the packages in the folders.
func ReadDocs(folders ...string) (Docs, error) {
	d := Docs{}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			d.read(f)
		}
	}
	return d, nil
}

func (d Docs) read(f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		decl, ok := n.(*ast.GenDecl)
		if !ok {
			return true
		}
		for _, s := range decl.Specs {
			spec, ok := s.(*ast.TypeSpec)
			if !ok {
				continue
			}
			key, doc := f.Name.Name+"."+spec.Name.Name, spec.Doc
			if doc == nil && len(decl.Specs) == 1 {
				doc = decl.Doc
			}
			d[key] = oneLine(doc)
			if fields, ok := spec.Type.(*ast.StructType); ok {
				d.readFields(key, fields)
			}
		}
		return false
	})
}

func (d Docs) readFields(key string, s *ast.StructType) {
	for _, field := range s.Fields.List {
		text := oneLine(field.Doc)
		if text == "" {
			text = oneLine(field.Comment)
		}
		for _, name := range field.Names {
			d[key+"."+name.Name] = text
		}
	}
}

func oneLine(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }

func key(t reflect.Type) string { return path.Base(t.PkgPath()) + "." + t.Name() }

// Type is what t is, in its own words.
func (d Docs) Type(t reflect.Type) string { return d[key(t)] }

// Field is what a field of t is, which may be that of a struct embedded in it.
func (d Docs) Field(t reflect.Type, f reflect.StructField) string {
	for _, i := range f.Index[:len(f.Index)-1] {
		t = t.Field(i).Type
	}
	return d[key(t)+"."+f.Name]
}
