package plan

// explanations is what each reason means, said to whoever asks why a device did not
// ring.
var explanations = map[Reason]string{
	Sender:       "they sent it themselves",
	NoPushConfig: "the sender asked for no push",
	Room:         "room messages never push",
	NotMember:    "they were not in the group when it was sent, or are not any more",
	Muted:        "they muted the conversation, and were not mentioned with isNotifyMentionedUsers",
	LevelTooLow:  "their level of the conversation, of its type or of everything leaves such messages out",
	Snoozed:      "they want nothing to ring until a time",
	Bundled:      "they are told of it with others of its conversation, in one push when the window of these ends",
	QuietHours:   "these were their quiet hours, which such pushes don't break through",
	Expired:      "what it announced was over",
	Blocked:      "they have blocked the sender",
	AlreadyRead:  "they had read the conversation that far before the push left",
	Revoked:      "the message was revoked before the push left",
	NoDevice:     "they have no device bound: never registered, unregistered or logged out",
	FilteredOut:  "the sender asked for other devices of theirs (config.deviceFilter)",
	NoTarget:     "the device takes no pushes: never registered for them, unregistered, or its token died",
	Online:       "the device was online and got it directly",
	RulePlatform: "their offline push rule: another of their platforms was online",
	PopupOff:     "the device takes no popup pushes",
	SilentOff:    "the device takes no silent pushes",
	CallOver:     "the invitation was answered or cancelled, or the call ended, before the ring left",
	Ringing:      "they are invited again, so nothing is dismissed",
	Superseded:   "they were invited again since, and are told how that ended; or the message was edited again, or a later one with the same collapseID was there",
	NotRung:      "the device was never rung, so it has nothing to dismiss",
	AnsweredHere: "the call was answered on this device",
}

// expected is the reasons at which nobody wonders: the person has the message, or
// nothing was to ring.
var expected = map[Reason]bool{
	Sender: true, Online: true, NoPushConfig: true, Room: true, NotRung: true, AnsweredHere: true,
}

// Expected reports whether r is no answer to "why didn't they get it?".
func (r Reason) Expected() bool { return expected[r] }

// Explain says in words what r means, for operators. It is r itself for a reason
// that is unknown, such as one of a later version.
func (r Reason) Explain() string {
	if text, ok := explanations[r]; ok {
		return text
	}
	return string(r)
}
