package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
)

const project = "demo-doorbell"

// edge is a stand-in at work in another process.
type edge struct {
	URL  string // of the server
	Cert string // PEM; the server is its own authority
}

type edgeParams struct {
	Devices int
	Faults  standin.Plan
}

// startEdge starts a stand-in, over TLS as FCM is.
func startEdge(ctx context.Context, p edgeParams) (edge, func(), error) {
	return keep[edge](ctx, "edge", p)
}

// serveEdge is the stand-in's process.
func serveEdge(ctx context.Context, params []byte, out io.Writer) error {
	var p edgeParams
	if err := json.Unmarshal(params, &p); err != nil {
		return err
	}
	s := standin.New(standin.Options{Project: project, DeviceLog: -1, Log: -1})
	for i := range p.Devices {
		if _, err := s.NewDevice(standin.Device{Token: token(i), Platform: standinPlatforms[platforms[i%len(platforms)]]}); err != nil {
			return err
		}
	}
	if err := s.SetFaults(p.Faults); err != nil {
		return err
	}
	cert, _, err := standin.SelfSigned("127.0.0.1")
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	e := edge{
		URL:  "https://" + ln.Addr().String(),
		Cert: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})),
	}
	if err := json.NewEncoder(out).Encode(e); err != nil {
		return err
	}
	return s.Serve(ctx, ln, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
}

// endpoint is FCM's base URL.
func (e edge) endpoint() string { return e.URL + "/v1" }

// tls trusts the stand-in.
func (e edge) tls() *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(e.Cert))
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// stats are the stand-in's counters.
func (e edge) stats(ctx context.Context) (st standin.Stats, err error) {
	return st, e.control(ctx, http.MethodGet, "stats", nil, &st)
}

// control asks the stand-in for something; answer may be nil.
func (e edge) control(ctx context.Context, method, what string, body io.Reader, answer any) error {
	t := &http.Transport{TLSClientConfig: e.tls()}
	defer t.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, method, e.URL+"/standin/"+what, body)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: t, Timeout: 10 * time.Second}).Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return errors.New(resp.Status)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

// setFaults has the stand-in do so from now on.
func (e edge) setFaults(ctx context.Context, p standin.Plan) error {
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return e.control(ctx, http.MethodPost, "faults", bytes.NewReader(body), nil)
}

// token is the registration token of the i-th device.
func token(i int) string { return standin.TokenFor(fmt.Sprint("bench", i)) }
