package harness

import (
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip" // clients may compress; messages are counted as they are
	"google.golang.org/grpc/status"
)

// maxMessage is the longest gRPC message passed on, in bytes; Firestore's own limit is 10 MiB.
const maxMessage = 32 << 20

// RPCCounter is a gRPC proxy in front of the Firestore or the Pub/Sub emulator that counts what passes and can inject faults. Give
// its Addr to clients as FIRESTORE_EMULATOR_HOST or PUBSUB_EMULATOR_HOST. The emulators' HTTP interfaces are not proxied.
type RPCCounter struct {
	addr   string
	server *grpc.Server

	mu     sync.Mutex
	conn   *grpc.ClientConn // to the emulator
	total  RPCs
	faults map[string]*fault // by method name
}

// fault is what is set for one method.
type fault struct {
	before, after refusal
	delay         time.Duration
}

// refusal answers n calls with code, all of them when n is negative.
type refusal struct {
	code codes.Code
	n    int
}

// NewRPCCounter serves a counter on addr ("127.0.0.1:0" picks a port). Until SetTarget it answers Unavailable.
func NewRPCCounter(addr string) (*RPCCounter, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("RPC counter: %w", err)
	}
	c := &RPCCounter{addr: listener.Addr().String(), faults: make(map[string]*fault)}
	c.Reset()
	c.server = grpc.NewServer(
		grpc.ForceServerCodecV2(rawCodec{}),
		grpc.UnknownServiceHandler(c.proxy),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxSendMsgSize(maxMessage))
	go c.server.Serve(listener)
	return c, nil
}

// SetTarget names the emulator, a host:port. Calls under way to an earlier one are broken off.
func (c *RPCCounter) SetTarget(target string) error {
	conn, err := grpc.NewClient("passthrough:///"+target,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDisableRetry(), // retrying is the caller's, who sees every failure
		grpc.WithDefaultCallOptions(
			grpc.ForceCodecV2(rawCodec{}),
			grpc.MaxCallRecvMsgSize(maxMessage),
			grpc.MaxCallSendMsgSize(maxMessage)))
	if err != nil {
		return fmt.Errorf("RPC counter: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		c.conn.Close()
	}
	c.conn = conn
	return nil
}

// Addr returns the host:port the counter listens on.
func (c *RPCCounter) Addr() string { return c.addr }

// Close ends every call that is under way and stops.
func (c *RPCCounter) Close() {
	c.server.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// Snapshot returns the counts so far. A call whose answer a client has is in them.
func (c *RPCCounter) Snapshot() RPCs {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total.clone()
}

// Reset sets every count to zero; faults stay.
func (c *RPCCounter) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total = RPCs{Calls: make(map[string]int), Errors: make(map[string]int)}
}

// Fail answers the next n calls of a method, such as "Commit", with code, and the emulator never sees them. A negative n means all
// until the next call of Fail.
func (c *RPCCounter) Fail(method string, code codes.Code, n int) {
	c.set(method, func(f *fault) { f.before = refusal{code, n} })
}

// FailAfter passes the next n calls of a method on and answers with code instead of the emulator's answer: the work is done and the
// caller does not know. A negative n means all until the next call of FailAfter.
func (c *RPCCounter) FailAfter(method string, code codes.Code, n int) {
	c.set(method, func(f *fault) { f.after = refusal{code, n} })
}

// Delay makes every call of a method wait before it is passed on; 0 ends it.
func (c *RPCCounter) Delay(method string, d time.Duration) {
	c.set(method, func(f *fault) { f.delay = d })
}

func (c *RPCCounter) set(method string, change func(*fault)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.faults[method]
	if f == nil {
		f = new(fault)
		c.faults[method] = f
	}
	change(f)
}

// dealt is what a call gets: the way to the emulator, and its share of the faults set for its method, where codes.OK is none.
type dealt struct {
	conn          *grpc.ClientConn
	before, after codes.Code
	delay         time.Duration
}

// begin counts a call and says what becomes of it.
func (c *RPCCounter) begin(method string) (d dealt) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total.Calls[method]++
	d.conn = c.conn
	f := c.faults[method]
	if f == nil {
		return d
	}
	d.delay = f.delay
	if take(&f.before.n) {
		d.before = f.before.code
	} else if take(&f.after.n) {
		d.after = f.after.code
	}
	return d
}

// end counts how a call failed, if it did.
func (c *RPCCounter) end(method string, err error) {
	if err == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total.Errors[method+" "+status.Code(err).String()]++
}
