package standin

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"time"
)

// MaxStreams is how many requests FCM takes at once on one HTTP/2 connection.
const MaxStreams = 100

// conn is what the server knows of a connection. The server's lock guards streams.
type conn struct {
	net.Conn
	streams int
}

type connKey struct{}

func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}

// abort closes the request's connection the hard way, as a crashed peer or a
// broken network would. Without Serve the connection is not known; then only
// the request ends, which over HTTP/1.1 is the same.
func abort(r *http.Request) {
	if c := connOf(r); c != nil {
		raw := c.Conn
		if t, ok := raw.(*tls.Conn); ok {
			raw = t.NetConn()
		}
		if t, ok := raw.(*net.TCPConn); ok {
			_ = t.SetLinger(0) // a reset rather than an orderly end
		}
		_ = raw.Close()
	}
	panic(http.ErrAbortHandler)
}

// HTTPServer returns a server for s: HTTP/1.1 and HTTP/2, the latter also
// without TLS (prior knowledge), at most MaxStreams requests at once on a
// connection. With it s counts connections and can reset them.
func (s *Server) HTTPServer() *http.Server {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           s,
		Protocols:         p,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: MaxStreams},
		ReadHeaderTimeout: 10 * time.Second,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, &conn{Conn: c})
		},
		ConnState: s.connState,
	}
}

func (s *Server) connState(_ net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.stats.Connections++
		s.stats.OpenConnections++
	case http.StateClosed, http.StateHijacked:
		s.stats.OpenConnections--
	}
	s.notify()
}

// Serve serves on ln until ctx ends, with TLS if conf is not nil, then waits up
// to five seconds for requests under way. It closes ln.
func (s *Server) Serve(ctx context.Context, ln net.Listener, conf *tls.Config) error {
	srv := s.HTTPServer()
	srv.BaseContext = func(net.Listener) context.Context { return ctx } // ends streams and hangs
	served := make(chan error, 1)
	go func() {
		if conf == nil {
			served <- srv.Serve(ln)
			return
		}
		srv.TLSConfig = conf
		served <- srv.ServeTLS(ln, "", "")
	}()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := srv.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close()
	}
	<-served
	return err
}

// Local is a Server that listens.
type Local struct {
	*Server
	URL   string         // "http://127.0.0.1:1234" or https; the Admin SDK's endpoint is URL + "/v1"
	Roots *x509.CertPool // trusts the server's certificate; nil without TLS
	stop  context.CancelFunc
	done  chan error
}

// Start serves New(opts) on addr ("127.0.0.1:0" for any free port) in the
// background, over TLS with a self-signed certificate if useTLS.
func Start(addr string, opts Options, useTLS bool) (*Local, error) {
	l := &Local{Server: New(opts), done: make(chan error, 1)}
	scheme := "http"
	var conf *tls.Config
	if useTLS {
		cert, roots, err := SelfSigned("localhost", "127.0.0.1", "::1")
		if err != nil {
			return nil, err
		}
		scheme, l.Roots = "https", roots
		conf = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("stand-in: %w", err)
	}
	l.URL = scheme + "://" + ln.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	go func() { l.done <- l.Serve(ctx, ln, conf) }()
	return l, nil
}

// Close stops the server and waits for its end.
func (l *Local) Close() error {
	l.stop()
	return <-l.done
}

// Client returns a new client that speaks HTTP/2 to the server, also without
// TLS, and trusts its certificate. Close idle connections when done with it.
func (l *Local) Client() *http.Client {
	p := new(http.Protocols)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(l.Roots == nil)
	return &http.Client{Transport: &http.Transport{Protocols: p,
		TLSClientConfig: &tls.Config{RootCAs: l.Roots, MinVersion: tls.VersionTLS12}}}
}

// SelfSigned makes a certificate for names and IP addresses, valid for a day,
// and a pool that trusts it.
func SelfSigned(hosts ...string) (tls.Certificate, *x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	now := time.Now()
	t := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "doorbell fcm stand-in"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool, nil
}
