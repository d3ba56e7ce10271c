// SPDX-License-Identifier: Apache-2.0

package suppression

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
)

// Format is one of the forms of import files (SES: bulk import of the suppression list).
type Format string

// The formats.
const (
	CSV  Format = "CSV"  // address,REASON on each line, without a header
	JSON Format = "JSON" // an object with emailAddress and reason on each line
)

// ParseFormat reads a format; "" is CSV.
func ParseFormat(s string) (Format, error) {
	switch f := Format(s); f {
	case "", CSV:
		return CSV, nil
	case JSON:
		return JSON, nil
	}
	return "", fault.InField(fault.Invalid, "format", "A format is %s or %s.", CSV, JSON)
}

// Export writes the account's list in a form that an import takes. It reads a page at a
// time, so that it needs little memory and holds no transaction open, however long the
// list and however slow w. What is changed meanwhile may be in it or not.
func (l *Lists) Export(ctx context.Context, sc scope.Scope, format Format, w io.Writer) error {
	lines, objects := csv.NewWriter(w), json.NewEncoder(w)
	objects.SetEscapeHTML(false)
	for behind, more := (Position{}), true; more; {
		var page []Entry
		var err error
		if page, more, err = l.List(ctx, sc, Filter{}, behind, MaxPage); err != nil {
			return err
		}
		for _, e := range page {
			behind = Position{e.UpdatedAt, e.Address}
			if format == JSON {
				err = objects.Encode(struct {
					EmailAddress string `json:"emailAddress"`
					Reason       Reason `json:"reason"`
				}{e.Address, e.Reason})
			} else {
				err = lines.Write([]string{e.Address, string(e.Reason)})
			}
			if err != nil {
				return err
			}
		}
		if lines.Flush(); lines.Error() != nil {
			return lines.Error()
		}
	}
	return nil
}
