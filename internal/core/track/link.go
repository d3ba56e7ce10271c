// SPDX-License-Identifier: Apache-2.0

package track

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"sesame/internal/base/msgid"
	"sesame/internal/base/scope"
)

// Where links and pictures lead on every host that is ours; a token follows.
const (
	ClickPath = "/L0/"
	OpenPath  = "/I0/"
)

// ErrBroken says that a token is none that this server has made.
var ErrBroken = errors.New("track: not a link of this server")

// Wrapper makes texts into tokens that nobody else can read or make; keyring.Ring is one.
type Wrapper interface {
	Wrap(purpose string, text []byte) []byte
	Unwrap(purpose string, wrapped []byte) (text []byte, ok bool)
}

// Ref says which message a link or a picture is in.
type Ref struct {
	Scope     scope.Scope
	MessageID string
	Recipient int  // index of the one recipient; -1 if the message has several
	Discard   bool // the sender wants neither addresses nor agents to be kept
}

// SentAt is when the message was accepted, which its id tells.
func (r Ref) SentAt() time.Time {
	ms, err := strconv.ParseUint(r.MessageID[4:16], 16, 64)
	if err != nil {
		return time.Time{} // no id of ours; Read gives none
	}
	return time.UnixMilli(int64(ms)).UTC()
}

// Link is what a tracked link stands for.
type Link struct {
	Ref
	Index int // among the tracked links of the message, from 0
	Tags  []Tag
	URL   string // where it leads
}

// A token is in base64url, wrapped: who gets a mail is not to read whose account it came from.
// In it are version and flags; account in 5 bytes; the region and its length; the message id,
// its hex digits packed. A link's goes on with its index, the number of tags, each tag's key
// and value and their lengths, and the URL.
const (
	version = 1 << 4

	flagOne     = 1 << 0 // one recipient
	flagDiscard = 1 << 1

	packedID = 8 + 16
	idEnd    = "-000000" // of every id that msgid makes

	maxToken = 8 << 10 // characters; a link that makes more is not tracked

	purposeClick = "tracked link"
	purposeOpen  = "open pixel"
)

// linkPath is the path of a link, unless it would be too long.
func (t *Tracker) linkPath(l Link) (string, bool) {
	b, ok := appendRef(make([]byte, 0, 80+len(l.URL)), l.Ref)
	b = binary.AppendUvarint(b, uint64(l.Index))
	b = binary.AppendUvarint(b, uint64(len(l.Tags)))
	for _, tag := range l.Tags {
		for _, s := range []string{tag.Key, tag.Value} {
			b = binary.AppendUvarint(b, uint64(len(s)))
			b = append(b, s...)
		}
	}
	b = append(b, l.URL...)
	if !ok {
		return "", false
	}
	path := t.token(ClickPath, purposeClick, b)
	return path, len(path) <= len(ClickPath)+maxToken
}

// pixelPath is the path of a message's picture.
func (t *Tracker) pixelPath(r Ref) (string, bool) {
	b, ok := appendRef(make([]byte, 0, 80), r)
	return t.token(OpenPath, purposeOpen, b), ok
}

func (t *Tracker) token(path, purpose string, b []byte) string {
	return string(base64.RawURLEncoding.AppendEncode([]byte(path), t.Wrap.Wrap(purpose, b)))
}

// appendRef is false for what is no message of ours.
func appendRef(b []byte, r Ref) ([]byte, bool) {
	account, err := strconv.ParseUint(r.Scope.Account, 10, 40)
	if err != nil || !msgid.Valid(r.MessageID) || !strings.HasSuffix(r.MessageID, idEnd) || len(r.Scope.Region) > 255 {
		return b, false
	}
	flags := byte(version)
	if r.Recipient >= 0 {
		flags |= flagOne
	}
	if r.Discard {
		flags |= flagDiscard
	}
	b = append(b, flags, byte(account>>32), byte(account>>24), byte(account>>16), byte(account>>8), byte(account))
	b = append(b, byte(len(r.Scope.Region)))
	b = append(b, r.Scope.Region...)
	var digits [2 * packedID]byte
	n := 0
	for i := range len(r.MessageID) - len(idEnd) {
		if c := r.MessageID[i]; c != '-' {
			digits[n] = c
			n++
		}
	}
	b, err = hex.AppendDecode(b, digits[:n])
	return b, err == nil
}

// ReadLink tells what the token of a link stands for; the error is ErrBroken.
func (t *Tracker) ReadLink(token string) (Link, error) {
	b, err := t.open(purposeClick, token)
	if err != nil {
		return Link{}, err
	}
	r := reader{b: b}
	l := Link{Ref: r.ref(), Index: r.number()}
	for n := r.number(); n > 0 && !r.bad; n-- {
		l.Tags = append(l.Tags, Tag{r.text(r.number()), r.text(r.number())})
	}
	if l.URL = string(r.b); r.bad || !trackable(l.URL) {
		return Link{}, ErrBroken
	}
	return l, nil
}

// ReadPixel tells what the token of a picture stands for; the error is ErrBroken.
func (t *Tracker) ReadPixel(token string) (Ref, error) {
	b, err := t.open(purposeOpen, token)
	if err != nil {
		return Ref{}, err
	}
	r := reader{b: b}
	ref := r.ref()
	if r.bad || len(r.b) != 0 {
		return Ref{}, ErrBroken
	}
	return ref, nil
}

// open returns what is in a token.
func (t *Tracker) open(purpose, token string) ([]byte, error) {
	if len(token) > maxToken || strings.ContainsAny(token, "\r\n") {
		return nil, ErrBroken
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return nil, ErrBroken
	}
	b, ok := t.Wrap.Unwrap(purpose, b)
	if !ok {
		return nil, ErrBroken
	}
	return b, nil
}

// reader takes a token apart; bad says that it ended too soon.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) text(n int) string {
	if r.bad || n > len(r.b) {
		r.bad = true
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *reader) number() int {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > maxToken {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return int(v)
}

func (r *reader) ref() Ref {
	head := r.text(6)
	size := r.text(1)
	if r.bad || head[0]&^(flagOne|flagDiscard) != version {
		r.bad = true
		return Ref{}
	}
	account := uint64(0)
	for i := 1; i < 6; i++ {
		account = account<<8 | uint64(head[i])
	}
	digits := strconv.FormatUint(account, 10)
	ref := Ref{Recipient: -1, Discard: head[0]&flagDiscard != 0}
	if head[0]&flagOne != 0 {
		ref.Recipient = 0
	}
	ref.Scope = scope.Scope{Account: strings.Repeat("0", max(0, 12-len(digits))) + digits, Region: r.text(int(size[0]))}
	id := hex.EncodeToString([]byte(r.text(packedID)))
	if r.bad {
		return Ref{}
	}
	ref.MessageID = id[:16] + "-" + id[16:24] + "-" + id[24:28] + "-" + id[28:32] + "-" + id[32:36] + "-" + id[36:] + idEnd
	return ref
}
