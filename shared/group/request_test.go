package group

import (
	"reflect"
	"strings"
	"testing"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/fault"
)

func long(n int) string { return strings.Repeat("x", n) }

func manyUsers(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = "u"
	}
	return out
}

var (
	peerType, roomType, groupType = chat.Peer, chat.Room, chat.Group
	accepted                      = []interface{ checked() error }{
		create(func(*CreateRequest) {}),
		create(func(r *CreateRequest) { r.Config, r.UserIDs, r.GroupInfo.GroupID = nil, nil, "" }),
		create(func(r *CreateRequest) { r.GroupInfo.GroupID, r.UserIDs = long(32), manyUsers(MaxUsers) }),
		create(func(r *CreateRequest) {
			r.GroupInfo.GroupName, r.GroupInfo.GroupAvatarURL, r.Config.GroupNotice = long(50), "https://a.example/"+long(482), long(300)
		}),
		create(func(r *CreateRequest) { r.Config.MaxMemberCount = 1000 }),
		create(func(r *CreateRequest) { r.Config.MaxMemberCount, r.Config.JoinMode, r.Config.InviteMode = 2, 2, 1 }),
		users{GroupID: "g", UserIDs: manyUsers(MaxUsers)},
		page{GroupID: "g", Count: MaxPage},
		mine{Count: 1}, mine{NextFlag: "g", Count: 1},
		status{Status: 1, ConversationID: "g", ConversationType: &groupType},
		status{Status: 2, ConversationID: "g", ConversationType: &groupType, MutedUntil: 1},
		role{GroupID: "g", ForUserID: "u", Role: Admin}, role{GroupID: "g", ForUserID: "u", Role: Regular},
		to{GroupID: "g", ToUserID: "u"},
		whole{GroupID: "g"},
	}
)

// The requests, each with its check as it is called.
type (
	created struct{ *CreateRequest }
	users   UsersRequest
	page    MembersRequest
	mine    MineRequest
	status  StatusRequest
	role    RoleRequest
	to      TransferRequest
	whole   Request
)

func create(edit func(*CreateRequest)) created {
	r := &CreateRequest{GroupInfo: &BaseInfo{GroupID: "g", GroupName: "n"}, UserIDs: []string{"u"}, Config: &CreateConfig{}}
	edit(r)
	return created{r}
}

func (r created) checked() error { return r.check(1000) }
func (r users) checked() error   { return (*UsersRequest)(&r).check() }
func (r page) checked() error    { return (*MembersRequest)(&r).check() }
func (r mine) checked() error    { return (*MineRequest)(&r).check() }
func (r status) checked() error  { return (*StatusRequest)(&r).Check("me") }
func (r role) checked() error    { return (*RoleRequest)(&r).check("me") }
func (r to) checked() error      { return (*TransferRequest)(&r).check() }
func (r whole) checked() error   { return (*Request)(&r).check() }

