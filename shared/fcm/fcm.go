// Package fcm sends messages to Firebase Cloud Messaging's HTTP v1 API: one
// request, one answer, over a few HTTP/2 connections that stay open. When to
// send, and what an answer means to a device, are others' to decide.
package fcm

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	// Endpoint is FCM's own.
	Endpoint = "https://fcm.googleapis.com/v1"
	// Scope is the OAuth scope that messages:send asks for.
	Scope = "https://www.googleapis.com/auth/firebase.messaging"
	// MaxStreams is how many requests FCM takes at once on one connection.
	MaxStreams = 100
)

// Limits of a connection. A try's own time limit is its context's.
const (
	dialTimeout = 5 * time.Second
	// pingAfter is how long a connection may be silent before it is asked
	// whether it is still there, pingTimeout how long it may take to say so: one
	// that a network has silently dropped fails its requests after the sum.
	pingAfter   = 10 * time.Second
	pingTimeout = 5 * time.Second
	// maxIdle closes connections that nobody has used for so long; by the wall
	// clock, so also after a pause of the whole machine.
	maxIdle = 5 * time.Minute
	// maxTries is how often a request goes out that the peer does not look at.
	maxTries = 5
	// maxAnswer bounds what is read of an answer; FCM's have a few hundred bytes.
	maxAnswer = 64 << 10
)

// Options say where to send and with which credentials.
type Options struct {
	// Project is the Firebase project to send from.
	Project string
	// Endpoint is the API's base URL, default Endpoint. http:// means HTTP/2
	// without TLS, which only the stand-in speaks.
	Endpoint string
	// Connections is how many are open at most, default 1. They take
	// Connections × MaxStreams requests at once; more wait for their turn.
	Connections int
	// Tokens give the access token of each request; nil sends none.
	Tokens Tokens
	// QuotaProject is the project that calls are billed to, which a person's own
	// credentials have to name; empty leaves it to the credentials.
	QuotaProject string
	// TLS is nil but in tests.
	TLS *tls.Config
}

// Client sends messages. It is safe for concurrent use; make one per process.
type Client struct {
	request *http.Request // what all requests have in common
	headers headers
	pool    *pool
}

// New makes a client. It opens no connection yet.
func New(o Options) (*Client, error) {
	if o.Project == "" {
		return nil, errors.New("fcm: no project to send from")
	}
	if o.Endpoint == "" {
		o.Endpoint = Endpoint
	}
	target, err := url.Parse(o.Endpoint + "/projects/" + url.PathEscape(o.Project) + "/messages:send")
	if err != nil {
		return nil, fmt.Errorf("fcm: endpoint: %w", err)
	}
	if (target.Scheme != "http" && target.Scheme != "https") || target.Host == "" {
		return nil, fmt.Errorf("fcm: endpoint %q: want an http or https URL", o.Endpoint)
	}
	t := transport(target.Scheme, o.TLS)
	address := net.JoinHostPort(target.Hostname(), target.Port())
	dial := func(ctx context.Context) (clientConn, error) {
		// No pool of net/http's: one opens a connection for each request that waits
		// where another must not have more than a few (StrictMaxConcurrentRequests
		// would hold it back, but its requests wait for each other forever once
		// there are more of them than streams; Go 1.26).
		return t.NewClientConn(ctx, target.Scheme, address)
	}
	return &Client{
		request: &http.Request{Method: http.MethodPost, URL: target, Host: target.Host},
		headers: headers{tokens: o.Tokens, quotaProject: o.QuotaProject},
		pool:    &pool{dial: dial, max: max(o.Connections, 1)},
	}, nil
}

func transport(scheme string, conf *tls.Config) *http.Transport {
	p := new(http.Protocols)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(scheme == "http")
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:     conf,
		TLSHandshakeTimeout: dialTimeout,
		Protocols:           p,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout, WriteByteTimeout: pingTimeout},
		IdleConnTimeout:     maxIdle,
		DisableCompression:  true, // the answers are shorter than gzip's own header is worth
	}
}

// Warm opens a connection and fetches a token, if there are none, so that the
// first push need not wait for them. It may fail silently: the first push then
// says why.
func (c *Client) Warm(ctx context.Context) {
	_, _ = c.headers.get(ctx)
	if conn, err := c.pool.get(ctx); err == nil {
		c.pool.put(conn)
	}
}

// Close closes all connections; requests under way fail.
func (c *Client) Close() { c.pool.close() }

// Send makes one request of messages:send. body is its JSON, which nobody may
// change afterwards. It answers the message's name, or an *Error if FCM
// answers that it did not take the message, or a *TokenError if it wasn't asked
// for want of an access token; any other error leaves that open.
func (c *Client) Send(ctx context.Context, body []byte) (name string, err error) {
	header, err := c.headers.get(ctx)
	if err != nil {
		return "", &TokenError{Err: err}
	}
	for try := 1; ; try++ {
		name, err = c.try(ctx, header, body)
		// Nothing was done with it: no reason to bother anyone, on another connection.
		if err == nil || try == maxTries || !unprocessed(err) {
			return name, err
		}
	}
}

func (c *Client) try(ctx context.Context, header http.Header, body []byte) (name string, err error) {
	conn, err := c.pool.get(ctx)
	if err != nil {
		return "", fmt.Errorf("fcm: %w", err)
	}
	defer c.pool.put(conn)
	r := c.request.WithContext(ctx)
	r.Header, r.Body, r.ContentLength = header, io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp, err := conn.RoundTrip(r)
	if err != nil {
		return "", fmt.Errorf("fcm: %w", err)
	}
	defer resp.Body.Close()
	answer := answers.Get().(*answer)
	defer answers.Put(answer)
	// Whatever becomes of the rest of a yes, the message is accepted: an error
	// would have it sent again.
	_ = answer.read(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return "", NewError(resp.StatusCode, resp.Header, answer.Bytes())
	}
	return answer.name(), nil
}

// answer is the body of an answer, of which maxAnswer bytes are read.
type answer struct {
	bytes.Buffer
	limited io.LimitedReader
}

var answers = sync.Pool{New: func() any { return new(answer) }}

func (a *answer) read(body io.Reader) error {
	a.Reset()
	a.limited = io.LimitedReader{R: body, N: maxAnswer}
	_, err := a.ReadFrom(&a.limited)
	a.limited.R = nil
	return err
}

// name is the message's in {"name":"projects/…/messages/…"}. It is nothing but
// a reference for people, of characters that JSON doesn't escape.
func (a *answer) name() string {
	_, rest, _ := bytes.Cut(a.Bytes(), []byte(`"name"`))
	_, rest, _ = bytes.Cut(rest, []byte(`"`))
	name, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(name)
}

// unprocessed reports whether the peer has certainly not looked at the request:
// it refused the stream (RFC 9113 §8.7), or closed the connection before it.
// net/http has no names for the latter.
func unprocessed(err error) bool {
	var refused streamError
	if errors.As(err, &refused) {
		return refused.Code == 0x7 // REFUSED_STREAM
	}
	for err != nil {
		switch err.Error() {
		case "http2: Transport received Server's graceful shutdown GOAWAY", "http2: client conn not usable",
			"http2: client conn could not be established": // closed before its first request
			return true
		}
		err = errors.Unwrap(err)
	}
	return false
}

// streamError has the fields of net/http's error for a stream that was reset,
// which lets errors.As fill in any struct with them.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (e streamError) Error() string { return fmt.Sprintf("stream reset with code %d", e.Code) }
