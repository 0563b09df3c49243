package call

import (
	"crypto/rand"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/doorbell-push/doorbell/shared/chat"
	"github.com/doorbell-push/doorbell/shared/device"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// Limits of a call. MaxUsersNamed is ours, and the most that configuration can
// allow.
const (
	MaxCallIDChars = 20  // ZIM
	DefaultTimeout = 90  // seconds, ZIM
	MaxTimeout     = 600 // seconds, ZIM
	MaxUsersNamed  = 100
	MaxListCount   = 100
)

var callIDPattern = regexp.MustCompile(`^[0-9A-Za-z_-]{1,20}$`)

func checkCallID(id string) error {
	if !callIDPattern.MatchString(id) {
		return fault.Invalid("callID", "has 1 to %d characters: digits, letters, _ and -", MaxCallIDChars)
	}
	return nil
}

// newCallID is 20 random digits.
func newCallID() string {
	ten20 := new(big.Int).Exp(big.NewInt(10), big.NewInt(MaxCallIDChars), nil)
	n, err := rand.Int(rand.Reader, ten20)
	if err != nil {
		panic(err) // crypto/rand: never
	}
	digits := n.String()
	return strings.Repeat("0", MaxCallIDChars-len(digits)) + digits
}

// checkUsers checks a list of user IDs and returns it without duplicates.
func checkUsers(ids []string, self string) ([]string, error) {
	if len(ids) > MaxUsersNamed {
		return nil, fault.Invalid("invitees", "names %d users: at most %d", len(ids), MaxUsersNamed)
	}
	var out []string
	seen := map[string]bool{}
	for i, id := range ids {
		if err := chat.CheckID("invitees."+strconv.Itoa(i), id); err != nil {
			return nil, err
		}
		if id == self {
			return nil, fault.Invalid("invitees", "names you: one can't call oneself")
		}
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out, nil
}

func checkExtendedData(s string) error {
	if len(s) > chat.MaxExtendedDataBytes {
		return fault.Invalid("config.extendedData", "is %d bytes long: at most %d", len(s), chat.MaxExtendedDataBytes)
	}
	return nil
}

func checkPush(p *chat.PushConfigInput) (*chat.PushConfig, error) {
	if p == nil {
		return nil, nil
	}
	if err := p.Check("config.pushConfig"); err != nil {
		return nil, err
	}
	push := p.PushConfig
	return &push, nil
}

// InviteRequest is the body of `call-invite`.
type InviteRequest struct {
	Invitees []string `json:"invitees"`
	// CallID makes the request safe to repeat; without one a repeat is a second call.
	CallID string       `json:"callID"`
	Config InviteConfig `json:"config"`
}

// InviteConfig is ZIM's ZIMCallInviteConfig.
type InviteConfig struct {
	Timeout      *int                  `json:"timeout"`
	Mode         Mode                  `json:"mode"`
	ExtendedData string                `json:"extendedData"`
	PushConfig   *chat.PushConfigInput `json:"pushConfig"`
	// EnableNotReceivedCheck is taken for the compared SDK's sake and changes
	// nothing: a device never reports having received an invitation.
	EnableNotReceivedCheck bool `json:"enableNotReceivedCheck"`
}

// Invitation is an InviteRequest that was checked.
type Invitation struct {
	CallID       string
	Caller       string
	Invitees     []string
	Mode         Mode
	Timeout      int // seconds
	ExtendedData string
	Push         *chat.PushConfig
}

// Invitation checks r and returns what it asks for.
func (r InviteRequest) Invitation(caller string) (i Invitation, err error) {
	i = Invitation{CallID: r.CallID, Caller: caller, Mode: r.Config.Mode, Timeout: DefaultTimeout, ExtendedData: r.Config.ExtendedData}
	if i.CallID == "" {
		i.CallID = newCallID()
	} else if err := checkCallID(i.CallID); err != nil {
		return i, err
	}
	if i.Invitees, err = checkUsers(r.Invitees, caller); err != nil {
		return i, err
	}
	if r.Config.Timeout != nil {
		i.Timeout = *r.Config.Timeout
	}
	switch {
	case len(i.Invitees) == 0:
		return i, fault.Invalid("invitees", "is required: the users to call")
	case i.Timeout < 1 || i.Timeout > MaxTimeout:
		return i, fault.Invalid("config.timeout", "is %d: 1 to %d seconds", i.Timeout, MaxTimeout)
	case i.Mode != General && i.Mode != Advanced:
		return i, fault.Invalid("config.mode", "is %d: give 0 (General) or 1 (Advanced)", i.Mode)
	}
	if err := checkExtendedData(i.ExtendedData); err != nil {
		return i, err
	}
	i.Push, err = checkPush(r.Config.PushConfig)
	return i, err
}

// Request is a body that asks for an action on a call.
type Request interface {
	// Action checks the request and returns what it asks for.
	Action(k Kind, userID string) (Action, error)
}

// AnswerRequest is the body of `call-accept`, `call-reject` and `call-join`.
type AnswerRequest struct {
	CallID string `json:"callID"`
	// DeviceID is the device it is answered on, as it was registered: the
	// user's others are told that they didn't.
	DeviceID string `json:"deviceID"`
	Config   struct {
		ExtendedData string `json:"extendedData"`
	} `json:"config"`
}

// Action implements Request.
func (r AnswerRequest) Action(k Kind, userID string) (Action, error) {
	a := Action{Kind: k, CallID: r.CallID, UserID: userID, ExtendedData: r.Config.ExtendedData}
	if err := checkCallID(a.CallID); err != nil {
		return a, err
	}
	if err := device.CheckDeviceID(r.DeviceID); err != nil {
		return a, err
	}
	a.PushID = device.PushID(userID, r.DeviceID)
	return a, checkExtendedData(a.ExtendedData)
}

// LeaveRequest is the body of `call-quit` and `call-end`.
type LeaveRequest struct {
	CallID string      `json:"callID"`
	Config LeaveConfig `json:"config"`
}

// LeaveConfig is ZIM's ZIMCallCancelConfig, ZIMCallQuitConfig and ZIMCallEndConfig.
type LeaveConfig struct {
	ExtendedData string                `json:"extendedData"`
	PushConfig   *chat.PushConfigInput `json:"pushConfig"`
}

// Action implements Request.
func (r LeaveRequest) Action(k Kind, userID string) (Action, error) {
	return CancelRequest{CallID: r.CallID, Config: r.Config}.Action(k, userID)
}

// CancelRequest is the body of `call-cancel`.
type CancelRequest struct {
	CallID   string      `json:"callID"`
	Invitees []string    `json:"invitees"` // none: all
	Config   LeaveConfig `json:"config"`
}

// Action implements Request.
func (r CancelRequest) Action(k Kind, userID string) (a Action, err error) {
	a = Action{Kind: k, CallID: r.CallID, UserID: userID, ExtendedData: r.Config.ExtendedData}
	if err = checkCallID(a.CallID); err != nil {
		return a, err
	}
	if a.Invitees, err = checkUsers(r.Invitees, ""); err != nil {
		return a, err
	}
	if err = checkExtendedData(a.ExtendedData); err != nil {
		return a, err
	}
	a.Push, err = checkPush(r.Config.PushConfig)
	return a, err
}

// CallingInviteRequest is the body of `calling-invite`.
type CallingInviteRequest struct {
	CallID   string   `json:"callID"`
	Invitees []string `json:"invitees"`
	Config   struct {
		PushConfig *chat.PushConfigInput `json:"pushConfig"`
	} `json:"config"`
}

// Action implements Request.
func (r CallingInviteRequest) Action(k Kind, userID string) (a Action, err error) {
	a = Action{Kind: k, CallID: r.CallID, UserID: userID}
	if err = checkCallID(a.CallID); err != nil {
		return a, err
	}
	if a.Invitees, err = checkUsers(r.Invitees, userID); err != nil {
		return a, err
	}
	if len(a.Invitees) == 0 {
		return a, fault.Invalid("invitees", "is required: the users to call")
	}
	a.Push, err = checkPush(r.Config.PushConfig)
	return a, err
}

// QueryRequest is the body of `call-query`: a page of the user's calls, newest
// first, or the one call named.
type QueryRequest struct {
	Count    *int   `json:"count"`
	NextFlag string `json:"nextFlag"` // as answered with the page before
	CallID   string `json:"callID"`
}

// page checks r and returns where its page starts.
func (r QueryRequest) page() (after *Cursor, err error) {
	switch {
	case r.CallID != "" && (r.Count != nil || r.NextFlag != ""):
		return nil, fault.Invalid("callID", "names one call: leave out count and nextFlag, or it")
	case r.CallID != "":
		return nil, checkCallID(r.CallID)
	case r.Count == nil || *r.Count < 1 || *r.Count > MaxListCount:
		return nil, fault.Invalid("count", "is required: 1 to %d calls", MaxListCount)
	case r.NextFlag == "":
		return nil, nil
	}
	digits, callID, _ := strings.Cut(r.NextFlag, "-")
	ms, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || checkCallID(callID) != nil {
		return nil, fault.Invalid("nextFlag", "is none of ours: give back the nextFlag of the page before")
	}
	return &Cursor{CreateTime: ms, CallID: callID}, nil
}

// flag is c as a nextFlag.
func (c Cursor) flag() string { return strconv.FormatInt(c.CreateTime, 10) + "-" + c.CallID }
