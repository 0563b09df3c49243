package main

import (
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// On a real terminal, the program itself finds that a person looks.
func TestBarOnTerminal(t *testing.T) {
	screen, terminal := pty(t)
	server := httptest.NewServer(&sends{bodies: map[string]int{}, senders: map[string]int{}})
	defer server.Close()
	t.Setenv(tokensVariable, "one")
	t.Setenv("TERM", "xterm")
	shown := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(screen) // it ends with an error when the other end is closed
		shown <- string(text)
	}()
	cmd := command()
	cmd.SetOut(io.Discard)
	cmd.SetErr(terminal)
	cmd.SetArgs(strings.Fields("load --to bob --rate 400 --duration 50ms --url " + server.URL))
	err := cmd.ExecuteContext(t.Context())
	terminal.Close()
	if got := <-shown; err != nil || !strings.Contains(got, "] 100 %  20 of 20 answered") {
		t.Errorf("%v, the screen shows %q", err, got)
	}
	t.Setenv("TERM", "dumb")
	if _, again := pty(t); isTerminal(again) {
		t.Error("a terminal that can't move back in a line gets a bar")
	}
}

// pty is a terminal, and what is at its other end.
func pty(t *testing.T) (screen, terminal *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { screen.Close() })
	var unlock, number int32
	for request, value := range map[uintptr]*int32{syscall.TIOCSPTLCK: &unlock, syscall.TIOCGPTN: &number} {
		if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, screen.Fd(), request, uintptr(unsafe.Pointer(value))); e != 0 {
			t.Fatal(e)
		}
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { terminal.Close() })
	return screen, terminal
}
