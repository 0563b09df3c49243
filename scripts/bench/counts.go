package main

import (
	"context"
	"fmt"

	"github.com/doorbell-push/doorbell/scripts/cost"
)

// benchCounts prints the cost model, which tests hold to the emulators; it asks
// nobody.
func benchCounts(_ context.Context, s settings) error {
	fmt.Fprintln(s.out, "Doorbell / naive: one read a device, one Pub/Sub message a receiver who is away, one ledger write a device")
	fmt.Fprintln(s.out)
	fmt.Fprintln(s.out, "| | Firestore reads | writes | Pub/Sub messages | invocations | USD a million |")
	fmt.Fprintln(s.out, "|---|--:|--:|--:|--:|--:|")
	for _, it := range cost.Scenarios() {
		a, b := it.Ours, it.Naive
		usd := func(o cost.Operations) float64 { return cost.USCentral1.USD(o) * 1e6 }
		fmt.Fprintf(s.out, "| %s | **%.0f** / %.0f | **%.0f** / %.0f | **%.0f** / %.0f | **%.0f** / %.0f | **%.2f** / %.2f |\n", it.What,
			a.Reads, b.Reads, a.Writes, b.Writes, a.Published, b.Published, a.Invocations, b.Invocations, usd(a), usd(b))
	}
	return nil
}
