// SPDX-License-Identifier: Apache-2.0

// Package logs keeps what a part under test has logged.
package logs

import (
	"strings"
	"sync"
)

// Buffer is a log that a test can read while it is being written. The zero value is empty.
type Buffer struct {
	mu sync.Mutex
	b  strings.Builder
}

// Write implements io.Writer.
func (l *Buffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is the log so far.
func (l *Buffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
