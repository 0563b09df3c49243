package push

import (
	"bytes"
	"encoding/json"
	"sync"
	"time"

	"github.com/doorbell-push/doorbell/shared/device"
)

// Encoder makes the requests that announce one thing to many devices. The
// message is rendered and encoded once for all devices it is the same for, by
// the Admin SDK's own types; what is then left to do for a device is to add its
// target. It is safe for concurrent use.
type Encoder struct {
	renderer Renderer
	a        Announcement

	mu      sync.Mutex
	ttl     time.Duration // of those encoded
	encoded map[variant][]byte
	locales map[string]speech
}

// speech is in which languages devices of a locale are told: by the indexes of the
// resource's text and of Doorbell's own words.
type speech struct{ text, words int }

// variant is all that a message depends on beside its announcement, its time to
// live and the target's value.
type variant struct {
	block    device.Platform // one of those that share a block
	dataOnly bool
	badge    int
	badged   bool // it has a badge
	privacy  device.Privacy
	expires  int64 // by APNs' clock
	speech   speech
	count    int // where a text has it
}

// Encoder is for announcing a.
func (r Renderer) Encoder(a Announcement) *Encoder { return &Encoder{renderer: r, a: a} }

// Encode is the JSON body of FCM's messages:send that announces to t, seen from
// now: that of the Admin SDK for the message Render makes, byte for byte.
func (e *Encoder) Encode(t Target, now time.Time) []byte {
	common := e.common(t, now)
	key := `,"token":`
	if t.Kind == device.KindFID {
		key = `,"fid":`
	}
	const start, end = `{"message":`, `}}`
	body := make([]byte, 0, len(start)+len(common)+len(key)+len(`""`)+len(t.Value)+len(end))
	body = append(body, start...)
	body = append(body, common...)
	body = append(body, key...)
	body = appendString(body, t.Value)
	return append(body, end...)
}

// appendString appends s as JSON, as encoding/json writes it. FCM's tokens and
// installation IDs hold nothing that needs an escape.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(s) // a string always has a JSON form
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// common is the message to t without its target and closing brace. The target
// stands last in it.
func (e *Encoder) common(t Target, now time.Time) []byte {
	ttl := e.a.TTL(now)
	v := variant{block: device.Android, dataOnly: t.DataOnly, privacy: t.Privacy}
	v.badge, v.badged = badge(e.a, t)
	switch {
	case t.Platform == device.Web:
		v.block = device.Web
	case t.Platform.Apple():
		v.block, v.expires = device.IPhoneOS, now.Add(ttl).Unix()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.renderer.Resource != nil || t.Locale != "" {
		v.speech, v.count = e.speech(t)
	}
	if e.encoded == nil || ttl != e.ttl {
		// Time goes on: the older ones are of no use any more.
		e.ttl, e.encoded = ttl, map[variant][]byte{}
	}
	if common, ok := e.encoded[v]; ok {
		return common
	}
	m, _ := json.Marshal(e.renderer.render(e.a, t, now)) // of strings, numbers and maps of them, which all have a JSON form
	common := bytes.TrimSuffix(m, []byte("}"))
	e.encoded[v] = common
	return common
}

// ValidateOnly is a request of Encode's that FCM only checks: it delivers nothing.
func ValidateOnly(body []byte) []byte {
	return append([]byte(`{"validate_only":true,`), bytes.TrimPrefix(body, []byte("{"))...)
}

// speech is in which languages t is told, and the number in that. A locale is
// looked up once, and all that are told the same share an encoding: what a batch
// takes grows with the texts there are, not with its devices' locales.
func (e *Encoder) speech(t Target) (s speech, n int) {
	named := e.renderer.Resource
	known, ok := e.locales[t.Locale]
	if !ok {
		known.words = wordsFor(t.Locale)
		if named != nil {
			known.text = named.TextFor(t.Locale)
		}
		if e.locales == nil {
			e.locales = map[string]speech{}
		}
		e.locales[t.Locale] = known
	}
	if e.a.speaks(t.Privacy) {
		s.words = known.words
	}
	if !e.renderer.dresses(e.a, t.Privacy) {
		return s, 0
	}
	s.text = known.text
	if e.renderer.speaksFor(e.a, t.Privacy) && named.Counts() {
		n = count(e.a, t)
	}
	return s, n
}
