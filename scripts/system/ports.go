package system

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"time"
)

// host is the only address anything listens on: the emulators check nobody's
// identity, so they must not be reachable from outside.
const host = "127.0.0.1"

// Ports says where each part listens. Zero picks a free port.
type Ports struct {
	Functions, Firestore, PubSub, Auth, FCM, Web int

	apart int // of functions apart, which nobody chooses
}

// A PortError says that a port somebody asked for is not to be had.
type PortError struct {
	Part string // the part that wants the port
	Flag string // the flag of scripts/local that moves the part
	Port int
}

func (e *PortError) Error() string {
	return fmt.Sprintf("port %d, wanted by %s, is taken: free it, or choose another with -%s (0 picks a free one)", e.Port, e.Part, e.Flag)
}

// settle checks the ports that were asked for and picks those that were not.
func (p *Ports) settle() error {
	uses := []struct {
		part, flag string
		port       *int
	}{
		{"the functions", "functions-port", &p.Functions},
		{"the Firestore emulator", "firestore-port", &p.Firestore},
		{"the Pub/Sub emulator", "pubsub-port", &p.PubSub},
		{"the Auth emulator", "auth-port", &p.Auth},
		{"the FCM stand-in", "fcm-port", &p.FCM},
		{"the demo", "web-port", &p.Web},
		{"the functions apart", "", &p.apart},
	}
	owner := map[int]string{}
	var errs []error
	for _, u := range uses {
		switch {
		case *u.port == 0:
		case *u.port < 0 || *u.port > 65535:
			errs = append(errs, fmt.Errorf("-%s=%d is no port", u.flag, *u.port))
		case owner[*u.port] != "":
			errs = append(errs, fmt.Errorf("port %d is asked for twice, by %s and %s", *u.port, owner[*u.port], u.part))
		default:
			owner[*u.port] = u.part
			if !free(*u.port) {
				errs = append(errs, &PortError{Part: u.part, Flag: u.flag, Port: *u.port})
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, u := range uses {
		for tries := 0; *u.port == 0; tries++ {
			if tries == 1000 {
				return fmt.Errorf("found no free port for %s", u.part)
			}
			// Below the range from which systems take the ports of outgoing
			// connections: one of those could take it before the part does.
			port := 20000 + rand.IntN(12000)
			if owner[port] == "" && free(port) {
				*u.port, owner[port] = port, u.part
			}
		}
	}
	return nil
}

// free reports whether a port can be listened on. It dials first because some
// systems let a second process listen on 127.0.0.1 beside one on every address.
func free(port int) bool {
	addr := address(port)
	if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
		c.Close()
		return false
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	l.Close()
	return true
}

func address(port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
