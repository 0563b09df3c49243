package queue

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/doorbell-push/doorbell/shared/push"
)

// BenchmarkEncoding is what it takes to publish a full batch and to read it again,
// by a target, as it is and compressed. The tokens are random, as FCM's are.
func BenchmarkEncoding(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 1))
	text := func(n int) string {
		const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		out := make([]byte, n)
		for i := range out {
			out[i] = letters[random.IntN(len(letters))]
		}
		return string(out)
	}
	full := batch(push.MaxBatch)
	for i := range full.Targets {
		t := &full.Targets[i]
		t.UserID, t.PushID, t.Value = fmt.Sprint("user", i), text(26), text(142)
	}
	for _, level := range []struct {
		name string
		gzip int
	}{{"json", gzip.NoCompression}, {"gzip-1", gzip.BestSpeed}, {"gzip-6", 6}} {
		b.Run(level.name, func(b *testing.B) {
			b.ReportAllocs()
			size := 0
			for b.Loop() {
				data, err := json.Marshal(full)
				if err == nil && level.gzip != gzip.NoCompression {
					data, err = compress(data, level.gzip)
				}
				size = len(data)
				if err == nil && level.gzip != gzip.NoCompression {
					data, err = decompress(data)
				}
				var got push.Batch
				if err == nil {
					err = json.Unmarshal(data, &got)
				}
				if err != nil || len(got.Targets) != push.MaxBatch {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(size)/push.MaxBatch, "size-B/target")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/push.MaxBatch, "ns/target")
		})
	}
}

func compress(data []byte, level int) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, level)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

func decompress(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
