package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
	"github.com/doorbell-push/doorbell/shared/fcm"
)

const project = "demo-doorbell"

// newStandin is a stand-in for FCM that remembers all that any device received.
func newStandin() *standin.Server {
	return standin.New(standin.Options{Project: project, DeviceLog: -1, Log: 1 << 30})
}

// sender is FCM as one process reaches it: the weather on the way, and the
// stand-in.
type sender struct{ p *process }

var errReset = errors.New("connection reset by peer")

// Send implements dispatch.Sender.
func (s sender) Send(ctx context.Context, body []byte) (string, error) {
	p, w := s.p, s.p.w
	target, told := targetIn(body), toldIn(body)
	j, f := p.fateOf(ctx, "FCM "+target)
	began := time.Now()
	note := func(what string) { w.note(j, p, "FCM "+w.phoneOf(target), what) }

	wild := w.wild() && j.attempt <= lastFault
	weather, wait := w.weather.FCM, f.between(howLong, 20*time.Millisecond, 200*time.Millisecond)
	if wild && f.hits(isSlow, weather.Slow) {
		wait += f.between(howSlow, time.Second, 9*time.Second)
	}
	if err := p.wait(ctx, wait); err != nil {
		note(err.Error())
		return "", err
	}
	if !wild {
		return s.ask(body, began, note)
	}
	if f.hits(dies, w.weather.Kill/4) {
		if f.hits(diesBefore, 0.5) {
			note("DIES before it")
		} else {
			_, _ = s.ask(body, began, note)
			w.excuse(told)
			note("DIES after it")
		}
		w.bury(p)
		return "", errDied
	}
	luck := f.draw(fcmSays)
	happens := func(probability float64) bool {
		luck -= probability
		return luck < 0
	}
	switch {
	case happens(weather.Quota):
		header := http.Header{}
		if f.hits(retryAfter, 0.5) {
			header.Set("Retry-After", fmt.Sprint(int(f.between(howLong, 1, 20))))
		}
		note("429")
		return "", fcm.NewError(http.StatusTooManyRequests, header, nil)
	case happens(weather.Internal):
		note("500")
		return "", fcm.NewError(http.StatusInternalServerError, nil, nil)
	case happens(weather.Unavailable):
		header := http.Header{} // which is for all processes
		if f.hits(retryAfter, 0.2) {
			header.Set("Retry-After", fmt.Sprint(int(f.between(howLong, 1, 20))))
		}
		note("503")
		return "", fcm.NewError(http.StatusServiceUnavailable, header, nil)
	case happens(weather.Refused):
		status := []int{401, 403, 404}[int(f.between(retryAfter, 0, 3))]
		note(fmt.Sprint(status))
		return "", fcm.NewError(status, nil, nil)
	case happens(weather.Reset):
		note("RESET")
		return "", errReset
	case happens(weather.Hang):
		note("HANGS")
		return "", hang(ctx, p)
	case happens(weather.LostAnswer):
		_, _ = s.ask(body, began, note)
		w.excuse(told)
		note("ANSWER LOST")
		return "", errReset
	case happens(weather.Silent):
		_, _ = s.ask(body, began, note)
		w.excuse(told)
		note("HANGS")
		return "", hang(ctx, p)
	}
	return s.ask(body, began, note)
}

// ask has the stand-in answer a request that began before.
func (s sender) ask(body []byte, began time.Time, note func(string)) (string, error) {
	answer := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/v1/projects/"+project+"/messages:send", bytes.NewReader(body))
	s.p.w.fcm.ServeHTTP(answer, r)
	note(http.StatusText(answer.Code))
	if answer.Code != http.StatusOK {
		return "", fcm.NewError(answer.Code, answer.Header(), answer.Body.Bytes())
	}
	var taken struct{ Name string }
	if err := json.Unmarshal(answer.Body.Bytes(), &taken); err != nil {
		panic(err)
	}
	s.p.w.asked(taken.Name, began)
	return taken.Name, nil
}

// hang waits for an answer that doesn't come.
func hang(ctx context.Context, p *process) error {
	if err := p.wait(ctx, time.Hour); err != nil {
		return err
	}
	return context.DeadlineExceeded
}

// toldIn names what a request's body tells whom: the target and the ID of what
// is announced.
func toldIn(body []byte) string {
	_, rest, _ := bytes.Cut(body, []byte(`"id":"`))
	id, _, _ := bytes.Cut(rest, []byte(`"`))
	return targetIn(body) + "\n" + string(id)
}

// targetIn finds the target in a request's body, without decoding all of it.
func targetIn(body []byte) string {
	for _, field := range []string{`"token":"`, `"fid":"`} {
		if _, rest, found := bytes.Cut(body, []byte(field)); found {
			value, _, _ := bytes.Cut(rest, []byte(`"`))
			return string(value)
		}
	}
	return ""
}
