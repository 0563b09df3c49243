package device

import (
	"slices"

	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// Limits of a Selector.
const (
	maxSelectorPlatforms = 20 // there are nine; one named twice counts twice
	maxSelectorIDs       = 50
)

// Filter is which of a receiver's devices a sender wants to ring.
type Filter struct {
	Only   *Selector `firestore:"only,omitempty" json:"only,omitempty"`     // nil: any
	Except *Selector `firestore:"except,omitempty" json:"except,omitempty"` // nil: none
}

// Selector names devices. A device that any of the lists names is meant.
type Selector struct {
	Platforms []Platform `firestore:"platforms,omitempty" json:"platforms,omitempty"`
	PushIDs   []string   `firestore:"pushIDs,omitempty" json:"pushIDs,omitempty"`
	DeviceIDs []string   `firestore:"deviceIDs,omitempty" json:"deviceIDs,omitempty"`
}

// Sealed is a Filter as it is kept with a message, with a hash in the place of
// each ID: everyone in the conversation may read the message, and none is to
// learn from it which devices another one has.
type Sealed struct {
	Only   *Selector `firestore:"only,omitempty" json:"only,omitempty"`
	Except *Selector `firestore:"except,omitempty" json:"except,omitempty"`
}

// Seal is f as it is kept; nil if f is.
func (f *Filter) Seal() *Sealed {
	if f == nil {
		return nil
	}
	return &Sealed{Only: f.Only.seal(), Except: f.Except.seal()}
}

func (s *Selector) seal() *Selector {
	if s == nil {
		return nil
	}
	out := &Selector{Platforms: s.Platforms}
	for _, id := range s.PushIDs {
		out.PushIDs = append(out.PushIDs, sealedPushID(id))
	}
	for _, id := range s.DeviceIDs {
		out.DeviceIDs = append(out.DeviceIDs, sealedDeviceID(id))
	}
	return out
}

func sealedPushID(id string) string   { return docid.New("sealed pushID", id) }
func sealedDeviceID(id string) string { return docid.New("sealed deviceID", id) }

// Allows reports whether d may ring. A nil filter allows every device.
func (f *Sealed) Allows(d Device) bool {
	return f == nil || (f.Only == nil || f.Only.names(d)) && (f.Except == nil || !f.Except.names(d))
}

// names reports whether the sealed s names d.
func (s *Selector) names(d Device) bool {
	return slices.Contains(s.Platforms, d.Platform) ||
		len(s.PushIDs) > 0 && slices.Contains(s.PushIDs, sealedPushID(d.PushID)) ||
		len(s.DeviceIDs) > 0 && slices.Contains(s.DeviceIDs, sealedDeviceID(d.DeviceID))
}

// Check checks a filter found at field, which may be left out.
func (f *Filter) Check(field string) error {
	if f == nil {
		return nil
	}
	if f.Only == nil && f.Except == nil {
		return fault.Invalid(field, "holds neither only nor except: leave it out to ring every device")
	}
	if err := f.Only.check(field + ".only"); err != nil {
		return err
	}
	return f.Except.check(field + ".except")
}

func (s *Selector) check(field string) error {
	switch {
	case s == nil:
		return nil
	case len(s.Platforms)+len(s.PushIDs)+len(s.DeviceIDs) == 0:
		return fault.Invalid(field, "names no device: give platforms, pushIDs or deviceIDs, or leave it out")
	case len(s.Platforms) > maxSelectorPlatforms:
		return fault.Invalid(field+".platforms", "names %d platforms: at most %d", len(s.Platforms), maxSelectorPlatforms)
	}
	for name, ids := range map[string][]string{"pushIDs": s.PushIDs, "deviceIDs": s.DeviceIDs} {
		if len(ids) > maxSelectorIDs {
			return fault.Invalid(field+"."+name, "names %d devices: at most %d", len(ids), maxSelectorIDs)
		}
		for _, id := range ids {
			if id == "" || len(id) > MaxDeviceIDBytes || !printable(id) {
				return fault.Invalid(field+"."+name, "holds what is no ID: 1 to %d printable ASCII characters without spaces", MaxDeviceIDBytes)
			}
		}
	}
	return nil
}
