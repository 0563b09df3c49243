package cost

// Prices is list prices in US dollars, without free tiers and discounts. FCM
// costs nothing.
type Prices struct {
	As, Region             string
	Reads, Writes, Deletes float64 // Firestore, each
	Publish                float64 // Pub/Sub, a message of up to 1 kB published and delivered
	Request                float64 // Cloud Run functions, each
	Instance               float64 // a second of an instance of 1 CPU and 256 MiB
}

// USCentral1 is Google's list prices: cloud.google.com/firestore/pricing,
// /pubsub/pricing and /run/pricing (billed by request). Look them up before you
// count on them.
var USCentral1 = Prices{
	As: "2025-12", Region: "us-central1",
	Reads: 0.03 / 100_000, Writes: 0.09 / 100_000, Deletes: 0.01 / 100_000,
	Publish:  2 * 40.0 / (1 << 40) * 1000, // $40 a TiB, on the way in and out, 1 kB at least
	Request:  0.40 / 1_000_000,
	Instance: 0.000024 + 0.0000025/4,
}

// USD is what o costs where an instance is busy for so many ms an invocation.
func (p Prices) USD(o Operations, instanceMS float64) float64 {
	return o.Reads*p.Reads + o.Writes*p.Writes + o.Deletes*p.Deletes + o.Published*p.Publish +
		o.Invocations*(p.Request+instanceMS/1000*p.Instance)
}
