// SPDX-License-Identifier: Apache-2.0

package config

// ParseOn is Parse on a machine of this name.
func ParseOn(name, text string) (Config, error) {
	return parse(text, func() (string, error) { return name, nil })
}
