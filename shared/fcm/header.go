package fcm

import (
	"context"
	"net/http"
	"sync/atomic"

	"cloud.google.com/go/auth"
)

// Tokens gives access tokens; *auth.Credentials is one, which keeps a token
// and fetches the next before it expires.
type Tokens interface {
	Token(ctx context.Context) (*auth.Token, error)
}

// headers makes the header of requests, a new one only for a new token: nobody
// changes a header once it is made.
type headers struct {
	tokens       Tokens
	quotaProject string
	newest       atomic.Pointer[tokenHeader]
}

type tokenHeader struct {
	token  string
	header http.Header
}

func (h *headers) get(ctx context.Context) (http.Header, error) {
	token := ""
	if h.tokens != nil {
		t, err := h.tokens.Token(ctx)
		if err != nil {
			return nil, err
		}
		token = t.Value
	}
	if k := h.newest.Load(); k != nil && k.token == token {
		return k.header, nil
	}
	header := http.Header{
		"Content-Type": {"application/json"},
		"User-Agent":   {"doorbell"},
		// Has errors come in the form that the API documents; the Admin SDK sends it too.
		"X-Goog-Api-Format-Version": {"2"},
	}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	if h.quotaProject != "" {
		header.Set("X-Goog-User-Project", h.quotaProject)
	}
	h.newest.Store(&tokenHeader{token, header})
	return header, nil
}
