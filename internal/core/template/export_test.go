// SPDX-License-Identifier: Apache-2.0

package template

// Kept is how many compiled templates are kept, and what they weigh.
func (s *Templates) Kept() (number, weight int) {
	s.compiled.mu.Lock()
	defer s.compiled.mu.Unlock()
	return s.compiled.order.Len(), s.compiled.weight
}
