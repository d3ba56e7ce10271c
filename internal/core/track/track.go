// SPDX-License-Identifier: Apache-2.0

// Package track lets senders know what becomes of a message at its recipients (SES:
// open and click tracking): a picture tells that it was opened, links that lead over this
// server tell which were followed, and Open and Click events say so. Programs open and
// follow too, so each event has a verdict on who that was.
//
// The links hold all that is needed to follow them, encrypted: nothing is looked up before a
// browser is sent on, and nobody but this server can make or read one.
package track

import (
	"bytes"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/content"
)

// Lifetime is how long opens and clicks of a message are counted, from its acceptance on
// (SES: 60 days). Its links lead where they led for ever.
const Lifetime = 60 * 24 * time.Hour

// Placeholder is where the picture goes (SES: open tracking); without one it goes to the
// end of the message.
const Placeholder = "{{ses:openTracker}}"

// Options say what of a message is tracked. The zero value tracks nothing.
type Options struct {
	Opens, Clicks bool

	Domain string // tracking domain of the configuration set; "" is the service's host
	HTTPS  HTTPS  // of Domain

	// Discard keeps neither the network address nor the agent of who opens and clicks.
	Discard bool
}

// HTTPS says by which protocol a tracking domain is asked (SES API v2: HttpsPolicy).
type HTTPS string

// The policies; "" is HTTPSOptional. The service's own host is asked by HTTPS for the
// picture, and for links by the protocol that they had.
const (
	HTTPSRequired HTTPS = "REQUIRE"           // by HTTPS for all
	HTTPSOpens    HTTPS = "REQUIRE_OPEN_ONLY" // by HTTPS for the picture, for links by theirs
	HTTPSOptional HTTPS = "OPTIONAL"          // by HTTP for the picture, for links by theirs
)

// Tracker makes and reads what leads to this server. It is safe for concurrent use, and
// any node with the same keyring reads what another has made.
type Tracker struct {
	Wrap Wrapper
	Host func(region string) string // of the service, with the port if it is not the protocol's own

	OneHost bool // no tracking domain leads here

	// HTTP and HTTPS say by which protocols hosts can be asked, at least one. Where a rule
	// wants the one that can't be, the other is used.
	HTTP, HTTPS bool
}

// Message is what links tell of the message that they are in.
type Message struct {
	Scope      scope.Scope
	ID         string
	Recipients int // how many; a message to one tells who it was
}

// Editor returns the edit of a message's text parts that has it tracked as o says. It is
// for one walk of one message. It takes Placeholder out of every part, and refuses a part
// that has it twice, or two HTML parts that have it. Without Opens and Clicks it does
// nothing else.
func (t *Tracker) Editor(m Message, o Options) func(content.TextPart) ([]byte, error) {
	return (&edit{t: t, ref: m.ref(o), o: o}).part
}

func (m Message) ref(o Options) Ref {
	r := Ref{Scope: m.Scope, MessageID: m.ID, Recipient: -1, Discard: o.Discard}
	if m.Recipients == 1 {
		r.Recipient = 0
	}
	return r
}

// edit is the state of one walk.
type edit struct {
	t   *Tracker
	ref Ref
	o   Options

	links   int  // tracked so far
	pointed bool // an HTML part had the placeholder
	pixel   bool // the picture is in
}

func (e *edit) part(p content.TextPart) ([]byte, error) {
	at := bytes.Index(p.Text, []byte(Placeholder))
	if at >= 0 {
		if p.HTML && e.pointed || bytes.Contains(p.Text[at+len(Placeholder):], []byte(Placeholder)) {
			return nil, fault.New(fault.Invalid, "The message has more than one %s placeholder.", Placeholder)
		}
		e.pointed = e.pointed || p.HTML
	}
	if p.HTML && (e.o.Clicks || e.o.Opens && !e.pixel) {
		return e.html(p.Text, at), nil
	}
	if at < 0 {
		return p.Text, nil
	}
	return apply(p.Text, []change{{from: at, to: at + len(Placeholder)}}), nil
}

// scheme is HTTPS or HTTP as wanted, or the one that there is.
func (t *Tracker) scheme(secure bool) string {
	if secure && t.HTTPS || !t.HTTP {
		return "https://"
	}
	return "http://"
}

// Base is the protocol and the host of links that are no tracked ones, with the tracking
// domain and the policy of o: by HTTPS, if there is any. A tracking domain whose policy does
// not say that it can be asked so is passed over.
func (t *Tracker) Base(region string, o Options) string {
	host := o.Domain
	if host == "" || t.OneHost || o.HTTPS != HTTPSRequired && o.HTTPS != HTTPSOpens {
		host = t.Host(region)
	}
	return t.scheme(true) + host
}

// base is where the picture, or a link that was secure or not, leads: the protocol and the
// host.
func (e *edit) base(pixel, secure bool) string {
	host := e.o.Domain
	switch {
	case host == "" || e.t.OneHost:
		host = e.t.Host(e.ref.Scope.Region)
		secure = secure || pixel
	case e.o.HTTPS == HTTPSRequired || pixel && e.o.HTTPS == HTTPSOpens:
		secure = true
	case pixel:
		secure = false
	}
	return e.t.scheme(secure) + host
}
