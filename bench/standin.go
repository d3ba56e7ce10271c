// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
)

// startStandIn returns the starter of aws-ses-v2-local, which keeps mail in memory,
// checks no signature and delivers nothing.
func startStandIn(cache string) starter {
	return func(ctx context.Context, s *site, _ string) (door, error) {
		addr, err := freePort()
		if err != nil {
			return door{}, err
		}
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return door{}, err
		}
		bin := filepath.Join(cache, "node_modules", "aws-ses-v2-local", "dist", "cli.js")
		if err := s.spawn("aws-ses-v2-local", "node", bin, "--host", host, "--port", port); err != nil {
			return door{}, err
		}
		d := door{api: "http://" + addr, key: "AKIABENCHBENCHBENCH0", secret: "bench"}
		return d, s.await(ctx, "aws-ses-v2-local", func() error { return answers(ctx, d.api+"/health-check") })
	}
}

// answers tells whether a URL answers 200.
func answers(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, res.Status)
	}
	return nil
}
