package standin

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"
)

// maxBody bounds a request. The largest valid message is far smaller.
const maxBody = 256 << 10

// send is POST /v1/projects/{project}/messages:send.
func (s *Server) send(w http.ResponseWriter, r *http.Request) {
	end := s.begin(r)
	defer end()
	name, err := s.handle(r)
	var refused *apiError
	switch {
	case errors.Is(err, errAbort):
		abort(r)
	case errors.Is(err, errAbortStream):
		panic(http.ErrAbortHandler)
	case errors.As(err, &refused):
		s.count(refused)
		refused.write(w)
	default:
		writeJSON(w, http.StatusOK, map[string]string{"name": name})
	}
}

// Outcomes that are no answer.
var (
	errAbort       = errors.New("connection closed")
	errAbortStream = errors.New("stream closed")
)

func (e *apiError) Error() string { return e.message }

// handle takes a request through FCM's steps: project, credential, schema,
// message, then target. Faults strike before the target is looked up.
func (s *Server) handle(r *http.Request) (string, error) {
	project := r.PathValue("project")
	if project != s.opts.Project {
		return "", refusal(NotFound, project)
	}
	if s.opts.RequireAuth && r.Header.Get("Authorization") == "" {
		return "", refusal(Unauthenticated, project)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return "", errAbortStream // the client stopped sending
	}
	if len(body) > maxBody {
		return "", badPayload(violation{Description: fmt.Sprintf("Request payload size exceeds the limit: %d bytes.", maxBody)})
	}
	req, raw, bad := decodeSend(body)
	if bad != nil {
		return "", bad
	}
	m := req.Message
	if m == nil {
		m = &Message{}
	}
	if bad := validate(m); bad != nil {
		return "", bad
	}
	sub := submission{message: m, raw: bytes.Clone(raw), target: target(m), validateOnly: req.ValidateOnly}

	delay, rule := s.attempt(&sub)
	if delay > 0 {
		s.opts.Sleep(r.Context(), delay)
		if r.Context().Err() != nil {
			return "", errAbortStream
		}
	}
	if rule == nil {
		return s.accept(sub)
	}
	return s.strike(r, sub, rule)
}

// submission is a valid request on its way.
type submission struct {
	message      *Message
	raw          []byte
	target       string // token or installation ID; empty for a topic or condition
	validateOnly bool
	bodyHash     uint64
	try          int
}

func target(m *Message) string {
	switch {
	case m.Token != nil:
		return *m.Token
	case m.FID != nil:
		return *m.FID
	}
	return ""
}

// strike does what a fault rule says.
func (s *Server) strike(r *http.Request, sub submission, rule *Rule) (string, error) {
	a := rule.Action
	closed := errAbort
	if a.StreamOnly {
		closed = errAbortStream
	}
	switch a.Kind {
	case FaultReset:
		return "", closed
	case FaultLostAnswer:
		if _, err := s.accept(sub); err != nil {
			return "", err
		}
		return "", closed
	case FaultHang:
		bound := time.Duration(a.For)
		if bound == 0 {
			bound = defaultHang
		}
		s.opts.Sleep(r.Context(), bound)
		return "", closed
	}
	e := a.refusal(s.opts.Project)
	if e.retryAfter > 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		now := s.opts.Now()
		until := now.Add(e.retryAfter)
		maps.DeleteFunc(s.retryAfterBy, func(_ string, t time.Time) bool { return !t.After(now) })
		if rule.Match.Token != "" {
			s.retryAfterBy[rule.Match.Token] = until
		} else if until.After(s.retryAfter) {
			s.retryAfter = until
		}
	}
	return "", e
}

// attempt notes a valid request and asks the fault plan.
func (s *Server) attempt(sub *submission) (time.Duration, *Rule) {
	sub.bodyHash = maphash.Bytes(s.seed, sub.raw)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.notify()
	now := s.opts.Now()
	if now.Before(s.retryAfter) || now.Before(s.retryAfterBy[sub.target]) {
		s.stats.InRetryAfter++
	}
	if d, ok := s.devices[sub.target]; ok && !sub.validateOnly {
		c := remember(&d.bodies, sub.bodyHash)
		c.tries++
		sub.try = c.tries
	}
	delay, rule := s.faults.next(sub.target)
	if rule != nil {
		kind := rule.Action.Kind
		if kind == "" {
			kind = FaultError
		}
		s.stats.Faults[kind]++
	}
	return delay, rule
}

