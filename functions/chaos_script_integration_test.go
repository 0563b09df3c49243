//go:build integration

package functions_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/scripts/harness"
	"github.com/doorbell-push/doorbell/scripts/openapi"
	calling "github.com/doorbell-push/doorbell/shared/call"
	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/docid"
)

type chaosPerson struct {
	harness.Client
	id     string
	phones []*chaosPhone
}

// chaosPhone is a device that is somebody's all the time, and online or away all
// the time.
type chaosPhone struct {
	token, deviceID string
	owner           *chaosPerson // nil: nobody's
	online          bool
	refused         bool // FCM refuses it once, as if its credentials were wrong
}

// chaosGroup has members that stay, one who leaves on the way and one who left
// long ago.
type chaosGroup struct {
	id      string
	members []*chaosPerson
	muter   *chaosPerson
	leaver  *chaosPerson
	left    chaosSpan
}

// chaosSpan is when a request began, and when its answer came.
type chaosSpan struct{ from, to time.Time }

type chaosMessage struct {
	chaosSpan
	id     string // as it is derived from what was asked
	taken  bool   // the answer says so
	again  bool   // it was asked for more than once
	sender *chaosPerson
	peer   *chaosPerson // nil: of a group
	in     *chaosGroup
	pushed bool
}

// chaosCall is a call and what became of each invitation.
type chaosCall struct {
	chaosSpan
	id, tag string
	until   time.Time // it rings no longer
	ends    map[*chaosPerson]*chaosEnd
}

// chaosEnd is how somebody's invitation ended, as far as answers tell.
type chaosEnd struct {
	chaosSpan          // of what ended it; zero: it ran out
	may       []string // what the device may say of it
	on        string   // the device it was answered on
}

// ask makes a request as the SDK does, again until it is answered. tries is how
// many it took.
func (c *chaos) ask(p *chaosPerson, path string, body object) (status int, answer object, s chaosSpan, tries int) {
	s.from = time.Now()
	for tries = 1; ; tries++ {
		status, raw, err := p.Try(c.Context(), http.MethodPost, path, body)
		if err == nil && status < 500 && status != http.StatusTooManyRequests {
			s.to = time.Now()
			_ = json.Unmarshal(raw, &answer)
			return status, answer, s, tries
		}
		if c.Context().Err() != nil {
			return status, nil, s, tries
		}
		time.Sleep(100 * time.Millisecond) // a client's back-off
	}
}

func (c *chaos) must(p *chaosPerson, path string, body object) object {
	c.Helper()
	status, answer, _, _ := c.ask(p, path, body)
	if status != http.StatusOK {
		c.Fatalf("%s by %s: %d %v", path, p.id, status, answer)
	}
	return answer
}

// signUp makes the people, their phones and groups, while all is well.
func (c *chaos) signUp() {
	client := &http.Client{Timeout: 30 * time.Second, Transport: openapi.Transport{Checker: world.api, Report: func(err error) { c.Error(err) }}}
	for n := range 7 {
		id := fmt.Sprintf("chaos-%d-u%d", c.seed, n)
		token, err := c.SignIn(c.Context(), id)
		if err != nil {
			c.Fatal(err)
		}
		world.secrets.add(token)
		p := &chaosPerson{Client: harness.Client{TB: c.T, BaseURL: c.FunctionsURL(), Token: token, HTTP: client}, id: id}
		c.people = append(c.people, p)
		for range 1 + c.r.IntN(3) {
			c.newPhone(p)
		}
	}
	// One is handed on, one logged out.
	first := c.people[0].phones[0]
	c.register(c.people[1], first)
	last := c.people[2].phones[0]
	if status, raw := c.people[2].Do(http.MethodDelete, "/register?deviceID="+last.deviceID, nil); status != 200 {
		c.Fatalf("unregister: %d %s", status, raw)
	}
	last.owner = nil
	c.must(c.people[6], "/blacklist-add", object{"userIDs": []string{c.people[5].id}})
	for n := range 2 {
		g := &chaosGroup{id: fmt.Sprintf("chaos-%d-g%d", c.seed, n)}
		order := c.r.Perm(len(c.people))
		for _, i := range order[:4+2*n] {
			g.members = append(g.members, c.people[i])
		}
		g.muter, g.leaver = g.members[1], g.members[2]
		gone := c.people[order[len(order)-1]]
		ids := []string{gone.id}
		for _, p := range g.members[1:] {
			ids = append(ids, p.id)
		}
		c.must(g.members[0], "/group-create", object{"groupInfo": object{"groupID": g.id, "groupName": "g"}, "userIDs": ids})
		c.must(g.muter, "/group-notification-status", object{"status": 2, "conversationID": g.id, "conversationType": 2})
		c.must(gone, "/group-leave", object{"groupID": g.id})
		c.groups = append(c.groups, g)
	}
}

