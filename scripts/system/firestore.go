package system

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// startFirestore starts the Firestore emulator, loads the security rules and
// registers the document triggers.
func (s *System) startFirestore(ctx context.Context, java string) error {
	rules, err := os.ReadFile(s.opts.RulesFile)
	if err != nil {
		return fmt.Errorf("read Firestore's security rules: %w", err)
	}
	err = firestoreEmulator.start(ctx, s, "firestore", java, s.FirestoreHost(),
		"--host", host, "--port", strconv.Itoa(s.ports.Firestore), "--functions_emulator", strings.TrimPrefix(s.opts.Deliver, "http://"))
	if err != nil {
		return err
	}
	if err := s.loadRules(ctx, string(rules)); err != nil {
		return fmt.Errorf("%s: %w", s.opts.RulesFile, err)
	}
	for _, t := range documentTriggers {
		if err := s.registerTrigger(ctx, t); err != nil {
			return fmt.Errorf("register the trigger of %s: %w", t.function, err)
		}
	}
	return nil
}

// loadRules loads security rules over HTTP, which reports their mistakes; the
// emulator's --rules flag passes over them and leaves everything open.
func (s *System) loadRules(ctx context.Context, rules string) error {
	type file struct {
		Name    string `json:"name"`
		Content string `json:"content"`
	}
	in := map[string]any{"rules": map[string]any{"files": []file{{"firestore.rules", rules}}}}
	return call(ctx, http.MethodPut, s.firestoreAdmin()+":securityRules", in, nil)
}

func (s *System) registerTrigger(ctx context.Context, t documentTrigger) error {
	in := map[string]any{
		"eventType": "google.cloud.firestore.document.v1." + t.change,
		"database":  "(default)",
		"namespace": "(default)",
		"document":  map[string]string{"value": t.document, "matchType": "PATH_PATTERN"},
	}
	return call(ctx, http.MethodPost, s.firestoreAdmin()+"/eventarcTrigger?eventarcTriggerId="+url.QueryEscape(t.function), in, nil)
}

// ClearFirestore deletes all documents.
func (s *System) ClearFirestore(ctx context.Context) error {
	return call(ctx, http.MethodDelete, s.firestoreAdmin()+"/databases/(default)/documents", nil, nil)
}

// firestoreAdmin is the URL of what only the emulator has.
func (s *System) firestoreAdmin() string {
	return "http://" + s.FirestoreHost() + "/emulator/v1/projects/" + s.ProjectID
}
