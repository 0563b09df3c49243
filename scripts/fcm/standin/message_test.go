package standin

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// post sends a body to the send method of a project and returns the answer.
func post(h http.Handler, project, body string) (int, string, http.Header) {
	r := httptest.NewRequest(http.MethodPost, "/v1/projects/"+project+"/messages:send", strings.NewReader(body))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, strings.TrimSpace(w.Body.String()), w.Header()
}

const fcmPart = `{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"INVALID_ARGUMENT"}`

func badRequestPart(field, text string) string {
	if field != "" {
		field = fmt.Sprintf(`"field":%q,`, field)
	}
	return fmt.Sprintf(`{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{%s"description":%q}]}`, field, text)
}

func body400(text string, details ...string) string {
	d := ""
	if len(details) > 0 {
		d = `,"details":[` + strings.Join(details, ",") + `]`
	}
	return fmt.Sprintf(`{"error":{"code":400,"message":%q,"status":"INVALID_ARGUMENT"%s}}`, text, d)
}

// schema is the answer to JSON that does not fit, without FcmError.
func schema(field, text string) string { return body400(text, badRequestPart(field, text)) }

// refused is FCM's answer to a field it refuses.
func refused(field, text string) string { return body400(text, badRequestPart(field, text), fcmPart) }

// refusedTarget is the answer to a malformed target: the details come the other way round.
func refusedTarget(field, text string) string {
	return body400(text, fcmPart, badRequestPart(field, text))
}

const tooLargeBody = `{"error":{"code":400,"message":"Message is too large. The maximum is 4K (4096 bytes).","status":"INVALID_ARGUMENT",` +
	`"details":[{"@type":"type.googleapis.com/google.rpc.BadRequest"},` + fcmPart + `]}}`

