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
	newest  variant // of the clock, its devices' part left out
	encoded map[variant][]byte
}

// variant is all that a message depends on beside its announcement and the
// target's value.
type variant struct {
	block   device.Platform // one of those that share a block
	badge   int
	privacy device.Privacy
	ttl     time.Duration
	expires int64
}

// Encoder is for announcing a.
func (r Renderer) Encoder(a Announcement) *Encoder { return &Encoder{renderer: r, a: a} }

// Announcement is what the requests announce.
func (e *Encoder) Announcement() Announcement { return e.a }

// Encode is the JSON body of FCM's messages:send that announces to t, seen from
// now: that of the Admin SDK for the message Render makes, byte for byte.
func (e *Encoder) Encode(t Target, now time.Time) []byte {
	common := e.common(t, now)
	value, _ := json.Marshal(t.Value) // a string always has a JSON form
	key := `,"token":`
	if t.Kind == device.KindFID {
		key = `,"fid":`
	}
	const start, end = `{"message":`, `}}`
	body := make([]byte, 0, len(start)+len(common)+len(key)+len(value)+len(end))
	body = append(body, start...)
	body = append(body, common...)
	body = append(body, key...)
	body = append(body, value...)
	return append(body, end...)
}

// common is the message to t without its target and closing brace. The target
// stands last in it.
func (e *Encoder) common(t Target, now time.Time) []byte {
	ttl := e.a.TTL(now)
	v := variant{ttl: ttl, expires: now.Add(ttl).Unix()}
	e.mu.Lock()
	defer e.mu.Unlock()
	if v != e.newest {
		// Time goes on: the older ones are of no use any more.
		e.newest, e.encoded = v, map[variant][]byte{}
	}
	switch {
	case t.Platform == device.Web:
		v.block = device.Web
	case t.Platform.Apple():
		v.block, v.badge = device.IPhoneOS, t.Badge
	default:
		v.block = device.Android
	}
	v.privacy = t.Privacy
	if common, ok := e.encoded[v]; ok {
		return common
	}
	m, _ := json.Marshal(e.renderer.render(e.a, t, now)) // of strings, numbers and maps of them, which all have a JSON form
	common := bytes.TrimSuffix(m, []byte("}"))
	e.encoded[v] = common
	return common
}
