package chat

import (
	"reflect"
	"strings"
	"testing"

	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// request is a valid one of alice's to bob with a push, changed by edits.
func request(edits ...func(*SendRequest)) *SendRequest {
	peer := Peer
	r := &SendRequest{
		Message: &Content{Type: Text, Message: "hi"}, ToConversationID: "bob", ConversationType: &peer, LocalMessageID: "l1",
		Config: &SendConfig{Priority: Medium, PushConfig: &PushConfigInput{PushConfig: PushConfig{Title: "Alice", Content: "hi"}}},
	}
	for _, edit := range edits {
		edit(r)
	}
	return r
}

func to(t ConversationType) func(*SendRequest) {
	return func(r *SendRequest) { r.ConversationType = &t }
}

func noPush(r *SendRequest) { r.Config.PushConfig = nil }

func text(s string) func(*SendRequest)      { return func(r *SendRequest) { r.Message.Message = s } }
func kind(m MessageType) func(*SendRequest) { return func(r *SendRequest) { r.Message.Type = m } }
func push(edits ...func(*PushConfigInput)) func(*SendRequest) {
	return func(r *SendRequest) {
		for _, edit := range edits {
			edit(r.Config.PushConfig)
		}
	}
}

const maxText = 100

func TestCheckAccepts(t *testing.T) {
	for name, edits := range map[string][]func(*SendRequest){
		"least":               {noPush},
		"with a push":         {},
		"to a group":          {to(Group)},
		"to a room":           {to(Room), noPush},
		"a group of one's ID": {to(Group), func(r *SendRequest) { r.ToConversationID = "alice" }},
		"longest text":        {text(strings.Repeat("x", maxText))},
		"longest command":     {kind(Command), text(strings.Repeat("x", MaxCommandBytes))},
		"longest barrage":     {kind(Barrage), to(Room), noPush, text(strings.Repeat("x", MaxCommandBytes))},
		"custom, subType 200": {kind(Custom), func(r *SendRequest) { r.Message.SubType = 200 }},
		"longest local ID":    {func(r *SendRequest) { r.LocalMessageID = strings.Repeat("x", MaxLocalMessageIDBytes) }},
		"longest user ID":     {func(r *SendRequest) { r.ToConversationID = strings.Repeat("x", MaxUserIDBytes) }},
		"every ID character":  {func(r *SendRequest) { r.ToConversationID = "aZ09!#$%&()+-:;<=.>?@[]^_{}|~" }},
		"most mentions": {func(r *SendRequest) {
			r.Message.MentionedUserIDs = strings.Split(strings.Repeat("u,", MaxMentions-1)+"u", ",")
		}},
		"longest extended":      {func(r *SendRequest) { r.Message.ExtendedData = strings.Repeat("x", MaxExtendedDataBytes) }},
		"priority low":          {func(r *SendRequest) { r.Config.Priority = Low }},
		"priority high":         {func(r *SendRequest) { r.Config.Priority = High }},
		"badge":                 {push(func(p *PushConfigInput) { p.EnableBadge, p.BadgeIncrement = true, MaxBadgeIncrement })},
		"badge without step":    {push(func(p *PushConfigInput) { p.EnableBadge = true })},
		"both names, one value": {push(func(p *PushConfigInput) { p.Payload, p.ExtendedData = "x", "x" })},
	} {
		if err := request(edits...).Check("alice", maxText); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	const idRule = "may hold digits, letters and !#$%&()+-:;<=.>?@[]^_{}|~ only, and not be \".\", \"..\" or \"__…__\""
	id := func(s string) func(*SendRequest) { return func(r *SendRequest) { r.ToConversationID = s } }
	long := func(n int) string { return strings.Repeat("x", n+1) }
	for _, tc := range []struct {
		field, message string
		edits          []func(*SendRequest)
	}{
		{"conversationType", "is required: 0 peer, 1 room, 2 group", edits(func(r *SendRequest) { r.ConversationType = nil })},
		{"conversationType", "is 3: give 0 (peer), 1 (room) or 2 (group)", edits(to(3))},
		{"conversationType", "is -1: give 0 (peer), 1 (room) or 2 (group)", edits(to(-1))},
		{"toConversationID", "is required", edits(id(""))},
		{"toConversationID", "is 129 bytes long: at most 128", edits(id(long(MaxUserIDBytes)))},
		{"toConversationID", idRule, edits(id("a/b"))},
		{"toConversationID", idRule, edits(id("a b"))},
		{"toConversationID", idRule, edits(id("é"))},
		{"toConversationID", idRule, edits(id("a\n"))},
		{"toConversationID", idRule, edits(id("."))},
		{"toConversationID", idRule, edits(id(".."))},
		{"toConversationID", idRule, edits(id("__x__"))},
		{"toConversationID", "is the sender: a message to oneself has no receiver", edits(id("alice"))},
		{"localMessageID", "is required: an ID of the client's own, the same on every retry of this message", edits(func(r *SendRequest) { r.LocalMessageID = "" })},
		{"localMessageID", "is 65 bytes long: at most 64", edits(func(r *SendRequest) { r.LocalMessageID = long(MaxLocalMessageIDBytes) })},
		{"message", "is required", edits(func(r *SendRequest) { r.Message = nil })},
		{"message.type", "is 0: give 1 (text), 2 (command), 20 (barrage) or 200 (custom)", edits(kind(0))},
		{"message.type", "is 11: give 1 (text), 2 (command), 20 (barrage) or 200 (custom)", edits(kind(11))},
		{"message.type", "20 (barrage) is for rooms (conversationType 1) only", edits(kind(Barrage))},
		{"message.message", "is required and must not be empty", edits(text(""))},
		{"message.message", "is 101 bytes long: at most 100", edits(text(long(maxText)))},
		{"message.message", "is 102 bytes long: at most 100", edits(text(strings.Repeat("é", 51)))},
		{"message.message", "is 101 bytes long: at most 100", edits(kind(Custom), text(long(maxText)))},
		{"message.message", "is 5121 bytes long: at most 5120", edits(kind(Command), text(long(MaxCommandBytes)))},
		{"message.subType", "is -1: 0 to 200", edits(kind(Custom), func(r *SendRequest) { r.Message.SubType = -1 })},
		{"message.subType", "is 201: 0 to 200", edits(kind(Custom), func(r *SendRequest) { r.Message.SubType = 201 })},
		{"message.subType", "is for custom messages (type 200) only", edits(func(r *SendRequest) { r.Message.SubType = 1 })},
		{"message.extendedData", "is 1025 bytes long: at most 1024", edits(func(r *SendRequest) { r.Message.ExtendedData = long(MaxExtendedDataBytes) })},
		{"message.mentionedUserIDs", "names 51 users: at most 50; use isMentionAll for more", edits(func(r *SendRequest) { r.Message.MentionedUserIDs = make([]string, 51) })},
		{"message.mentionedUserIDs", "is required", edits(func(r *SendRequest) { r.Message.MentionedUserIDs = []string{"bob", ""} })},
		{"config", "is required: at least {\"priority\":2}", edits(func(r *SendRequest) { r.Config = nil })},
		{"config.priority", "is 0: give 1 (low), 2 (medium) or 3 (high)", edits(func(r *SendRequest) { r.Config.Priority = 0 })},
		{"config.priority", "is 4: give 1 (low), 2 (medium) or 3 (high)", edits(func(r *SendRequest) { r.Config.Priority = 4 })},
		{"config.collapseID", "is 65 bytes long: at most 64", edits(func(r *SendRequest) { r.Config.CollapseID = long(MaxCollapseIDBytes) })},
		{"config.deviceFilter.only", "names no device: give platforms, pushIDs or deviceIDs, or leave it out", edits(func(r *SendRequest) { r.Config.DeviceFilter = &device.Filter{Only: &device.Selector{}} })},
		{"config.pushConfig", "room messages (conversationType 1) are never pushed: leave it out", edits(to(Room))},
		{"config.pushConfig.title", "is required and must not be empty: a push has a title and a content, unless it is silent", edits(push(func(p *PushConfigInput) { p.Title = "" }))},
		{"config.pushConfig.content", "is required and must not be empty: a push has a title and a content, unless it is silent", edits(push(func(p *PushConfigInput) { p.Content = "" }))},
		{"config.pushConfig.title", "is for a push that shows something: leave it out, or silent", edits(push(func(p *PushConfigInput) { p.Silent = true }))},
		{"config.pushConfig.content", "is for a push that shows something: leave it out, or silent", edits(push(func(p *PushConfigInput) { p.Silent, p.Title = true, "" }))},
		{"config.pushConfig.voIPConfig.iOSVoIPHandleType", "is 0: give 1 (generic), 2 (phone number) or 3 (email address)", edits(push(voIP(VoIPConfig{HandleValue: "alice"})))},
		{"config.pushConfig.voIPConfig.iOSVoIPHandleType", "is 4: give 1 (generic), 2 (phone number) or 3 (email address)", edits(push(voIP(VoIPConfig{HandleType: 4, HandleValue: "alice"})))},
		{"config.pushConfig.voIPConfig.iOSVoIPHandleValue", "is required and must not be empty", edits(push(voIP(VoIPConfig{HandleType: GenericHandle})))},
		{"config.pushConfig.voIPConfig.iOSVoIPHandleValue", "is 129 bytes long: at most 128", edits(push(voIP(VoIPConfig{HandleType: EmailAddress, HandleValue: long(MaxVoIPHandleBytes)})))},
		{"config.pushConfig.voIPConfig.iOSVoIPHandleValue", "holds a control character", edits(push(voIP(VoIPConfig{HandleType: PhoneNumber, HandleValue: "1\x00"})))},
		{"config.pushConfig.extendedData", "is the older name of payload: give one of them", edits(push(func(p *PushConfigInput) { p.Payload, p.ExtendedData = "a", "b" }))},
		{"config.pushConfig.resourcesID", "is 33 bytes long: at most 32", edits(push(func(p *PushConfigInput) { p.ResourcesID = long(MaxResourcesIDBytes) }))},
		{"config.pushConfig.resourcesID", "may hold printable ASCII characters only, without slashes", edits(push(func(p *PushConfigInput) { p.ResourcesID = "a/b" }))},
		{"config.pushConfig.resourcesID", "may hold printable ASCII characters only, without slashes", edits(push(func(p *PushConfigInput) { p.ResourcesID = "a\u202e" }))},
		{"config.pushConfig.title", "holds a control character", edits(push(func(p *PushConfigInput) { p.Title = "a\x00" }))},
		{"config.pushConfig.content", "holds a control character", edits(push(func(p *PushConfigInput) { p.Content = "a\x1b[0m" }))},
		{"config.pushConfig.threadID", "is 65 bytes long: at most 64", edits(push(func(p *PushConfigInput) { p.ThreadID = long(MaxThreadIDBytes) }))},
		{"config.pushConfig.badgeIncrement", "is -1: 0 to 999", edits(push(func(p *PushConfigInput) { p.EnableBadge, p.BadgeIncrement = true, -1 }))},
		{"config.pushConfig.badgeIncrement", "is 1000: 0 to 999", edits(push(func(p *PushConfigInput) { p.EnableBadge, p.BadgeIncrement = true, 1000 }))},
		{"config.pushConfig.badgeIncrement", "needs enableBadge to be true", edits(push(func(p *PushConfigInput) { p.BadgeIncrement = 1 }))},
		{"config.pushConfig.title", "is not valid UTF-8", edits(push(func(p *PushConfigInput) { p.Title = "\xff" }))},
		{"config.pushConfig.content", "is not valid UTF-8", edits(push(func(p *PushConfigInput) { p.Content = "\xff" }))},
		{"config.pushConfig.payload", "is not valid UTF-8", edits(push(func(p *PushConfigInput) { p.Payload = "\xff" }))},
		{"config.pushConfig.extendedData", "is not valid UTF-8", edits(push(func(p *PushConfigInput) { p.ExtendedData = "\xff" }))},
	} {
		err := request(tc.edits...).Check("alice", maxText)
		if want := fault.Invalid(tc.field, "%s", tc.message); !reflect.DeepEqual(err, error(want)) {
			t.Errorf("got  %v\nwant %v", err, want)
		}
	}
}

func silent(p *PushConfigInput) { p.Title, p.Content, p.Silent = "", "", true }

func voIP(v VoIPConfig) func(*PushConfigInput) { return func(p *PushConfigInput) { p.VoIP = &v } }

func TestSilentAndVoIPAreTaken(t *testing.T) {
	for _, edit := range []func(*SendRequest){
		push(silent),
		push(silent, func(p *PushConfigInput) { p.Payload = "sync" }),
		push(silent, func(p *PushConfigInput) { p.EnableBadge = true }),
		push(voIP(VoIPConfig{HandleType: GenericHandle, HandleValue: "alice", HasVideo: true})),
		push(silent, voIP(VoIPConfig{HandleType: PhoneNumber, HandleValue: "+3212345"})),
	} {
		if err := request(edit).Check("alice", maxText); err != nil {
			t.Error(err)
		}
	}
}

func edits(list ...func(*SendRequest)) []func(*SendRequest) { return list }

func TestOlderPayloadName(t *testing.T) {
	r := request(push(func(p *PushConfigInput) { p.ExtendedData = "x" }))
	if err := r.Check("alice", maxText); err != nil || r.Config.PushConfig.Payload != "x" {
		t.Errorf("payload %q, %v", r.Config.PushConfig.Payload, err)
	}
}
