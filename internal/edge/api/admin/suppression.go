// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/core/suppression"
)

// SuppressedEntry is an address on a suppression list.
type SuppressedEntry struct {
	EmailAddress string
	List         suppression.List   // ACCOUNT or GLOBAL
	Reason       suppression.Reason // BOUNCE or COMPLAINT
	Source       suppression.Source // MANUAL, IMPORT, BOUNCE or COMPLAINT
	UpdatedAt    float64
	MessageId    string  `json:",omitempty"`
	FeedbackId   string  `json:",omitempty"`
	Response     string  `json:",omitempty"` // of the remote server
	ExpiresAt    float64 `json:",omitempty"` // of the global list
	Bounces      int     `json:",omitempty"` // of the global list
	Effect       string  // for mail without a configuration set
}

// SuppressedPage is a page of the lists.
type SuppressedPage struct {
	Entries   []SuppressedEntry
	NextToken string `json:",omitempty"`
}

// Suppressed tells what becomes of mail to an address.
type Suppressed struct {
	EmailAddress string
	Entries      []SuppressedEntry
	Verdicts     []SuppressionVerdict
}

// SuppressionVerdict is whether mail would be sent, and by which rule.
type SuppressionVerdict struct {
	ConfigurationSetName string `json:",omitempty"` // absent: mail without one
	Sent                 bool
	DecidedBy            suppression.Level    // CONFIGURATION_SET, ACCOUNT or SERVICE
	List                 suppression.List     `json:",omitempty"` // absent: none is asked
	Reasons              []suppression.Reason `json:",omitempty"` // that count, of the account's list
}

func suppressedEntry(e suppression.Entry, rule suppression.Rule) SuppressedEntry {
	out := SuppressedEntry{
		EmailAddress: e.Address, List: e.List, Reason: e.Reason, Source: e.Source, UpdatedAt: epoch(e.UpdatedAt),
		MessageId: e.MessageID, FeedbackId: e.FeedbackID, Response: e.Response, Bounces: e.Bounces, Effect: rule.Effect(e),
	}
	if !e.ExpiresAt.IsZero() {
		out.ExpiresAt = epoch(e.ExpiresAt)
	}
	return out
}

// suppressions answers the routes of the suppression lists.
type suppressions struct{ lists *suppression.Lists }

// Suppression are the routes of what SES does not say about suppression lists.
func Suppression(lists *suppression.Lists) []Route {
	s := suppressions{lists}
	return []Route{{
		Method: http.MethodGet, Pattern: "/suppression", Action: "sesame:ListSuppression", Handle: s.list,
		Params: []Param{
			{"list", "`ACCOUNT` (default), or `GLOBAL`: what the account's own mail put on the global list."},
			{"limit", "Entries on a page, 1,000 at most and by default."},
			{"nextToken", "Of the page before."},
		},
		Doc: "Lists a suppression list: why each address is on it, by which message and which response of the remote server, and what that does to mail without a configuration set.",
	}, {
		Method: http.MethodGet, Pattern: "/suppression/{Address}", Action: "sesame:GetSuppression", Handle: s.explain,
		Params: []Param{{"configurationSetName", "Tell of this configuration set alone."}},
		Doc: "Tells whether mail to an address would be sent, by which rule, without a configuration set and with each of the first 100; and what both lists have of the address. " +
			"Of a bounce of another account's mail only the codes are told.",
	}, {
		Method: http.MethodGet, Pattern: "/suppression/export", Action: "sesame:ExportSuppression", Handle: s.export,
		Params: []Param{{"format", "`CSV` (default) or `JSON`, one object on each line."}},
		Doc:    "Writes the account's whole suppression list in a format that an import job takes.",
	}, {
		Method: http.MethodDelete, Pattern: "/suppression/{Address}/global", Action: "sesame:DeleteGlobalSuppression", Handle: s.deleteGlobal,
		Doc: "Takes an address off the global list that the account's own mail put there. The operator takes off any: `sesame suppression remove --global`.",
	}}
}

