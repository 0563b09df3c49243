package cost

// Prices is list prices in US dollars, without free tiers and discounts. FCM
// costs nothing.
type Prices struct {
	As, Region             string
	Reads, Writes, Deletes float64 // Firestore, each
	Publish                float64 // Pub/Sub, a message of up to 1 kB published and delivered
	Request                float64 // Cloud Run functions, each
	CPU                    float64 // a second of a vCPU of an instance that has requests
	Memory                 float64 // a second of a GiB of its memory
}

// USCentral1 is Google's list prices: cloud.google.com/firestore/pricing,
// /pubsub/pricing and /run/pricing (billed by request). Look them up before you
// count on them.
var USCentral1 = Prices{
	As: "2025-12", Region: "us-central1",
	Reads: 0.03 / 100_000, Writes: 0.09 / 100_000, Deletes: 0.01 / 100_000,
	Publish: 2 * 40.0 / (1 << 40) * 1000, // $40 a TiB, on the way in and out, 1 kB at least
	Request: 0.40 / 1_000_000,
	CPU:     0.000024,
	Memory:  0.0000025,
}

// instanceGiB is the memory of an instance, which has one vCPU: the most that
// terraform gives one.
const instanceGiB = 0.5

// USD is what o costs, without the time that instances are busy for it.
func (p Prices) USD(o Operations) float64 {
	return o.Reads*p.Reads + o.Writes*p.Writes + o.Deletes*p.Deletes + o.Published*p.Publish + o.Invocations*p.Request
}

// Instance is what an instance costs that is busy for so many seconds.
func (p Prices) Instance(seconds float64) float64 {
	return seconds * (p.CPU + p.Memory*instanceGiB)
}
