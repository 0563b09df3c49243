package standin

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// clock is a clock that tests move.
type clock struct{ now time.Time }

func newClock() *clock                   { return &clock{time.Unix(1_700_000_000, 0)} }
func (c *clock) Now() time.Time          { return c.now }
func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

// deliver sends a message, in which $T is the target, and fails the test if it is refused.
func deliver(t *testing.T, s *Server, target, message string) string {
	t.Helper()
	status, body, _ := post(s, s.opts.Project, `{"message":`+strings.ReplaceAll(message, "$T", target)+`}`)
	if status != 200 {
		t.Fatalf("%s: %d %s", message, status, body)
	}
	return strings.TrimSuffix(strings.TrimPrefix(body, `{"name":"`), `"}`)
}

func titles(shown []Shown) (out []string) {
	for _, n := range shown {
		out = append(out, n.Title)
	}
	return out
}

func received(msgs []Received) (out []string) {
	for _, m := range msgs {
		out = append(out, m.Title)
	}
	return out
}

func TestShade(t *testing.T) {
	for _, tt := range []struct {
		platform Platform
		message  string // of title and tag
		silent   string
	}{
		{Android, `{"token":"$T","android":{"notification":{"title":"%s","tag":"%s"}}}`, `{"token":"$T","data":{"a":"b"}}`},
		{Web, `{"token":"$T","webpush":{"notification":{"title":"%s","tag":"%s"}}}`, `{"token":"$T","data":{"a":"b"},"android":{"notification":{"title":"x"}}}`},
		{IOS, `{"token":"$T","apns":{"payload":{"aps":{"alert":{"title":"%s"}}},"headers":{"apns-collapse-id":"%s"}}}`,
			`{"token":"$T","apns":{"payload":{"aps":{"content-available":1}}}}`},
	} {
		t.Run(string(tt.platform), func(t *testing.T) {
			s := New(Options{})
			target := newDevice(t, s, Device{Platform: tt.platform})
			send := func(title, tag string) { deliver(t, s, target, fmt.Sprintf(tt.message, title, tag)) }
			send("one", "a")
			send("two", "b")
			deliver(t, s, target, tt.silent)
			send("three", "a")
			got := s.Shade(target)
			if want := []string{"two", "three"}; !slices.Equal(titles(got), want) {
				t.Fatalf("shade %v, want %v", titles(got), want)
			}
			if got[1].ShownTimes != 2 || got[1].Replaced != 1 || got[0].ShownTimes != 1 {
				t.Errorf("counts: %+v", got)
			}
			if m := s.Messages(target); len(m) != 4 || !m[2].Silent || m[0].Silent || m[2].Attempt != 1 {
				t.Errorf("messages: %+v", m)
			}
			if was, err := s.Dismiss(target, "a"); !was || err != nil {
				t.Errorf("dismiss: %v, %v", was, err)
			}
			if was, _ := s.Dismiss(target, "a"); was {
				t.Error("dismissed twice")
			}
			send("four", "a")
			if n := s.Shade(target)[1]; n.ShownTimes != 3 || n.Replaced != 0 {
				t.Errorf("after a dismissal: %+v", n)
			}
			if n := s.Stats().RepeatedTags; n != 2 {
				t.Errorf("repeated tags %d, want 2", n)
			}
		})
	}
}

