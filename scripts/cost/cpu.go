package cost

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// CPU is what the functions compute for each of what happens, as it was measured:
// ms of CPU time, user and system, of all its invocations together, in a process
// that serves all functions and talks to emulators without TLS. The fields'
// operations are those of the functions that are called like them.
type CPU struct {
	Measured    string  `json:"measured"` // the machine, what it ran, the date
	PeerOnline  float64 `json:"peerOnline"`
	PeerAway    float64 `json:"peerAway"`
	PeerBadge   float64 `json:"peerBadge"`   // with Badge(1, 0, 0)
	SmallGroup  float64 `json:"smallGroup"`  // SmallMembers, SmallAway of them away
	LargeOnline float64 `json:"largeOnline"` // LargeMembers, nobody away
	LargeAway   float64 `json:"largeAway"`   // LargeMembers, LargeAway of them away
	Call        float64 `json:"call"`        // to Invitees, all away
	Heartbeat   float64 `json:"heartbeat"`
	Receipt     float64 `json:"receipt"`
	Register    float64 `json:"register"`
	Sync        float64 `json:"sync"`
	Read        float64 `json:"read"`
	Dismissed   float64 `json:"dismissed"` // Read with Dismissal
}

// The groups and the call that were measured.
const (
	SmallMembers, SmallAway = 100, 60
	LargeMembers, LargeAway = 10_000, 8_000
	Invitees                = 9
)

//go:embed cpu.json
var measured []byte

// Measured is what cpu.json has: "go run ./scripts/bench -cpu scripts/cost/cpu.json cpu"
// measures it anew.
func Measured() CPU {
	var c CPU
	if err := json.Unmarshal(measured, &c); err != nil {
		panic(fmt.Sprintf("cpu.json: %v", err)) // it is part of the program
	}
	return c
}

// Peer is the ms for a one-to-one message; offline is as for PeerMessage.
func (c CPU) Peer(offline float64) float64 {
	return c.PeerOnline + offline*(c.PeerAway-c.PeerOnline)
}

// Badge is the ms that come to a push whose number is counted.
func (c CPU) Badge() float64 { return max(0, c.PeerBadge-c.PeerAway) }

// Dismissal is the ms that come to what is read where another device shows it.
func (c CPU) Dismissal() float64 { return max(0, c.Dismissed-c.Read) }

// Group is the ms for a message to a group; members and offline are as for
// GroupMessage. A member and a push take what they take in the large group: of the
// smaller ones, each with other numbers of roster chunks and batches, this is an
// estimate, which the small group's measurement holds to within a half.
func (c CPU) Group(members int, offline float64) float64 {
	member := (c.LargeOnline - c.PeerOnline) / (LargeMembers - 2)
	push := (c.LargeAway - c.LargeOnline) / LargeAway
	others := float64(members - 1)
	targets := offline * others
	return c.PeerOnline + member*(others-1) + min(targets, 1)*(c.PeerAway-c.PeerOnline) + push*max(targets-1, 0)
}