func (c *chaos) newPhone(p *chaosPerson) {
	platform := []string{"android", "ios", "web"}[c.r.IntN(3)]
	d, err := c.FCM.NewDevice(standin.Device{Platform: standin.Platform(platform)})
	if err != nil {
		c.Fatal(err)
	}
	phone := &chaosPhone{token: d.Token, deviceID: fmt.Sprintf("d%d", len(c.phones)), refused: c.r.IntN(6) == 0}
	world.secrets.add(d.Token)
	c.phones = append(c.phones, phone)
	c.register(p, phone)
	if c.r.IntN(4) == 0 {
		phone.online = true
		c.must(p, "/presence", object{"pushID": c.register(p, phone), "state": "online"})
	}
}

// register makes the phone p's, and away.
func (c *chaos) register(p *chaosPerson, phone *chaosPhone) (pushID string) {
	d, err := c.FCM.Device(phone.token)
	if err != nil {
		c.Fatal(err)
	}
	if phone.owner != nil && phone.owner != p {
		phone.owner.phones = slices.DeleteFunc(phone.owner.phones, func(o *chaosPhone) bool { return o == phone })
		phone.online = false
	}
	answer := c.must(p, "/register", object{"token": phone.token, "platform": string(d.Platform), "deviceID": phone.deviceID})
	if phone.owner != p {
		phone.owner, p.phones = p, append(p.phones, phone)
	}
	return fmt.Sprint(answer["pushID"])
}

// step is something that happens at its time.
type step struct {
	at   time.Duration
	what string
	do   func()
}

// playFor is how long the script is.
const playFor = 12 * time.Second