func TestVisible(t *testing.T) {
	s := New(Options{SenderID: "42"})
	for _, tt := range []struct {
		platform          Platform
		message           string
		title, body, push string
	}{
		{Android, `{"token":"$T","notification":{"title":"t","body":"b"},"android":{"notification":{"body":"B"}}}`, "t", "B", ""},
		{IOS, `{"token":"$T","notification":{"title":"t","body":"b"},"apns":{"payload":{"aps":{"alert":"A"}}}}`, "", "A", ""},
		{IOS, `{"token":"$T","notification":{"title":"t","body":"b"}}`, "t", "b", ""},
		{Web, `{"token":"$T","data":{"k":"v"},"notification":{"title":"t","body":"b"},"webpush":{"notification":{"body":"B"},"fcm_options":{"link":"https://e.example/"}}}`,
			"t", "B", `{"data":{"k":"v"},"fcmMessageId":"NAME","fcmOptions":{"link":"https://e.example/"},"from":"42","notification":{"body":"B","title":"t"}}`},
		{Web, `{"token":"$T","data":{"k":"v"},"webpush":{"data":{"k":"w"}}}`, "", "", `{"data":{"k":"w"},"fcmMessageId":"NAME","from":"42"}`},
	} {
		target := newDevice(t, s, Device{Platform: tt.platform})
		name := deliver(t, s, target, tt.message)
		m := s.Messages(target)[0]
		if m.Title != tt.title || m.Body != tt.body {
			t.Errorf("%s %s: shows %q, %q", tt.platform, tt.message, m.Title, m.Body)
		}
		if want := strings.ReplaceAll(tt.push, "NAME", name); string(m.Push) != want {
			t.Errorf("%s: push data\n%s, want\n%s", tt.message, m.Push, want)
		}
		if want := strings.ReplaceAll(tt.message, "$T", target); string(m.Message) != want {
			t.Errorf("message %s, want it as sent: %s", m.Message, want)
		}
	}
}

func TestOffline(t *testing.T) {
	const data = `{"token":"$T","notification":null,"data":{"n":"%d"}%s}`
	titled := func(title, rest string) string {
		return fmt.Sprintf(`{"token":"$T","webpush":{"notification":{"title":"%s"}%s}}`, title, rest)
	}
	alert := func(title, headers string) string {
		return fmt.Sprintf(`{"token":"$T","apns":{"payload":{"aps":{"alert":{"title":"%s"}}},"headers":{%s}}}`, title, headers)
	}
	for _, tt := range []struct {
		name     string
		platform Platform
		messages []string
		away     time.Duration
		want     []string
	}{
		{"in order", Web, []string{titled("1", ""), titled("2", "")}, time.Hour, []string{"1", "2"}},
		{"web time to live", Web, []string{titled("1", `,"headers":{"TTL":"60"}`), titled("2", `,"headers":{"TTL":"61"}`)}, time.Minute, []string{"2"}},
		{"web now or never", Web, []string{titled("1", `,"headers":{"TTL":"0"}`)}, 0, nil},
		{"web default of four weeks", Web, []string{titled("1", "")}, maxTTL, nil},
		{"web topic collapses", Web, []string{titled("1", `,"headers":{"Topic":"a"}`), titled("2", ""), titled("3", `,"headers":{"topic":"a"}`)},
			0, []string{"2", "3"}},
		{"iOS expiration", IOS, []string{alert("1", `"apns-expiration":"1700000060"`), alert("2", `"apns-expiration":"1700000061"`)},
			time.Minute, []string{"2"}},
		{"iOS now or never", IOS, []string{alert("1", `"apns-expiration":"0"`)}, 0, nil},
		{"iOS default of 30 days", IOS, []string{alert("1", "")}, 30*24*time.Hour - 1, []string{"1"}},
		{"iOS collapse", IOS, []string{alert("1", `"apns-collapse-id":"a"`), alert("2", `"apns-collapse-id":"a"`)}, 0, []string{"2"}},
		{"Android time to live, rounded down", Android, []string{fmt.Sprintf(data, 1, `,"android":{"ttl":"1.9s"}`)}, time.Second, nil},
		{"Android data stays apart", Android, []string{fmt.Sprintf(data, 1, ""), fmt.Sprintf(data, 2, "")}, 0, []string{"", ""}},
		{"Android collapse key", Android, []string{fmt.Sprintf(data, 1, `,"android":{"collapse_key":"a"}`),
			fmt.Sprintf(data, 2, `,"android":{"collapse_key":"a"}`)}, 0, []string{""}},
		{"Android notifications always collapse", Android, []string{`{"token":"$T","notification":{"title":"1"},"android":{"collapse_key":"a"}}`,
			`{"token":"$T","notification":{"title":"2"},"android":{"collapse_key":"b"}}`}, 0, []string{"2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			s := New(Options{Now: c.Now})
			target := newDevice(t, s, Device{Platform: tt.platform})
			if err := s.SetPower(target, false); err != nil {
				t.Fatal(err)
			}
			for _, m := range tt.messages {
				deliver(t, s, target, m)
			}
			if got := s.Messages(target); len(got) != 0 {
				t.Fatalf("off, but received %v", received(got))
			}
			c.advance(tt.away)
			if err := s.SetPower(target, true); err != nil {
				t.Fatal(err)
			}
			if got := received(s.Messages(target)); !slices.Equal(got, tt.want) {
				t.Errorf("received %q, want %q", got, tt.want)
			}
			st := s.Stats()
			if n := uint64(len(tt.messages)); st.Accepted != n || st.Received+st.Expired+st.Collapsed != n {
				t.Errorf("stats do not add up: %+v", st)
			}
		})
	}
}