// accept delivers or queues a message and returns its name.
func (s *Server) accept(sub submission) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.notify()
	now := s.opts.Now()
	d := s.devices[sub.target]
	if sub.target != "" {
		if d == nil {
			return "", refusal(Unregistered, s.opts.Project)
		}
		if d.Sender != s.opts.Project {
			return "", refusal(SenderIDMismatch, s.opts.Project)
		}
	}
	if sub.validateOnly {
		s.stats.ValidateOnly++
		return "projects/" + s.opts.Project + "/messages/fake_message_id", nil
	}
	s.names++
	name := fmt.Sprintf("projects/%s/messages/0:%d%%%016x", s.opts.Project, now.UnixMicro(), s.names)
	s.stats.Accepted++
	if d == nil {
		s.stats.Topic++
		return name, nil
	}
	d.accepted++
	r := Received{Name: name, Token: d.Token, Platform: d.Platform, Message: sub.raw, Attempt: sub.try, AcceptedAt: now,
		Silent: !sub.message.shows(d.Platform)}
	r.Title, r.Body, r.Tag = sub.message.visible(d.Platform)
	s.countRepeats(d, r.Tag, sub.bodyHash)

	q := queued{received: r, message: sub.message, key: sub.message.collapseKey(d.Platform),
		expiry: sub.message.expiry(d.Platform, now)}
	switch {
	case d.On:
		s.deliver(d, q)
	case !q.expiry.After(now): // now or never
		d.expired++
		s.stats.Expired++
	default:
		s.expire(d)
		collapsed, discarded := d.collapsed, d.discarded
		d.enqueue(q)
		s.stats.Collapsed += d.collapsed - collapsed
		s.stats.Discarded += d.discarded - discarded
	}
	return name, nil
}

// countRepeats counts messages a device had already accepted.
func (s *Server) countRepeats(d *device, tag string, bodyHash uint64) {
	if tag != "" {
		c := remember(&d.tags, s.hash(tag))
		if c.accepted++; c.accepted > 1 {
			s.stats.RepeatedTags++
		}
	}
	c := remember(&d.bodies, bodyHash)
	if c.accepted++; c.accepted > 1 {
		s.stats.RepeatedMessages++
	}
}

func (s *Server) hash(tag string) uint64 { return maphash.String(s.seed, tag) }

// deliver hands a message to a device that is on.
func (s *Server) deliver(d *device, q queued) {
	r := q.received
	s.seq++
	r.Seq, r.ReceivedAt = s.seq, s.opts.Now()
	d.received++
	s.stats.Received++
	d.log.add(r, s.opts.DeviceLog)
	s.log.add(r, s.opts.Log)
	if !r.Silent {
		d.show(r, s.hash(r.Tag))
	}
}

// addPush fills in the push data of messages for the web. It is made when
// somebody looks, which is rare, and not kept.
func (s *Server) addPush(list []Received) {
	for i, r := range list {
		if r.Platform != Web {
			continue
		}
		if req, _, bad := decodeSend(fmt.Appendf(nil, `{"message":%s}`, r.Message)); bad == nil {
			list[i].Push = req.Message.webpush(r.Name, s.opts.SenderID)
		}
	}
}

// expire drops what waited too long.
func (s *Server) expire(d *device) {
	now, before := s.opts.Now(), len(d.queue)
	d.queue = slices.DeleteFunc(d.queue, func(q queued) bool { return !q.expiry.After(now) })
	dropped := uint64(before - len(d.queue))
	d.expired += dropped
	s.stats.Expired += dropped
}

// drain delivers what waited for a device, oldest first.
func (s *Server) drain(d *device) {
	s.expire(d)
	waiting := d.queue
	d.queue = nil
	for _, q := range waiting {
		s.deliver(d, q)
	}
}

// count books a refusal.
func (s *Server) count(e *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Errors[e.code]++
	s.notify()
}

// begin books a request and returns what books its end.
func (s *Server) begin(r *http.Request) (end func()) {
	c := connOf(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.notify()
	st := &s.stats
	st.Requests++
	st.Protocols[r.Proto]++
	st.InFlight++
	st.MaxInFlight = max(st.MaxInFlight, st.InFlight)
	if c != nil {
		c.streams++
		st.MaxStreams = max(st.MaxStreams, c.streams)
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stats.InFlight--
		if c != nil {
			c.streams--
		}
		s.notify()
	}
}
