// SPDX-License-Identifier: Apache-2.0

package identity

import "sesame/internal/base/scope"

// cacheSize bounds the names that are kept, with what is known of them: the send path looks
// up each sender and its parent domains, of most of which there is nothing to know.
const cacheSize = 50_000

// cacheKey is a name in a scope. All is dropped with the account: one region's identity may
// stand for another's, and a domain's for its addresses.
type cacheKey struct {
	scope scope.Scope
	name  string
}
