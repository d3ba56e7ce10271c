// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Clamd asks a clamd for viruses. It is safe for concurrent use.
type Clamd struct {
	Address string        // host:port, or the path of a Unix socket
	Timeout time.Duration // on one message
}

const (
	clamdChunk = 64 << 10 // octets of one INSTREAM chunk
	clamdReply = 4 << 10  // octets of a reply that are read
)

// Find returns the name of the virus in the content, "" if there is none. An error that is
// an Oversized is about this content, any other about the scanner.
func (c *Clamd) Find(ctx context.Context, content []byte) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	network := "tcp"
	if strings.HasPrefix(c.Address, "/") {
		network = "unix"
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, c.Address)
	if err != nil {
		return "", fmt.Errorf("clamd: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	// A clamd that has seen enough replies and closes: then the reply says why, not the
	// error of the write. But of what it has not seen it can't say that it is clean.
	sent := instream(conn, content)
	name, err := readVerdict(conn)
	var big Oversized
	if sent != nil && name == "" && !errors.As(err, &big) {
		err = fmt.Errorf("clamd: %w", errors.Join(sent, err))
	}
	return name, err
}

// readVerdict reads the one reply, which a NUL ends.
func readVerdict(r io.Reader) (string, error) {
	b := bufio.NewReader(io.LimitReader(r, clamdReply))
	reply, err := b.ReadString(0)
	switch {
	case err != nil:
		return "", fmt.Errorf("clamd: no reply of at most %d octets: %w", clamdReply, err)
	case b.Buffered() > 0:
		return "", fmt.Errorf("clamd: more than one reply, the first is %.200q", reply)
	}
	return clamdVerdict(strings.TrimSuffix(reply, "\x00"))
}

// instream sends the content in clamd's frames: each chunk behind its length in network
// order, the last of length zero (clamd(8), INSTREAM).
func instream(w io.Writer, content []byte) error {
	if _, err := io.WriteString(w, "zINSTREAM\x00"); err != nil {
		return err
	}
	var size [4]byte
	for len(content) > 0 {
		chunk := content[:min(len(content), clamdChunk)]
		content = content[len(chunk):]
		binary.BigEndian.PutUint32(size[:], uint32(len(chunk)))
		frame := net.Buffers{size[:], chunk}
		if _, err := frame.WriteTo(w); err != nil {
			return err
		}
	}
	_, err := w.Write(make([]byte, 4))
	return err
}

// clamdVerdict reads "stream: OK", "stream: NAME FOUND" or "... ERROR".
func clamdVerdict(reply string) (string, error) {
	verdict, ok := strings.CutPrefix(reply, "stream: ")
	name, found := strings.CutSuffix(verdict, " FOUND")
	switch {
	case ok && verdict == "OK":
		return "", nil
	case ok && found && name != "":
		return name, nil
	case strings.HasPrefix(reply, "INSTREAM size limit exceeded"):
		return "", Oversized{"clamd"}
	}
	return "", fmt.Errorf("clamd: unexpected reply %.200q", reply)
}
