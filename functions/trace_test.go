package functions

import (
	"net/http"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/delivery"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// asOperator is a header of a user with the operator's claim.
func asOperator(claim any) func(*http.Request) {
	return header("Authorization", "Bearer "+claimingToken("olga", "demo", time.Hour, map[string]any{operatorClaim: claim}))
}

// The story is for who has the claim, as true and nothing else; whose message it
// is doesn't matter.
func TestTraceIsForOperators(t *testing.T) {
	db := company(t)
	sent, _ := answer(t, call("alice", "POST", "/send", sendBody))
	id := sent["message"].(map[string]any)["messageID"].(string)
	err := db.Record(t.Context(), delivery.Entry{ID: "e", Kind: "message", SubjectID: id, PlannedAt: clock, Outcomes: map[string]delivery.Outcome{
		"p": {UserID: "bob", Status: delivery.Sent, Detail: "n", Tries: 1, At: clock},
	}})
	if err != nil {
		t.Fatal(err)
	}
	url := "/trace?messageID=" + id
	for what, edit := range map[string]func(*http.Request){
		"no claim": func(*http.Request) {}, "false": asOperator(false), "a text": asOperator("true"), "a number": asOperator(1), "null": asOperator(nil),
	} {
		if resp := call("alice", "GET", url, "", edit); resp.StatusCode != 403 {
			t.Errorf("%s: %d", what, resp.StatusCode)
		}
	}
	got, _ := answer(t, call("olga", "GET", url, "", asOperator(true)))
	if got["kind"] != "message" || got["from"] != "alice" || len(got["receivers"].([]any)) != 1 {
		t.Errorf("the story is %v", got)
	}
	got, _ = answer(t, call("olga", "GET", url+"&userID=carol", "", asOperator(true)))
	if list, ok := got["receivers"].([]any); !ok || len(list) != 0 {
		t.Errorf("of carol: %v", got)
	}
	got, _ = answer(t, call("olga", "GET", "/trace?callID=c1", "", asOperator(true)))
	if got["kind"] != "call" || got["from"] != "alice" {
		t.Errorf("the call's story is %v", got)
	}
}

func TestTraceParameters(t *testing.T) {
	company(t)
	for query, want := range map[string]struct {
		status int
		code   fault.Code
		field  string
	}{
		"":                                    {400, fault.ParamsInvalid, "messageID"},
		"?messageID=":                         {400, fault.ParamsInvalid, "messageID"},
		"?messageID=a&messageID=b":            {400, fault.ParamsInvalid, "messageID"},
		"?messageID=a&callID=b":               {400, fault.ParamsInvalid, "callID"},
		"?messageID=a&userID=%00":             {400, fault.ParamsInvalid, "userID"},
		"?messageID=a&userID=%zz":             {400, fault.ParamsInvalid, ""},
		"?callID=a%2Fb":                       {400, fault.ParamsInvalid, "callID"},
		"?message=a":                          {400, fault.ParamsInvalid, "message"},
		"?messageID=" + someMessage:           {404, fault.TargetDoesNotExist, ""},
		"?callID=unknown":                     {404, fault.TargetDoesNotExist, ""},
		"?callID=" + someMessage + "&userID=": {404, fault.TargetDoesNotExist, ""},
	} {
		resp := call("olga", "GET", "/trace"+query, "", asOperator(true))
		if _, e := answer(t, resp); resp.StatusCode != want.status || e.Code != want.code || e.Field != want.field {
			t.Errorf("%s: %d %+v, want %+v", query, resp.StatusCode, e, want)
		}
	}
}
