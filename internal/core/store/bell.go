// SPDX-License-Identifier: Apache-2.0

package store

import (
	"slices"
	"sync"
)

// bells tell workers of this node that there is something to do, so that they need not
// wait for their next look into the database. What other nodes commit rings none here.
type bells struct {
	mu     sync.Mutex
	byName map[string]chan struct{}
}

func (b *bells) of(name string) chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.byName == nil {
		b.byName = map[string]chan struct{}{}
	}
	if b.byName[name] == nil {
		b.byName[name] = make(chan struct{}, 1)
	}
	return b.byName[name]
}

func (b *bells) ring(names []string) {
	for _, n := range names {
		select {
		case b.of(n) <- struct{}{}:
		default: // it has been rung already
		}
	}
}

// Bell returns the channel that receives a value after a commit of this node in which
// Ring was called with name. Rings that nobody has heard yet are one. A name is a
// constant of the code and has one listener.
func (db *DB) Bell(name string) <-chan struct{} { return db.bells.of(name) }

// Ring rings the bell of name once the transaction is durable, and never if it fails.
func (tx *Tx) Ring(name string) {
	if !slices.Contains(tx.rung, name) {
		tx.rung = append(tx.rung, name)
	}
}
