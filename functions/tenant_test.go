package functions

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorbell-push/doorbell/shared/config"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// Of the users of a project, those of one tenant are served, or those of none: a uid
// that another tenant has too is another person's.
func TestTenants(t *testing.T) {
	onMemory(t)
	for _, tc := range []struct {
		served, of string
		hint       string // empty: is served
	}{
		{"", "", ""},
		{"", "b-x1y2z", "DOORBELL_TENANT"},
		{"a-x1y2z", "a-x1y2z", ""},
		{"a-x1y2z", "b-x1y2z", `auth.tenantId = "a-x1y2z"`},
		{"a-x1y2z", "a-x1y2", `auth.tenantId = "a-x1y2z"`},
		{"a-x1y2z", "A-X1Y2Z", `auth.tenantId = "a-x1y2z"`},
		{"a-x1y2z", "", `auth.tenantId = "a-x1y2z"`},
	} {
		replace(t, &settings, &config.Config{ProjectID: "demo", SystemUser: "system", Tenant: tc.served}, nil)
		claims := map[string]any{operatorClaim: true, "firebase": map[string]any{"sign_in_provider": "custom"}}
		if tc.of != "" {
			claims["firebase"].(map[string]any)["tenant"] = tc.of
		}
		token := claimingToken("alice", "demo", time.Hour, claims)
		for _, e := range Endpoints() {
			segment := strings.TrimPrefix(e.Path, "/")
			if _, ok := clientFunctions[e.Function]; !ok || askedByDevices[segment] || askedByBackends[segment] {
				continue
			}
			for method := range clientFunctions[e.Function][segment] {
				resp := call("alice", method, e.Path, `{"no such":1}`, header("Authorization", "Bearer "+token))
				if tc.hint == "" {
					if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode >= 500 {
						t.Errorf("%s %s, of %q where %q is served: %d", method, e.Path, tc.of, tc.served, resp.StatusCode)
					}
					continue
				}
				_, f := answer(t, resp)
				if resp.StatusCode != http.StatusUnauthorized || f.Code != fault.TokenInvalid || !strings.Contains(f.Message, tc.hint) {
					t.Errorf("%s %s, of %q where %q is served: %d %+v", method, e.Path, tc.of, tc.served, resp.StatusCode, f)
				}
			}
		}
	}
}