func TestMessages(t *testing.T) {
	const ok = ""
	x := func(n int) string { return strings.Repeat("x", n) }
	unknown := func(name, at string) string {
		return schema(at, fmt.Sprintf("Invalid JSON payload received. Unknown name %q at '%s': Cannot find field.", name, at))
	}
	value := func(at, typ, detail string) string {
		return schema(at, fmt.Sprintf("Invalid value at '%s' (%s), %s", at, typ, detail))
	}
	duration := func(at, name, why string) string {
		return value(at, "type.googleapis.com/google.protobuf.Duration", fmt.Sprintf("Field '%s', %s", name, why))
	}
	// In a message, $T stands for the token of an existing device.
	for _, tt := range []struct{ name, message, want string }{
		{"data only", `{"token":"$T","data":{"a":"b"}}`, ok},
		{"notification", `{"token":"$T","notification":{"title":"t","body":"b","image":"https://e.example/i.png"}}`, ok},
		{"nothing but a target", `{"token":"$T"}`, ok},
		{"name is ignored", `{"token":"$T","name":"projects/p/messages/1"}`, ok},
		{"null is unset", `{"token":"$T","android":null,"data":null,"topic":null}`, ok},
		{"last repeated name wins", `{"token":"bad","token":"$T"}`, ok},
		{"lowerCamelCase", `{"token":"$T","fcmOptions":{"analyticsLabel":"l"},"android":{"collapseKey":"k","restrictedPackageName":"p"}}`, ok},
		{"topic", `{"topic":"news"}`, ok},
		{"condition", `{"condition":"'a' in topics && 'b' in topics"}`, ok},

		{"unknown field", `{"token":"$T","x":1}`, unknown("x", "message")},
		{"unknown nested field", `{"token":"$T","notification":{"clickAction":"a"}}`, unknown("clickAction", "message.notification")},
		{"unknown deep field", `{"token":"$T","android":{"notification":{"light_settings":{"color":{"rot":1}}}}}`,
			unknown("rot", "message.android.notification.light_settings.color")},
		{"wrong case", `{"Token":"$T"}`, unknown("Token", "message")},
		{"legacy field", `{"to":"$T"}`, unknown("to", "message")},
		{"Admin SDK field of a multicast", `{"tokens":["$T"]}`, unknown("tokens", "message")},
		{"list for a message", `{"token":"$T","notification":[]}`,
			schema("message", `Invalid JSON payload received. Unknown name "notification" at 'message': Proto field is not repeating, cannot start list.`)},
		{"string for a message", `{"token":"$T","notification":"hi"}`,
			value("message.notification", "type.googleapis.com/google.firebase.fcm.v1.Notification", `"hi"`)},
		{"number for a string", `{"token":12}`, value("message.token", "TYPE_STRING", "12")},
		{"number in data", `{"token":"$T","data":{"a":"1","b":12}}`, value("message.data[1].value", "TYPE_STRING", "12")},
		{"object in data", `{"token":"$T","data":{"a":{}}}`, value("message.data[0].value", "TYPE_STRING", "{")},
		{"null in data", `{"token":"$T","data":{"a":null}}`, value("message.data[0].value", "TYPE_STRING", "null")},
		{"number in Android data", `{"token":"$T","android":{"data":{"a":1}}}`, value("message.android.data[0].value", "TYPE_STRING", "1")},
		{"string for a bool", `{"token":"$T","android":{"direct_boot_ok":"yes"}}`, value("message.android.direct_boot_ok", "TYPE_BOOL", `"yes"`)},
		{"fraction for an int", `{"token":"$T","android":{"notification":{"notification_count":1.5}}}`,
			value("message.android.notification.notification_count", "TYPE_INT32", "1.5")},
		{"string for a list", `{"token":"$T","android":{"notification":{"body_loc_args":"a"}}}`,
			value("message.android.notification.body_loc_args", "repeated", `"a"`)},
		{"bad time", `{"token":"$T","android":{"notification":{"event_time":"noon"}}}`,
			value("message.android.notification.event_time", "type.googleapis.com/google.protobuf.Timestamp", "Field 'event_time', Invalid time format")},

		{"no target", `{"data":{"a":"b"}}`, refused("message", "Recipient of the message is not set.")},
		{"two targets", `{"token":"$T","topic":"a"}`,
			value("message", "oneof", "oneof field 'target' is already set. Cannot set 'topic'")},
		{"malformed token", `{"token":"abc"}`,
			refusedTarget("message.token", "The registration token is not a valid FCM registration token")},
		{"token with one letter more", `{"token":"$Ta"}`,
			refusedTarget("message.token", "The registration token is not a valid FCM registration token")},
		{"malformed installation ID", `{"fid":"abc"}`,
			refusedTarget("message.fid", "The installation ID is not a valid Firebase installation ID")},
		{"bad topic", `{"topic":"a b"}`, refused("message", "Topic name contains invalid characters.")},
		{"bad condition", `{"condition":"weather"}`, body400("Request contains an invalid argument.")},

		{"reserved key from", `{"token":"$T","data":{"from":"a"}}`, refused("message.data", "Invalid data payload key: from")},
		{"reserved key message_type", `{"token":"$T","data":{"message_type":"a"}}`, refused("message.data", "Invalid data payload key: message_type")},
		{"reserved prefix google", `{"token":"$T","data":{"google.x":"a"}}`, refused("message.data", "Invalid data payload key: google.x")},
		{"reserved prefix gcm", `{"token":"$T","android":{"data":{"gcm.notification.x":"a"}}}`,
			refused("message.android.data", "Invalid data payload key: gcm.notification.x")},
		{"reserved key for the web", `{"token":"$T","webpush":{"data":{"from":"a"}}}`, refused("message.webpush.data", "Invalid data payload key: from")},
		{"key like a reserved one", `{"token":"$T","data":{"fromUser":"a","collapse_key":"b"}}`, ok},

		{"label", `{"token":"$T","fcm_options":{"analytics_label":"chat-1_~.%"}}`, ok},
		{"label with a space", `{"token":"$T","fcm_options":{"analytics_label":"a b"}}`,
			refused("message.fcm_options.analytics_label", "Analytics label must match ^[a-zA-Z0-9-_.~%]{1,50}$")},
		{"empty label", `{"token":"$T","android":{"fcm_options":{"analytics_label":""}}}`,
			refused("message.android.fcm_options.analytics_label", "Analytics label must match ^[a-zA-Z0-9-_.~%]{1,50}$")},
		{"label of 51", `{"token":"$T","apns":{"fcm_options":{"analytics_label":"` + x(51) + `"}}}`,
			refused("message.apns.fcm_options.analytics_label", "Analytics label must match ^[a-zA-Z0-9-_.~%]{1,50}$")},

		{"ttl", `{"token":"$T","android":{"ttl":"3.5s"}}`, ok},
		{"ttl 0", `{"token":"$T","android":{"ttl":"0s"}}`, ok},
		{"ttl with nanoseconds", `{"token":"$T","android":{"ttl":"3.000000001s"}}`, ok},
		{"longest ttl", `{"token":"$T","android":{"ttl":"2419200s"}}`, ok},
		{"ttl too long", `{"token":"$T","android":{"ttl":"2419201s"}}`, refused("message.android.ttl", "Invalid ttl: must be between 0s and 2419200s.")},
		{"ttl negative", `{"token":"$T","android":{"ttl":"-1s"}}`, refused("message.android.ttl", "Invalid ttl: must be between 0s and 2419200s.")},
		{"ttl without s", `{"token":"$T","android":{"ttl":"60"}}`,
			duration("message.android.ttl", "ttl", "Illegal duration format; duration must end with 's'")},
		{"ttl as a number", `{"token":"$T","android":{"ttl":60}}`, duration("message.android.ttl", "ttl", "Invalid data type for duration")},
		{"ttl in minutes", `{"token":"$T","android":{"ttl":"1m0s"}}`,
			duration("message.android.ttl", "ttl", "Invalid duration format, failed to parse seconds")},
		{"ttl with ten digits", `{"token":"$T","android":{"ttl":"1.0000000001s"}}`,
			duration("message.android.ttl", "ttl", "Invalid duration format, failed to parse nano seconds")},
		{"ttl of ages", `{"token":"$T","android":{"ttl":"99999999999999s"}}`, duration("message.android.ttl", "ttl", "Duration value exceeds limits")},
		{"priority", `{"token":"$T","android":{"priority":"HIGH"}}`, ok},
		{"priority in lower case", `{"token":"$T","android":{"priority":"normal"}}`, ok},
		{"priority by number", `{"token":"$T","android":{"priority":1}}`, ok},
		{"bad priority", `{"token":"$T","android":{"priority":"urgent"}}`,
			value("message.android.priority", "type.googleapis.com/google.firebase.fcm.v1.AndroidMessagePriority", `"urgent"`)},
		{"bad visibility", `{"token":"$T","android":{"notification":{"visibility":"ALL"}}}`,
			value("message.android.notification.visibility", "type.googleapis.com/google.firebase.fcm.v1.AndroidNotification.Visibility", `"ALL"`)},
		{"bad color", `{"token":"$T","android":{"notification":{"color":"red"}}}`,
			refused("message.android.notification.color", "Invalid color: must be #rrggbb.")},
		{"negative vibration", `{"token":"$T","android":{"notification":{"vibrate_timings":["0s","-1s"]}}}`,
			refused("message.android.notification.vibrate_timings", "Invalid vibrate timing: must not be negative.")},
		{"light without color", `{"token":"$T","android":{"notification":{"light_settings":{"light_on_duration":"1s","light_off_duration":"1s"}}}}`,
			refused("message.android.notification.light_settings.color", "Light settings need a color.")},
		{"light too bright", `{"token":"$T","android":{"notification":{"light_settings":{"color":{"red":2},"light_on_duration":"1s","light_off_duration":"1s"}}}}`,
			refused("message.android.notification.light_settings.color", "Each part of a color lies between 0 and 1.")},

		{"webpush headers", `{"token":"$T","webpush":{"headers":{"TTL":"60","Urgency":"very-low","Topic":"a_b-C9"}}}`, ok},
		{"webpush TTL as a number", `{"token":"$T","webpush":{"headers":{"TTL":60}}}`, value("message.webpush.headers[0].value", "TYPE_STRING", "60")},
		{"webpush TTL with unit", `{"token":"$T","webpush":{"headers":{"TTL":"60s"}}}`,
			refused("message.webpush.headers.TTL", "TTL must be a non-negative integer.")},
		{"webpush TTL negative", `{"token":"$T","webpush":{"headers":{"ttl":"-1"}}}`,
			refused("message.webpush.headers.TTL", "TTL must be a non-negative integer.")},
		{"webpush urgency", `{"token":"$T","webpush":{"headers":{"Urgency":"HIGH"}}}`,
			refused("message.webpush.headers.Urgency", "Urgency must be very-low, low, normal or high.")},
		{"webpush topic of 33", `{"token":"$T","webpush":{"headers":{"Topic":"` + x(33) + `"}}}`,
			refused("message.webpush.headers.Topic", "Topic must be 1 to 32 characters of the URL-safe base64 alphabet.")},
		{"webpush topic with a colon", `{"token":"$T","webpush":{"headers":{"Topic":"a:b"}}}`,
			refused("message.webpush.headers.Topic", "Topic must be 1 to 32 characters of the URL-safe base64 alphabet.")},
		{"webpush link", `{"token":"$T","webpush":{"fcm_options":{"link":"https://e.example/x"}}}`, ok},
		{"webpush link without TLS", `{"token":"$T","webpush":{"fcm_options":{"link":"http://e.example/x"}}}`,
			refused("message.webpush.fcm_options.link", "Link must be an absolute https URL.")},
		{"webpush link of a path", `{"token":"$T","webpush":{"fcm_options":{"link":"/x"}}}`,
			refused("message.webpush.fcm_options.link", "Link must be an absolute https URL.")},
		{"any webpush notification", `{"token":"$T","webpush":{"notification":{"title":"t","actions":[{"action":"a"}],"data":{"x":[1,null]}}}}`, ok},
		{"webpush notification as a string", `{"token":"$T","webpush":{"notification":"t"}}`,
			value("message.webpush.notification", "type.googleapis.com/google.protobuf.Struct", `"t"`)},

		{"apns", `{"token":"$T","apns":{"headers":{"apns-priority":"5","apns-expiration":"0","apns-push-type":"background","apns-collapse-id":"` +
			x(64) + `"},"payload":{"aps":{"content-available":1}}}}`, ok},
		{"apns priority as a number", `{"token":"$T","apns":{"headers":{"apns-priority":5}}}`, value("message.apns.headers[0].value", "TYPE_STRING", "5")},
		{"apns priority 7", `{"token":"$T","apns":{"headers":{"apns-priority":"7"}}}`,
			refused("message.apns.headers.apns-priority", "apns-priority must be 1, 5 or 10.")},
		{"apns background with priority 10", `{"token":"$T","apns":{"headers":{"apns-priority":"10","apns-push-type":"background"},"payload":{"aps":{"content-available":1}}}}`,
			refused("message.apns.headers.apns-priority", "A message without notification must have apns-priority 5.")},
		{"apns data with priority 10", `{"token":"$T","data":{"a":"b"},"apns":{"headers":{"apns-priority":"10"}}}`,
			refused("message.apns.headers.apns-priority", "A message without notification must have apns-priority 5.")},
		{"apns expiration", `{"token":"$T","apns":{"headers":{"apns-expiration":"60s"}}}`,
			refused("message.apns.headers.apns-expiration", "apns-expiration must be seconds since the Unix epoch, or 0.")},
		{"apns push type", `{"token":"$T","apns":{"headers":{"apns-push-type":"ring"}}}`,
			refused("message.apns.headers.apns-push-type", "apns-push-type must be one of alert, background, complication, controls, "+
				"fileprovider, liveactivity, location, mdm, pushtotalk, voip, widgets.")},
		{"apns collapse ID of 65", `{"token":"$T","apns":{"headers":{"apns-collapse-id":"` + x(65) + `"}}}`,
			refused("message.apns.headers.apns-collapse-id", "apns-collapse-id must be 1 to 64 bytes.")},
		{"apns payload without aps", `{"token":"$T","apns":{"payload":{"x":1}}}`,
			refused("message.apns.payload", "The APNs payload must have an aps dictionary.")},

		{"data of 4096 bytes", `{"token":"$T","data":{"k":"` + x(4095) + `"}}`, ok},
		{"data of 4097 bytes", `{"token":"$T","data":{"k":"` + x(4096) + `"}}`, tooLargeBody},
		{"size in bytes, not letters", `{"token":"$T","data":{"k":"` + strings.Repeat("é", 2048) + `"}}`, tooLargeBody},
		{"data and notification too large", `{"token":"$T","data":{"k":"` + x(2000) + `"},"notification":{"body":"` + x(2100) + `"}}`, tooLargeBody},
		{"webpush too large", `{"token":"$T","webpush":{"notification":{"body":"` + x(4090) + `"}}}`, tooLargeBody},
		{"apns too large", `{"token":"$T","apns":{"payload":{"aps":{"alert":"` + x(4090) + `"}}}}`, tooLargeBody},
		{"Android data replaces data", `{"token":"$T","data":{"k":"` + x(5000) + `"},"android":{"data":{"k":"v"}}}`, ok},
		{"topic of 2049 bytes", `{"topic":"a","data":{"k":"` + x(2048) + `"}}`, tooLargeBody},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := New(Options{Project: "p"})
			d, err := s.NewDevice(Device{})
			if err != nil {
				t.Fatal(err)
			}
			body := `{"message":` + strings.ReplaceAll(tt.message, "$T", d.Token) + `}`
			status, got, _ := post(s, "p", body)
			if tt.want == ok {
				if status != 200 || !strings.HasPrefix(got, `{"name":"projects/p/messages/0:`) {
					t.Fatalf("got %d %s, want a name", status, got)
				}
				return
			}
			if status != 400 || got != tt.want {
				t.Fatalf("got  %d %s\nwant 400 %s", status, got, tt.want)
			}
			if n := s.Stats().Accepted; n != 0 {
				t.Fatalf("accepted %d refused messages", n)
			}
		})
	}
}

