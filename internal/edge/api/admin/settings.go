// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"sesame/internal/base/fault"
	"sesame/internal/core/setting"
)

// Settings are the routes of the settings that SES does not have.
func Settings(s *setting.Settings) []Route {
	return []Route{{
		Method: http.MethodGet, Pattern: "/settings/{Arn}", Action: "sesame:GetSettings",
		Doc: "Tells the settings of an account, identity or configuration set: its own, those that hold, and the ARN of whoever sets each (or server).",
		Handle: func(ctx context.Context, r Request) (any, error) {
			res, err := settingsOf(r)
			if err != nil {
				return nil, err
			}
			return s.Get(ctx, res)
		},
	}, {
		Method: http.MethodPut, Pattern: "/settings/{Arn}", Action: "sesame:PutSettings",
		Doc: "Replaces the own settings of an account, identity or configuration set; members that are left out are inherited.",
		Handle: func(ctx context.Context, r Request) (any, error) {
			res, err := settingsOf(r)
			if err != nil {
				return nil, err
			}
			own, err := decodeOwn(r.Body)
			if err != nil {
				return nil, err
			}
			if err := s.Put(ctx, res, own); err != nil {
				return nil, err
			}
			return s.Get(ctx, res)
		},
	}}
}

// settingsOf is the resource of a request, which must be the caller's, in the region of
// the signature.
func settingsOf(r Request) (setting.Resource, error) {
	res, err := setting.ParseARN(r.Path["Arn"])
	if err != nil {
		return res, err
	}
	if res.Scope != r.Scope {
		return res, fault.New(fault.NotFound, "The resource is not of the account and the region that signed the request.")
	}
	return res, nil
}

// decodeOwn reads settings. A member that does not exist is an error: a misspelt one
// would silently be inherited.
func decodeOwn(body []byte) (o setting.Own, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err = d.Decode(&o); err == nil && d.Decode(&struct{}{}) != io.EOF {
		err = errors.New("more than one value")
	}
	if err != nil {
		return o, &fault.Error{Kind: fault.Invalid, Text: "The body is a JSON object with the members " + setting.Members + ".", Err: err}
	}
	return o, nil
}
