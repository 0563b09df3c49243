package standin

import (
	"time"
)

// SendRequest is the body of projects.messages:send. Field names, types and
// which fields exist come from the FCM REST reference (discovery document
// fcm:v1). A field that is not here is refused as FCM refuses it.
type SendRequest struct {
	Message      *Message `json:"message"`
	ValidateOnly bool     `json:"validate_only"`
}

// Message is one FCM message. Exactly one of Token, Topic, Condition and FID
// is set (FCM REST reference, Message: union field target).
type Message struct {
	Name         string            `json:"name"` // output only; ignored on input
	Data         map[string]string `json:"data"`
	Notification *Notification     `json:"notification"`
	Android      *AndroidConfig    `json:"android"`
	Webpush      *WebpushConfig    `json:"webpush"`
	Apns         *ApnsConfig       `json:"apns"`
	FcmOptions   *FcmOptions       `json:"fcm_options"`
	Token        *string           `json:"token" oneof:"target"`
	Topic        *string           `json:"topic" oneof:"target"`
	Condition    *string           `json:"condition" oneof:"target"`
	FID          *string           `json:"fid" oneof:"target"`
}

// Notification is the template for all platforms.
type Notification struct {
	Title string `json:"title"`
	Body  string `json:"body"`
	Image string `json:"image"`
}

// FcmOptions are the options for all platforms.
type FcmOptions struct {
	AnalyticsLabel *string `json:"analytics_label"`
}

// AndroidConfig holds the options for Android.
type AndroidConfig struct {
	CollapseKey            string                 `json:"collapse_key"`
	Priority               AndroidMessagePriority `json:"priority"`
	TTL                    *Duration              `json:"ttl"`
	RestrictedPackageName  string                 `json:"restricted_package_name"`
	Data                   map[string]string      `json:"data"`
	Notification           *AndroidNotification   `json:"notification"`
	FcmOptions             *AndroidFcmOptions     `json:"fcm_options"`
	DirectBootOk           bool                   `json:"direct_boot_ok"`
	BandwidthConstrainedOk bool                   `json:"bandwidth_constrained_ok"`
	RestrictedSatelliteOk  bool                   `json:"restricted_satellite_ok"`
}

// AndroidFcmOptions are the options of the Android SDK.
type AndroidFcmOptions struct {
	AnalyticsLabel *string `json:"analytics_label"`
}

// AndroidNotification is a notification for Android.
type AndroidNotification struct {
	Title                   string               `json:"title"`
	Body                    string               `json:"body"`
	Icon                    string               `json:"icon"`
	Color                   string               `json:"color"`
	Sound                   string               `json:"sound"`
	Tag                     string               `json:"tag"`
	ClickAction             string               `json:"click_action"`
	BodyLocKey              string               `json:"body_loc_key"`
	BodyLocArgs             []string             `json:"body_loc_args"`
	TitleLocKey             string               `json:"title_loc_key"`
	TitleLocArgs            []string             `json:"title_loc_args"`
	ChannelID               string               `json:"channel_id"`
	Ticker                  string               `json:"ticker"`
	Sticky                  bool                 `json:"sticky"`
	EventTime               *time.Time           `json:"event_time"`
	LocalOnly               bool                 `json:"local_only"`
	NotificationPriority    NotificationPriority `json:"notification_priority"`
	DefaultSound            bool                 `json:"default_sound"`
	DefaultVibrateTimings   bool                 `json:"default_vibrate_timings"`
	DefaultLightSettings    bool                 `json:"default_light_settings"`
	VibrateTimings          []Duration           `json:"vibrate_timings"`
	Visibility              Visibility           `json:"visibility"`
	NotificationCount       *int32               `json:"notification_count"`
	LightSettings           *LightSettings       `json:"light_settings"`
	Image                   string               `json:"image"`
	Proxy                   Proxy                `json:"proxy"`
	BypassProxyNotification bool                 `json:"bypass_proxy_notification"`
}

// LightSettings describe the blinking of the notification LED.
type LightSettings struct {
	Color            *Color    `json:"color"`
	LightOnDuration  *Duration `json:"light_on_duration"`
	LightOffDuration *Duration `json:"light_off_duration"`
}

// Color is google.type.Color; every part lies in [0, 1].
type Color struct {
	Red   float64  `json:"red"`
	Green float64  `json:"green"`
	Blue  float64  `json:"blue"`
	Alpha *float64 `json:"alpha"`
}

// WebpushConfig holds the options of the Web Push protocol.
type WebpushConfig struct {
	Headers      map[string]string  `json:"headers"`
	Data         map[string]string  `json:"data"`
	Notification Object             `json:"notification"`
	FcmOptions   *WebpushFcmOptions `json:"fcm_options"`
}

// WebpushFcmOptions are the options of the web SDK.
type WebpushFcmOptions struct {
	Link           string  `json:"link"`
	AnalyticsLabel *string `json:"analytics_label"`
}

// ApnsConfig holds the options of the Apple Push Notification service.
type ApnsConfig struct {
	Headers           map[string]string `json:"headers"`
	Payload           Object            `json:"payload"`
	FcmOptions        *ApnsFcmOptions   `json:"fcm_options"`
	LiveActivityToken string            `json:"live_activity_token"`
}

// ApnsFcmOptions are the options of the Apple SDK.
type ApnsFcmOptions struct {
	AnalyticsLabel *string `json:"analytics_label"`
	Image          string  `json:"image"`
}

// Object is a google.protobuf.Struct: any JSON object. Numbers are json.Number.
type Object map[string]any

// Duration is a google.protobuf.Duration, "3.5s" in JSON.
type Duration time.Duration

// AndroidMessagePriority is NORMAL or HIGH, in either case of letters.
type AndroidMessagePriority string

// NotificationPriority is the priority of an Android notification.
type NotificationPriority string

// Visibility says what of an Android notification a lock screen shows.
type Visibility string

// Proxy says when an Android notification may be proxied.
type Proxy string

// enum is a protobuf enum; the position of a value is its number.
type enum interface {
	protoEnum() (typeName string, values []string)
}

func (AndroidMessagePriority) protoEnum() (string, []string) {
	return "AndroidMessagePriority", []string{"NORMAL", "HIGH"}
}

func (NotificationPriority) protoEnum() (string, []string) {
	return "AndroidNotification.NotificationPriority", []string{"PRIORITY_UNSPECIFIED", "PRIORITY_MIN",
		"PRIORITY_LOW", "PRIORITY_DEFAULT", "PRIORITY_HIGH", "PRIORITY_MAX"}
}

func (Visibility) protoEnum() (string, []string) {
	return "AndroidNotification.Visibility", []string{"VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"}
}

func (Proxy) protoEnum() (string, []string) {
	return "AndroidNotification.Proxy", []string{"PROXY_UNSPECIFIED", "ALLOW", "DENY", "IF_PRIORITY_LOWERED"}
}
