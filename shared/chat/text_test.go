package chat

import (
	"errors"
	"strings"
	"testing"

	"github.com/doorbell-push/doorbell/shared/fault"
)

func TestTexts(t *testing.T) {
	for _, tc := range []struct {
		s          string
		name, text bool
	}{
		{"", true, true},
		{"Zoë 👩‍👩‍👧 語 עברית", true, true},
		{"\u200fעברית\u200e \u061c", true, true},
		{"e\u0301", true, true},
		{"a\u00a0b\u200db\ufeff", true, true},
		{"a\nb", false, true},
		{"a\r\nb", false, true},
		{"a\tb", false, true},
		{"a\u2028b", false, true},
		{"a\u2029b", false, true},
		{"a\x00b", false, false},
		{"a\x1b[31mb", false, false},
		{"a\x7fb", false, false},
		{"a\u0085b", false, false},
		{"gnp.\u202eexe", false, true},
		{"\u202aa\u202c", false, true},
		{"\u2066a\u2069", false, true},
		{"\u2068a", false, true},
		{"a\xff", false, false},
		{"\xed\xa0\x80", false, false}, // a surrogate
	} {
		if err := CheckName("f", tc.s); (err == nil) != tc.name {
			t.Errorf("name %q: %v", tc.s, err)
		}
		if err := CheckText("f", tc.s); (err == nil) != tc.text {
			t.Errorf("text %q: %v", tc.s, err)
		}
	}
}

func TestImageURLs(t *testing.T) {
	for s, ok := range map[string]bool{
		"":                                    true,
		"https://a.example/b.png":             true,
		"https://a.example:8443/b.png?c=d#e":  true,
		"HTTPS://A.EXAMPLE":                   true,
		"https://xn--bcher-kva.example/":      true,
		"https://[2001:db8::1]/a.png":         true,
		"http://a.example/b.png":              false,
		"//a.example/b.png":                   false,
		"/b.png":                              false,
		"b.png":                               false,
		"https:":                              false,
		"https:///b.png":                      false,
		"https://:443/b.png":                  false,
		"https:a.example":                     false,
		"https://user:pass@a.example/":        false,
		"https://bank.example@a.example/":     false,
		"javascript:alert(1)":                 false,
		"data:image/png;base64,AAAA":          false,
		"file:///etc/passwd":                  false,
		"https://a.example/\nb":               false,
		"https://a.example/b c":               false,
		" https://a.example/":                 false,
		"https://bücher.example/":             false,
		"https://a.example/%zz":               false,
		"https://a.example/\u202egnp.exe":     false,
		"https://" + strings.Repeat("[", 100): false,
	} {
		var e *fault.Error
		if err := CheckImageURL("f", s); (err == nil) != ok || (!ok && (!errors.As(err, &e) || e.Field != "f")) {
			t.Errorf("%q: %v", s, err)
		}
	}
}
