package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
)

// maxAnswer is the longest answer a Client reads, in bytes.
const maxAnswer = 8 << 20

// Client calls our HTTP functions as an app would. It is a value: copy it to call as somebody else.
type Client struct {
	TB      testing.TB  // told of calls that get no answer; only Do needs it
	BaseURL string      // such as "http://127.0.0.1:8080"
	Token   string      // ID token; empty sends no Authorization
	Header  http.Header // added to every request, over what the Client sets itself
	HTTP    *http.Client
}

// APIError is our error answer.
type APIError struct {
	Code    int    `json:"code"`
	Status  string `json:"status"`
	Message string `json:"message"`
	Field   string `json:"field,omitempty"`
}

func (e APIError) Error() string {
	return fmt.Sprintf("%s (%d) %s: %s", e.Status, e.Code, e.Field, e.Message)
}

// Do sends one request and returns the answer. A call without an answer is an error of the test, and has status 0; it may be used
// from any goroutine of the test. For body see Try.
func (c Client) Do(method, path string, body any) (status int, answer json.RawMessage) {
	c.TB.Helper()
	status, answer, err := c.Try(c.TB.Context(), method, path, body)
	if err != nil {
		c.TB.Error(err)
	}
	return status, answer
}

// Try sends one request. A nil body sends none, a string, []byte or json.RawMessage goes out as it is, and anything else as JSON.
// The error tells only of a call without a whole answer; an error answer is a status and a body.
func (c Client) Try(ctx context.Context, method, path string, body any) (status int, answer json.RawMessage, err error) {
	raw, err := encode(body)
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.BaseURL+path, bytes.NewReader(raw))
	if err != nil {
		return 0, nil, err
	}
	if raw != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	for key, values := range c.Header {
		request.Header[key] = values
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: reading the answer: %w", method, path, err)
	}
	return response.StatusCode, answer, nil
}

func encode(body any) ([]byte, error) {
	switch body := body.(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(body), nil
	case []byte:
		return body, nil
	case json.RawMessage:
		return body, nil
	}
	return json.Marshal(body)
}

// DecodeError reads {"error":{"code":…,"status":…,"message":…,"field":…}}. Anything else, an unknown field too, is an error: the
// shape is a promise to callers.
func DecodeError(answer []byte) (APIError, error) {
	var shape struct {
		Error *APIError `json:"error"`
	}
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&shape); err != nil {
		return APIError{}, fmt.Errorf("error answer %.200q: %w", answer, err)
	}
	if shape.Error == nil || shape.Error.Code == 0 || shape.Error.Status == "" || shape.Error.Message == "" {
		return APIError{}, fmt.Errorf("error answer %.200q lacks error, code, status or message", answer)
	}
	return *shape.Error, nil
}
