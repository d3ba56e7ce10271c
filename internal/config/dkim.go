// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"time"
)

// DKIM says how the keys of Easy DKIM are kept.
type DKIM struct {
	RotateEvery Duration `toml:"rotate_every"` // how long a key signs; 0: until somebody asks for another
}

// defaultDKIM is a key for a season.
func defaultDKIM() DKIM { return DKIM{RotateEvery: Duration{90 * 24 * time.Hour}} }

// minRotation keeps keys apart: three tokens take turns, and a key stays published for a
// week after it has signed.
const minRotation = 7 * 24 * time.Hour

func (c Config) checkDKIM() error {
	if d := c.DKIM.RotateEvery.Duration; d != 0 && d < minRotation {
		return errors.New("dkim.rotate_every must be 0 or at least 168h")
	}
	return nil
}
