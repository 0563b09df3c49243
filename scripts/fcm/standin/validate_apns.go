package standin

import (
	"slices"
	"strings"
)

// pushTypes are the values of apns-push-type (Apple, Sending notification
// requests to APNs).
var pushTypes = []string{"alert", "background", "complication", "controls", "fileprovider", "liveactivity",
	"location", "mdm", "pushtotalk", "voip", "widgets"}

// checkApns: the headers are those of Apple, Sending notification requests to
// APNs; FCM passes them on and answers INVALID_ARGUMENT when APNs refuses.
func checkApns(m *Message) *apiError {
	a := m.Apns
	if a == nil {
		return nil
	}
	const at = "message.apns.headers."
	for _, name := range sortedKeys(a.Headers) {
		v := a.Headers[name]
		switch strings.ToLower(name) {
		case "apns-priority":
			if v != "1" && v != "5" && v != "10" {
				return invalid(at+"apns-priority", "apns-priority must be 1, 5 or 10.")
			}
		case "apns-expiration":
			if !digits.MatchString(v) {
				return invalid(at+"apns-expiration", "apns-expiration must be seconds since the Unix epoch, or 0.")
			}
		case "apns-push-type":
			if !slices.Contains(pushTypes, v) {
				return invalidf(at+"apns-push-type", "apns-push-type must be one of %s.", strings.Join(pushTypes, ", "))
			}
		case "apns-collapse-id":
			if v == "" || len(v) > maxCollapseID {
				return invalid(at+"apns-collapse-id", "apns-collapse-id must be 1 to 64 bytes.")
			}
		}
	}
	if a.Payload != nil {
		if _, ok := a.Payload["aps"].(map[string]any); !ok {
			return invalid("message.apns.payload", "The APNs payload must have an aps dictionary.")
		}
	}
	// Apple: priority 10 with the push type background is an error. FCM REST
	// reference, Message.data: data alone is allowed with priority 5 only.
	if header(a.Headers, "apns-priority") == "10" {
		dataOnly := len(m.Data) > 0 && m.Notification == nil && a.Payload == nil
		if dataOnly || header(a.Headers, "apns-push-type") == "background" {
			return invalid(at+"apns-priority", "A message without notification must have apns-priority 5.")
		}
	}
	return nil
}

// header finds a header by name in any case of letters.
func header(h map[string]string, name string) string {
	if v, ok := h[name]; ok {
		return v
	}
	for k, v := range h {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}