func (s suppressions) list(ctx context.Context, r Request) (any, error) {
	size, err := number(r.Query, "limit")
	if err != nil {
		return nil, err
	}
	if size = cmp.Or(size, suppression.MaxPage); size > suppression.MaxPage {
		return nil, fault.InField(fault.Invalid, "limit", "A page has at most %d entries.", suppression.MaxPage)
	}
	rule, err := s.lists.Rule(ctx, r.Scope)
	if err != nil {
		return nil, err
	}
	var entries []suppression.Entry
	var more bool
	at, address, err := entryToken(r.Query.Get("nextToken"))
	if err != nil {
		return nil, err
	}
	switch suppression.List(r.Query.Get("list")) {
	case "", suppression.AccountList:
		entries, more, err = s.lists.List(ctx, r.Scope, suppression.Filter{}, suppression.Position{At: at, Address: address}, size)
	case suppression.GlobalList:
		entries, more, err = s.lists.ListGlobal(ctx, r.Scope, address, size)
	default:
		err = fault.InField(fault.Invalid, "list", "A list is %s or %s.", suppression.AccountList, suppression.GlobalList)
	}
	if err != nil {
		return nil, err
	}
	out := SuppressedPage{Entries: []SuppressedEntry{}}
	for _, e := range entries {
		out.Entries = append(out.Entries, suppressedEntry(e, rule))
	}
	if more {
		last := entries[len(entries)-1]
		out.NextToken = strconv.FormatInt(last.UpdatedAt.UnixMilli(), 10) + " " + last.Address
	}
	return out, nil
}

// entryToken is where a page begins: time and address of the last entry before it.
func entryToken(token string) (at time.Time, address string, err error) {
	if token == "" {
		return at, "", nil
	}
	ms, address, ok := strings.Cut(token, " ")
	n, err := strconv.ParseInt(ms, 10, 64)
	if !ok || err != nil {
		return at, "", fault.InField(fault.Invalid, "nextToken", "The nextToken is not valid.")
	}
	if _, err := suppression.ParseAddress(address); err != nil {
		return at, "", fault.InField(fault.Invalid, "nextToken", "The nextToken is not valid.")
	}
	return time.UnixMilli(n), address, nil
}

func (s suppressions) explain(ctx context.Context, r Request) (any, error) {
	x, err := s.lists.Explain(ctx, r.Scope, r.Path["Address"], r.Query.Get("configurationSetName"))
	if err != nil {
		return nil, err
	}
	rule, err := s.lists.Rule(ctx, r.Scope)
	if err != nil {
		return nil, err
	}
	out := Suppressed{EmailAddress: x.Address, Entries: []SuppressedEntry{}}
	for _, e := range x.Entries {
		out.Entries = append(out.Entries, suppressedEntry(e, rule))
	}
	for _, v := range x.Verdicts {
		out.Verdicts = append(out.Verdicts, SuppressionVerdict{
			ConfigurationSetName: v.ConfigSet, Sent: v.Sent, DecidedBy: v.Rule.By, List: v.Rule.List, Reasons: v.Rule.Reasons,
		})
	}
	return out, nil
}

func (s suppressions) export(ctx context.Context, r Request) (any, error) {
	format, err := suppression.ParseFormat(r.Query.Get("format"))
	if err != nil {
		return nil, err
	}
	kind := "text/csv; charset=utf-8; header=absent"
	if format == suppression.JSON {
		kind = "application/x-ndjson"
	}
	return Response{Status: http.StatusOK, ContentType: kind, Stream: func(w io.Writer) error { return s.lists.Export(ctx, r.Scope, format, w) }}, nil
}

func (s suppressions) deleteGlobal(ctx context.Context, r Request) (any, error) {
	if err := s.lists.RemoveGlobal(ctx, r.Scope, r.Path["Address"]); err != nil {
		return nil, err
	}
	return struct{}{}, nil
}
