package resource

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Applied is what an operator applied last, as a store keeps it.
type Applied struct {
	// Version counts the changes from 1; 0: nothing was ever applied.
	Version int
	// Set is what Encode made.
	Set []byte
	// At is when it was changed last.
	At time.Time
}

// Set is resources by their ID.
type Set map[string]*Resource

// Decode is the resource in a JSON document, strictly: an unknown field, a name
// given twice or a value of another type is an error, and so is what Check finds.
func Decode(document []byte) (*Resource, error) {
	r := new(Resource)
	if err := json.Unmarshal(document, r, json.RejectUnknownMembers(true)); err != nil {
		return nil, explain(err)
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	return r.ready(), nil
}

// explain is err without what only a programmer wants to know.
func explain(err error) error {
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		return err
	}
	field := string(semantic.JSONPointer)
	switch {
	case errors.Is(err, json.ErrUnknownName):
		return fmt.Errorf("%s is no field of a resource", field)
	case semantic.Err != nil:
		return fmt.Errorf("%s %w", field, semantic.Err)
	}
	return fmt.Errorf("%s can't be a %s", field, semantic.JSONKind)
}

// ready is r, made ready to be used.
func (r *Resource) ready() *Resource {
	if len(r.Texts) > 0 {
		r.languages = NewLanguages(locales(r.Texts)...)
	}
	return r
}

// Check reports what is wrong with the set as a whole, or with a resource.
func (s Set) Check() error {
	if len(s) > MaxResources {
		return fmt.Errorf("there are %d resources: at most %d", len(s), MaxResources)
	}
	for _, id := range slices.Sorted(maps.Keys(s)) {
		if len(id) > MaxIDBytes || !idPattern.MatchString(id) {
			return fmt.Errorf("%q can't be a resourcesID: 1 to %d printable ASCII characters, without slashes", id, MaxIDBytes)
		}
		if err := s[id].Check(); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	if b, err := s.Encode(); err != nil || len(b) > MaxSetBytes {
		return fmt.Errorf("the resources are %d bytes as JSON: at most %d (%v)", len(b), MaxSetBytes, err)
	}
	return nil
}

// Encode is the set as a store keeps it: the same bytes for the same set.
func (s Set) Encode() ([]byte, error) { return json.Marshal(s, json.Deterministic(true)) }

// Read is the set in what Encode made. What a newer version's resources have more
// is passed over; one that can't be used here is left out, and named.
func Read(set []byte) (Set, error) {
	if len(set) == 0 {
		return Set{}, nil
	}
	var each map[string]jsontext.Value
	if err := json.Unmarshal(set, &each); err != nil {
		return Set{}, fmt.Errorf("read resources: %w", err)
	}
	out := Set{}
	var errs []error
	for id, one := range each {
		r := new(Resource)
		err := json.Unmarshal(one, r)
		if err == nil {
			err = r.Check()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("resource %s: %w", id, err))
			continue
		}
		out[id] = r.ready()
	}
	return out, errors.Join(errs...)
}
