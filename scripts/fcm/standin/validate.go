package standin

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Limits FCM documents.
const (
	maxTTL          = 28 * 24 * time.Hour // FCM REST reference, AndroidConfig.ttl: 4 weeks
	maxPayload      = 4096                // FCM REST reference, ErrorCode.INVALID_ARGUMENT: bytes
	maxTopicPayload = 2048                // same, messages to topics
	maxCollapseID   = 64                  // Apple, Sending notification requests to APNs: bytes
)

var (
	// Registration tokens: FCM documents no form. These are the two seen: an
	// instance ID of 11 or 22 characters, a colon, APA91b and 134 more.
	tokenForm = regexp.MustCompile(`^([A-Za-z0-9_-]{11}|[A-Za-z0-9_-]{22}):APA91b[A-Za-z0-9_-]{134}$`)
	// Installation IDs: the form the Firebase SDKs check (Installations, VALID_FID_PATTERN).
	fidForm = regexp.MustCompile(`^[cdef][A-Za-z0-9_-]{21}$`)
	// FCM REST reference, TopicSubscription.topic_name.
	topicForm = regexp.MustCompile(`^[a-zA-Z0-9-_.~%]{1,900}$`)
	// FCM docs, "Adding analytics labels to messages".
	labelForm = regexp.MustCompile(`^[a-zA-Z0-9-_.~%]{1,50}$`)
	// FCM REST reference, AndroidNotification.color.
	colorForm = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	// RFC 8030 §5.4: at most 32 characters of the URL-safe base64 alphabet.
	topicHeaderForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)
	digits          = regexp.MustCompile(`^[0-9]{1,18}$`)
)

// validate refuses what FCM refuses of a message that fits the schema. It
// reports the first mistake, as FCM does. Where the wording of FCM's sentence is
// not known, the sentence is ours; code, status and field are FCM's.
func validate(m *Message) *apiError {
	for _, check := range []func(*Message) *apiError{
		checkTarget, checkData, checkLabels, checkAndroid, checkWebpush, checkApns, checkSize,
	} {
		if err := check(m); err != nil {
			return err
		}
	}
	return nil
}

// checkTarget: exactly one target (FCM REST reference, Message.target); two of
// them do not get past the decoder.
func checkTarget(m *Message) *apiError {
	switch {
	case m.Token != nil:
		// "During the transition period, this field also accepts a FID."
		if !tokenForm.MatchString(*m.Token) && !fidForm.MatchString(*m.Token) {
			return invalidTarget("message.token", "The registration token is not a valid FCM registration token")
		}
	case m.FID != nil:
		if !fidForm.MatchString(*m.FID) {
			return invalidTarget("message.fid", "The installation ID is not a valid Firebase installation ID")
		}
	case m.Topic != nil:
		if !topicForm.MatchString(*m.Topic) {
			return invalid("message", "Topic name contains invalid characters.")
		}
	case m.Condition != nil:
		if !strings.Contains(*m.Condition, "in topics") {
			e := refusal(InvalidArgument, "")
			e.details = nil // FCM gives no detail for a bad condition
			return e
		}
	default:
		return invalid("message", "Recipient of the message is not set.")
	}
	return nil
}

func checkData(m *Message) *apiError {
	if err := reservedKey("message.data", m.Data); err != nil {
		return err
	}
	if m.Android != nil {
		if err := reservedKey("message.android.data", m.Android.Data); err != nil {
			return err
		}
	}
	if m.Webpush != nil {
		return reservedKey("message.webpush.data", m.Webpush.Data)
	}
	return nil
}

// reservedKey: FCM REST reference, Message.data and ErrorCode.INVALID_ARGUMENT.
// The two pages differ ("google" or "google."); we keep the stricter one.
func reservedKey(field string, data map[string]string) *apiError {
	for _, k := range sortedKeys(data) {
		if k == "from" || k == "message_type" || strings.HasPrefix(k, "google") || strings.HasPrefix(k, "gcm") {
			return invalidf(field, "Invalid data payload key: %s", k)
		}
	}
	return nil
}

