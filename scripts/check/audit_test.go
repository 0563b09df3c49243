package main

import (
	"errors"
	"strings"
	"testing"
)

func TestAudited(t *testing.T) {
	failed := errors.New("exit status 1")
	clean := `{"auditReportVersion":2,"vulnerabilities":{},"metadata":{"vulnerabilities":{"total":0},"dependencies":{"dev":135,"total":135}}}`
	for _, test := range []struct {
		answer string
		err    error
		looked int
		want   string // of the error; empty: none
		skip   bool
	}{
		{clean, nil, 135, "", false},
		{strings.Replace(clean, `{}`, `{"esbuild":{"name":"esbuild","severity":"moderate"},"a":{"severity":"high"}}`, 1), failed, 135, "a (high), esbuild (moderate)", false},
		{clean, failed, 135, "exit status 1", false},
		// What a registry without audits answers, and a machine without one.
		{`{"message":"405 Method Not Allowed - POST https://registry.example/-/npm/v1/security/advisories/bulk","statusCode":405}`, failed, 0, "NOT looked for: 405", true},
		{`{"message":"request to https://registry.example failed","error":{}}`, failed, 0, "NOT looked for", true},
		{`{}`, nil, 0, "NOT looked for", true},
		{``, nil, 0, "NOT looked for", true},
		{`<html>`, failed, 0, "NOT looked for", true},
		{strings.Replace(clean, "135}}", "0}}", 1), nil, 0, "NOT looked for", true},
	} {
		looked, err := audited([]byte(test.answer), test.err)
		var skip skipped
		if errors.As(err, &skip) != test.skip || (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) || looked != test.looked {
			t.Errorf("audited(%q, %v) = %d, %v", test.answer, test.err, looked, err)
		}
	}
}
