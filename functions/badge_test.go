package functions

import (
	"errors"
	"testing"

	"github.com/doorbell-push/doorbell/shared/fault"
)

func TestBadge(t *testing.T) {
	db := onMemory(t)
	for _, tc := range []struct {
		body   string
		status int
		field  string
		want   int // alice's number after it
	}{
		{`{"badge":5}`, 200, "", 5},
		{`{"badge":5}`, 200, "", 5},
		{`{"badge":9999}`, 200, "", 9999},
		{`{"badge":10000}`, 400, "badge", 9999},
		{`{"badge":-1}`, 400, "badge", 9999},
		{`{"badge":1.5}`, 400, "badge", 9999},
		{`{"badge":"5"}`, 400, "badge", 9999},
		{`{"badge":null}`, 400, "badge", 9999},
		{`{}`, 400, "badge", 9999},
		{`{"badge":1,"userID":"bob"}`, 400, "userID", 9999},
		{`{"badge":0}`, 200, "", 0},
	} {
		resp := call("alice", "POST", "/badge", tc.body)
		_, e := answer(t, resp)
		if resp.StatusCode != tc.status || e.Field != tc.field || (tc.status == 400 && e.Code != fault.ParamsInvalid) {
			t.Errorf("%s: %d %+v", tc.body, resp.StatusCode, e)
		}
		users, err := db.Users(t.Context(), []string{"alice", "bob"})
		if err != nil || users["alice"].Badge != tc.want || users["bob"] != nil {
			t.Errorf("after %s: %+v, %v", tc.body, users, err)
		}
	}
}

func TestBadgeFails(t *testing.T) {
	onMemory(t)
	replace(t, &registry, nil, errors.New("configuration"))
	if resp := call("alice", "POST", "/badge", `{"badge":1}`); resp.StatusCode != 500 {
		t.Errorf("%d", resp.StatusCode)
	}
}

func FuzzParseBadge(f *testing.F) {
	fuzzParse[badgeRequest](f, `{"badge":5}`, `{"badge":-1e9}`, `{"badge":null}`)
}