func checkLabels(m *Message) *apiError {
	labels := map[string]*string{}
	if m.FcmOptions != nil {
		labels["message.fcm_options"] = m.FcmOptions.AnalyticsLabel
	}
	if m.Android != nil && m.Android.FcmOptions != nil {
		labels["message.android.fcm_options"] = m.Android.FcmOptions.AnalyticsLabel
	}
	if m.Webpush != nil && m.Webpush.FcmOptions != nil {
		labels["message.webpush.fcm_options"] = m.Webpush.FcmOptions.AnalyticsLabel
	}
	if m.Apns != nil && m.Apns.FcmOptions != nil {
		labels["message.apns.fcm_options"] = m.Apns.FcmOptions.AnalyticsLabel
	}
	for _, at := range sortedKeys(labels) {
		if l := labels[at]; l != nil && !labelForm.MatchString(*l) {
			return invalidf(at+".analytics_label", "Analytics label must match %s", labelForm)
		}
	}
	return nil
}

func checkAndroid(m *Message) *apiError {
	a := m.Android
	if a == nil {
		return nil
	}
	if a.TTL != nil && (*a.TTL < 0 || time.Duration(*a.TTL) > maxTTL) {
		return invalid("message.android.ttl", "Invalid ttl: must be between 0s and 2419200s.")
	}
	n := a.Notification
	if n == nil {
		return nil
	}
	const at = "message.android.notification."
	if n.Color != "" && !colorForm.MatchString(n.Color) {
		return invalid(at+"color", "Invalid color: must be #rrggbb.")
	}
	for _, v := range n.VibrateTimings {
		if v < 0 {
			return invalid(at+"vibrate_timings", "Invalid vibrate timing: must not be negative.")
		}
	}
	if n.NotificationCount != nil && *n.NotificationCount < 0 {
		return invalid(at+"notification_count", "Invalid notification count: must not be negative.")
	}
	return checkLight(at+"light_settings", n.LightSettings)
}

// checkLight: FCM REST reference, LightSettings: all three fields are required.
func checkLight(at string, l *LightSettings) *apiError {
	switch {
	case l == nil:
		return nil
	case l.Color == nil:
		return invalid(at+".color", "Light settings need a color.")
	case l.LightOnDuration == nil || *l.LightOnDuration < 0:
		return invalid(at+".light_on_duration", "Light settings need a duration that is not negative.")
	case l.LightOffDuration == nil || *l.LightOffDuration < 0:
		return invalid(at+".light_off_duration", "Light settings need a duration that is not negative.")
	}
	parts := []float64{l.Color.Red, l.Color.Green, l.Color.Blue}
	if l.Color.Alpha != nil {
		parts = append(parts, *l.Color.Alpha)
	}
	for _, p := range parts {
		if p < 0 || p > 1 {
			return invalid(at+".color", "Each part of a color lies between 0 and 1.")
		}
	}
	return nil
}

func checkWebpush(m *Message) *apiError {
	w := m.Webpush
	if w == nil {
		return nil
	}
	const at = "message.webpush.headers."
	for _, name := range sortedKeys(w.Headers) {
		v := w.Headers[name]
		switch strings.ToLower(name) {
		case "ttl": // RFC 8030 §5.2
			if !digits.MatchString(v) {
				return invalid(at+"TTL", "TTL must be a non-negative integer.")
			}
			if n, err := strconv.ParseInt(v, 10, 64); err != nil || n > int64(maxTTL/time.Second) {
				return invalid(at+"TTL", "TTL must not exceed 2419200 seconds.")
			}
		case "urgency": // RFC 8030 §5.3
			switch v {
			case "very-low", "low", "normal", "high":
			default:
				return invalid(at+"Urgency", "Urgency must be very-low, low, normal or high.")
			}
		case "topic": // RFC 8030 §5.4
			if !topicHeaderForm.MatchString(v) {
				return invalid(at+"Topic", "Topic must be 1 to 32 characters of the URL-safe base64 alphabet.")
			}
		}
	}
	// FCM REST reference, WebpushFcmOptions.link: "HTTPS is required".
	if w.FcmOptions != nil && w.FcmOptions.Link != "" {
		u, err := url.Parse(w.FcmOptions.Link)
		if err != nil || !strings.EqualFold(u.Scheme, "https") || u.Host == "" {
			return invalid("message.webpush.fcm_options.link", "Link must be an absolute https URL.")
		}
	}
	return nil
}