func TestEnvelope(t *testing.T) {
	s := New(Options{Project: "p"})
	d, _ := s.NewDevice(Device{})
	other, _ := s.NewDevice(Device{Sender: "q"})
	fid, _ := s.NewDevice(Device{Kind: FID, Platform: Web})
	const (
		notFound     = `{"error":{"code":404,"message":"Requested entity was not found.","status":"NOT_FOUND"}}`
		unregistered = `{"error":{"code":404,"message":"Requested entity was not found.","status":"NOT_FOUND","details":[` +
			`{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"UNREGISTERED"}]}}`
		mismatch = `{"error":{"code":403,"message":"SenderId mismatch","status":"PERMISSION_DENIED","details":[` +
			`{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"SENDER_ID_MISMATCH"}]}}`
		fake   = `{"name":"projects/p/messages/fake_message_id"}`
		syntax = "Invalid JSON payload received. Unexpected token."
	)
	for _, tt := range []struct {
		name, project, body string
		status              int
		want                string // empty: a fresh name
	}{
		{"other project", "q", `{"message":{"token":"` + d.Token + `"}}`, 404, notFound},
		{"unknown token", "p", `{"message":{"token":"` + TokenFor("x") + `"}}`, 404, unregistered},
		{"unknown FID", "p", `{"message":{"fid":"` + FIDFor("x") + `"}}`, 404, unregistered},
		{"token of another sender", "p", `{"message":{"token":"` + other.Token + `"}}`, 403, mismatch},
		{"FID", "p", `{"message":{"fid":"` + fid.Token + `"}}`, 200, ""},
		{"FID as token", "p", `{"message":{"token":"` + fid.Token + `"}}`, 200, ""},
		{"validate only", "p", `{"message":{"token":"` + d.Token + `"},"validate_only":true}`, 200, fake},
		{"validate only, camel case", "p", `{"validateOnly":true,"message":{"token":"` + d.Token + `"}}`, 200, fake},
		{"validate only, unknown token", "p", `{"validateOnly":true,"message":{"token":"` + TokenFor("x") + `"}}`, 404, unregistered},
		{"validate only, wrong type", "p", `{"validate_only":1}`, 400, schema("validate_only", "Invalid value at 'validate_only' (TYPE_BOOL), 1")},
		{"unknown at the root", "p", `{"to":"x","message":{"token":"` + d.Token + `"}}`, 400,
			schema("", `Invalid JSON payload received. Unknown name "to": Cannot find field.`)},
		{"several mistakes", "p", `{"a":1,"message":{"b":1}}`, 400, body400(
			"Invalid JSON payload received. Unknown name \"a\": Cannot find field.\nInvalid JSON payload received. Unknown name \"b\" at 'message': Cannot find field.",
			`{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"description":"Invalid JSON payload received. Unknown name \"a\": Cannot find field."},`+
				`{"field":"message","description":"Invalid JSON payload received. Unknown name \"b\" at 'message': Cannot find field."}]}`)},
		{"no message", "p", `{}`, 400, refused("message", "Recipient of the message is not set.")},
		{"empty body", "p", ``, 400, schema("", syntax)},
		{"no JSON", "p", `{"message":`, 400, schema("", syntax)},
		{"trailing data", "p", `{} {}`, 400, schema("", syntax)},
		{"list", "p", `[]`, 400, schema("", `Invalid JSON payload received. Unknown name "": Root element must be a message.`)},
		{"bad UTF-8", "p", "{\"message\":{\"token\":\"\xff\"}}", 400, schema("", "Invalid JSON payload received. Invalid UTF-8.")},
		{"too deep", "p", strings.Repeat("[", 200) + strings.Repeat("]", 200), 400, schema("", "Invalid JSON payload received. Nesting too deep.")},
		{"huge", "p", strings.Repeat(" ", maxBody+1), 400, schema("", "Request payload size exceeds the limit: 262144 bytes.")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, got, _ := post(s, tt.project, tt.body)
			if status != tt.status || tt.want != "" && got != tt.want {
				t.Fatalf("got  %d %s\nwant %d %s", status, got, tt.status, tt.want)
			}
		})
	}
	if st := s.Stats(); st.Accepted != 2 || st.ValidateOnly != 2 || st.Errors[Unregistered] != 3 || st.Errors[NotFound] != 1 {
		t.Errorf("stats: %+v", st)
	}
}

