// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// setUp makes sure that everything exists which the scenarios need: the packages of
// the peers (setup.sh) and a Sesame of the present source.
func setUp(ctx context.Context, o options, scenarios []scenario) error {
	if os.Geteuid() != 0 {
		return errors.New("must be root: Postfix's master process must be, and packages may have to be installed")
	}
	if err := os.MkdirAll(o.path("build"), 0o755); err != nil {
		return err
	}
	uses := func(system string) bool {
		return slices.ContainsFunc(scenarios, func(s scenario) bool { return s.System == system })
	}
	args := []string{"sh", o.path("bench/setup.sh"), o.path(nodeCache)}
	if uses(postfix) {
		args = append(args, "debian")
	}
	if uses(haraka) || uses(harakas) || uses(standIn) {
		args = append(args, "node")
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = o.root, os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("bench/setup.sh: %w", err)
	}
	if uses(sesame) && filepath.Base(o.sesame) == "bench-sesame" {
		return build(ctx, o)
	}
	return nil
}
