// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"sesame/internal/base/fault"
	"sesame/internal/core/idempotency"
	"sesame/internal/core/spool"
	"sesame/internal/core/store"
)

// Once has messages sent once that clients ask for twice.
type Once interface {
	Once(ctx context.Context, keys []idempotency.Key, do func(idempotency.Remember) (string, error)) (string, error)
}

// Idempotency says how a submission is known again. The zero value is of one that is not
// known again, unless its header section has a key.
type Idempotency struct {
	Key   string // the client's own; "" for that of X-SES-IDEMPOTENCY-KEY
	Retry string // what the SDK calls the request in all of its attempts
	First bool   // it is the first attempt
	Hash  string // of the request; "" for that of the message and its envelope
	Entry int    // number of the message in a request for several; 0 in a request for one
}

const (
	keyHeader = "X-SES-IDEMPOTENCY-KEY"
	maxRetry  = 128 // longer ones are not those of an SDK
)

// mayBeKnown reports whether the request may have been made before; header is the key of its
// header section.
func (idem Idempotency) mayBeKnown(header string) bool {
	return idem.Key != "" || header != "" || idem.Retry != "" && !idem.First
}

// once has do send the message, unless it was sent already.
func (i *Intake) once(ctx context.Context, d *draft, do func() (string, error)) (string, error) {
	keys, err := d.keys()
	if err != nil {
		return "", err
	}
	if len(keys) == 0 || i.o.Once == nil {
		return do()
	}
	return i.o.Once.Once(ctx, keys, func(remember idempotency.Remember) (string, error) {
		d.remember = remember
		return do()
	})
}

// identify takes the hash of what the door got. It comes before the checks, which put into the
// draft what holds at the moment, such as the default configuration set of an identity.
func (d *draft) identify() {
	idem := &d.Idempotency
	if idem.Hash == "" && (idem.Key != "" || idem.Retry != "" || d.msg.IdempotencyKey != "") {
		idem.Hash = d.hash()
	}
}

// keys are what the submission is known by. An SDK's own retries are of the same request:
// with another content they are another one, and no mistake of the client.
func (d *draft) keys() ([]idempotency.Key, error) {
	idem, field := d.Idempotency, "Idempotency-Key"
	if idem.Key == "" {
		idem.Key, field = d.msg.IdempotencyKey, keyHeader
	}
	if d.System || idem.Key == "" && idem.Retry == "" {
		return nil, nil
	}
	entry := ""
	if idem.Entry > 0 {
		entry = fmt.Sprintf("#%d", idem.Entry)
	}
	var keys []idempotency.Key
	if idem.Key != "" {
		if !validKey(idem.Key) {
			return nil, fault.InField(fault.Invalid, field, "An idempotency key has 1 to %d characters of printable ASCII.", maxKey)
		}
		keys = append(keys, idempotency.Key{Scope: d.Scope, Operation: d.Operation, Name: "key " + idem.Key + entry, Hash: idem.Hash, Keep: idempotency.KeepKey})
	}
	if idem.Retry != "" && len(idem.Retry) <= maxRetry && validKey(idem.Retry) {
		name := "sdk " + idem.Retry + " " + idem.Hash[:32] + entry
		keys = append(keys, idempotency.Key{Scope: d.Scope, Operation: d.Operation, Name: name, Hash: idem.Hash, Keep: idempotency.KeepRetry, New: idem.First, Retry: true})
	}
	return keys, nil
}

// maxKey leaves room for what is put before and after a key.
const maxKey = idempotency.MaxName - 15

func validKey(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= maxKey
}

// hash is that of what the door got: the envelope and the message.
func (d *draft) hash() string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%q %q %q %q\n", d.Source, d.Recipients, d.ConfigSet, d.List)
	_, _ = h.Write(d.Raw)
	return hex.EncodeToString(h.Sum(nil))
}

// remembered has the message's answer written in the commit that accepts it.
func (d *draft) remembered(m *spool.Message) *spool.Message {
	if remember := d.remember; remember != nil {
		m.Also = append(m.Also, func(tx *store.Tx) error { return remember(tx, m.ID) })
	}
	return m
}
