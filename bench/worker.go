// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
)

// The sink and the loaders run as processes of their own, from this same binary, so
// that the time that they use is told apart from that of the system under test. They
// take one JSON request a line on standard input and answer each with one JSON line.

// sinkRequest arms the sink when Count > 0; every request is answered with the state.
type sinkRequest struct {
	First, Count int
}

// runSink is the sink's process: it prints its address, then answers requests until
// standard input ends.
func runSink(in io.Reader, out io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	s := &sink{}
	go s.serve(l)
	enc := json.NewEncoder(out)
	if err := enc.Encode(l.Addr().String()); err != nil {
		return err
	}
	return answer(in, enc, func(r sinkRequest) sinkState {
		if r.Count > 0 {
			s.arm(r.First, r.Count)
		}
		return s.state()
	})
}

// runLoader is the SMTP loader's process.
func runLoader(in io.Reader, out io.Writer) error {
	return answer(in, json.NewEncoder(out), load.run)
}

// runCaller is the API loader's process.
func runCaller(in io.Reader, out io.Writer) error {
	return answer(in, json.NewEncoder(out), calls.run)
}

func answer[Q, A any](in io.Reader, out *json.Encoder, do func(Q) A) error {
	dec := json.NewDecoder(in)
	for {
		var q Q
		if err := dec.Decode(&q); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := out.Encode(do(q)); err != nil {
			return err
		}
	}
}

// worker is the parent's end of such a process. It is not safe for concurrent use.
type worker struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	enc *json.Encoder
	dec *json.Decoder
}

// startWorker starts this binary with one of the worker verbs.
func startWorker(verb string) (*worker, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, verb)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &worker{cmd: cmd, in: in, enc: json.NewEncoder(in), dec: json.NewDecoder(out)}, nil
}

func (w *worker) pid() int { return w.cmd.Process.Pid }

// call sends one request and decodes its answer. When ctx ends first the process is
// killed and the worker is of no more use.
func (w *worker) call(ctx context.Context, request, reply any) error {
	stop := context.AfterFunc(ctx, func() { _ = w.cmd.Process.Kill() })
	defer stop()
	if err := w.enc.Encode(request); err != nil {
		return fmt.Errorf("worker: %w", first(context.Cause(ctx), err))
	}
	if err := w.dec.Decode(reply); err != nil {
		return fmt.Errorf("worker: %w", first(context.Cause(ctx), err))
	}
	return nil
}

// close ends the process and waits for it.
func (w *worker) close() {
	_ = w.in.Close()
	_ = w.cmd.Process.Kill()
	_ = w.cmd.Wait()
}

// first returns the first of two errors that is one.
func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
