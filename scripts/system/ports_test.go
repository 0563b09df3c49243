package system

import (
	"errors"
	"net"
	"strings"
	"testing"
)

func TestPortsSettle(t *testing.T) {
	taken, err := net.Listen("tcp", address(0))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	busy := taken.Addr().(*net.TCPAddr).Port

	t.Run("picks free and distinct ones", func(t *testing.T) {
		var p Ports
		if err := p.settle(); err != nil {
			t.Fatal(err)
		}
		seen := map[int]bool{}
		for _, port := range []int{p.Functions, p.Firestore, p.PubSub, p.Auth, p.FCM, p.Web} {
			if port == 0 || seen[port] || !free(port) {
				t.Errorf("picked %d of %+v", port, p)
			}
			seen[port] = true
		}
	})
	t.Run("names the port, the part and the flag", func(t *testing.T) {
		p := Ports{PubSub: busy}
		err := p.settle()
		var taken *PortError
		if !errors.As(err, &taken) || taken.Port != busy || taken.Flag != "pubsub-port" || !strings.Contains(err.Error(), "the Pub/Sub emulator") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("tells of every port at once", func(t *testing.T) {
		p := Ports{Functions: busy, Auth: 70000, Firestore: 20001, FCM: 20001}
		err := p.settle()
		for _, want := range []string{"-functions-port", "-auth-port=70000", "asked for twice, by the Firestore emulator and the FCM stand-in"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q in it", err, want)
			}
		}
	})
}
