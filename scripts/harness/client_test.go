package harness

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

func TestClient(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type")+" "+r.Header.Get("Authorization")+" "+string(body))
	}))
	defer server.Close()
	alice := Client{TB: t, BaseURL: server.URL, Token: "T"}
	anonymous := Client{TB: t, BaseURL: server.URL, Header: http.Header{"Content-Type": {"text/plain"}}}
	for _, test := range []struct {
		client Client
		body   any
		want   string
	}{
		{alice, nil, "POST /send  Bearer T "},
		{alice, map[string]int{"a": 1}, `POST /send application/json Bearer T {"a":1}`},
		{alice, `{"a":`, `POST /send application/json Bearer T {"a":`},
		{anonymous, []byte("\xff"), "POST /send text/plain  \xff"},
	} {
		status, answer := test.client.Do("POST", "/send", test.body)
		if status != http.StatusTeapot || string(answer) != test.want {
			t.Errorf("got %d %q, want %q", status, answer, test.want)
		}
	}
}

func TestClientWithoutServer(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	if status, _, err := (Client{BaseURL: server.URL}).Try(t.Context(), "GET", "/", nil); err == nil || status != 0 {
		t.Errorf("got %d, %v, want an error", status, err)
	}
}

func TestDecodeError(t *testing.T) {
	got, err := DecodeError([]byte(`{"error":{"code":6000001,"status":"INVALID_ARGUMENT","message":"too long","field":"message"}}`))
	if want := (APIError{6000001, "INVALID_ARGUMENT", "too long", "message"}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{
		``, `{}`, `"text"`, `{"error":null}`, `{"error":{"code":1,"status":"S"}}`,
		`{"error":{"code":1,"status":"S","message":"m","extra":1}}`,
	} {
		if _, err := DecodeError([]byte(bad)); err == nil {
			t.Errorf("DecodeError(%q) is no error", bad)
		}
	}
}

func TestPoll(t *testing.T) {
	notYet := errors.New("not yet")
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		if err := Poll(t.Context(), time.Minute, func(context.Context) error {
			if tries++; tries < 3 {
				return notYet
			}
			return nil
		}); err != nil || tries != 3 {
			t.Errorf("%v after %d tries, want nil after 3", err, tries)
		}

		start := time.Now()
		err := Poll(t.Context(), time.Minute, func(context.Context) error { return notYet })
		if !errors.Is(err, notYet) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("%v after %v, want the condition's own error after 1m", err, time.Since(start))
		}
	})
}
