package call

import (
	"cmp"
	"slices"

	"github.com/doorbell-push/doorbell/shared/fault"
)

// UserError is ZIM's ZIMErrorUserInfo: a user that something was not done for.
type UserError struct {
	UserID string     `json:"userID"`
	Reason fault.Code `json:"reason"`
}

// UserInfo is ZIM's ZIMCallUserInfo.
type UserInfo struct {
	UserID       string    `json:"userID"`
	State        UserState `json:"state"`
	ExtendedData string    `json:"extendedData"`
}

// Info is ZIM's ZIMCallInfo: a call as one of its users sees it.
type Info struct {
	CallID       string     `json:"callID"`
	Caller       string     `json:"caller"`
	Inviter      string     `json:"inviter"` // who invited the one who asks
	CreateTime   int64      `json:"createTime"`
	EndTime      int64      `json:"endTime"`
	State        State      `json:"state"`
	Mode         Mode       `json:"mode"`
	ExtendedData string     `json:"extendedData"`
	Timeout      int        `json:"timeout"`
	CallUserList []UserInfo `json:"callUserList"`
}

// Info is c for userID.
func (c *Call) Info(userID string) Info {
	return Info{
		CallID: c.CallID, Caller: c.Caller, Inviter: cmp.Or(c.Users[userID].Inviter, c.Caller), CreateTime: c.CreateTime, EndTime: c.EndTime,
		State: c.State, Mode: c.Mode, ExtendedData: c.ExtendedData, Timeout: c.Timeout, CallUserList: c.userList(),
	}
}

// userList is everyone in c, the caller first.
func (c *Call) userList() []UserInfo {
	out := make([]UserInfo, 0, len(c.Users))
	for _, id := range c.Members {
		u := UserInfo{UserID: id, State: c.Users[id].State, ExtendedData: c.Users[id].ExtendedData}
		if id == c.Caller {
			out = slices.Insert(out, 0, u)
		} else {
			out = append(out, u)
		}
	}
	return out
}

// InviteAnswer answers `call-invite`: ZIM's ZIMCallInvitationSentResult, with
// the list of its older versions, and what the event callInvitationCreated needs.
type InviteAnswer struct {
	CallID        string      `json:"callID"`
	Timeout       int         `json:"timeout"`
	CreateTime    int64       `json:"createTime"`
	ErrorInvitees []UserInfo  `json:"errorInvitees"`
	ErrorUserList []UserError `json:"errorUserList"`
	CallUserList  []UserInfo  `json:"callUserList"`
	// Warnings are what was done, and yet may not be what the caller meant.
	Warnings []fault.Warning `json:"warnings,omitempty"`
}

// List answers `call-query`.
type List struct {
	CallList []Info `json:"callList"`
	NextFlag string `json:"nextFlag"` // empty on the last page
}

// The answers of the actions, ZIM's results of them. Times are ms since 1970.
type (
	// CancelAnswer answers `call-cancel`.
	CancelAnswer struct {
		CallID        string   `json:"callID"`
		ErrorInvitees []string `json:"errorInvitees"`
	}
	// CallingInviteAnswer answers `calling-invite`.
	CallingInviteAnswer struct {
		CallID        string      `json:"callID"`
		ErrorUserList []UserError `json:"errorUserList"`
		// Warnings are as of InviteAnswer.
		Warnings []fault.Warning `json:"warnings,omitempty"`
	}
	// JoinAnswer answers `call-join`.
	JoinAnswer struct {
		CallID       string     `json:"callID"`
		CreateTime   int64      `json:"createTime"`
		JoinTime     int64      `json:"joinTime"`
		ExtendedData string     `json:"extendedData"`
		CallUserList []UserInfo `json:"callUserList"`
	}
	// QuitAnswer answers `call-quit`.
	QuitAnswer struct {
		CallID     string `json:"callID"`
		CreateTime int64  `json:"createTime"`
		AcceptTime int64  `json:"acceptTime"`
		QuitTime   int64  `json:"quitTime"`
	}
	// EndAnswer answers `call-end`.
	EndAnswer struct {
		CallID     string `json:"callID"`
		CreateTime int64  `json:"createTime"`
		AcceptTime int64  `json:"acceptTime"`
		EndTime    int64  `json:"endTime"`
	}
	// AnswerAnswer answers `call-accept` and `call-reject`.
	AnswerAnswer struct {
		CallID string `json:"callID"`
	}
)

// Answer is what the action's function answers with: ZIM's result of it.
func (a Action) Answer(c Call, r Result) any {
	at := c.Users[a.UserID].At
	switch a.Kind {
	case Cancel:
		return CancelAnswer{c.CallID, append([]string{}, r.Failed...)}
	case Invite:
		list := []UserError{}
		for _, id := range r.Failed {
			list = append(list, UserError{UserID: id, Reason: fault.CallUserAlreadyInCall})
		}
		return CallingInviteAnswer{CallID: c.CallID, ErrorUserList: append(list, r.Unreachable...)}
	case Join:
		return JoinAnswer{c.CallID, c.CreateTime, at, c.ExtendedData, c.userList()}
	case Leave:
		return QuitAnswer{c.CallID, c.CreateTime, c.AcceptTime, at}
	case End:
		return EndAnswer{c.CallID, c.CreateTime, c.AcceptTime, c.EndTime}
	}
	return AnswerAnswer{c.CallID}
}
