// SPDX-License-Identifier: Apache-2.0

package unsubscribe

import (
	"cmp"

	"sesame/internal/core/contact"
	"sesame/internal/edge/page"
)

// said is what a page says that asks nothing.
type said struct {
	Address    string
	Paragraphs []string
	Again      string // where the choice is
}

// The pages that say nothing of an address.
var (
	broken = page.Page{Mark: page.Bad, Title: "This link does not work", Body: said{Paragraphs: []string{
		"It is not complete, or it was not made by this server.",
		"Copy the whole link from the message into the address line of your browser.",
	}}}
	gone = page.Page{Mark: page.Good, Title: "You are not on this list", Body: said{Paragraphs: []string{
		"The address that the message was sent to is not on the list any more, so there is nothing to unsubscribe from.",
	}}}
	unclear = page.Page{Mark: page.Bad, Title: "Nothing was changed", Body: said{Paragraphs: []string{
		"The server did not understand what your browser sent.",
	}}}
	later = page.Page{Title: "Please try again in a minute", Body: said{Paragraphs: []string{
		"The server could not do that just now. Nothing was changed, and the link still works.",
	}}}
)

// choices is the page that asks.
type choices struct {
	Address    string
	Paragraphs []string
	Topics     []topic
	Gone       bool // wants nothing of the list
}

// topic is a line of choices.
type topic struct {
	Name, Title, Description string
	On                       bool
}

// ask shows what a contact gets, and lets it choose.
func ask(s contact.Subscription) page.Page {
	c := choices{Address: s.Address, Gone: s.UnsubscribeAll}
	for _, t := range s.List.Topics {
		c.Topics = append(c.Topics, topic{t.Name, cmp.Or(t.DisplayName, t.Name), t.Description, s.List.Wants(s.Contact, t.Name)})
	}
	title := "Which mail do you want?"
	switch {
	case s.UnsubscribeAll:
		c.Paragraphs = []string{"You are unsubscribed: you get nothing of this list."}
	case len(c.Topics) == 0:
		title = "Unsubscribe?"
		c.Paragraphs = []string{"You will get no more mail of this list."}
	}
	return page.Page{Title: title, Body: c}
}

// done tells what a contact gets from now on; again is where it chose.
func done(s contact.Subscription, again string) page.Page {
	p := page.Page{Mark: page.Good, Title: "Your choice is saved"}
	body := said{Address: s.Address, Again: again}
	wants := false
	for _, t := range s.List.Topics {
		if s.List.Wants(s.Contact, t.Name) {
			wants = true
			body.Paragraphs = append(body.Paragraphs, "You get: "+cmp.Or(t.DisplayName, t.Name))
		}
	}
	switch {
	case s.UnsubscribeAll:
		p.Title, body.Paragraphs = "You are unsubscribed", []string{"You get no more mail of this list."}
	case len(s.List.Topics) == 0:
		p.Title, body.Paragraphs = "You are subscribed", []string{"You get the mail of this list."}
	case !wants:
		body.Paragraphs = []string{"You get none of its topics."}
	}
	p.Body = body
	return p
}
