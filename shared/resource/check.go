package resource

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// Limits of resources; ours, but for those with a source. Of the 4096 bytes of a
// push (FCM), a resource takes at most about half.
const (
	MaxResources = 100
	MaxSetBytes  = 512 << 10  // a Firestore document takes 1 MiB
	MaxIDBytes   = 32         // ZIM: ZIMPushConfig.resourcesID
	MaxNameBytes = 64         // of a sound, channel, icon, category, key
	MaxURLBytes  = 256        // of an image, icon, click
	MaxActions   = 3          // browsers show two
	MaxTitle     = 64         // bytes of an action's title
	MaxTTL       = 28 * 86400 // seconds: FCM's four weeks
	MaxLocales   = 50         // of a resource
	MaxText      = 300        // bytes of a template
	MaxArgs      = 5          // of a key
)

var (
	errPhrase = errors.New(`must be a text, or texts by plural form: {"one": "…", "other": "…"}`)

	idPattern     = regexp.MustCompile(`^[ -.0-~]+$`) // as chat has it of a resourcesID
	namePattern   = regexp.MustCompile(`^[0-9A-Za-z_.\-]+$`)
	colourPattern = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`) // FCM: AndroidNotification.color
	placeholders  = regexp.MustCompile(`\{[^{}]*\}`)
)

// Check reports what is wrong with the resource, by the path of its field.
func (r *Resource) Check() error {
	for _, part := range []struct {
		field string
		style *Style
		lacks map[string]string
	}{
		{"", &r.Style, map[string]string{"icon": "is a drawable on Android and a URL on the web: put it below android, web or both"}},
		{"android.", r.Android, map[string]string{"actions": "are not FCM's to send to Android: give a category, by which the app knows its actions"}},
		{"apns.", r.APNs, map[string]string{
			"channel": "is Android's", "icon": "is always the app's on Apple's platforms", "colour": "is Android's",
			"actions": "are the app's own on Apple's platforms: give a category",
		}},
		{"web.", r.Web, map[string]string{"channel": "is Android's", "colour": "is Android's", "category": "is for native apps: give actions"}},
	} {
		if part.style == nil {
			continue
		}
		if err := part.style.check(part.field, part.lacks); err != nil {
			return err
		}
	}
	if r.TTL < 0 || r.TTL > MaxTTL {
		return wrong("ttl", "is %d: 0 to %d seconds", r.TTL, MaxTTL)
	}
	if err := r.LocKeys.check(); err != nil {
		return err
	}
	return r.checkTexts()
}

func (s *Style) check(field string, lacks map[string]string) error {
	webOnly, androidIcon := field == "web.", field == "android."
	for _, f := range []struct {
		name, value string
		ok          bool
		want        string
	}{
		{"sound", s.Sound, isName(s.Sound) && (!webOnly || s.Sound == Silence), "names a sound of the app (digits, letters, _ . -), or is none; on the web none is all it can be"},
		{"channel", s.Channel, isName(s.Channel), "names a notification channel of the app: digits, letters, _ . -"},
		{"icon", s.Icon, androidIcon && isName(s.Icon) || webOnly && isURL(s.Icon), "is a drawable's name on Android, and an https URL on the web"},
		{"image", s.Image, isURL(s.Image), "is an https URL in ASCII"},
		{"colour", s.Colour, colourPattern.MatchString(s.Colour), "is a colour such as #1a73e8"},
		{"category", s.Category, isName(s.Category), "names a category of the app: digits, letters, _ . -"},
		{"clickURL", s.ClickURL, isURL(s.ClickURL), "is an https URL in ASCII"},
		{"interruption", string(s.Interruption), slices.Contains([]Interruption{Passive, Active, TimeSensitive, Critical}, s.Interruption), "is passive, active, time-sensitive or critical"},
	} {
		switch {
		case f.value == "":
		case lacks[f.name] != "":
			return wrong(field+f.name, "%s", lacks[f.name])
		case !f.ok:
			return wrong(field+f.name, "is %q: it %s", f.value, f.want)
		}
	}
	if len(s.Actions) > 0 && lacks["actions"] != "" {
		return wrong(field+"actions", "%s", lacks["actions"])
	}
	return checkActions(field+"actions", s.Actions)
}

func checkActions(field string, actions []Action) error {
	if len(actions) > MaxActions {
		return wrong(field, "has %d entries: at most %d", len(actions), MaxActions)
	}
	seen := map[string]bool{}
	for i, a := range actions {
		at := fmt.Sprintf("%s.%d.", field, i)
		switch {
		case !isName(a.Action):
			return wrong(at+"action", "is what the app is told: digits, letters, _ . -, at most %d", MaxNameBytes)
		case seen[a.Action]:
			return wrong(at+"action", "is there twice")
		case !isText(a.Title, MaxTitle):
			return wrong(at+"title", "is required: at most %d bytes of text in a line", MaxTitle)
		}
		seen[a.Action] = true
	}
	return nil
}

func (k *LocKeys) check() error {
	if k == nil {
		return nil
	}
	content := 0
	for _, part := range []struct {
		name string
		key  string
		args []string
	}{{"title", k.TitleKey, k.TitleArgs}, {"body", k.BodyKey, k.BodyArgs}} {
		switch {
		case part.key == "" && len(part.args) > 0:
			return wrong("locKeys."+part.name+"LocArgs", "needs %sLocKey", part.name)
		case part.key != "" && !isName(part.key):
			return wrong("locKeys."+part.name+"LocKey", "is a key of the app's texts: digits, letters, _ . -, at most %d", MaxNameBytes)
		case len(part.args) > MaxArgs:
			return wrong("locKeys."+part.name+"LocArgs", "has %d entries: at most %d", len(part.args), MaxArgs)
		}
		for i, arg := range part.args {
			if err := checkTemplate(fmt.Sprintf("locKeys.%sLocArgs.%d", part.name, i), arg); err != nil {
				return err
			}
			content += strings.Count(arg, "{content}")
		}
	}
	switch {
	case k.TitleKey == "" && k.BodyKey == "":
		return wrong("locKeys", "has neither titleLocKey nor bodyLocKey")
	case content > 1:
		return wrong("locKeys", "has {content} %d times: once at most, as it is what is shortened to fit", content)
	}
	return nil
}

func (r *Resource) checkTexts() error {
	if len(r.Texts) > MaxLocales {
		return wrong("texts", "has %d entries: at most %d", len(r.Texts), MaxLocales)
	}
	if r.Silent && (len(r.Texts) > 0 || r.LocKeys != nil) {
		return wrong("silent", "shows nothing: leave out texts and locKeys, or silent")
	}
	seen := map[string]bool{}
	for i, t := range r.Texts {
		field := fmt.Sprintf("texts.%d", i)
		tag, err := language.Parse(t.Locale)
		switch {
		case err != nil || t.Locale == "":
			return wrong(field+".locale", "is %q: give a BCP 47 tag such as en or pt-BR", t.Locale)
		case seen[tag.String()]:
			return wrong(field+".locale", "is there twice: %s", tag)
		case len(t.Title) == 0 && len(t.Content) == 0 && len(t.Actions) == 0:
			return wrong(field, "says nothing: give title, content or actions")
		}
		seen[tag.String()] = true
		if err := t.check(field, r.actions()); err != nil {
			return err
		}
	}
	return nil
}

// actions is all that any platform has.
func (r *Resource) actions() []Action {
	out := r.Actions
	if r.Web != nil {
		out = slices.Concat(out, r.Web.Actions)
	}
	return out
}

func (t Text) check(field string, actions []Action) error {
	most := 0 // {content} in what is shown at once
	for _, part := range []struct {
		name   string
		phrase Phrase
	}{{"title", t.Title}, {"content", t.Content}} {
		if len(part.phrase) == 0 {
			if part.name == "content" {
				most++ // it is the content
			}
			continue
		}
		if _, ok := part.phrase[Other]; !ok {
			return wrong(field+"."+part.name, "has no form other, which every language has")
		}
		n := 0
		for _, form := range sortedForms(part.phrase) {
			at := field + "." + part.name
			if len(part.phrase) > 1 {
				at += "." + string(form)
			}
			if !slices.Contains([]Form{Zero, One, Two, Few, Many, Other}, form) {
				return wrong(at, "is no plural form: zero, one, two, few, many or other")
			}
			if err := checkTemplate(at, part.phrase[form]); err != nil {
				return err
			}
			n = max(n, strings.Count(part.phrase[form], "{content}"))
		}
		most += n
	}
	if most > 1 {
		return wrong(field, "shows {content} %d times: once at most, as it is what is shortened to fit", most)
	}
	for name, title := range t.Actions {
		if !slices.ContainsFunc(actions, func(a Action) bool { return a.Action == name }) {
			return wrong(field+".actions", "names %q, which is none of the actions", name)
		}
		if !isText(title, MaxTitle) {
			return wrong(field+".actions."+name, "is required: at most %d bytes of text in a line", MaxTitle)
		}
	}
	return nil
}

func checkTemplate(field, text string) error {
	if !isText(text, MaxText) {
		return wrong(field, "is required: at most %d bytes of text in a line", MaxText)
	}
	for _, p := range placeholders.FindAllString(text, -1) {
		if p != "{sender}" && p != "{content}" && p != "{count}" {
			return wrong(field, "has %s: there are {sender}, {content} and {count}", p)
		}
	}
	if strings.ContainsAny(placeholders.ReplaceAllString(text, ""), "{}") {
		return wrong(field, "has a brace that opens or closes nothing: there are {sender}, {content} and {count}")
	}
	return nil
}

func isName(s string) bool { return len(s) <= MaxNameBytes && namePattern.MatchString(s) }

// isURL reports whether s is an https URL that can stand in a push.
func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && len(s) <= MaxURLBytes &&
		strings.IndexFunc(s, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '<' || c == '>' || c == '\\' }) < 0
}

// isText reports whether s is a text of a line, of 1 to limit bytes.
func isText(s string, limit int) bool {
	return strings.TrimSpace(s) != "" && len(s) <= limit && utf8.ValidString(s) && strings.IndexFunc(s, turnsOrControls) < 0
}

// turnsOrControls is what no text here may hold: control characters, and those
// that turn the text around them.
func turnsOrControls(c rune) bool {
	return unicode.IsControl(c) || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069
}

func wrong(field, format string, args ...any) error {
	return fmt.Errorf("%s %s", field, fmt.Sprintf(format, args...))
}
