package harness

import (
	"context"
	"io"
	"path"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// proxy handles every call of whatever kind: requests flow in their own goroutine, answers in this one.
func (c *RPCCounter) proxy(_ any, down grpc.ServerStream) (err error) {
	fullMethod, _ := grpc.MethodFromServerStream(down)
	name := path.Base(fullMethod)
	dealt := c.begin(name)
	defer func() { c.end(name, err) }()

	// Canceled when the answer is complete, which is also what stops the requests.
	ctx, cancel := context.WithCancelCause(down.Context())
	defer cancel(nil)
	if dealt.delay > 0 {
		select {
		case <-time.After(dealt.delay):
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
	if dealt.before != codes.OK {
		return status.Error(dealt.before, "injected before the call")
	}
	if dealt.conn == nil {
		return status.Error(codes.Unavailable, "no emulator yet")
	}

	md, _ := metadata.FromIncomingContext(ctx)
	kind := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true} // the general case; single messages fit in
	up, err := dealt.conn.NewStream(metadata.NewOutgoingContext(ctx, md), kind, fullMethod)
	if err != nil {
		return err
	}
	var watch observer
	if makeObserver := observers[fullMethod]; makeObserver != nil {
		watch = makeObserver()
	}
	go func() {
		if err := c.requests(down, up, watch); err != nil {
			cancel(err)
		}
	}()
	err = c.responses(down, up, watch, dealt.after != codes.OK)
	if cause := context.Cause(ctx); cause != nil && cause != ctx.Err() {
		return cause // a request could not be passed on; err is only what came of that
	}
	if err == nil && dealt.after != codes.OK {
		return status.Error(dealt.after, "injected after the call")
	}
	return err
}

// requests passes the caller's messages on until the caller has no more, the call is over, or one of them fails.
func (c *RPCCounter) requests(down grpc.ServerStream, up grpc.ClientStream, watch observer) error {
	for {
		var m frame
		err := down.RecvMsg(&m)
		if err == io.EOF {
			return up.CloseSend() // the answer may go on long after
		}
		if err != nil {
			return err
		}
		c.observe(watch.request, m)
		if err := up.SendMsg(&m); err == io.EOF {
			return nil // the emulator ended the call: responses learns how
		} else if err != nil {
			return err
		}
	}
}

// responses passes the emulator's header, messages and trailer back, or only watches them when mute, and returns the call's status.
func (c *RPCCounter) responses(down grpc.ServerStream, up grpc.ClientStream, watch observer, mute bool) error {
	// A Listen's header comes well before its first message. An empty one is that of a call which failed at once.
	if header, err := up.Header(); err == nil && len(header) > 0 && !mute {
		if err := down.SendHeader(header); err != nil {
			return err
		}
	}
	for {
		var m frame
		err := up.RecvMsg(&m)
		if err == io.EOF {
			c.observe(watch.finish, nil)
			down.SetTrailer(up.Trailer())
			return nil
		}
		if err != nil {
			down.SetTrailer(up.Trailer())
			return err
		}
		c.observe(watch.response, m)
		if mute {
			continue
		}
		if err := down.SendMsg(&m); err != nil {
			return err
		}
	}
}

func (c *RPCCounter) observe(observe func(*RPCs, []byte), message []byte) {
	if observe == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	observe(&c.total, message)
}

// frame is a message as it is on the wire.
type frame []byte

// rawCodec passes frames through unread.
type rawCodec struct{}

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*frame))}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*frame) = data.Materialize()
	return nil
}

// Name is the content subtype the emulators expect.
func (rawCodec) Name() string { return "proto" }
