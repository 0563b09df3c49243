package logs

// Messages and fields of the log lines that metrics are made of.
const (
	Dispatched    = "dispatched"           // what became of some devices of a batch
	NotUnderstood = "event not understood" // nobody is rung for a document

	Kind    = "kind"      // what was announced: push.Kind
	Status  = "status"    // what became of the devices: delivery.Status
	Detail  = "detail"    // why: FCM's class (push.Class), or the plan's reason
	Count   = "count"     // how many devices
	Latency = "latencyMs" // from the message or call to FCM's last answer in the batch: one value for all its devices
)

// Metric is a log-based metric of Cloud Monitoring: terraform/ defines it, the
// dashboard and the alerts ask for it, and a test holds them to this.
type Metric struct {
	Name string
	// Message is the message of the lines it is made of; empty: of every error.
	Message string
	// Value is the field whose values it is the distribution of; empty: it counts lines.
	Value string
	// Labels are the fields it can be split by.
	Labels []string
}

// Metrics is all there are.
var Metrics = []Metric{
	{Name: "doorbell/pushes", Message: Dispatched, Value: Count, Labels: []string{Kind, Status, Detail}},
	{Name: "doorbell/push_latency", Message: Dispatched, Value: Latency, Labels: []string{Kind}},
	{Name: "doorbell/errors", Labels: []string{"message"}},
}
