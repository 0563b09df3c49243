package chat

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/doorbell-push/doorbell/shared/fault"
)

// CheckName checks a name that apps show among other text: it must not break
// out of its line, nor change the direction of what stands around it.
func CheckName(field, s string) error {
	switch {
	case !utf8.ValidString(s):
		return fault.Invalid(field, "is not valid UTF-8")
	case strings.ContainsFunc(s, breaksLine):
		return fault.Invalid(field, "holds a line break or another control character")
	case strings.ContainsFunc(s, turnsText):
		return fault.Invalid(field, "holds a character that changes the direction of the text around it (U+202A–202E, U+2066–2069)")
	}
	return nil
}

// CheckText checks a text that apps show by itself: lines and tabs are its own
// business, other control characters are none that a person writes.
func CheckText(field, s string) error {
	switch {
	case !utf8.ValidString(s):
		return fault.Invalid(field, "is not valid UTF-8")
	case strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) && !strings.ContainsRune("\t\n\r", c) }):
		return fault.Invalid(field, "holds a control character")
	}
	return nil
}

// CheckImageURL checks the URL of an image that apps load; Doorbell never does.
// Empty is no image.
func CheckImageURL(field, s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return fault.Invalid(field, "must be a URL of printable ASCII characters that starts with https://, without a user name")
	}
	return nil
}

func breaksLine(c rune) bool { return unicode.IsControl(c) || c == '\u2028' || c == '\u2029' }

// turnsText reports whether c is one of Unicode's embeddings, overrides and
// isolates (UAX #9). The marks U+200E, 200F and 061C, which change no other
// text's direction, are fine.
func turnsText(c rune) bool { return c >= '\u202a' && c <= '\u202e' || c >= '\u2066' && c <= '\u2069' }
