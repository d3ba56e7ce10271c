// SPDX-License-Identifier: Apache-2.0

package quota

// CallBuckets is how many buckets c has.
func CallBuckets(c *Calls) int { return len(c.buckets) + len(c.old) }
