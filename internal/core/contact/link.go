// SPDX-License-Identifier: Apache-2.0

package contact

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"

	"sesame/internal/base/address"
	"sesame/internal/base/msgid"
	"sesame/internal/core/configset"
)

// Path is where unsubscribing begins on every host that is ours; a token follows.
const Path = "/unsubscribe/"

// ErrBroken says that a token is none that this server has made.
var ErrBroken = errors.New("contact: not a link of this server")

// A token says who wants to get out of what: the contact by its handle, the topic by a
// hash of its name, zeros for the whole list, and the message by the beginning of its id;
// then a keyed hash. It has no address in it, works for as long as the contact is on the
// list, and again when it comes back. It has 52 lower-case letters and digits, so that it
// fits into the local part of an address and survives who folds case.
const (
	handleSize  = 7
	topicSize   = 4
	messageSize = 8 + 4
	macSize     = 9
	tokenSize   = handleSize + topicSize + messageSize + macSize

	purposeLink   = "unsubscribe link"
	purposeHandle = "contact handle"

	localPrefix = "unsubscribe-"
)

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// newHandle is the number by which links know a contact that comes onto a list. While the
// keyring's newest key stays, it is the same whenever the same address comes onto a list of
// the same name; and nobody can tell the one from the other.
func (l *Lists) newHandle(list List, address string) int64 {
	mac := l.o.Sign.MAC(purposeHandle, []byte(strings.Join([]string{list.Scope.Account, list.Scope.Region, list.Name, address}, "\x00")))
	return int64(number(mac))
}

// number reads a handle, which is at the beginning of b.
func number(b []byte) uint64 {
	var whole [8]byte
	copy(whole[8-handleSize:], b)
	return binary.BigEndian.Uint64(whole[:])
}

// topicHash stands for a topic in a token.
func topicHash(name string) (h [topicSize]byte) {
	if name != "" {
		sum := sha256.Sum256([]byte(name))
		copy(h[:], sum[:])
	}
	return h
}

// reference is what a token says.
type reference struct {
	handle  int64
	topic   [topicSize]byte
	message string // the beginning of its id
}

// Offer is how the recipient of a message may unsubscribe.
type Offer struct {
	URL    string
	Mailto string // "" where mail does not come in
}

// Offer makes the ways out for recipient n of the message with an id and a configuration
// set, whose zero value is none.
func (s Sending) Offer(n int, messageID string, set configset.Set) Offer {
	l := s.lists
	token := l.token(s.handles[n], s.topic, messageID)
	o := Offer{URL: l.o.Base(s.region, set) + Path + token}
	if l.o.MailDomain != "" {
		o.Mailto = "mailto:" + localPrefix + token + "@" + string(l.o.MailDomain) + "?subject=unsubscribe"
	}
	return o
}

func (l *Lists) token(handle int64, topic, messageID string) string {
	var whole [8]byte
	binary.BigEndian.PutUint64(whole[:], uint64(handle))
	b := append(make([]byte, 0, tokenSize), whole[8-handleSize:]...)
	hash := topicHash(topic)
	b = append(b, hash[:]...)
	var id [messageSize]byte // zeros for what is no id
	if msgid.Valid(messageID) {
		_, _ = hex.Decode(id[:8], []byte(messageID[:16]))
		_, _ = hex.Decode(id[8:], []byte(messageID[17:25]))
	}
	b = append(b, id[:]...)
	return encoding.EncodeToString(append(b, l.o.Sign.MAC(purposeLink, b)[:macSize]...))
}

// read tells what a token says; the error is ErrBroken.
func (l *Lists) read(token string) (r reference, err error) {
	token = strings.ToLower(token)
	if len(token) != encoding.EncodedLen(tokenSize) {
		return r, ErrBroken
	}
	b, err := encoding.DecodeString(token)
	// The unused bits of base32 must not make a second spelling.
	if err != nil || len(b) != tokenSize || encoding.EncodeToString(b) != token {
		return r, ErrBroken
	}
	said, mac := b[:tokenSize-macSize], b[tokenSize-macSize:]
	if !l.o.Sign.CheckMAC(purposeLink, said, mac) {
		return r, ErrBroken
	}
	r.handle = int64(number(said))
	copy(r.topic[:], said[handleSize:])
	id := hex.EncodeToString(said[handleSize+topicSize:])
	r.message = id[:16] + "-" + id[16:]
	return r, nil
}

// TokenOf returns the token of an address that mail unsubscribes at; ok is false for any
// other address. Whether the token is one of ours is not looked at.
func (l *Lists) TokenOf(a address.Address) (token string, ok bool) {
	if l.o.MailDomain == "" || a.Domain != l.o.MailDomain {
		return "", false
	}
	return strings.CutPrefix(strings.ToLower(a.Local), localPrefix)
}
