// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"net/http"

	"sesame/internal/core/verification"
	"sesame/internal/edge/page"
)

// said is what a page says below its heading.
type said struct {
	Address    string
	Paragraphs []string
	Region     string
}

// The pages that say nothing of an address.
var (
	broken = page.Page{Mark: page.Bad, Title: "This link does not work", Body: said{Paragraphs: []string{
		"It is not complete, or it was not made by this server.",
		"Copy the whole link from the message into the address line of your browser, or ask for a new message.",
	}}}
	later = page.Page{Title: "Please try again in a minute", Body: said{Paragraphs: []string{
		"The server could not look at your link just now. The link still works.",
	}}}
)

// pageOf is the page of a result, with its HTTP status.
func pageOf(r verification.Result) (int, page.Page) {
	is := func(mark page.Mark, title string, paragraphs ...string) page.Page {
		return page.Page{Mark: mark, Title: title, Body: said{r.Link.Address, paragraphs, r.Link.Scope.Region}}
	}
	switch r.Outcome {
	case verification.Verified:
		return http.StatusOK, is(page.Good, "Your address is verified", "Mail can be sent from this address now. You may close this page.")
	case verification.Already:
		return http.StatusOK, is(page.Good, "Your address is verified already", "There is nothing left to do. You may close this page.")
	case verification.Expired:
		return http.StatusGone, is(page.Bad, "This link has expired", "A link works for 24 hours. Ask for a new message, and follow the link in that.")
	case verification.Gone:
		return http.StatusGone, is(page.Bad, "This address can't be verified", r.Reason)
	}
	return http.StatusNotFound, broken
}
