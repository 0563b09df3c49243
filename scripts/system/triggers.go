package system

// What calls the event functions. A new one is one line here; scripts/server
// serves every event function on the paths that these deliver to.

// A documentTrigger calls a function when a document that matches a pattern changes.
type documentTrigger struct {
	function string
	change   string // created, updated, deleted or written
	document string
}

var documentTriggers = []documentTrigger{
	{"on-message", "created", "conversations/{cid}/messages/{mid}"},
	{"on-message-change", "updated", "conversations/{cid}/messages/{mid}"},
	{"on-call", "written", "calls/{call}"},
}

// A topicTrigger calls a function with every message of a Pub/Sub topic. The
// messages that it keeps failing on go to the topic with "-dead" after its name.
type topicTrigger struct {
	function string
	topic    string
	atOnce   int // how many messages are under way at once
}

var topicTriggers = []topicTrigger{
	{"dispatch", "push", pushes},
	{"dispatch-urgent", "urgent", pushes},
	{"fan-out", "fanout", pushes},
	{"sweep", sweepTopic, 2}, // they last a minute, and whoever tests asks for one after the other
}

// sweepTopic is what Cloud Scheduler publishes to in production, and the system's
// own clock here.
const sweepTopic = "sweep"

// path ends as the Functions Framework wants it: it reads the topic from there.
// It begins with the function because two may listen on one topic.
func (t topicTrigger) path(project string) string {
	return "/" + t.function + "/projects/" + project + "/topics/" + t.topic
}

// Triggers says of each event function what calls it: "CHANGE PATTERN" of
// documents, or "topic NAME". Terraform is held to the same.
func Triggers() map[string]string {
	calledBy := map[string]string{}
	for _, t := range documentTriggers {
		calledBy[t.function] = t.change + " " + t.document
	}
	for _, t := range topicTriggers {
		calledBy[t.function] = "topic " + t.topic
	}
	return calledBy
}
