package standin

import "maps"

// Stats are exact counters since New or Reset.
type Stats struct {
	Requests     uint64 `json:"requests"`     // to messages:send, valid or not
	Accepted     uint64 `json:"accepted"`     // messages taken for delivery
	ValidateOnly uint64 `json:"validateOnly"` // requests answered "valid"
	Topic        uint64 `json:"topic"`        // accepted for a topic or condition and delivered to nobody
	Received     uint64 `json:"received"`     // messages that reached a device
	Expired      uint64 `json:"expired"`
	Collapsed    uint64 `json:"collapsed"`
	Discarded    uint64 `json:"discarded"`
	// Errors counts refusals, injected ones included, by code.
	Errors map[ErrorCode]uint64 `json:"errors"`
	// Faults counts injected faults by kind.
	Faults map[FaultKind]uint64 `json:"faults"`
	// RepeatedTags counts messages accepted for a device that had accepted one
	// with the same tag before; RepeatedMessages the same for the same bytes.
	// Each device remembers its last 256 tags and messages.
	RepeatedTags     uint64 `json:"repeatedTags"`
	RepeatedMessages uint64 `json:"repeatedMessages"`
	// InRetryAfter counts requests that came while an earlier answer's
	// Retry-After still ran: for that device if the rule named one, else for all.
	InRetryAfter uint64 `json:"inRetryAfter"`

	Devices     int `json:"devices"`
	InFlight    int `json:"inFlight"`
	MaxInFlight int `json:"maxInFlight"` // requests at once
	// The next three need Serve or HTTPServer, which see connections.
	Connections     uint64 `json:"connections"` // opened so far
	OpenConnections int    `json:"openConnections"`
	MaxStreams      int    `json:"maxStreams"` // requests at once on one connection

	Protocols map[string]uint64 `json:"protocols"` // requests by "HTTP/1.1", "HTTP/2.0"
}

func newStats() Stats {
	return Stats{Errors: map[ErrorCode]uint64{}, Faults: map[FaultKind]uint64{}, Protocols: map[string]uint64{}}
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Devices = len(s.devices)
	st.Errors, st.Faults, st.Protocols = maps.Clone(st.Errors), maps.Clone(st.Faults), maps.Clone(st.Protocols)
	return st
}
