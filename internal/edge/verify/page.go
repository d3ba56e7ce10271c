// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"html/template"
	"net/http"

	"sesame/internal/core/verification"
)

// page is what a page says.
type page struct {
	Class      string // good, bad or ""
	Title      string
	Address    string
	Paragraphs []string
	Style      template.CSS
}

// The pages that say nothing of an address.
var (
	broken = page{Class: "bad", Title: "This link does not work", Paragraphs: []string{
		"It is not complete, or it was not made by this server.",
		"Copy the whole link from the message into the address line of your browser, or ask for a new message.",
	}}
	later = page{Title: "Please try again in a minute", Paragraphs: []string{
		"The server could not look at your link just now. The link still works.",
	}}
)

// pageOf is the page of a result, with its HTTP status.
func pageOf(r verification.Result) (int, page) {
	region := "Region: " + r.Link.Scope.Region
	switch r.Outcome {
	case verification.Verified:
		return http.StatusOK, page{Class: "good", Title: "Your address is verified", Address: r.Link.Address, Paragraphs: []string{
			"Mail can be sent from this address now.", region, "You may close this page.",
		}}
	case verification.Already:
		return http.StatusOK, page{Class: "good", Title: "Your address is verified already", Address: r.Link.Address, Paragraphs: []string{
			"There is nothing left to do.", region, "You may close this page.",
		}}
	case verification.Expired:
		return http.StatusGone, page{Class: "bad", Title: "This link has expired", Address: r.Link.Address, Paragraphs: []string{
			"A link works for 24 hours. Ask for a new message, and follow the link in that.", region,
		}}
	case verification.Gone:
		return http.StatusGone, page{Class: "bad", Title: "This address can't be verified", Address: r.Link.Address, Paragraphs: []string{r.Reason, region}}
	}
	return http.StatusNotFound, broken
}
