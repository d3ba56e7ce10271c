// SPDX-License-Identifier: Apache-2.0

package suppression

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"sesame/internal/core/store"
)

const (
	keepFor = time.Second // how long another node's change may go unseen

	// readAtOnce is how many entries one message reads ahead for the others. Until all are
	// read the database is asked.
	readAtOnce = 10_000
	// overlap is how far back the changes are read again: the commits of other nodes come
	// late, and their clocks differ.
	overlap = 2 * time.Minute
	// maxFiltered is how long a list may be that is filtered, 2 MB of memory.
	maxFiltered = 100_000
)

// filter knows, without asking the database, of most addresses that they are not on a list.
// It has a hash of every address that was put there since it was begun, and of all that
// were there before. What is taken off stays in it, and costs a query. So it only grows, by
// what this node writes, before it does, and by what reading the changes shows.
//
// A query for each message that asks whether its recipient is on the list would make the
// acceptance of the message a third dearer (BenchmarkAccept).
type filter struct {
	mu     sync.RWMutex
	hashes map[maphashed]struct{}
	whole  bool      // all that is on the list is in hashes, as of until
	closed bool      // the list is too long
	until  time.Time // then it is read on

	reading sync.Mutex // one caller reads
	behind  position   // what was read last; only with reading
}

// maphashed is the hash of an address and its region.
type maphashed uint64

// position is a place in the order in which a list changes.
type position struct {
	at      int64 // milliseconds
	region  string
	address string
}

func newFilter() *filter { return &filter{hashes: map[maphashed]struct{}{}} }

// hash is of an address on the lists of a region.
func (l *Lists) hash(region, address string) maphashed {
	return maphashed(maphash.Comparable(l.seed, [2]string{region, address}))
}

// may reports whether an address may be on the list.
func (f *filter) may(h maphashed) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	_, has := f.hashes[h]
	return has || !f.whole
}

// add notes addresses that are on the list, or are about to be.
func (f *filter) add(hs ...maphashed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	for _, h := range hs {
		f.hashes[h] = struct{}{}
	}
	if len(f.hashes) > maxFiltered {
		f.hashes, f.whole, f.closed = nil, false, true
	}
}

// fresh reports whether the filter needs no reading now.
func (f *filter) fresh(now time.Time) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return now.Before(f.until) || f.closed
}

// follow reads the changes of the list by read, which returns up to readAtOnce of them
// behind a position, unless that was done lately.
func (l *Lists) follow(ctx context.Context, f *filter, read func(ctx context.Context, behind position) ([]position, error)) error {
	if f.fresh(l.now()) {
		return nil
	}
	f.reading.Lock()
	defer f.reading.Unlock()
	now := l.now()
	if f.fresh(now) { // another caller has read
		return nil
	}
	changes, err := read(ctx, f.behind)
	if err != nil {
		return store.Wrap("suppression.follow", err)
	}
	hs := make([]maphashed, len(changes))
	for i, c := range changes {
		hs[i] = l.hash(c.region, c.address)
	}
	f.add(hs...)
	whole := len(changes) < readAtOnce
	if whole {
		f.behind = position{at: now.Add(-overlap).UnixMilli()}
	} else {
		f.behind = changes[len(changes)-1]
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.whole, f.until = whole && !f.closed, now.Add(keepFor)
	return nil
}