// play makes a script of the seed, and plays it.
func (c *chaos) play() {
	steps := c.faults()
	for n := range 36 {
		steps = append(steps, c.message(n))
	}
	for n := range 6 {
		steps = append(steps, c.call(n)...)
	}
	for _, g := range c.groups {
		steps = append(steps, step{c.anyTime(), g.leaver.id + " leaves " + g.id, func() {
			_, _, s, _ := c.ask(g.leaver, "/group-leave", object{"groupID": g.id})
			c.mu.Lock()
			defer c.mu.Unlock()
			g.left = s
		}})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	c.began = time.Now()
	var lanes sync.WaitGroup
	for _, s := range steps {
		time.Sleep(time.Until(c.began.Add(s.at))) // the script's own pace: nothing is waited for
		c.note("%s", s.what)
		lanes.Go(s.do)
	}
	lanes.Wait()
}

func (c *chaos) anyTime() time.Duration { return time.Duration(c.r.Int64N(int64(playFor))) }

// message is one, and sometimes its request is made twice at once.
func (c *chaos) message(n int) step {
	m := &chaosMessage{sender: c.people[c.r.IntN(len(c.people))], pushed: c.r.IntN(10) > 0}
	to := ""
	if c.r.IntN(3) > 0 {
		m.in = c.groups[c.r.IntN(len(c.groups))]
		to = m.in.id
	} else {
		m.peer = c.people[c.r.IntN(len(c.people))]
		for m.peer == m.sender {
			m.peer = c.people[c.r.IntN(len(c.people))]
		}
		to = m.peer.id
	}
	body := messageTo(0, to, "hello", fmt.Sprint("m", n))
	if m.in != nil {
		body["conversationType"] = chat.Group
	}
	m.id = docid.New("message", chat.CID(body["conversationType"].(chat.ConversationType), m.sender.id, to), m.sender.id, fmt.Sprint("m", n))
	body["config"].(object)["priority"] = 1 + c.r.IntN(3)
	if !m.pushed {
		delete(body["config"].(object), "pushConfig")
	}
	c.messages = append(c.messages, m)
	twice := c.r.IntN(5) == 0
	name := fmt.Sprintf("m%d from %s to %s, push %t", n, m.sender.id, to, m.pushed)
	return step{c.anyTime(), name, func() {
		var again sync.WaitGroup
		if twice {
			again.Go(func() { c.ask(m.sender, "/send", body) })
		}
		status, answer, s, tries := c.ask(m.sender, "/send", body)
		again.Wait()
		sent, _ := answer["message"].(object)
		c.mu.Lock()
		m.chaosSpan = s
		m.taken, m.again = status == http.StatusOK && sent["messageID"] == m.id, twice || tries > 1
		c.mu.Unlock()
		c.note("m%d is answered %d %s", n, status, m.id)
	}}
}

// call is one, and how it ends: each invitee answers on a device or doesn't, or
// the caller takes it back.
func (c *chaos) call(n int) (steps []step) {
	order := c.r.Perm(len(c.people))
	caller, seconds := c.people[order[0]], []int{4, 8, 15, 28}[c.r.IntN(4)]
	k := &chaosCall{id: fmt.Sprintf("chaos-%d-c%d", c.seed, n), ends: map[*chaosPerson]*chaosEnd{}}
	k.tag = calling.ID(k.id)
	c.calls = append(c.calls, k)
	at := c.anyTime() / 3
	anyTime := func() time.Duration {
		return at + time.Duration(c.r.Int64N(int64(min(seconds, 15))*int64(time.Second)))
	}
	var ids []string
	cancelled := c.r.IntN(3) == 0
	for _, i := range order[1 : 2+c.r.IntN(3)] {
		p := c.people[i]
		if c.blocked(caller, p) {
			continue
		}
		ids = append(ids, p.id)
		end := &chaosEnd{may: []string{"missed"}}
		k.ends[p] = end
		if cancelled || c.r.IntN(3) == 0 || len(p.phones) == 0 {
			continue
		}
		on := p.phones[c.r.IntN(len(p.phones))]
		path, says := "/call-accept", "answered"
		if c.r.IntN(2) == 0 {
			path, says = "/call-reject", "declined"
		}
		steps = append(steps, step{anyTime(), p.id + path + " " + k.id + " on " + on.deviceID, func() {
			c.end(p, path, object{"callID": k.id, "deviceID": on.deviceID}, says, on.deviceID, end)
		}})
	}
	if len(ids) == 0 {
		return nil
	}
	if cancelled {
		steps = append(steps, step{anyTime(), caller.id + " cancels " + k.id, func() {
			var one chaosEnd
			c.end(caller, "/call-cancel", object{"callID": k.id}, "missed", "", &one)
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, end := range k.ends {
				end.chaosSpan = one.chaosSpan
			}
		}})
	}
	body := object{"callID": k.id, "invitees": ids, "config": object{"timeout": seconds, "pushConfig": object{"title": "A" + mark, "content": videoCall}}}
	return append(steps, step{at, fmt.Sprintf("%s calls %v for %d s: %s, %s", caller.id, ids, seconds, k.id, k.tag), func() {
		status, answer, s, _ := c.ask(caller, "/call-invite", body)
		if status != http.StatusOK {
			c.Errorf("seed %d: call-invite: %d %v", c.seed, status, answer)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		k.chaosSpan, k.until = s, s.to.Add(time.Duration(seconds)*time.Second)
	}})
}

// end does what ends an invitation. Where it was refused, it came too late or,
// after a try whose answer got lost, twice.
func (c *chaos) end(p *chaosPerson, path string, body object, says, on string, end *chaosEnd) {
	status, _, s, tries := c.ask(p, path, body)
	c.note("%s%s is answered %d", p.id, path, status)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case status == http.StatusOK:
		end.chaosSpan, end.may, end.on = s, []string{says}, on
	case tries > 1:
		end.may, end.on = append(end.may, says), on
	}
}

// faults is what goes wrong, and when: at FCM all the time, at the other joints
// now and then, and processes that are killed.
func (c *chaos) faults() (steps []step) {
	plan := standin.Plan{Seed: c.seed, Latency: standin.Latency{Base: 5e6, Jitter: 60e6}}
	add := func(m standin.Match, a standin.Action) {
		plan.Rules = append(plan.Rules, standin.Rule{Match: m, Action: a})
	}
	for _, p := range c.phones {
		if p.refused {
			errors := []standin.ErrorCode{standin.ThirdPartyAuth, standin.Unauthenticated, standin.PermissionDenied, standin.NotFound}
			add(standin.Match{Token: p.token, Count: 1}, standin.Action{Error: errors[c.r.IntN(len(errors))]})
		}
	}
	add(standin.Match{Nth: 5 + c.r.IntN(40)}, standin.Action{Kind: standin.FaultHang, For: standin.Delay(20 * time.Second)})
	add(standin.Match{Probability: 0.02}, standin.Action{Error: standin.QuotaExceeded, RetryAfter: standin.Delay(time.Second)})
	add(standin.Match{Probability: 0.06}, standin.Action{Error: standin.Internal})
	add(standin.Match{Probability: 0.06}, standin.Action{Error: standin.Unavailable})
	add(standin.Match{Probability: 0.04}, standin.Action{Kind: standin.FaultReset, StreamOnly: c.r.IntN(2) == 0})
	add(standin.Match{Probability: 0.06}, standin.Action{Kind: standin.FaultLostAnswer})
	if err := c.FCM.SetFaults(plan); err != nil {
		c.Fatal(err)
	}
	for range 30 {
		steps = append(steps, c.gateFault(), c.rpcFault())
	}
	kills := make([]time.Duration, 1+c.r.IntN(2))
	for i := range kills {
		kills[i] = c.anyTime()
	}
	var one sync.Mutex
	for _, at := range kills {
		down := time.Duration(c.r.Int64N(int64(time.Second)))
		steps = append(steps, step{at, "the functions are killed", func() {
			one.Lock()
			defer one.Unlock()
			c.isRough()
			c.KillFunctions()
			c.kills++
			time.Sleep(down)
			if err := c.StartFunctions(c.Context()); err != nil {
				c.Error(err)
			}
			c.note("the functions are there again")
		}})
	}
	return steps
}

// isRough notes that a worker may have died or not know that it has a lease.
func (c *chaos) isRough() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rough = append(c.rough, time.Now())
}

