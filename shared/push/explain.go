package push

var classes = map[Class]string{
	Sent:           "FCM took it",
	Unregistered:   "the app is gone from the device: its target was removed",
	InvalidTarget:  "FCM calls the target invalid: it was removed",
	InvalidMessage: "FCM calls the message invalid",
	SenderMismatch: "the token belongs to another Firebase project, or our credential does (SENDER_ID_MISMATCH)",
	ThirdParty:     "the APNs key or web push key in the Firebase console is missing or wrong (THIRD_PARTY_AUTH_ERROR)",
	Credentials:    "our service account may not send: give it the role that terraform/README.md names",
	NoToken:        "no access token could be had: Google's server for them did not answer",
	WrongProject:   "FCM doesn't know our project or URL",
	Quota:          "FCM's quota was used up",
	Unavailable:    "FCM or the network was unavailable",
	Internal:       "FCM had an internal error",
	Timeout:        "FCM did not answer in time",
	NoTurn:         "FCM was not asked yet: others were before it",
	DeviceLimit:    "FCM was not asked yet: the device has had as many as FCM takes for one device",
}

// Explain says in words what c means, for operators. It is c itself for a class
// that is unknown, such as one of a later version.
func (c Class) Explain() string {
	if text, ok := classes[c]; ok {
		return text
	}
	return string(c)
}
