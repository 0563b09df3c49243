package resource

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// Text is what a push says in a language.
type Text struct {
	// Locale is a BCP 47 tag, such as pt or zh-Hant.
	Locale string `json:"locale"`
	// Title and Content, each as sent where there is none.
	Title   Phrase `json:"title,omitempty"`
	Content Phrase `json:"content,omitempty"`
	// Actions are the titles of the style's actions, by Action.Action.
	Actions map[string]string `json:"actions,omitempty"`
}

// Phrase is a text by CLDR's plural form of {count}; a text without forms is
// Other. {sender} stands for the title that was sent, which by ZIM's convention
// names the sender, {content} for the content, {count} for the number.
type Phrase map[Form]string

// Form is one of CLDR's plural forms.
type Form string

// The forms. Which a language has, and for which numbers, is in CLDR; Other is for
// all numbers without a form of their own, and every phrase has it.
const (
	Zero  Form = "zero"
	One   Form = "one"
	Two   Form = "two"
	Few   Form = "few"
	Many  Form = "many"
	Other Form = "other"
)

var forms = map[plural.Form]Form{
	plural.Zero: Zero, plural.One: One, plural.Two: Two, plural.Few: Few, plural.Many: Many, plural.Other: Other,
}

// UnmarshalJSON takes a text, or an object of texts by form.
func (p *Phrase) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*p = Phrase{Other: text}
		return nil
	}
	var byForm map[Form]string
	if err := json.Unmarshal(b, &byForm); err != nil {
		return errPhrase
	}
	*p = byForm
	return nil
}

// Values is what placeholders stand for.
type Values struct {
	Sender  string // the title that was sent
	Content string // the content that was sent
	Count   int
	More    bool // than Count: {count} is "99+", with the plural of a greater number
}

// number is what {count} is.
func (v Values) number() string {
	if v.More {
		return strconv.Itoa(v.Count) + "+"
	}
	return strconv.Itoa(v.Count)
}

// form is which plural form v takes in a language.
func (v Values) form(locale string) Form {
	if v.More {
		return formOf(locale, v.Count+1)
	}
	return formOf(locale, v.Count)
}

// In is the phrase in a language, by its tag, empty of a phrase that has no text.
func (p Phrase) In(locale string, v Values) string {
	text := p[Other]
	if len(p) > 1 {
		if one, ok := p[v.form(locale)]; ok {
			text = one
		}
	}
	// All at once: what was sent may hold what looks like a placeholder.
	return strings.NewReplacer("{sender}", v.Sender, "{content}", v.Content, "{count}", v.number()).Replace(text)
}

// Counts reports whether what p says depends on the number.
func (p Phrase) Counts() bool {
	return len(p) > 1 || strings.Contains(p[Other], "{count}")
}

func formOf(locale string, n int) Form {
	return forms[plural.Cardinal.MatchPlural(language.Make(locale), max(n, -n), 0, 0, 0, 0)]
}

// LocKeys are keys of texts that apps have in their own resources, by FCM's names.
// The device's own settings say in which language it is shown.
type LocKeys struct {
	TitleKey  string   `json:"titleLocKey,omitempty"`
	TitleArgs []string `json:"titleLocArgs,omitempty"` // with the placeholders of a Phrase
	BodyKey   string   `json:"bodyLocKey,omitempty"`
	BodyArgs  []string `json:"bodyLocArgs,omitempty"`
}

// Args is args with the values in their places.
func Args(args []string, v Values) []string {
	var out []string
	for _, a := range args {
		out = append(out, Phrase{Other: a}.In("", v))
	}
	return out
}

// Counts reports whether what r says depends on the number.
func (r *Resource) Counts() bool {
	if k := r.LocKeys; k != nil && slices.ContainsFunc(slices.Concat(k.TitleArgs, k.BodyArgs), func(arg string) bool { return strings.Contains(arg, "{count}") }) {
		return true
	}
	return slices.ContainsFunc(r.Texts, func(t Text) bool { return t.Title.Counts() || t.Content.Counts() })
}

// TextFor is the index in Texts of the text for a device of a locale, 0 where
// there are none.
func (r *Resource) TextFor(locale string) int {
	if r.languages == nil {
		return 0
	}
	return r.languages.Match(locale)
}

// Languages is a list of languages, of which one is picked for a device.
type Languages struct {
	matcher language.Matcher
}

// NewLanguages is a list of BCP 47 tags. The first is for who speaks none of them.
func NewLanguages(locales ...string) *Languages {
	tags := make([]language.Tag, len(locales))
	for i, l := range locales {
		tags[i] = language.Make(l)
	}
	return &Languages{language.NewMatcher(tags)}
}

// Match is the index of the language for a device of a locale: the same, else the
// nearest that its user is likely to read, else the first.
func (l *Languages) Match(locale string) int {
	tag, err := language.Parse(locale)
	if err != nil {
		return 0
	}
	_, i, confidence := l.matcher.Match(tag)
	if confidence == language.No {
		return 0
	}
	return i
}

// locales is those of texts.
func locales(texts []Text) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = t.Locale
	}
	return out
}

// sortedForms is p's forms, for errors that are the same each time.
func sortedForms(p Phrase) []Form { return slices.Sorted(maps.Keys(p)) }
