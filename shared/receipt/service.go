package receipt

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/doorbell-push/doorbell/shared/docid"
	"github.com/doorbell-push/doorbell/shared/fault"
)

// Store keeps receipts and the secret that tokens are made with.
type Store interface {
	// AddReceipts keeps what a device told until expireAt. Of two that tell the
	// same the earlier stands, so that it may be repeated, also at once. No two
	// of receipts do.
	AddReceipts(ctx context.Context, pushID string, receipts []Receipt, expireAt time.Time) error
	// Receipts is what all devices told of a message or call, by PushID, in the
	// order of Compare.
	Receipts(ctx context.Context, subjectID string) (map[string][]Receipt, error)
	// Secret is the secret of a name; the first one to ask for it gives it.
	Secret(ctx context.Context, name string, fresh []byte) ([]byte, error)
}

// Service takes receipts from devices.
//
// A device shows who it is by a token that registering answers, since who posts
// receipts has no user signed in: a service worker, or an iOS extension. The token
// is a MAC of the PushID under a secret that the first process makes and all keep
// in memory, so checking it reads nothing. It is good for receipts only, of that
// device, for as long as the secret stands.
type Service struct {
	Store Store
	Now   func() time.Time
	// Retention is how long receipts are kept: as long as the ledger.
	Retention time.Duration

	secret atomic.Pointer[[]byte]
}

const secretBytes = 32

// key is the secret. An error isn't kept: the next request tries again.
func (s *Service) key(ctx context.Context) ([]byte, error) {
	if known := s.secret.Load(); known != nil {
		return *known, nil
	}
	fresh := make([]byte, secretBytes)
	rand.Read(fresh) // it never fails
	stored, err := s.Store.Secret(ctx, "receipts", fresh)
	if err != nil {
		return nil, err
	}
	s.secret.Store(&stored)
	return stored, nil
}

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// Token is the device's token: its PushID and a MAC of 128 bits.
func (s *Service) Token(ctx context.Context, pushID string) (string, error) {
	key, err := s.key(ctx)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("receipts of " + pushID))
	return pushID + "." + strings.ToLower(encoding.EncodeToString(mac.Sum(nil)[:16])), nil
}

// Device is the PushID that token is of.
func (s *Service) Device(ctx context.Context, token string) (string, error) {
	pushID, _, _ := strings.Cut(token, ".")
	if docid.Valid(pushID) {
		want, err := s.Token(ctx, pushID)
		if err != nil {
			return "", err
		}
		if hmac.Equal([]byte(token), []byte(want)) {
			return pushID, nil
		}
	}
	return "", fault.New(fault.Unauthenticated, fault.TokenInvalid, "this is no receiptToken of a device: register the device again, and send the one that /register answers")
}

// Record keeps what the device told. Repeated, it changes nothing.
func (s *Service) Record(ctx context.Context, pushID string, r *Request) error {
	if err := r.Check(); err != nil {
		return err
	}
	now := s.Now()
	var kept []Receipt
	for _, one := range r.Receipts {
		one = one.within(now.Add(-s.Retention), now)
		switch i := slices.IndexFunc(kept, one.same); {
		case i < 0:
			kept = append(kept, one)
		case one.At < kept[i].At:
			kept[i] = one
		}
	}
	return s.Store.AddReceipts(ctx, pushID, kept, now.Add(s.Retention).UTC())
}