func TestOtherPaths(t *testing.T) {
	s := New(Options{Project: "p", RequireAuth: true})
	for _, tt := range []struct {
		method, path, auth string
		status             int
		contentType        string
	}{
		{"GET", "/v1/projects/p/messages:send", "", 405, "text/html; charset=UTF-8"},
		{"POST", "/v1/projects/p/messages", "", 404, "text/html; charset=UTF-8"},
		{"POST", "/v1/projects/p/messages:sendAll", "", 404, "text/html; charset=UTF-8"},
		{"GET", "/", "", 404, "text/html; charset=UTF-8"},
		{"POST", "/v1/projects/p/messages:send", "", 401, "application/json; charset=UTF-8"},
		{"POST", "/v1/projects/p/messages:send", "Bearer x", 400, "application/json; charset=UTF-8"},
		{"GET", "/healthz", "", 200, "application/json; charset=UTF-8"},
	} {
		r := httptest.NewRequest(tt.method, tt.path, nil)
		if tt.auth != "" {
			r.Header.Set("Authorization", tt.auth)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != tt.status || w.Header().Get("Content-Type") != tt.contentType {
			t.Errorf("%s %s: got %d %s, want %d %s", tt.method, tt.path, w.Code, w.Header().Get("Content-Type"), tt.status, tt.contentType)
		}
	}
	if n := s.Stats().Errors[Unauthenticated]; n != 1 {
		t.Errorf("counted %d unauthenticated requests, want 1", n)
	}
}
