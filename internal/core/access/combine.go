// SPDX-License-Identifier: Apache-2.0

package access

import "sesame/internal/proto/policy"

// Combine puts together what the IAM policies of a principal and the policy of a resource
// say of one request. A deny of either wins. Where the resource is of the principal's own
// account, one of them has to allow; where it is another account's, both have to (IAM:
// cross-account policy evaluation logic).
//
// In the own account the policy of the resource is to be asked with policy.Request.Direct:
// what it allows to the account as a whole is for the account's IAM policies to pass on.
func Combine(own bool, iam, resource policy.Decision) policy.Decision {
	switch {
	case iam == policy.Deny || resource == policy.Deny:
		return policy.Deny
	case own:
		return max(iam, resource)
	}
	return min(iam, resource)
}