func TestOfflineLimits(t *testing.T) {
	s := New(Options{DeviceLog: 300})
	keys, many := newDevice(t, s, Device{}), newDevice(t, s, Device{})
	for _, d := range []string{keys, many} {
		_ = s.SetPower(d, false)
	}
	for i := range 6 {
		deliver(t, s, keys, fmt.Sprintf(`{"token":"$T","data":{"n":"%d"},"android":{"collapse_key":"k%d"}}`, i, i))
	}
	for i := range maxQueue + 1 {
		deliver(t, s, many, fmt.Sprintf(`{"token":"$T","data":{"n":"%d"}}`, i))
	}
	if d, _ := s.Device(keys); d.Queued != 4 || d.Collapsed != 2 {
		t.Errorf("six collapse keys: %+v, want four kept", d)
	}
	if d, _ := s.Device(many); d.Queued != 0 || d.Discarded != maxQueue+1 {
		t.Errorf("101 messages: %d queued, %d discarded, want all discarded", d.Queued, d.Discarded)
	}
}

func TestBounds(t *testing.T) {
	s := New(Options{DeviceLog: 3, Log: 5, MaxDevices: 2})
	target := newDevice(t, s, Device{})
	for i := range 60 {
		deliver(t, s, target, fmt.Sprintf(`{"token":"$T","notification":{"title":"%d"}}`, i))
	}
	d, err := s.Device(target)
	if err != nil || d.Received != 60 || !slices.Equal(received(d.Messages), []string{"57", "58", "59"}) {
		t.Errorf("device: %d received, kept %v, %v", d.Received, received(d.Messages), err)
	}
	if len(d.Shade) != maxShade || d.Shade[0].Title != "10" {
		t.Errorf("shade of %d from %q, want the newest 50", len(d.Shade), d.Shade[0].Title)
	}
	if got := s.Log(57, 2); len(got) != 2 || got[0].Seq != 58 {
		t.Errorf("log after 57: %+v", got)
	}
	if got := s.Log(0, 100); len(got) != 5 || got[0].Seq != 56 {
		t.Errorf("log: %d from %d, want 5 from 56", len(got), got[0].Seq)
	}
	if got := s.Log(60, 100); len(got) != 0 {
		t.Errorf("log after the newest: %+v", got)
	}
	newDevice(t, s, Device{})
	if _, err := s.NewDevice(Device{}); err != ErrFull {
		t.Errorf("third device: %v, want ErrFull", err)
	}
	if err := s.Uninstall(target); err != nil {
		t.Error(err)
	}
	if err := s.Uninstall(target); err != ErrNoDevice {
		t.Errorf("second uninstall: %v, want ErrNoDevice", err)
	}
	if status, _, _ := post(s, s.opts.Project, `{"message":{"token":"`+target+`"}}`); status != 404 {
		t.Errorf("uninstalled device: status %d, want 404", status)
	}
	s.Reset()
	if st := s.Stats(); st.Devices != 0 || st.Requests != 0 || len(s.Log(0, 10)) != 0 {
		t.Errorf("after Reset: %+v", st)
	}
}

func TestNewDevice(t *testing.T) {
	s := New(Options{})
	for _, d := range []Device{{Kind: "x"}, {Platform: "x"}, {Token: "x"}, {Kind: FID, Token: "x"}} {
		if _, err := s.NewDevice(d); err == nil {
			t.Errorf("%+v was taken", d)
		}
	}
	if a, b := TokenFor("a"), TokenFor("b"); a == b || a != TokenFor("a") || !tokenForm.MatchString(a) || len(a) != 163 {
		t.Errorf("tokens %q, %q", a, b)
	}
	if f := FIDFor("a"); !fidForm.MatchString(f) {
		t.Errorf("installation ID %q", f)
	}
}
