package device

import "github.com/doorbell-push/doorbell/shared/fault"

// Privacy is how much of what is announced a push to a device holds.
type Privacy string

// The privacies. None set means that a wider setting decides.
const (
	PrivacyFull    Privacy = "full"    // title and content as they were sent
	PrivacySender  Privacy = "sender"  // the title, which names the sender, but not the content
	PrivacyGeneric Privacy = "generic" // neither: only that there is something
	// PrivacyID: neither, and no payload. What passes through Google and Apple is
	// IDs, by which the app gets the rest from the server.
	PrivacyID Privacy = "id"
)

// Check checks a privacy that may be left out.
func (p Privacy) Check(field string) error {
	switch p {
	case "", PrivacyFull, PrivacySender, PrivacyGeneric, PrivacyID:
		return nil
	}
	return fault.Invalid(field, `is no privacy: give "full", "sender", "generic" or "id"`)
}