var eventFunctions = []string{"on-message", "on-call", "fan-out", "dispatch", "dispatch-urgent", "sweep"}

// gateFault is a fault between the emulators and the functions.
func (c *chaos) gateFault() step {
	name, n := eventFunctions[c.r.IntN(len(eventFunctions))], 1+c.r.IntN(3)
	while := time.Duration(c.r.Int64N(int64(1500 * time.Millisecond)))
	switch c.r.IntN(4) {
	case 0:
		return step{c.anyTime(), fmt.Sprintf("%s gets everything twice for %v", name, while), func() {
			c.Gate.Duplicate(name, 2, n > 1)
			time.Sleep(while)
			c.Gate.Duplicate(name, 1, false)
		}}
	case 1:
		return step{c.anyTime(), fmt.Sprintf("%d answers of %s get lost", n, name), func() { c.Gate.DropAnswer(name, n) }}
	case 2:
		return step{c.anyTime(), fmt.Sprintf("%s refuses %d events", name, n), func() { c.Gate.Fail(name, n) }}
	}
	return step{c.anyTime(), fmt.Sprintf("the events of %s are held for %v, and then come in any order", name, while), func() {
		c.Gate.Pause(name)
		time.Sleep(while)
		c.Gate.Resume(name)
	}}
}

// rpcFault is a fault between the functions and Firestore or Pub/Sub.
func (c *chaos) rpcFault() step {
	at, method := c.firestore, []string{"BatchGetDocuments", "Commit", "Commit", "RunQuery", "BeginTransaction", "Publish"}[c.r.IntN(6)]
	if method == "Publish" {
		at = c.pubsub
	}
	code := []codes.Code{codes.Aborted, codes.Unavailable, codes.DeadlineExceeded, codes.Internal}[c.r.IntN(4)]
	n, when := 1+c.r.IntN(3), c.anyTime()
	switch c.r.IntN(3) {
	case 0:
		return step{when, fmt.Sprintf("%d times %s is answered %v", n, method, code), func() { at.Fail(method, code, n) }}
	case 1:
		return step{when, fmt.Sprintf("%s is done and answered %v", method, code), func() {
			c.isRough()
			at.FailAfter(method, code, 1)
		}}
	}
	while, slow := time.Duration(c.r.Int64N(int64(time.Second))), time.Duration(c.r.Int64N(int64(2*time.Second)))
	return step{when, fmt.Sprintf("for %v %s takes %v longer", while, method, slow), func() {
		at.Delay(method, slow)
		time.Sleep(while)
		at.Delay(method, 0)
	}}
}
