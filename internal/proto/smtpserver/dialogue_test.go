// SPDX-License-Identifier: Apache-2.0

package smtpserver_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sesame/internal/proto/smtpserver"
)

// TestDialogue plays the scripts in testdata/dialogue. A script begins with
// "== A sentence", then "server NAME" names one of the configurations below, then:
//
//	C: line     the client sends the line; lines that follow each other go out in one piece
//	C> "raw"    the client sends a quoted Go string as it is
//	S: line     the server's next line is this one
//	TLS         the client does a TLS handshake
//	CLOSED      the server ends the connection in good order
//	B: event    what the Backend is told next
//	B: -        the Backend is told nothing more
//
// A line that begins with "#" is a comment.
func TestDialogue(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/dialogue/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		topic := strings.TrimSuffix(filepath.Base(file), ".txt")
		for script := range strings.SplitSeq("\n"+string(text), "\n== ") {
			title, body, _ := strings.Cut(script, "\n")
			if title == "" || strings.HasPrefix(title, "#") {
				continue
			}
			t.Run(topic+"/"+title, func(t *testing.T) {
				t.Parallel()
				play(t, body)
			})
		}
	}
}

func configNamed(t *testing.T, name string) smtpserver.Config {
	t.Helper()
	var cfg smtpserver.Config
	switch name {
	case "submission":
		cfg = submission()
	case "wrapper":
		cfg = submission()
		cfg.Implicit = true
	case "mx":
		cfg = mx()
	case "strict-mx":
		cfg = mx()
		cfg.RefuseBare, cfg.EnhancedCodes = true, true
	case "both":
		cfg = mx()
		cfg.Auth = true
	case "clear":
		cfg = mx()
		cfg.TLS = nil
	case "impatient":
		cfg = mx()
		cfg.Limits.IdleTimeout = 50 * time.Millisecond
	case "short-session":
		cfg = mx()
		cfg.Limits.SessionTimeout = 50 * time.Millisecond
	default:
		t.Fatalf("no configuration %q", name)
	}
	return cfg
}

func play(t *testing.T, script string) {
	t.Helper()
	var c *client
	var out strings.Builder
	flush := func() {
		if out.Len() > 0 {
			c.send(out.String())
			out.Reset()
		}
	}
	backend := newRecorder()
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		word, arg, _ := strings.Cut(line, " ")
		if word != "C:" && word != "C>" {
			flush()
		}
		switch word {
		case "server":
			c = dial(t, start(t, configNamed(t, arg), backend).addr)
		case "C:":
			out.WriteString(arg + "\r\n")
		case "C>":
			raw, err := strconv.Unquote(arg)
			if err != nil {
				t.Fatalf("script: %s: %v", arg, err)
			}
			out.WriteString(raw)
		case "S:":
			c.expect(arg)
		case "TLS":
			c.startTLS()
		case "CLOSED":
			c.closed()
		case "B:":
			expectEvent(t, backend, arg)
		case "", "#":
		default:
			t.Fatalf("script: %q", line)
		}
	}
	flush()
}

func expectEvent(t *testing.T, backend *recorder, want string) {
	t.Helper()
	if want == "-" {
		select {
		case got := <-backend.events:
			t.Fatalf("Backend: %s\n   want nothing", got)
		default:
		}
		return
	}
	if got := backend.next(t); got != want {
		t.Fatalf("Backend: %s\n   want: %s", got, want)
	}
}
