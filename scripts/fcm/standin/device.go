package standin

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"
)

// Kind is how an app instance is addressed.
type Kind string

// The kinds of target.
const (
	Token Kind = "token" // registration token
	FID   Kind = "fid"   // Firebase installation ID
)

// Device is one app instance on one device.
type Device struct {
	Token    string   `json:"token"` // its registration token or installation ID
	Kind     Kind     `json:"kind"`
	Platform Platform `json:"platform"`
	On       bool     `json:"on"` // powered and connected
	// Sender is the project the instance registered with. Sending to it from
	// another project is refused with SENDER_ID_MISMATCH.
	Sender string `json:"sender"`
}

// DeviceState is a device and what it has.
type DeviceState struct {
	Device
	Accepted  uint64     `json:"accepted"`  // messages accepted for it
	Received  uint64     `json:"received"`  // messages that reached it, exact
	Queued    int        `json:"queued"`    // waiting until it is on
	Expired   uint64     `json:"expired"`   // dropped because their time to live ended
	Collapsed uint64     `json:"collapsed"` // dropped for a newer message with the same key
	Discarded uint64     `json:"discarded"` // dropped because too many waited
	Messages  []Received `json:"messages"`  // the newest, oldest first
	Shade     []Shown    `json:"shade"`     // notifications now visible, oldest first
}

// Received is one message that reached a device.
type Received struct {
	Seq      uint64          `json:"seq"`  // position in the log, from 1
	Name     string          `json:"name"` // as answered to the sender
	Token    string          `json:"token"`
	Platform Platform        `json:"platform"`
	Message  json.RawMessage `json:"message"` // as sent, byte for byte
	Tag      string          `json:"tag,omitempty"`
	Title    string          `json:"title,omitempty"`
	Body     string          `json:"body,omitempty"`
	Silent   bool            `json:"silent"` // data only: the app gets it, nothing is shown
	// Attempt is how many valid requests had carried this very message to this
	// device when it was accepted, this one included: 1 without any retry.
	Attempt    int       `json:"attempt"`
	AcceptedAt time.Time `json:"acceptedAt"`
	ReceivedAt time.Time `json:"receivedAt"`
	// Push is the push data for a service worker; only for the web.
	Push json.RawMessage `json:"push,omitempty"`
}

// Shown is a notification in a device's shade.
type Shown struct {
	Tag   string    `json:"tag"` // the message name, if the message has no tag
	Name  string    `json:"name"`
	Title string    `json:"title"`
	Body  string    `json:"body"`
	At    time.Time `json:"at"`
	// ShownTimes counts notifications with this tag since the device exists,
	// also over a dismissal; Replaced those that took the place of a visible one.
	ShownTimes int `json:"shownTimes"`
	Replaced   int `json:"replaced"`
}

// Bounds per device that no option changes.
const (
	maxShade     = 50  // visible notifications; the oldest leaves
	maxSeen      = 256 // tags and messages remembered, to count repeats
	maxQueue     = 100 // FCM docs: 100 non-collapsible messages are stored
	maxCollapsed = 4   // FCM docs: four collapse keys are kept
)

// device is the state behind Device. The server's lock guards it.
type device struct {
	Device
	accepted, received, expired, collapsed, discarded uint64

	log    ring
	shade  []Shown
	queue  []queued
	tags   []seen
	bodies []seen
}

// queued is an accepted message that waits for its device.
type queued struct {
	received Received
	message  *Message
	key      string
	expiry   time.Time
}

// seen counts one tag or one message body, kept as a hash to bound memory.
type seen struct {
	hash                   uint64
	tries, accepted, shown int
}

// remember returns the counter of a hash and forgets the oldest beyond maxSeen.
func remember(list *[]seen, hash uint64) *seen {
	if i := slices.IndexFunc(*list, func(s seen) bool { return s.hash == hash }); i >= 0 {
		return &(*list)[i]
	}
	if len(*list) >= maxSeen {
		*list = slices.Delete(*list, 0, 1)
	}
	*list = append(*list, seen{hash: hash})
	return &(*list)[len(*list)-1]
}

// enqueue keeps a message for a device that is off.
func (d *device) enqueue(q queued) {
	if q.key != "" {
		before := len(d.queue)
		d.queue = slices.DeleteFunc(d.queue, func(o queued) bool { return o.key == q.key })
		d.collapsed += uint64(before - len(d.queue))
	}
	d.queue = append(d.queue, q)
	if d.Platform == Android && q.key != "" {
		d.dropOldKeys()
	}
	alone := 0
	for _, o := range d.queue {
		if o.key == "" {
			alone++
		}
	}
	// FCM docs, "Non-collapsible and collapsible messages": at the limit "all
	// stored messages are discarded".
	if alone > maxQueue || len(d.queue) > 2*maxQueue {
		d.discarded += uint64(len(d.queue))
		d.queue = nil
	}
}

// dropOldKeys keeps the newest four collapse keys. FCM keeps any four.
func (d *device) dropOldKeys() {
	keys := 0
	for i := len(d.queue) - 1; i >= 0; i-- {
		if d.queue[i].key == "" {
			continue
		}
		if keys++; keys > maxCollapsed {
			d.queue = slices.Delete(d.queue, i, i+1)
			d.collapsed++
		}
	}
}

// show puts a message into the shade as its platform would.
func (d *device) show(r Received, tagHash uint64) {
	s := Shown{Tag: cmp.Or(r.Tag, r.Name), Name: r.Name, Title: r.Title, Body: r.Body, At: r.ReceivedAt, ShownTimes: 1}
	if r.Tag != "" {
		c := remember(&d.tags, tagHash)
		c.shown++
		s.ShownTimes = c.shown
	}
	if i := slices.IndexFunc(d.shade, func(o Shown) bool { return o.Tag == s.Tag }); i >= 0 {
		s.Replaced = d.shade[i].Replaced + 1
		d.shade = slices.Delete(d.shade, i, i+1)
	}
	if len(d.shade) >= maxShade {
		d.shade = slices.Delete(d.shade, 0, 1)
	}
	d.shade = append(d.shade, s)
}

// ring keeps the newest messages.
type ring struct {
	buf    []Received
	oldest int // position in buf, once it is full
}

func (g *ring) add(r Received, limit int) {
	switch {
	case limit <= 0:
	case len(g.buf) < limit:
		g.buf = append(g.buf, r)
	default:
		g.buf[g.oldest] = r
		g.oldest = (g.oldest + 1) % limit
	}
}

// at returns the ith message, the oldest first.
func (g *ring) at(i int) Received { return g.buf[(g.oldest+i)%len(g.buf)] }

// from returns up to limit messages from the ith on; never nil.
func (g *ring) from(i, limit int) []Received {
	out := make([]Received, 0, max(0, min(limit, len(g.buf)-i)))
	for ; i < len(g.buf) && len(out) < limit; i++ {
		out = append(out, g.at(i))
	}
	return out
}

func (d *device) state() DeviceState {
	return DeviceState{Device: d.Device, Accepted: d.accepted, Received: d.received, Queued: len(d.queue),
		Expired: d.expired, Collapsed: d.collapsed, Discarded: d.discarded,
		Messages: d.log.from(0, len(d.log.buf)), Shade: append([]Shown{}, d.shade...)}
}
