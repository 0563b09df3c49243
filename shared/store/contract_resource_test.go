package store_test

import (
	"context"
	"crypto/rand"
	"sync"
	"testing"
	"time"
)

// What is applied is kept whole, and counted where it changes: applied again, or by
// several at once, it is one version.
func resourcesApplied(t *testing.T, s anyStore) {
	before, err := s.Resources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	one, other := []byte(`{"one":{"ttl":1}}`+rand.Text()), []byte(`{}`+rand.Text())
	version := before.Version
	for _, set := range [][]byte{one, other, one} {
		version++
		for again := range 2 {
			got, changed, err := s.ApplyResources(t.Context(), set, at(time.Duration(again)*time.Second))
			if err != nil || changed != (again == 0) || got.Version != version || string(got.Set) != string(set) || !got.At.Equal(at(0)) {
				t.Errorf("applied %d: %+v, changed %t, %v", version, got, changed, err)
			}
			if read, err := s.Resources(t.Context()); err != nil || read.Version != version || string(read.Set) != string(set) || !read.At.Equal(at(0)) {
				t.Errorf("read %+v, %v", read, err)
			}
		}
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, _, err := s.ApplyResources(context.Background(), other, at(time.Hour)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if read, err := s.Resources(t.Context()); err != nil || read.Version != version+1 {
		t.Errorf("by several at once it is %+v, %v", read, err)
	}
}
