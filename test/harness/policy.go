// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
)

// Policy answers Postfix about one recipient, with an action of access(5): "DUNNO",
// "451 4.7.1 Come back later". The attributes are those of Postfix's policy delegation
// protocol. It is called from many goroutines.
type Policy func(attributes map[string]string) string

// startPolicy serves the policy and returns its address.
func startPolicy(t testing.TB, policy Policy) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // the test is over
			}
			go answerPolicy(conn, policy)
		}
	}()
	return l.Addr().String()
}

// answerPolicy speaks the protocol: lines name=value, an empty line, then the answer.
func answerPolicy(conn net.Conn, policy Policy) {
	defer conn.Close()
	attributes := map[string]string{}
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		name, value, found := strings.Cut(lines.Text(), "=")
		if found {
			attributes[name] = value
			continue
		}
		if _, err := fmt.Fprintf(conn, "action=%s\n\n", policy(attributes)); err != nil {
			return
		}
		attributes = map[string]string{}
	}
}

// Attempts is a Policy's memory: it counts the attempts for each recipient and plays
// the replies of that recipient in turn, then lets the mail in.
type Attempts struct {
	mu      sync.Mutex
	replies map[string][]string
	seen    map[string]int
}

// NewAttempts takes, for each recipient, the replies to its first attempts.
func NewAttempts(replies map[string][]string) *Attempts {
	return &Attempts{replies: replies, seen: map[string]int{}}
}

// Policy is the Policy.
func (a *Attempts) Policy(attributes map[string]string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	recipient := attributes["recipient"]
	n := a.seen[recipient]
	a.seen[recipient]++
	if n < len(a.replies[recipient]) {
		return a.replies[recipient][n]
	}
	return "DUNNO"
}

// Count returns how many attempts there were for the recipient.
func (a *Attempts) Count(recipient string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen[recipient]
}
