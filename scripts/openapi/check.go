package openapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	validation "github.com/pb33f/libopenapi-validator/errors"
)

// Checker holds requests and answers to a document.
type Checker struct {
	document validator.Validator
	paths    map[string]map[string]bool // path → methods
	checked  atomic.Int64
}

// NewChecker reads a document, which has to be a valid one of OpenAPI 3.1.
func NewChecker(document []byte) (*Checker, error) {
	d, err := libopenapi.NewDocument(document)
	if err != nil {
		return nil, err
	}
	model, err := d.BuildV3Model()
	if err != nil {
		return nil, err
	}
	// Strict: an answer holds nothing that the document doesn't know.
	v, errs := validator.NewValidator(d, config.WithStrictMode(), config.WithFormatAssertions())
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if ok, problems := v.ValidateDocument(); !ok {
		return nil, join("the document", problems)
	}
	c := &Checker{document: v, paths: map[string]map[string]bool{}}
	for path, item := range model.Model.Paths.PathItems.FromOldest() {
		c.paths[path] = map[string]bool{}
		for method := range item.GetOperations().FromOldest() {
			c.paths[path][strings.ToUpper(method)] = true
		}
	}
	return c, nil
}

// Checked is how many exchanges were held to the document.
func (c *Checker) Checked() int64 { return c.checked.Load() }

// Exchange reports how a request and its answer differ from the document. What
// was done has to be a request that the document allows; what was refused has
// to be an error that it knows. A path or method that it doesn't have is none of
// its business, unless it was answered.
func (c *Checker) Exchange(r *http.Request, body []byte, resp *http.Response, answer []byte) error {
	methods, known := c.paths[r.URL.Path]
	if !known || !methods[r.Method] {
		if resp.StatusCode/100 == 2 && r.Method != http.MethodOptions && known {
			return fmt.Errorf("%s %s was answered %d and is not in the document", r.Method, r.URL.Path, resp.StatusCode)
		}
		return nil
	}
	c.checked.Add(1)
	asked := r.Clone(r.Context())
	asked.URL.Scheme, asked.URL.Host, asked.Host = "", "", ""
	asked.Body = io.NopCloser(bytes.NewReader(body))
	what := fmt.Sprintf("%s %s answered %d", r.Method, r.URL.Path, resp.StatusCode)
	if resp.StatusCode == http.StatusOK {
		if ok, problems := c.document.ValidateHttpRequestSync(asked); !ok {
			return join(what+" though the request is not as documented", problems)
		}
	}
	asked.Body = io.NopCloser(bytes.NewReader(body))
	given := &http.Response{StatusCode: resp.StatusCode, Header: resp.Header, Body: io.NopCloser(bytes.NewReader(answer)), Request: asked}
	if ok, problems := c.document.ValidateHttpResponse(asked, given); !ok {
		return join(what+", which is not as documented", problems)
	}
	return nil
}

func join(what string, problems []*validation.ValidationError) error {
	var lines []string
	for _, p := range problems {
		lines = append(lines, p.Message+": "+p.Reason)
		for _, e := range p.SchemaValidationErrors {
			lines = append(lines, "  "+e.FieldPath+" "+e.Reason)
		}
	}
	return fmt.Errorf("%s:\n%s", what, strings.Join(lines, "\n"))
}

// Transport is a way to the API on which every exchange is held to the document.
type Transport struct {
	Checker *Checker
	Report  func(error)
}

// RoundTrip implements http.RoundTripper.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	if err := t.Checker.Exchange(r, body, resp, answer); err != nil {
		t.Report(err)
	}
	return resp, nil
}
