package push

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// OneTry is base for the Admin SDK's messaging client, whose own retries it
// prevents. The SDK repeats a 503 and a network error up to four times within
// one Send, waiting out a Retry-After that then nobody else hears of; when to
// try again is the dispatcher's to decide. Both reach the SDK as a 500 that says
// UNAVAILABLE, which it doesn't retry and Judge calls Unavailable.
func OneTry(base http.RoundTripper) http.RoundTripper { return oneTry{base} }

type oneTry struct{ base http.RoundTripper }

func (t oneTry) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(r)
	switch {
	case err != nil && r.Context().Err() == nil:
		return unavailable(r, http.Header{}, err.Error()), nil
	case err == nil && resp.StatusCode == http.StatusServiceUnavailable:
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection is used again
		resp.Body.Close()
		return unavailable(r, resp.Header, "FCM answered 503"), nil
	}
	return resp, err
}

func unavailable(r *http.Request, h http.Header, message string) *http.Response {
	quoted, _ := json.Marshal(message) // a string always has a JSON form
	body := fmt.Sprintf(`{"error":{"code":503,"message":%s,"status":"UNAVAILABLE"}}`, quoted)
	return &http.Response{
		Status: "500 Internal Server Error", StatusCode: http.StatusInternalServerError,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}
