// Command fcm runs the FCM stand-in (package standin) for the local system.
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"log"
	"net"
	"os/signal"
	"syscall"

	"github.com/doorbell-push/doorbell/scripts/fcm/standin"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("fcm: ")
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	addr := flag.String("addr", "127.0.0.1:8095", "address to listen on")
	project := flag.String("project", "demo-doorbell", "project messages are sent from")
	auth := flag.Bool("require-auth", false, "refuse requests without an Authorization header")
	cert := flag.String("tls-cert", "", "certificate file; serves TLS, with -tls-key")
	key := flag.String("tls-key", "", "key file")
	flag.Parse()

	scheme := "http"
	var conf *tls.Config
	if *cert != "" || *key != "" {
		pair, err := tls.LoadX509KeyPair(*cert, *key)
		if err != nil {
			return err
		}
		scheme, conf = "https", &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	log.Printf("listening on %s://%s, endpoint for the Admin SDK: %[1]s://%[2]s/v1", scheme, ln.Addr())
	s := standin.New(standin.Options{Project: *project, RequireAuth: *auth})
	return s.Serve(ctx, ln, conf)
}