func TestAccepted(t *testing.T) {
	for _, r := range accepted {
		if err := r.checked(); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

func TestRefused(t *testing.T) {
	const charset = `may hold digits, letters and !#$%&()+-:;<=.>?@[]^_{}|~ only, and not be ".", ".." or "__…__"`
	for _, tc := range []struct {
		r              interface{ checked() error }
		field, message string
	}{
		{create(func(r *CreateRequest) { r.GroupInfo = nil }), "groupInfo", `is required: at least {"groupName":"…"}`},
		{create(func(r *CreateRequest) { r.GroupInfo.GroupID = long(33) }), "groupInfo.groupID", "is 33 bytes long: at most 32"},
		{create(func(r *CreateRequest) { r.GroupInfo.GroupID = "a/b" }), "groupInfo.groupID", charset},
		{create(func(r *CreateRequest) { r.GroupInfo.GroupName = "" }), "groupInfo.groupName", "is required"},
		{create(func(r *CreateRequest) { r.GroupInfo.GroupName = long(51) }), "groupInfo.groupName", "is 51 bytes long: at most 50"},
		{create(func(r *CreateRequest) { r.GroupInfo.GroupName = "\xff" }), "groupInfo.groupName", "is not valid UTF-8"},
		{create(func(r *CreateRequest) { r.GroupInfo.GroupName = "a\nb" }), "groupInfo.groupName", "holds a line break or another control character"},
		{create(func(r *CreateRequest) { r.Config.GroupNotice = "a\x00" }), "config.groupNotice", "holds a control character"},
		{create(func(r *CreateRequest) { r.GroupInfo.GroupAvatarURL = "http://a.example/" }), "groupInfo.groupAvatarUrl", "must be a URL of printable ASCII characters that starts with https://, without a user name"},
		{create(func(r *CreateRequest) { r.GroupInfo.GroupAvatarURL = long(501) }), "groupInfo.groupAvatarUrl", "is 501 bytes long: at most 500"},
		{create(func(r *CreateRequest) { r.UserIDs = manyUsers(101) }), "userIDs", "names 101 users: 0 to 100"},
		{create(func(r *CreateRequest) { r.UserIDs = []string{"u", ""} }), "userIDs", "is required"},
		{create(func(r *CreateRequest) { r.UserIDs = []string{"a b"} }), "userIDs", charset},
		{create(func(r *CreateRequest) { r.Config.GroupNotice = long(301) }), "config.groupNotice", "is 301 bytes long: at most 300"},
		{create(func(r *CreateRequest) { r.Config.MaxMemberCount = 1 }), "config.maxMemberCount", "is 1: 2 to 1000"},
		{create(func(r *CreateRequest) { r.Config.MaxMemberCount = 1001 }), "config.maxMemberCount", "is 1001: 2 to 1000"},
		{create(func(r *CreateRequest) { r.Config.JoinMode = 3 }), "config.joinMode", "is 3: give 0 (any), 1 (auth) or 2 (forbid)"},
		{create(func(r *CreateRequest) { r.Config.JoinMode = -1 }), "config.joinMode", "is -1: give 0 (any), 1 (auth) or 2 (forbid)"},
		{create(func(r *CreateRequest) { r.Config.InviteMode = 2 }), "config.inviteMode", "is 2: give 0 (any) or 1 (admin)"},
		{create(func(r *CreateRequest) { r.Config.InviteMode = -1 }), "config.inviteMode", "is -1: give 0 (any) or 1 (admin)"},
		{create(func(r *CreateRequest) { r.Config.GroupAttributes = map[string]string{"a": "b"} }), "config.groupAttributes", "holds 1 attributes: groups have none here; leave it out or give {}"},
		{create(func(r *CreateRequest) { r.Config.BeInviteMode = 1 }), "config.beInviteMode", "is 1: give 0 (none); who is invited is a member without being asked"},
		{whole{}, "groupID", "is required"},
		{whole{GroupID: ".."}, "groupID", charset},
		{users{UserIDs: manyUsers(1)}, "groupID", "is required"},
		{users{GroupID: "g"}, "userIDs", "names 0 users: 1 to 100"},
		{users{GroupID: "g", UserIDs: manyUsers(101)}, "userIDs", "names 101 users: 1 to 100"},
		{users{GroupID: "g", UserIDs: []string{long(129)}}, "userIDs", "is 129 bytes long: at most 128"},
		{page{Count: 1}, "groupID", "is required"},
		{page{GroupID: "g"}, "count", "is 0: 1 to 100"},
		{page{GroupID: "g", Count: 101}, "count", "is 101: 1 to 100"},
		{page{GroupID: "g", Count: 1, NextFlag: -1}, "nextFlag", "is -1: give 0, or the nextFlag of the page before"},
		{mine{NextFlag: "a/b", Count: 1}, "nextFlag", charset},
		{mine{Count: -1}, "count", "is -1: 1 to 100"},
		{status{Status: 1, ConversationID: "g"}, "conversationType", "is required: 0 (peer) or 2 (group)"},
		{status{Status: 1, ConversationID: "g", ConversationType: &roomType}, "conversationType", "is 1: only peers (0) and groups (2) have a notification status"},
		{status{Status: 1, ConversationID: "me", ConversationType: &peerType}, "conversationID", "is the caller: give the other user's ID"},
		{status{Status: 1, ConversationID: "a/b", ConversationType: &peerType}, "conversationID", charset},
		{status{ConversationID: "g", ConversationType: &groupType}, "status", "is 0: give 1 (notify) or 2 (do not disturb)"},
		{status{Status: 3, ConversationID: "g", ConversationType: &groupType}, "status", "is 3: give 1 (notify) or 2 (do not disturb)"},
		{status{Status: 2, ConversationID: "g", ConversationType: &groupType, MutedUntil: -1}, "mutedUntil", "is negative: give milliseconds since 1970, or 0 for no end"},
		{status{Status: 1, ConversationID: "g", ConversationType: &groupType, MutedUntil: 1}, "mutedUntil", "is for status 2 (do not disturb) only"},
		{status{Status: 1, ConversationType: &groupType}, "conversationID", "is required"},
		{status{Status: 1, ConversationID: "g", ConversationType: &groupType, Level: "some"}, "level", `is no level: give "all", "mentions" or "none"`},
		{role{ForUserID: "u", Role: Admin}, "groupID", "is required"},
		{role{GroupID: "g", Role: Admin}, "forUserID", "is required"},
		{role{GroupID: "g", ForUserID: "u", Role: Owner}, "role", "is 1: give 2 (admin) or 3 (member); group-transfer makes an owner"},
		{role{GroupID: "g", ForUserID: "u", Role: 4}, "role", "is 4: give 2 (admin) or 3 (member); group-transfer makes an owner"},
		{role{GroupID: "g", ForUserID: "me", Role: Admin}, "forUserID", "is the caller: the owner stays it until group-transfer"},
		{to{ToUserID: "u"}, "groupID", "is required"},
		{to{GroupID: "g"}, "toUserID", "is required"},
	} {
		if err, want := tc.r.checked(), fault.Invalid(tc.field, "%s", tc.message); !reflect.DeepEqual(err, error(want)) {
			t.Errorf("got  %v\nwant %v", err, want)
		}
	}
}
