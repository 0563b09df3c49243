package standin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// maxPage bounds a page of the log.
const maxPage = 1000

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	const send = "/v1/projects/{project}/messages:send"
	mux.HandleFunc("POST "+send, s.send)
	mux.HandleFunc(send, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", http.MethodPost)
		writeHTML(w, http.StatusMethodNotAllowed)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { writeHTML(w, http.StatusNotFound) })
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok", "project": s.opts.Project})
	})

	control := http.NewServeMux()
	for pattern, h := range map[string]func(*http.Request) (any, error){
		"POST /standin/devices":                          s.postDevice,
		"GET /standin/devices/{token}":                   s.getDevice,
		"DELETE /standin/devices/{token}":                s.deleteDevice,
		"POST /standin/devices/{token}/power":            s.postPower,
		"DELETE /standin/devices/{token}/shade/{tag...}": s.deleteShown,
		"GET /standin/messages":                          s.getMessages,
		"GET /standin/stats":                             s.getStats,
		"POST /standin/faults":                           s.postFaults,
		"DELETE /standin/faults":                         s.deleteFaults,
		"POST /standin/reset":                            s.postReset,
	} {
		control.HandleFunc(pattern, reply(h))
	}
	control.HandleFunc("GET /standin/stream", s.stream)
	mux.Handle("/standin/", cors(control))
	return mux
}

// cors lets a page of any origin use the control API. The stand-in is for
// local use and holds nothing worth guarding.
func cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Content-Type, Last-Event-ID")
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// reply answers with what a control handler returns: 204 for nothing, 404 for a
// missing device, 400 for any other error.
func reply(h func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := h(r)
		switch {
		case errors.Is(err, ErrNoDevice):
			writeJSON(w, http.StatusNotFound, map[string]string{"error": err.Error()})
		case err != nil:
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		case v == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			writeJSON(w, http.StatusOK, v)
		}
	}
}

// readJSON reads exactly one JSON object without unknown fields.
func readJSON(r *http.Request, v any) error {
	dec := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("body: more than one JSON value")
	}
	return nil
}

func (s *Server) postDevice(r *http.Request) (any, error) {
	var in struct {
		Token    string   `json:"token"`
		Kind     Kind     `json:"kind"`
		Platform Platform `json:"platform"`
		Sender   string   `json:"sender"`
	}
	if err := readJSON(r, &in); err != nil {
		return nil, err
	}
	return s.NewDevice(Device{Token: in.Token, Kind: in.Kind, Platform: in.Platform, Sender: in.Sender})
}

func (s *Server) getDevice(r *http.Request) (any, error) {
	return s.Device(r.PathValue("token"))
}

func (s *Server) deleteDevice(r *http.Request) (any, error) {
	return nil, s.Uninstall(r.PathValue("token"))
}

func (s *Server) postPower(r *http.Request) (any, error) {
	var in struct {
		On *bool `json:"on"`
	}
	if err := readJSON(r, &in); err != nil {
		return nil, err
	}
	if in.On == nil {
		return nil, errors.New(`body: "on" is missing`)
	}
	return nil, s.SetPower(r.PathValue("token"), *in.On)
}

func (s *Server) deleteShown(r *http.Request) (any, error) {
	was, err := s.Dismiss(r.PathValue("token"), r.PathValue("tag"))
	if err != nil {
		return nil, err
	}
	return map[string]bool{"dismissed": was}, nil
}

func (s *Server) getMessages(r *http.Request) (any, error) {
	after, err := number(r, "after", 0)
	if err != nil {
		return nil, err
	}
	limit, err := number(r, "limit", 100)
	if err != nil {
		return nil, err
	}
	page := s.Log(after, int(min(limit, maxPage)))
	next := after
	if len(page) > 0 {
		next = page[len(page)-1].Seq
	}
	return map[string]any{"messages": page, "next": next}, nil
}

func (s *Server) getStats(*http.Request) (any, error) { return s.Stats(), nil }

func (s *Server) postFaults(r *http.Request) (any, error) {
	var p Plan
	if err := readJSON(r, &p); err != nil {
		return nil, err
	}
	return nil, s.SetFaults(p)
}

func (s *Server) deleteFaults(*http.Request) (any, error) {
	s.ClearFaults()
	return nil, nil
}

func (s *Server) postReset(*http.Request) (any, error) {
	s.Reset()
	return nil, nil
}

// stream sends each message as a server-sent event, from now on or after the
// position in ?after= or Last-Event-ID. A reader that falls behind what the log
// keeps is told so by a "gap" event with the number of messages it missed.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	newest := s.seq
	s.mu.Unlock()
	after, err := number(r, "after", newest)
	if id := r.Header.Get("Last-Event-ID"); id != "" && err == nil {
		after, err = strconv.ParseUint(id, 10, 64)
	}
	if err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	if out.Flush() != nil {
		return
	}
	token := r.URL.Query().Get("token")
	for {
		changed, done := s.await()
		page := s.Log(after, maxPage)
		if len(page) > 0 && page[0].Seq > after+1 {
			fmt.Fprintf(w, "event: gap\ndata: {\"missed\":%d}\n\n", page[0].Seq-after-1)
		}
		for _, m := range page {
			after = m.Seq
			if token == "" || token == m.Token {
				fmt.Fprintf(w, "id: %d\nevent: message\ndata: %s\n\n", m.Seq, mustJSON(m))
			}
		}
		if len(page) > 0 && out.Flush() != nil {
			done()
			return
		}
		if len(page) < maxPage {
			select {
			case <-changed:
			case <-r.Context().Done():
				done()
				return
			}
		}
		done()
	}
}

func number(r *http.Request, name string, fallback uint64) (uint64, error) {
	v := r.URL.Query().Get(name)
	if v == "" {
		return fallback, nil
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: not a number: %q", name, v)
	}
	return n, nil
}
